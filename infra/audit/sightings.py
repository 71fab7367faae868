"""Where the events of a period are seen: on the stream, in the lake, among dead letters and Firehose's errors.

An event is known by its key. Bytes that are no event are known by their digest, so that they too are found again among
the dead letters and the errors.
"""

import hashlib
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING, Final, Literal

import pyarrow.dataset as ds

from archive.dead_letters.claims import InvalidClaim, read_claim
from archive.dead_letters.documents import Documents
from archive.dead_letters.failures import FailedRecord
from archive.dead_letters.stores import StoredObject, objects, stores
from archive.lake.filesystem import filesystem_of
from archive.lake.hours import Hour
from archive.lake.layout import DEAD_LETTERS, LANDING, CompactedHours
from archive.lake.listing import list_objects
from infra.names import Names
from producers.aggregation import MalformedAggregate, deaggregate
from producers.clock import SYSTEM_CLOCK, Clock
from producers.event import PoisonEvent, decode, timestamp_micros
from producers.retry import Backoff

if TYPE_CHECKING:
    from types_boto3_kinesis import KinesisClient
    from types_boto3_kinesis.type_defs import RecordTypeDef
    from types_boto3_s3 import S3Client

Place = Literal["stream", "table", "landing", "compacted", "dead_letters", "firehose_errors"]

READS_AT_ONCE: Final = 8
PATIENCE_SECONDS: Final = 120.0  # for a shard's five reads a second, shared with the pipeline itself


@dataclass(frozen=True, slots=True)
class Period:
    """From a moment, inclusive, to another, exclusive; both UTC."""

    start: datetime
    end: datetime

    def holds(self, micros: int) -> bool:
        """Whether a moment, in microseconds since the epoch, lies in it."""
        return self.start_micros <= micros < self.end_micros

    @property
    def start_micros(self) -> int:
        """The first moment in it, in microseconds since the epoch."""
        return int(self.start.timestamp() * 1_000_000)

    @property
    def end_micros(self) -> int:
        """The first moment behind it."""
        return int(self.end.timestamp() * 1_000_000)


@dataclass(frozen=True, slots=True)
class Sighting:
    """An event, or bytes that are none, seen at a place.

    Args:
        place: where.
        micros: the event's timestamp in microseconds since the epoch; of bytes that are none the arrival.
        identity: the event's request id; the digest of bytes that are none.
        is_event: whether it is one.
    """

    place: Place
    micros: int
    identity: str
    is_event: bool = True


def sighting_of(place: Place, data: bytes, arrived_at_micros: int, period: Period) -> Sighting | None:
    """What a user record's bytes are; None where it is not of the period, by its timestamp or else by its arrival."""
    try:
        event = decode(data)
    except PoisonEvent:
        digest = hashlib.sha256(data).hexdigest()
        return Sighting(place, arrived_at_micros, digest, is_event=False) if period.holds(arrived_at_micros) else None
    micros = timestamp_micros(event.timestamp)
    return Sighting(place, micros, event.request_id) if period.holds(micros) else None


def on_stream(kinesis: "KinesisClient", stream: str, period: Period, clock: Clock = SYSTEM_CLOCK) -> Iterator[Sighting]:
    """What the stream still holds of a period, shard after shard, read to the moment the audit began."""
    began = datetime.fromtimestamp(clock.time(), UTC)
    for shard in _patience(clock).call(partial(kinesis.list_shards, StreamName=stream))["Shards"]:
        for record in _in_shard(kinesis, stream, shard["ShardId"], period.start, clock):
            if record["ApproximateArrivalTimestamp"] > began:
                break
            yield from _in_record(record, period)


def _in_shard(
    kinesis: "KinesisClient", stream: str, shard_id: str, start: datetime, clock: Clock
) -> "Iterator[RecordTypeDef]":
    """A shard's records from a moment to its present end.

    An event is put on the stream after it got its timestamp, so nothing of a period arrived before its start.
    """
    begin = partial(kinesis.get_shard_iterator, StreamName=stream, ShardId=shard_id)
    iterator = _patience(clock).call(partial(begin, ShardIteratorType="AT_TIMESTAMP", Timestamp=start))["ShardIterator"]
    while iterator:
        answer = _patience(clock).call(partial(kinesis.get_records, ShardIterator=iterator))
        yield from answer["Records"]
        if answer.get("MillisBehindLatest", 0) == 0:
            return
        iterator = answer.get("NextShardIterator")


def _in_record(record: "RecordTypeDef", period: Period) -> Iterator[Sighting]:
    arrived = int(record["ApproximateArrivalTimestamp"].timestamp() * 1_000_000)
    try:
        datas = [user.data for user in deaggregate(record["PartitionKey"], record["Data"])]
    except MalformedAggregate:
        datas = [record["Data"]]
    for data in datas:
        if (found := sighting_of("stream", data, arrived, period)) is not None:
            yield found


def in_lake(s3: "S3Client", bucket: str, period: Period) -> Iterator[Sighting]:
    """What the lake holds of a period; what came late lies in later hours, so every hour from its start on is read."""
    first = Hour.of(period.start)
    landing = list_objects(s3, bucket, f"{LANDING}/", f"{LANDING}/{first.path}")
    yield from _in_parquet(s3, [f"{bucket}/{found.key}" for found in landing], "landing", period)
    compacted = [f"{bucket}/{key}" for _, files in CompactedHours(s3, bucket).files(first) for key in files]
    yield from _in_parquet(s3, compacted, "compacted", period)


def _in_parquet(s3: "S3Client", paths: list[str], place: Place, period: Period) -> Iterator[Sighting]:
    if not paths:
        return
    dataset = ds.dataset(paths, format="parquet", filesystem=filesystem_of(s3))
    micros = ds.field("timestamp_micros")
    batches = dataset.to_batches(
        columns=["timestamp_micros", "request_id"],
        filter=(micros >= period.start_micros) & (micros < period.end_micros),
        batch_readahead=2,
        fragment_readahead=2,
    )
    for batch in batches:
        for moment, request_id in zip(batch[0].to_pylist(), batch[1].to_pylist(), strict=True):
            if moment is not None and request_id is not None:
                yield Sighting(place, moment, request_id)


@dataclass(frozen=True, slots=True)
class Failures:
    """What was read from the stores of failures.

    Args:
        sightings: the events and other bytes in them.
        lost: dead letters of which nothing is left but their place.
        unreadable: lines of others, which say nothing.
    """

    sightings: list[Sighting]
    lost: list[FailedRecord]
    unreadable: int


def in_failure_stores(s3: "S3Client", names: Names, period: Period, retention: timedelta) -> Iterator[Failures]:
    """What the dead letters and Firehose's error objects hold of a period, an object at a time, several read at once.

    Args:
        s3: the client.
        names: of the buckets.
        period: of acceptance; a failure may be later.
        retention: of the stream, by which a failure may be later than the acceptance.
    """
    until = period.end + retention
    claims = Documents(s3, names.dead_letter_bucket)
    with ThreadPoolExecutor(READS_AT_ONCE) as executor:
        for store in stores(names.dead_letter_bucket, names.lake_bucket, retention):
            listed = objects(s3, store, period.start, until)
            for part in _batches(listed, READS_AT_ONCE):
                yield from executor.map(lambda each: _in_object(s3, each, period, claims), part)


def _in_object(s3: "S3Client", stored: StoredObject, period: Period, claims: Documents) -> Failures:
    store = stored.store
    place: Place = "dead_letters" if store.name == DEAD_LETTERS else "firehose_errors"
    body = s3.get_object(Bucket=store.bucket, Key=stored.key)["Body"].read()
    failures = Failures([], [], 0)
    unreadable = 0
    for number, line in enumerate(body.splitlines()):
        record = store.read(stored.key, number, line)
        data = _data_of(record, claims)
        if record.is_lost:
            failures.lost.append(record)
        elif data is None:
            unreadable += 1
        elif (found := sighting_of(place, data, _arrival(record), period)) is not None:
            failures.sightings.append(found)
    return Failures(failures.sightings, failures.lost, unreadable)


def _data_of(record: FailedRecord, claims: Documents) -> bytes | None:
    if record.data is not None or record.data_ref is None:
        return record.data
    try:
        return read_claim(claims, record.data_ref)
    except InvalidClaim:
        return None


def _arrival(record: FailedRecord) -> int:
    try:
        return int(datetime.fromisoformat(record.arrived_at).timestamp() * 1_000_000)
    except ValueError:
        return int(record.failed_at.timestamp() * 1_000_000)


def _batches(stored: Iterable[StoredObject], size: int) -> Iterator[list[StoredObject]]:
    batch: list[StoredObject] = []
    for each in stored:
        batch.append(each)
        if len(batch) == size:
            yield batch
            batch = []
    yield batch


def _patience(clock: Clock) -> Backoff:
    return Backoff.lasting(PATIENCE_SECONDS, clock)
