"""What the stream still holds of a period: its shards read at once, each to the moment the audit began."""

from collections.abc import Iterator
from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING, Any, Final

from infra.audit.in_threads import in_threads
from infra.audit.sightings import PATIENCE_SECONDS, Period, Sighting, sighting_of
from producers.aggregation import MalformedAggregate, deaggregate
from producers.clock import SYSTEM_CLOCK, Clock
from producers.retry import Backoff

if TYPE_CHECKING:
    from types_boto3_kinesis import KinesisClient
    from types_boto3_kinesis.type_defs import RecordTypeDef

SHARDS_AT_ONCE: Final = 8


def on_stream(
    kinesis: "KinesisClient", stream: str, period: Period, clock: Clock = SYSTEM_CLOCK
) -> Iterator[list[Sighting]]:
    """What the stream holds of a period, a call of GetRecords at a time."""
    began = datetime.fromtimestamp(clock.time(), UTC)
    shards = _shards(kinesis, stream, clock)
    reads = [partial(_in_shard, kinesis, stream, shard_id, period, began=began, clock=clock) for shard_id in shards]
    return in_threads(reads, SHARDS_AT_ONCE)


def _shards(kinesis: "KinesisClient", stream: str, clock: Clock) -> Iterator[str]:
    """The ids of all shards, also of those closed within the retention; ListShards gives 1,000 a call at most."""
    request: dict[str, Any] = {"StreamName": stream}
    while True:
        answer = _patience(clock).call(partial(kinesis.list_shards, **request))
        yield from (shard["ShardId"] for shard in answer["Shards"])
        if not (token := answer.get("NextToken")):
            return
        request = {"NextToken": token}  # which the name of the stream may not accompany


def _in_shard(
    kinesis: "KinesisClient", stream: str, shard_id: str, period: Period, *, began: datetime, clock: Clock
) -> Iterator[list[Sighting]]:
    """A shard's events of a period.

    An event gets its timestamp before it is put on the stream, so nothing of a period arrived before its start.
    """
    begin = partial(kinesis.get_shard_iterator, StreamName=stream, ShardId=shard_id)
    iterator = _patience(clock).call(partial(begin, ShardIteratorType="AT_TIMESTAMP", Timestamp=period.start))[
        "ShardIterator"
    ]
    while iterator:
        answer = _patience(clock).call(partial(kinesis.get_records, ShardIterator=iterator))
        records = [record for record in answer["Records"] if record["ApproximateArrivalTimestamp"] <= began]
        if records:
            yield [sighting for record in records for sighting in _in_record(record, period)]
        if len(records) < len(answer["Records"]) or answer.get("MillisBehindLatest", 0) == 0:
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


def _patience(clock: Clock) -> Backoff:
    return Backoff.lasting(PATIENCE_SECONDS, clock)
