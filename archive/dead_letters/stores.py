"""Where failures lie in S3, and the objects of a span of time, listed without holding them all.

Objects are partitioned by the hour (`…/dt=YYYY-MM-DD/hour=HH/…`): dead letters by when their message was sent, within
a minute of the failure; Firehose's error objects by the arrival of the oldest record in them, which is before the
failure by as much as Firehose had fallen behind.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final

from archive.dead_letters.failures import (
    FORMAT_CONVERSION_FAILED,
    PROCESSING_FAILED,
    LineReader,
    read_conversion_failed,
    read_dead_letter,
    read_processing_failed,
)
from archive.lake.layout import DEAD_LETTERS, FIREHOSE_ERRORS
from archive.lake.listing import list_objects

if TYPE_CHECKING:
    from types_boto3_s3 import S3Client

PAGE_KEYS: Final = 1000  # ListObjectsV2 gives no more (AWS API reference, 2026)

_CLOCKS_APART = timedelta(minutes=5)  # between S3's and this machine's; a request signed with more is refused


@dataclass(frozen=True, slots=True)
class Store:
    """One of the places where failures lie.

    Args:
        name: such as `dead-letters`.
        bucket: the bucket.
        prefix: of every key, up to the partitions.
        lag: how long before a failure its object's hour may be.
        read: reads one line of an object.
    """

    name: str
    bucket: str
    prefix: str
    lag: timedelta
    read: LineReader


@dataclass(frozen=True, slots=True)
class StoredObject:
    """One object of failures, as listed.

    Args:
        store: it lies in.
        key: of the object.
        size: bytes.
        written_at: by S3's clock.
    """

    store: Store
    key: str
    size: int
    written_at: datetime


def stores(dead_letter_bucket: str, lake_bucket: str, retention: timedelta) -> tuple[Store, ...]:
    """The three stores of one environment.

    Args:
        dead_letter_bucket: of dead letters.
        lake_bucket: where Firehose puts its error objects.
        retention: of the stream, by which Firehose can fall behind at the most.
    """
    return (
        Store(DEAD_LETTERS, dead_letter_bucket, f"{DEAD_LETTERS}/", timedelta(hours=1), read_dead_letter),
        Store(
            PROCESSING_FAILED,
            lake_bucket,
            f"{FIREHOSE_ERRORS}/{PROCESSING_FAILED}/",
            retention,
            read_processing_failed,
        ),
        Store(
            FORMAT_CONVERSION_FAILED,
            lake_bucket,
            f"{FIREHOSE_ERRORS}/{FORMAT_CONVERSION_FAILED}/",
            retention,
            read_conversion_failed,
        ),
    )


def store_of(key: str, among: Iterable[Store]) -> Store | None:
    """The store that an object's key belongs to."""
    return next((store for store in among if key.startswith(store.prefix)), None)


def objects(s3: "S3Client", store: Store, start: datetime, end: datetime) -> Iterator[StoredObject]:
    """List the objects of a store that may hold failures of a span of time, in the order of their keys.

    Args:
        s3: the client.
        store: the store.
        start: of the span, UTC.
        end: of the span, UTC.
    """
    first = _partition(store.prefix, start - store.lag)
    exact = _partition(store.prefix, start)
    beyond = _partition(store.prefix, end + timedelta(hours=2))
    for found in list_objects(s3, store.bucket, store.prefix, first):
        key = found.key
        if key >= beyond:
            return
        if key < exact and found.written_at < start - _CLOCKS_APART:
            continue  # written before the span, so nothing in it failed within
        if found.size:
            yield StoredObject(store, key, found.size, found.written_at)


def _partition(prefix: str, moment: datetime) -> str:
    at = moment.astimezone(UTC)
    return f"{prefix}dt={at:%Y-%m-%d}/hour={at:%H}/"
