"""What lies in objects of the lake, and of the compacted hours what their manifests name."""

import io
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Any, Final

import pyarrow.parquet as pq

from archive.dead_letters.failures import read_conversion_failed, read_processing_failed
from archive.lake.layout import CompactedHours
from producers.event import PoisonEvent, decode
from tests.simulation.model import Key

EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


@lru_cache(maxsize=2_000)
def keys_in(parquet: bytes) -> tuple[Key, ...]:
    """The keys of the rows of a Parquet file."""
    columns = pq.read_table(io.BytesIO(parquet), columns=["timestamp_micros", "request_id"]).to_pydict()
    return tuple(
        ((EPOCH + timedelta(microseconds=micros)).strftime("%Y-%m-%dT%H:%M:%S.%fZ"), request_id)
        for micros, request_id in zip(columns["timestamp_micros"], columns["request_id"], strict=True)
    )


def errors_in(key: str, body: bytes) -> Iterator[bytes]:
    """The bytes of the records in one of Firehose's error objects."""
    read = read_processing_failed if "/processing-failed/" in key else read_conversion_failed
    for line, text in enumerate(body.splitlines()):
        data = read(key, line, text).data
        if data is not None:
            yield data


def event_key(data: bytes) -> Key | None:
    """The key of an event; None for bytes that are not one."""
    try:
        event = decode(data)
    except PoisonEvent:
        return None
    return event.timestamp, event.request_id


def objects(s3: Any, bucket: str, prefix: str) -> Iterator[tuple[str, bytes]]:
    """The objects below a prefix."""
    for page in s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix):
        for each in page.get("Contents", []):
            yield each["Key"], s3.get_object(Bucket=bucket, Key=each["Key"])["Body"].read()


def compacted(s3: Any, bucket: str, landing: dict[str, tuple[Key, ...]]) -> tuple[Counter[Key], set[Key]]:
    """What the compacted hours hold, and what they must hold.

    Args:
        s3: the client.
        bucket: of the lake.
        landing: the keys in each landing object.

    Returns:
        Copies in the files that manifests name, by key; and the keys of all landing objects that were merged.
    """
    hours = CompactedHours(s3, bucket)
    held: Counter[Key] = Counter()
    merged: set[Key] = set()
    for hour, files in hours.files():
        for file in files:
            held.update(keys_in(s3.get_object(Bucket=bucket, Key=file)["Body"].read()))
        for source in hours.committed(hour).sources:
            merged.update(landing[source])
    return held, merged
