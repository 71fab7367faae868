"""`spillway rebuild-table`: the table's rows of a period, written anew from the lake."""

import sys
from concurrent.futures import Executor, ThreadPoolExecutor
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn
from rich.progress import Progress as ProgressBar

from consumers.table import EventTable
from infra.audit.sightings import Period
from infra.cli.context import Context
from infra.cli.edge import stopped
from infra.cli.options import MOMENT, TIMES, require_order
from infra.cli.tables import print_json
from infra.recovery.journal import Journal, end_of_begun
from infra.recovery.lake_files import files_of
from infra.recovery.rebuild import Progress, Rebuild
from infra.value_text import count_of
from producers.aws import client, raw_operation

if TYPE_CHECKING:
    from collections.abc import Iterable


@click.command("rebuild-table")
@click.option("--from", "start", type=MOMENT, required=True, metavar="TIME", help=f"Accepted from then on: {TIMES}.")
@click.option("--to", "end", type=MOMENT, metavar="TIME", help="Accepted before then.  [default: now]")
@click.option("--table", help="Written to, such as a restored one.  [default: the environment's]")
@click.option(
    "--journal",
    type=click.Path(dir_okay=False, path_type=Path),
    default=Path("rebuild-table.journal"),
    show_default=True,
    help="Where progress is kept.",
)
@click.option("--json", "as_json", is_flag=True, help="For programs.")
@click.pass_obj
def rebuild_table(  # noqa: PLR0917 (click passes options by name)
    context: Context,
    start: datetime,
    end: datetime | None,
    table: str | None,
    journal: Path,
    as_json: bool,  # noqa: FBT001
) -> None:
    """Write the table's rows of a period from the lake, as the table writer wrote them.

    A row that is there is overwritten with the same row. Stop the command at any moment; run it again with the same
    --from, --to and --journal to continue. Events that are not in the lake yet (up to 15 minutes) are left out.

    \b
    spillway rebuild-table --from 2026-11-23T08:00 --to 2026-11-23T09:00
    """
    names, settings, s3 = context.names(), context.settings(), context.client("s3")
    target = table or names.table
    ttl_days = settings.table.ttl_days
    ttl_seconds = None if ttl_days is None else ttl_days * 86_400
    period = Period(start, end or end_of_begun(journal) or datetime.now(UTC))
    require_order(period.start, period.end)
    with stopped(context, "the rebuild stopped", f"The same command goes on, from {journal}."):
        kept = Journal(journal, target, period)
        kept.begin()
        files = files_of(s3, names.lake_bucket, period)
        with ThreadPoolExecutor(settings.table_writer.concurrent_writes) as executor:
            writing = _table(context, target, executor, ttl_seconds)
            rebuild = Rebuild(s3, names.lake_bucket, writing, kept, period, ttl_seconds=ttl_seconds)
            progress = _shown(rebuild.run(files))
        kept.finish()
    _print(progress, target, as_json=as_json)


def _table(context: Context, name: str, executor: Executor, ttl_seconds: int | None) -> "EventTable":
    """The table, written to as the table writer does."""
    context.client("dynamodb")  # settles where AWS is, which the handlers' own clients take from the environment
    client.cache_clear()
    write = raw_operation(client("dynamodb"), "BatchWriteItem", RequestItems={name: []})
    return EventTable(write, name, executor, ttl_seconds=ttl_seconds)


def _shown(steps: "Iterable[Progress]") -> "Progress":
    """Follow a rebuild to its end, with a progress bar on a terminal; gives the last state."""
    bar = ProgressBar(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("files, {task.fields[rows]:,} rows"),
        TimeRemainingColumn(),
        console=Console(stderr=True),
        disable=not sys.stderr.isatty(),
    )
    with bar:
        task = bar.add_task("rebuild", rows=0)
        for step in steps:
            bar.update(task, total=step.files, completed=step.done, rows=step.rows)
    return step


def _print(progress: "Progress", table: str, *, as_json: bool) -> None:
    if as_json:
        print_json({"table": table, **asdict(progress)})
        return
    click.echo(f"{count_of(progress.rows, 'row')} written to {table} from {count_of(progress.files, 'file')}")
    if progress.expired:
        click.echo(f"{count_of(progress.expired, 'event')} left out, whose rows would have expired by now")
    if progress.refused:
        click.echo(f"{count_of(progress.refused, 'event is', 'events are')} refused by the table, as before:", err=True)
        for example in progress.examples:
            click.echo(f"  {example}", err=True)
