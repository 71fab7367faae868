"""Where records are put back and how fast, from an environment's settings; and what is shown meanwhile."""

import os
import signal
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any, Final

import click

from archive.replay.destination_kinds import RAW, TABLE
from archive.replay.destinations import StreamDestination, TableDestination
from archive.replay.in_doubt import OutOfReach, StreamSearch
from archive.replay.lock import LockLost, ReplayUnderWay
from archive.replay.rate import OwnTraffic, Pace, Rate, measure
from archive.replay.run import NothingSelected, Order, ReplayRun
from archive.replay.settling import ReplayStopped
from consumers.table import EventTable
from infra.cli.context import CommandError
from infra.cli.dead_letter_options import Session, host, nothing_selected, operator, say_what_where_does_not_fit
from producers.aws import client, raw_operation
from producers.clock import SYSTEM_CLOCK

if TYPE_CHECKING:
    from collections.abc import Callable
    from concurrent.futures import Executor

    from archive.dead_letters.selection import Selection
    from archive.replay.destinations import Destination
    from archive.replay.journal import Record
    from archive.replay.plan import Decides, Tally

TABLE_EVENTS_PER_SECOND: Final = 1_000.0  # a new table on demand takes 4,000 writes of 1 KB a second (quota, 2026)


def kinesis() -> Any:
    """The client for the stream, which does not retry by itself."""
    return client("kinesis")


def destination(opened: Session, kind: str, executor: "Executor") -> "Destination":
    """Where records are put back.

    Args:
        opened: the environment.
        kind: `stream`, `table` or `raw`.
        executor: runs writes to the table.
    """
    settings, names = opened.settings, opened.names
    if kind == TABLE:
        call = raw_operation(client("dynamodb"), "BatchWriteItem", RequestItems={names.table: []})
        days = settings.table.ttl_days
        ttl_seconds = days * 86_400 if days else None
        return TableDestination(EventTable(call, names.table, executor, ttl_seconds=ttl_seconds))
    stream = settings.stream
    return StreamDestination(kinesis(), names.stream, stream.aggregate_bytes, stream.partition_key, raw=kind == RAW)


def pace_of(opened: Session, kind: str, options: dict[str, Any]) -> "tuple[Pace, str]":
    """How fast records are put back, and how that comes about.

    Args:
        opened: the environment.
        kind: of destination.
        options: of the command: `rate`, events a second, or `share` of what the stream has free.
    """
    if options["rate"]:
        return Pace(Rate(events_per_second=options["rate"])), f"{options['rate']:,g} events a second, as asked"
    if kind == TABLE:
        rate = Rate(events_per_second=TABLE_EVENTS_PER_SECOND)
        return Pace(rate), f"{TABLE_EVENTS_PER_SECOND:,.0f} rows a second"
    share = options["share"]
    clients = kinesis(), opened.context.client("cloudwatch"), opened.names.stream

    def measured(own: OwnTraffic) -> Rate:
        return measure(*clients, own=own).share(share)

    capacity = measure(*clients)
    rate = capacity.share(share)
    explained = (
        f"{rate.bytes_per_second / 2**20:.2f} MiB and {rate.records_per_second:,.0f} records a second: {share:.0%} of "
        f"what {capacity.shards} shards have free, with {capacity.bytes_per_second / 2**20:.2f} MiB/s in use"
    )
    return Pace(rate, measure=measured), explained


class Display:
    """Progress on a terminal; and Ctrl-C, which ends the replay after the batch at hand."""

    def __init__(self) -> None:
        self.stopping = threading.Event()
        self._shown = sys.stderr.isatty()

    def __enter__(self) -> "Display":
        self._before = {number: signal.signal(number, self._on_signal) for number in (signal.SIGINT, signal.SIGTERM)}
        return self

    def __exit__(self, *_: object) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)
        if self._shown:
            click.echo(err=True)

    def update(self, tally: "Tally") -> None:
        """Show the counts."""
        if self._shown:
            kinds = ", ".join(f"{count:,} {kind}" for kind, count in tally.left.most_common())
            left = f", {tally.left.total():,} left ({kinds})" if tally.left else ""
            click.echo(f"\r{tally.put_back:,} put back{left} ", nl=False, err=True)

    def _on_signal(self, *_: object) -> None:
        if self.stopping.is_set():
            raise KeyboardInterrupt
        self.stopping.set()
        click.echo("\nStopping after this batch; once more ends at once.", err=True)


def carry_out(
    opened: Session,
    selection: "Selection",
    planner: "Decides",
    *,
    kind: str,
    pace: Pace,
    done: str,
    on_start: "Callable[[Record], None]" = lambda _: None,
    **order: Any,
) -> "tuple[Record, Tally]":
    """Run a replay from the command line; its journal, and what this run did.

    Args:
        opened: the environment.
        selection: the failures.
        planner: decides about each of them.
        kind: of destination.
        pace: how fast.
        done: what the command does to a failure, such as `put back`, for messages.
        on_start: called with the journal, before anything is put back.
        order: further fields of `Order`.

    Raises:
        CommandError: it was refused, nothing is selected, or it stopped; the message says how to go on.
    """
    by = Order(operator(opened.context), host(), os.getpid(), selection=selection, **order)
    with ThreadPoolExecutor(8, thread_name_prefix="replay") as executor, Display() as display:
        run = ReplayRun(
            documents=opened.failures.documents,
            failures=opened.failures,
            planner=planner,
            destination=destination(opened, kind, executor),
            search=StreamSearch(kinesis(), opened.names.stream, executor, SYSTEM_CLOCK),
            pace=pace,
            stop=display.stopping.is_set,
            on_start=on_start,
            on_batch=display.update,
        )
        try:
            return run.carry_out(by)
        except NothingSelected as error:
            say_what_where_does_not_fit(opened)
            raise nothing_selected(error, selection) from error
        except ReplayUnderWay as error:
            raise CommandError(f"refused: {error}") from error
        except (ReplayStopped, LockLost, OutOfReach) as error:
            raise CommandError(f"{error}; what was {done} is noted, and the same command resumes from there") from error
