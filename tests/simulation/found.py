"""Reads everything that lies in the pipeline's stores at the end of a simulation."""

import io
import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pyarrow.parquet as pq

from archive.dead_letters.failures import LOST, read_conversion_failed, read_dead_letter, read_processing_failed
from infra.names import Names
from producers.event import PoisonEvent, decode
from tests.simulation.model import Found, Key

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def found(clients: dict[str, Any], names: Names) -> Found:
    """What lies where.

    Args:
        clients: of `dynamodb` and `s3`.
        names: of the resources.
    """
    result = Found()
    for item in rows(clients["dynamodb"], names.table):
        result.rows[row_key(item)] = number_of(item)
    s3 = clients["s3"]
    for key, body in _objects(s3, names.dead_letter_bucket, "dead-letters/"):
        _add_dead_letters(result, key, body)
    for key, body in _objects(s3, names.lake_bucket, "firehose-errors/"):
        read = read_processing_failed if "/processing-failed/" in key else read_conversion_failed
        datas = (read(key, line, text).data for line, text in enumerate(body.splitlines()))
        result.errors.update(event for data in datas if data is not None and (event := _event_key(data)))
    for _, body in _objects(s3, names.lake_bucket, "events/"):
        result.lake.update(_keys_in(body))
    return result


def _add_dead_letters(result: Found, key: str, body: bytes) -> None:
    for line, text in enumerate(body.splitlines()):
        record = read_dead_letter(key, line, text)
        result.lost += record.error.type == LOST
        if record.data is not None:
            result.dead_bytes[record.data] += 1
            if event := _event_key(record.data):
                result.dead.add(event)


def _keys_in(parquet: bytes) -> Iterator[Key]:
    columns = pq.read_table(io.BytesIO(parquet), columns=["timestamp_micros", "request_id"]).to_pydict()
    for micros, request_id in zip(columns["timestamp_micros"], columns["request_id"], strict=True):
        yield (EPOCH + timedelta(microseconds=micros)).strftime("%Y-%m-%dT%H:%M:%S.%fZ"), request_id


def rows(dynamodb: Any, table: str) -> Iterator[dict[str, Any]]:
    """Every row of the table, as DynamoDB returns it."""
    for page in dynamodb.get_paginator("scan").paginate(TableName=table):
        yield from page["Items"]


def row_key(item: dict[str, Any]) -> Key:
    """The key of a row in DynamoDB's JSON."""
    return item["timestamp"]["S"], item["request_id"]["S"]


def number_of(item: dict[str, Any]) -> int:
    """Which of the simulation's events a row holds."""
    return int(item["payload"]["M"]["n"]["N"])


def content_of(item: dict[str, Any]) -> str:
    """What must never change in a row."""
    return json.dumps({name: value for name, value in item.items() if name != "expires_at"}, sort_keys=True)


def _event_key(data: bytes) -> Key | None:
    try:
        event = decode(data)
    except PoisonEvent:
        return None
    return event.timestamp, event.request_id


def _objects(s3: Any, bucket: str, prefix: str) -> Iterator[tuple[str, bytes]]:
    for page in s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix):
        for each in page.get("Contents", []):
            yield each["Key"], s3.get_object(Bucket=bucket, Key=each["Key"])["Body"].read()
