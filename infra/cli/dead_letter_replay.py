"""`spillway dead-letters replay`: putting back what failed."""

import time
from typing import TYPE_CHECKING, Any, Final, cast

import click

from archive.dead_letters.selection import SelectionError
from archive.replay.destination_kinds import DESTINATIONS, STREAM
from archive.replay.editing import EditError, edit_of
from archive.replay.run import NothingSelected
from infra.cli.context import Context
from infra.cli.dead_letter_options import (
    TO,
    nothing_selected,
    operator,
    say_what_where_does_not_fit,
    selection_options,
    session,
)
from infra.cli.dead_letter_putting import Display
from infra.cli.dead_letter_tables import duration_of, print_tally, span_of
from infra.cli.tables import print_json, say
from infra.dead_letters.replaying import Replaying
from infra.dead_letters.wish import wish_of
from infra.value_text import count_of

if TYPE_CHECKING:
    from archive.replay.journal import Record
    from archive.replay.plan import Tally
    from archive.replay.settling import OnDoubt
    from infra.dead_letters.replaying import Tried

MAX_DIFF_CHARACTERS: Final = 500  # of a line; a payload may have 400 KB


@click.command()
@selection_options
@TO
@click.option(
    "--into",
    type=click.Choice(DESTINATIONS),
    default=STREAM,
    show_default=True,
    help="Where events go: the stream; the table directly, past the stream; or `raw`, which puts bytes that are not an "
    "event on the stream as they are.",
)
@click.option(
    "--set", "sets", multiple=True, metavar="/POINTER=VALUE", help="Edit: set a member, as /payload/user_id=42."
)
@click.option("--jq", metavar="PROGRAM", help="Edit: event in, event out; no output discards it.")
@click.option("--python", metavar="MODULE:FUNCTION", help="Edit: dict in, dict out; None discards it.")
@click.option(
    "--rate",
    type=click.FloatRange(min=0, min_open=True),
    help="Events a second, instead of a share of what the stream has free.",
)
@click.option(
    "--share",
    type=click.FloatRange(0, 1, min_open=True),
    default=0.5,
    show_default=True,
    help="Of what the stream's shards have free.",
)
@click.option("--force", is_flag=True, help="Also put back what came back three times.")
@click.option(
    "--again", is_flag=True, help="Also put back what was put back or discarded before, as after a table was restored."
)
@click.option(
    "--in-doubt",
    type=click.Choice(["ask", "again", "done"]),
    default="ask",
    show_default=True,
    help="What to do with records that an interrupted replay may have put, where the stream no longer shows it.",
)
@click.option("--yes", is_flag=True, help="Put back; without it, only say what would be done.")
@click.option("--json", "as_json", is_flag=True, help="For programs.")
@click.pass_obj
def replay(context: Context, /, **options: Any) -> None:
    """Put back what failed: once, under its own key, only where it is missing. A dry run, unless --yes is given.

    What failed at the table goes to the table alone, what failed in Firehose to the lake alone. After a kill or a stop
    the same command resumes where it was.

    \b
    spillway dead-letters replay --from 2h --error ItemTooLarge
    spillway dead-letters replay --from 02:00 --to 03:00 --set /payload/user_id=null --yes
    """
    try:
        wish = wish_of(
            options["start"],
            options["end"],
            stages=options["stages"],
            errors=options["errors"],
            where=options["where"],
            kind=options["into"],
            edit=edit_of(options["sets"], options["jq"], options["python"]),
            force=options["force"],
            again=options["again"],
            on_doubt=cast("OnDoubt", options["in_doubt"]),
            rate=options["rate"],
            share=options["share"],
        )
    except (SelectionError, EditError) as error:
        raise click.UsageError(str(error)) from error
    with session(context) as opened:
        replaying = Replaying(opened, wish, (lambda _: None) if options["as_json"] else _say_tried)
        if options["yes"]:
            _act(context, replaying, as_json=options["as_json"])
        else:
            _rehearse(replaying, as_json=options["as_json"])


def _rehearse(replaying: Replaying, *, as_json: bool) -> None:
    """Say what would be done."""
    found = replaying.rehearse()
    say_what_where_does_not_fit(replaying.opened)
    tally = found.tally
    if as_json:
        print_json({"dry_run": True, **_counts(tally), "seconds": round(found.seconds, 1), "rate": found.capacity})
        return
    click.echo(f"Dry run: {count_of(tally.total, 'failure')} selected, {span_of(replaying.wish.selection)}")
    print_tally(tally, done=False, destination=replaying.wish.kind)
    click.echo(f"  {'rate':<10} {found.capacity}")
    click.echo(f"  {'takes':<10} about {duration_of(found.seconds)}")
    click.echo("Nothing was put back. The same command with --yes acts.")


def _act(context: Context, replaying: Replaying, *, as_json: bool) -> None:
    """Put back, and say what came of it."""
    started = time.monotonic()
    with Display() as display:
        try:
            record, tally = replaying.act(
                operator(context),
                stop=display.stopping.is_set,
                on_start=lambda record: None if as_json else _say_start(record),
                on_batch=display.update,
            )
        except NothingSelected as error:
            say_what_where_does_not_fit(replaying.opened)
            raise nothing_selected(error, replaying.wish.selection) from error
    say_what_where_does_not_fit(replaying.opened)
    seconds = time.monotonic() - started
    if as_json:
        print_json({"dry_run": False, "replay": record.id, **_counts(tally), "seconds": round(seconds, 1)})
        return
    click.echo(f"Replay {record.id} is finished, in {duration_of(seconds)}.")
    print_tally(tally, done=True, destination=replaying.wish.kind)
    if record.resumed:
        click.echo(f"  {'in all':<10} {record.put_back:,} put back, {record.discarded:,} discarded, with earlier runs")


def _counts(tally: "Tally") -> dict[str, Any]:
    return {
        "selected": tally.total,
        "put_back": tally.put_back,
        "discarded": tally.discarded,
        "left": dict(tally.left),
        "bound": dict(tally.bound),
        "bytes": tally.size,
        "examples": [{"name": left.name, "kind": left.kind, "reason": left.reason} for left in tally.examples],
    }


def _say_tried(tried: "list[Tried]") -> None:
    """Show what the edit does to the first failures."""
    for each in tried:
        say("\n".join(each.diff), most=MAX_DIFF_CHARACTERS)
        if each.left is not None:
            say(f"    {each.left.kind}: {each.left.reason}")
        click.echo()


def _say_start(record: "Record") -> None:
    if record.resumed:
        click.echo(
            f"Resuming replay {record.id}, begun {record.started_at[:19]}Z: {record.put_back:,} put back before."
        )
    else:
        click.echo(f"Replay {record.id} begins.")
