"""`spillway compact`: the small files of closed hours become few large ones."""

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

import click

from archive.compaction.athena import AthenaEngine
from archive.compaction.cleaning import Cleaning
from archive.compaction.job import Compaction, hours_with_events
from archive.compaction.local import LocalEngine
from archive.lake.columns import arrow_schema, columns
from infra.cli.context import CommandError, Context
from infra.cli.edge import stopped
from infra.cli.options import period, require_order
from infra.cli.tables import print_json, print_table

if TYPE_CHECKING:
    from collections.abc import Iterator

    from archive.compaction.job import Outcome

LOOK_BACK: Final = timedelta(hours=48)


@click.command()
@period("2d", of="Hours that began")
@click.option("--json", "as_json", is_flag=True, help="For programs: an object for each hour.")
@click.pass_obj
def compact(context: Context, start: datetime, end: datetime, as_json: bool) -> None:  # noqa: FBT001 (click passes flags by name)
    """Merge the small files of closed hours into few large ones.

    The new files are sorted by time and hold each event once. Stop the command at any moment and run it again: a query
    sees an hour before or after compaction, never between. An hour in which events arrived since the last run is
    compacted again. On AWS a schedule does this every hour.
    """
    require_order(start, end)
    outcomes: list[Outcome] = []
    try:
        with stopped(context, "compaction stopped", "What is done stays done; run it again."):
            s3, bucket = context.client("s3"), context.names().lake_bucket
            hours = hours_with_events(s3, bucket, start, end)
            closed_after = timedelta(minutes=context.settings().compaction.closed_after_minutes)
            outcomes.extend(_announced(_compaction(context).run(hours), closed_after))
            Cleaning(s3, bucket).run(min(start, datetime.now(UTC) - LOOK_BACK), end)
    finally:
        if as_json:
            print_json([_record(outcome) for outcome in outcomes])
        elif outcomes:
            print_table(
                ("hour", "what", "new objects", "files", "rows", "duplicates"),
                [tuple(_record(outcome).values()) for outcome in outcomes],
            )
    failed = [outcome for outcome in outcomes if outcome.what == "failed"]
    if failed:
        raise CommandError(
            f"{len(failed)} of {len(outcomes)} hours are not compacted. First: {failed[0].hour}: {failed[0].error}"
        )
    if not outcomes:
        click.echo(f"Nothing landed between {start:%Y-%m-%d %H:%M} and {end:%Y-%m-%d %H:%M} UTC", err=True)


def _announced(outcomes: "Iterator[Outcome]", closed_after: timedelta) -> "Iterator[Outcome]":
    """Print each outcome when its hour is done."""
    for outcome in outcomes:
        until = f" until {outcome.hour.end + closed_after:%H:%M} UTC" if outcome.what == "open" else ""
        click.echo(f"{outcome.hour}  {outcome.what}{until}{outcome.error and ': '}{outcome.error}", err=True)
        yield outcome


def _record(outcome: "Outcome") -> dict[str, Any]:
    return {
        "hour": str(outcome.hour),
        "what": outcome.what,
        "new_objects": outcome.sources,
        "files": outcome.files,
        "rows": outcome.rows,
        "duplicates": outcome.duplicates,
    }


def _compaction(context: Context) -> "Compaction":

    names, settings, s3 = context.names(), context.settings().compaction, context.client("s3")
    engine: Any
    if context.is_local:
        engine = LocalEngine(s3, names.lake_bucket, arrow_schema(columns()))
    else:
        engine = AthenaEngine(
            context.client("athena"), s3, names.lake_bucket, workgroup=names.prefix, database=names.database
        )
    return Compaction(
        s3,
        names.lake_bucket,
        engine,
        closed_after=timedelta(minutes=settings.closed_after_minutes),
        visible_after=timedelta(seconds=settings.visible_after_seconds),
    )
