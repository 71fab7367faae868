"""`spillway dead-letters replay`: putting back what failed."""

import itertools
import time
from typing import TYPE_CHECKING, Any, Final, cast

import click

from archive.replay.destination_kinds import DESTINATIONS, RAW, STREAM
from archive.replay.destinations import Planned
from archive.replay.document import InvalidEdit
from archive.replay.editing import EditError, edit_of
from archive.replay.plan import Discarded, Left, Planner, Tally
from infra.cli.context import CommandError, Context
from infra.cli.dead_letter_options import (
    Session,
    say_what_where_does_not_fit,
    selection_of,
    selection_options,
    session,
)
from infra.cli.dead_letter_putting import carry_out, pace_of
from infra.cli.dead_letter_tables import count_of, duration_of, print_tally, span_of
from infra.cli.tables import print_json, say

if TYPE_CHECKING:
    from collections.abc import Iterator

    from archive.dead_letters.failures import FailedRecord
    from archive.dead_letters.selection import Selection
    from archive.replay.editing import Edit
    from archive.replay.journal import Record
    from archive.replay.settling import OnDoubt

SAMPLED: Final = 20
SHOWN_DIFFS: Final = 3
MAX_DIFF_CHARACTERS: Final = 500  # of a line; a payload may have 400 KB


@click.command()
@selection_options
@click.option(
    "--to",
    "end",
    default="now",
    show_default=True,
    metavar="TIME",
    help="Failed before then.",
)
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
    start, end, stages, errors, where = (options[name] for name in ("start", "end", "stages", "errors", "where"))
    kind = options["into"]
    selection = selection_of(start, end, stages, errors, where)
    edit = _edit(options["sets"], options["jq"], options["python"])
    if kind == RAW and edit is not None:
        raise click.UsageError("--into raw puts bytes back as they are; leave out --set, --jq and --python")
    as_written = {
        "from": start,
        "to": end,
        "stage": list(stages),
        "error": list(errors),
        "where": where,
        "edits": list(edit.as_written) if edit else [],
        "destination": kind,
        "force": options["force"],
        "again": options["again"],
    }
    with session(context) as opened:
        command = _Replaying(opened, kind, edit, as_written, options)
        if options["yes"]:
            command.act(selection)
        else:
            command.rehearse(selection)


class _Replaying:
    """The command, its options understood."""

    def __init__(
        self, opened: Session, kind: str, edit: "Edit | None", as_written: dict[str, Any], options: dict[str, Any]
    ) -> None:

        self._session = opened
        self._kind = kind
        self._edit = edit
        self._as_written = as_written
        self._options = options
        self._planner: Planner = Planner(opened.failures.with_data, edit, kind, force=options["force"])

    def rehearse(self, selection: "Selection") -> None:
        """Say what would be done."""
        pace, capacity = pace_of(self._session, self._kind, self._options)
        tally = Tally()
        for failed in self._tried(self._unsettled(selection)):
            match self._planner.decide(failed):
                case Left() as left:
                    tally.leave(left)
                case Discarded():
                    tally.discarded += 1
                case Planned() as planned:
                    tally.plan(planned)
        say_what_where_does_not_fit(self._session)
        aggregate = 1 if self._kind == RAW else self._session.settings.stream.aggregate_bytes
        records = -(-tally.size // aggregate) if self._kind != RAW else tally.put_back
        seconds = pace.rate.seconds(tally.size, records, tally.put_back) if tally.put_back else 0.0
        if self._options["as_json"]:
            print_json({"dry_run": True, **self._counts(tally), "seconds": round(seconds, 1), "rate": capacity})
            return
        click.echo(f"Dry run: {count_of(tally.total, 'failure')} selected, {span_of(selection)}")
        print_tally(tally, done=False, destination=self._kind)
        click.echo(f"  {'rate':<10} {capacity}")
        click.echo(f"  {'takes':<10} about {duration_of(seconds)}")
        click.echo("Nothing was put back. The same command with --yes acts.")

    def act(self, selection: "Selection") -> None:
        """Put back."""
        if self._edit is not None:
            for _ in self._tried(itertools.islice(self._unsettled(selection), SAMPLED)):
                pass
        opened = self._session
        pace, _ = pace_of(self._session, self._kind, self._options)
        started = time.monotonic()
        record, tally = carry_out(
            opened,
            selection,
            self._planner,
            kind=self._kind,
            pace=pace,
            done="put back",
            on_start=lambda record: None if self._options["as_json"] else _say_start(record),
            options=self._as_written,
            edits=self._edit.as_written if self._edit else (),
            again=self._options["again"],
            on_doubt=cast("OnDoubt", self._options["in_doubt"]),
        )
        say_what_where_does_not_fit(opened)
        self._report(record, tally, time.monotonic() - started)

    def _report(self, record: "Record", tally: "Tally", seconds: float) -> None:
        if self._options["as_json"]:
            counts = self._counts(tally)
            print_json({"dry_run": False, "replay": record.id, **counts, "seconds": round(seconds, 1)})
            return
        click.echo(f"Replay {record.id} is finished, in {duration_of(seconds)}.")
        print_tally(tally, done=True, destination=self._kind)
        if record.resumed:
            click.echo(
                f"  {'in all':<10} {record.put_back:,} put back, {record.discarded:,} discarded, with earlier runs"
            )

    def _counts(self, tally: "Tally") -> dict[str, Any]:
        return {
            "selected": tally.total,
            "put_back": tally.put_back,
            "discarded": tally.discarded,
            "left": dict(tally.left),
            "bound": dict(tally.bound),
            "bytes": tally.size,
            "examples": [{"name": left.name, "kind": left.kind, "reason": left.reason} for left in tally.examples],
        }

    def _unsettled(self, selection: "Selection") -> "Iterator[FailedRecord]":
        again = self._options["again"]
        for failed, settled in self._session.failures.select(selection, read_settled=again):
            if again or not settled.holds(failed.line):
                yield failed

    def _tried(self, failures: "Iterator[FailedRecord]") -> "Iterator[FailedRecord]":
        """The same failures; where they are edited, the first of them tried, and the difference shown.

        Raises:
            CommandError: none of the first can be put back after the edit.
        """
        if self._edit is None:
            yield from failures
            return

        sample = list(itertools.islice(failures, SAMPLED))
        decided = [self._planner.decide(failed) for failed in sample]
        lefts = [each for each in decided if isinstance(each, Left)]
        for failed, each in list(zip(sample, decided, strict=True))[:SHOWN_DIFFS]:
            if self._options["as_json"] or failed.is_lost:
                continue
            try:
                say("\n".join(self._edit.diff(self._session.failures.with_data(failed))), most=MAX_DIFF_CHARACTERS)
            except InvalidEdit as error:
                say(f"--- {failed.name}\n    {error}")
            if isinstance(each, Left):
                say(f"    {each.kind}: {each.reason}")
            click.echo()
        if sample and len(lefts) == len(sample):
            raise CommandError(
                f"none of the first {len(sample)} failures can be put back after this edit, so nothing was: "
                f"{lefts[0].reason}"
            )
        yield from sample
        yield from failures


def _edit(sets: tuple[str, ...], jq: str | None, python: str | None) -> "Edit | None":

    try:
        return edit_of(sets, jq, python)
    except EditError as error:
        raise click.UsageError(str(error)) from error


def _say_start(record: "Record") -> None:
    if record.resumed:
        click.echo(
            f"Resuming replay {record.id}, begun {record.started_at[:19]}Z: {record.put_back:,} put back before."
        )
    else:
        click.echo(f"Replay {record.id} begins.")
