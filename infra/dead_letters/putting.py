"""Where records are put back and how fast, from an environment's settings."""

from concurrent.futures import Executor
from typing import Any, Final

from archive.replay.destination_kinds import RAW, TABLE
from archive.replay.destinations import Destination, StreamDestination, TableDestination
from archive.replay.rate import OwnTraffic, Pace, Rate, measure
from consumers.table import EventTable
from infra.dead_letters.session import Session
from infra.value_text import count_of
from producers.aws import client, raw_operation

TABLE_EVENTS_PER_SECOND: Final = 1_000.0  # a new table on demand takes 4,000 writes of 1 KB a second (quota, 2026)


def kinesis() -> Any:
    """The client for the stream, which does not retry by itself."""
    return client("kinesis")


def destination(opened: Session, kind: str, executor: Executor) -> Destination:
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


def pace_of(opened: Session, kind: str, *, rate: float | None, share: float) -> tuple[Pace, str]:
    """How fast records are put back, and how that comes about.

    Args:
        opened: the environment.
        kind: of destination.
        rate: events a second; None for a share of what the stream has free.
        share: that is taken of it.
    """
    if rate:
        return Pace(Rate(events_per_second=rate)), f"{rate:,g} events a second, as asked"
    if kind == TABLE:
        return Pace(Rate(events_per_second=TABLE_EVENTS_PER_SECOND)), f"{TABLE_EVENTS_PER_SECOND:,.0f} rows a second"
    clients = kinesis(), opened.environment.client("cloudwatch"), opened.names.stream

    def measured(own: OwnTraffic) -> Rate:
        return measure(*clients, own=own).share(share)

    capacity = measure(*clients)
    shared = capacity.share(share)
    explained = (
        f"{shared.bytes_per_second / 2**20:.2f} MiB and {shared.records_per_second:,.0f} records a second: {share:.0%} "
        f"of what {count_of(capacity.shards, 'shard has', 'shards have')} free, with "
        f"{capacity.bytes_per_second / 2**20:.2f} MiB/s in use"
    )
    return Pace(shared, measure=measured), explained
