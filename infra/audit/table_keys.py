"""Which events have a row in the table: by their keys, or by a scan where that reads less.

A read of one key costs a read unit at least, a scan one for 4 KB, in which a dozen rows lie. So a scan costs less
unless the table is much larger than the period.
"""

import json
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Final

import pyarrow as pa
import pyarrow.compute as pc

from infra.audit.sightings import PATIENCE_SECONDS, SIGHTINGS, Period, Sighting
from producers.clock import SYSTEM_CLOCK, Clock
from producers.event import format_timestamp, timestamp_micros
from producers.retry import Backoff

if TYPE_CHECKING:
    from types_boto3_dynamodb import DynamoDBClient

READ_UNIT_BYTES: Final = 4096  # of a consistent read (DynamoDB developer guide, 2026)
MAX_CALL_KEYS: Final = 100  # BatchGetItem (AWS API reference, 2026)
CALLS_AT_ONCE: Final = 8
_NAMES: Final = {"#t": "timestamp", "#r": "request_id"}


def rows_of(
    dynamodb: "DynamoDBClient", table: str, keys: Iterable[list[tuple[int, str]]], clock: Clock = SYSTEM_CLOCK
) -> Iterator[Sighting]:
    """The events among some that have a row.

    Args:
        dynamodb: the client.
        table: the table's name.
        keys: timestamps in microseconds and request ids, in chunks.
        clock: the time.
    """
    with ThreadPoolExecutor(CALLS_AT_ONCE) as executor:
        for chunk in keys:
            calls = [chunk[at : at + MAX_CALL_KEYS] for at in range(0, len(chunk), MAX_CALL_KEYS)]
            for found in executor.map(lambda call: _batch_get(dynamodb, table, call, clock), calls):
                yield from found


def scan_costs_less(dynamodb: "DynamoDBClient", table: str, events: int) -> bool:
    """Whether a scan of a table costs less than reads of so many keys; DynamoDB updates the size every six hours."""
    size: int = dynamodb.describe_table(TableName=table)["Table"].get("TableSizeBytes", 0)
    return size / READ_UNIT_BYTES < events


def every_row(dynamodb: "DynamoDBClient", table: str, period: Period) -> Iterator[pa.Table]:
    """Every row of a period, by a scan of the whole table: also rows that neither the stream nor the lake knows.

    Returns:
        For each page its keys as columns, in the schema `SIGHTINGS`.
    """
    pages = dynamodb.get_paginator("scan").paginate(
        TableName=table, ProjectionExpression="#t, #r", ExpressionAttributeNames=_NAMES, ConsistentRead=True
    )
    with _items_apart(dynamodb) as items_of:
        for page in pages:
            yield _as_columns(items_of(page), period)


@contextmanager
def _items_apart(dynamodb: "DynamoDBClient") -> Iterator[Callable[[Any], list[Any]]]:
    """Let the items of a scan's pages be read at once; botocore checks each value of each item against its model.

    Yields:
        What gives the items of a page.
    """
    apart: list[Any] = []

    def take(response_dict: dict[str, Any], **_: Any) -> None:
        if response_dict["status_code"] == HTTPStatus.OK:
            answer = json.loads(response_dict["body"])
            apart[:] = answer.pop("Items", [])
            response_dict["body"] = json.dumps(answer).encode()

    event = "before-parse.dynamodb.Scan"
    dynamodb.meta.events.register(event, take, event)
    try:
        yield lambda page: page.get("Items") or list(apart)
    finally:
        dynamodb.meta.events.unregister(event, take, event)


def _as_columns(items: list[Any], period: Period) -> pa.Table:
    """The keys of the rows within a period, as columns."""
    timestamps = pa.array([item["timestamp"]["S"] for item in items], pa.string())
    micros = timestamps.cast(pa.timestamp("us", "UTC")).cast(pa.int64())
    columns: list[Any] = [
        pa.repeat(pa.scalar("table"), len(items)),
        micros,
        pa.array([item["request_id"]["S"] for item in items], pa.string()),
        pa.repeat(pa.scalar(True), len(items)),  # noqa: FBT003 (a value)
    ]
    within = (pc.field("micros") >= period.start_micros) & (pc.field("micros") < period.end_micros)
    return pa.Table.from_arrays(columns, schema=SIGHTINGS).filter(within)


def _batch_get(dynamodb: "DynamoDBClient", table: str, keys: list[tuple[int, str]], clock: Clock) -> list[Sighting]:
    backoff = Backoff.lasting(PATIENCE_SECONDS, clock)
    pending: list[Any] = [
        {"timestamp": {"S": format_timestamp(micros)}, "request_id": {"S": request_id}} for micros, request_id in keys
    ]
    found: list[Sighting] = []
    while True:
        wanted: Any = {
            "Keys": pending,
            "ProjectionExpression": "#t, #r",
            "ExpressionAttributeNames": _NAMES,
            "ConsistentRead": True,
        }
        answer = backoff.call(partial(dynamodb.batch_get_item, RequestItems={table: wanted}))
        found += [
            Sighting("table", timestamp_micros(str(item["timestamp"]["S"])), str(item["request_id"]["S"]))
            for item in answer["Responses"].get(table, [])
        ]
        left = answer.get("UnprocessedKeys", {})
        pending = list(left[table]["Keys"]) if table in left else []
        if not pending:
            return found
        if not backoff.wait():
            raise TimeoutError(f"DynamoDB left keys of {table} unread for {PATIENCE_SECONDS:.0f} seconds")
