"""`spillway dead-letters`: what failed, see it, put it back, and who did so."""

import base64
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import click

from archive.dead_letters.draining import drain as drained
from archive.dead_letters.outlook import outlook_of
from archive.dead_letters.selection import document_of
from archive.replay.run import history as replays
from infra.cli.context import CommandError, Context
from infra.cli.dead_letter_discard import discard
from infra.cli.dead_letter_options import TO, say_what_where_does_not_fit, selection_of, selection_options, session
from infra.cli.dead_letter_replay import replay
from infra.cli.dead_letter_tables import print_drained, print_failure, print_history, print_report
from infra.cli.tables import print_json
from infra.dead_letters.session import report_of
from infra.value_text import count_of

if TYPE_CHECKING:
    from archive.replay.journal import Record


@click.group("dead-letters")
def dead_letters() -> None:
    """See what failed, and put it back: dead letters and Firehose's error objects alike.

    \b
    spillway dead-letters list                 what failed in the last 24 hours and is left to do
    spillway dead-letters show KEY             one of them, whole
    spillway dead-letters replay               what putting it back would do
    spillway dead-letters replay --yes         put it back
    spillway dead-letters discard --yes        settle it without putting it back
    """


@dead_letters.command("list")
@selection_options
@TO
@click.option("--all", "everything", is_flag=True, help="Also count what is settled.")
@click.option("--json", "as_json", is_flag=True, help="For programs.")
@click.pass_obj
def list_(context: Context, /, **options: Any) -> None:
    """Count failures that are left to do by hour, stage and reason, and say what putting them back would do.

    \b
    spillway dead-letters list --from 3h
    spillway dead-letters list --from 2026-11-22 --to 2026-11-23 --error PoisonEvent
    spillway dead-letters list --where "event.payload.user_id == 'x'"
    """
    selection = selection_of(*(options[name] for name in ("start", "end", "stages", "errors", "where")))
    with session(context) as opened:
        report = report_of(opened, selection, everything=options["everything"])
        objects = opened.failures.seen.objects
        say_what_where_does_not_fit(opened)
    if options["as_json"]:
        print_json({"from": selection.start.isoformat(), "to": selection.end.isoformat(), **report.document()})
        return
    print_report(report, f"{selection.start:%Y-%m-%d %H:%M} to {selection.end:%Y-%m-%d %H:%M} UTC", objects)


@dead_letters.command()
@click.argument("key")
@click.option("--json", "as_json", is_flag=True, help="For programs; with every byte, as base64.")
@click.pass_obj
def show(context: Context, key: str, as_json: bool) -> None:  # noqa: FBT001 (click passes flags by name)
    """Show one failure whole, decoded, with its journey. KEY is what `list` prints.

    \b
    spillway dead-letters show 'dead-letters/dt=2026-11-23/hour=02/4f1c….json#0'
    """
    with session(context) as opened:
        failed, settled, stored = opened.failures.find(key)
    outlook = outlook_of(failed)
    if not as_json:
        print_failure(failed, settled, stored.written_at, outlook)
        return
    print_json(
        {
            **document_of(failed),
            "data": None if failed.data is None else base64.b64encode(failed.data).decode("ascii"),
            "now": {"verdict": outlook.verdict, "reason": outlook.reason},
            "settled": [
                {"replay": each.replay, "outcome": each.outcome, "at": each.at} for each in settled.of_line(failed.line)
            ],
        }
    )


@dead_letters.command()
@click.option("--limit", type=click.IntRange(min=1), default=30, show_default=True, help="So many of the newest.")
@click.option("--json", "as_json", is_flag=True, help="For programs.")
@click.pass_obj
def history(context: Context, limit: int, as_json: bool) -> None:  # noqa: FBT001 (click passes flags by name)
    """Show who put back what, when, and what came of it; the newest last."""
    with session(context) as opened:
        records = replays(opened.failures.documents, limit, lambda damaged: click.echo(str(damaged), err=True))
    if as_json:
        print_json([_document_of(record, state) for record, state in records])
    else:
        print_history(records)


@dead_letters.command()
@click.option(
    "--queue",
    "which",
    type=click.Choice(["dead-letters", "parked"]),
    multiple=True,
    default=("dead-letters", "parked"),
    show_default=True,
    help="Which queue.",
)
@click.option("--json", "as_json", is_flag=True, help="For programs.")
@click.pass_obj
def drain(context: Context, which: tuple[str, ...], as_json: bool) -> None:  # noqa: FBT001 (click passes flags by name)
    """Bring what is stuck in the dead-letter queue, or parked behind it, to the archive."""
    with session(context) as opened:
        names = {"dead-letters": opened.names.dead_letter_queue, "parked": opened.names.parked_queue}
        sqs, kinesis = context.client("sqs"), context.client("kinesis")
        results = [
            drained(
                sqs,
                opened.s3,
                kinesis,
                queue=names[queue],
                bucket=opened.names.dead_letter_bucket,
                stream=opened.names.stream,
            )
            for queue in dict.fromkeys(which)
        ]
    if as_json:
        print_json([asdict(result) for result in results])
    else:
        print_drained(results)
    for result in results:
        if result.failed:
            raise CommandError(f"left in {result.queue}: {count_of(result.failed, 'message')}: {result.error}")


dead_letters.add_command(replay)
dead_letters.add_command(discard)


def _document_of(record: "Record", state: str) -> dict[str, Any]:

    return {**asdict(record), "state": state}
