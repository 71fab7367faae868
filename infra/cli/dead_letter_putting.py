"""Where records are put back and how fast, from an environment's settings; and what is shown meanwhile."""

import signal
import sys
import threading
from typing import TYPE_CHECKING, Any, Final

import click

from archive.replay.destination_kinds import RAW, TABLE
from archive.replay.destinations import StreamDestination, TableDestination
from archive.replay.rate import OwnTraffic, Pace, Rate, measure
from consumers.table import EventTable
from infra.cli.dead_letter_options import Session
from producers.aws import client, raw_operation

if TYPE_CHECKING:
    from concurrent.futures import Executor

    from archive.replay.destinations import Destination
    from archive.replay.plan import Tally

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
