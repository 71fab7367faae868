"""What became of records of which nobody knows whether they were put: looked up on the stream itself.

A put and the journal cannot be one write. Between them a process may be killed, or an answer lost; then the records are
on the stream, or they are not. Each carries a token that no other record has. So the stream is read from just before
the intent was written to just after the last moment at which it can have been carried out.
"""

from collections.abc import Iterator
from concurrent.futures import Executor
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING, Any, Final

from archive.dead_letters.documents import answered_at
from archive.replay.lock import PUT_SECONDS
from producers.aggregation import MalformedAggregate, deaggregate
from producers.event import PoisonEvent, decode
from producers.explained import Explained
from producers.replay_mark import mark_of_partition_key
from producers.retry import Backoff

if TYPE_CHECKING:
    from types_boto3_kinesis import KinesisClient

    from producers.clock import Clock

READ_SECONDS: Final = 300.0  # for reading the stream, busy as it may be
BEFORE: Final = timedelta(seconds=10)  # S3 gives whole seconds, and the clocks of two services differ
AFTER: Final = timedelta(seconds=PUT_SECONDS + 30)  # the last try, its time-out, and 20 seconds more


class OutOfReach(Explained):
    """The records to look up have left the stream; the message says what to do."""


@dataclass(frozen=True, slots=True)
class StreamSearch:
    """Looks for records of a replay on one stream.

    Args:
        kinesis: the client.
        stream: the stream's name.
        executor: reads shards at once.
        clock: the time.
    """

    kinesis: "KinesisClient"
    stream: str
    executor: Executor
    clock: "Clock"

    def numbers(self, replay_id: str, since: datetime) -> set[int]:
        """The numbers of a replay's records that one put brought onto the stream.

        Args:
            replay_id: of the replay.
            since: when the put was intended.

        Raises:
            OutOfReach: the stream does not go back that far.
            ClientError, BotoCoreError: the stream cannot be read.
        """
        start, until = since - BEFORE, since + AFTER
        answer = self.kinesis.describe_stream_summary(StreamName=self.stream)
        retention = timedelta(hours=answer["StreamDescriptionSummary"]["RetentionPeriodHours"])
        kept_since = answered_at(answer, self.clock) - retention
        if start < kept_since:
            raise OutOfReach(
                f"replay {replay_id} was interrupted at {since:%Y-%m-%d %H:%M:%S} UTC while putting records back, and "
                f"{self.stream} no longer holds that time; say with --in-doubt whether to put them back `again` (the "
                "table is overwritten, the lake may get second copies until compaction) or to take them as `done`"
            )
        found: set[int] = set()
        for numbers in self.executor.map(lambda shard: self._in_shard(shard, replay_id, start, until), self._shards()):
            found |= numbers
        return found

    def _shards(self) -> Iterator[str]:
        token: dict[str, Any] = {"StreamName": self.stream}
        while token:
            answer = self.kinesis.list_shards(**token)
            yield from (shard["ShardId"] for shard in answer["Shards"])
            token = {"NextToken": answer["NextToken"]} if "NextToken" in answer else {}

    def _in_shard(self, shard_id: str, replay_id: str, start: datetime, until: datetime) -> set[int]:
        backoff = Backoff.lasting(READ_SECONDS, self.clock)
        iterator: str | None = backoff.call(
            lambda: self.kinesis.get_shard_iterator(
                StreamName=self.stream, ShardId=shard_id, ShardIteratorType="AT_TIMESTAMP", Timestamp=start
            )["ShardIterator"]
        )
        found: set[int] = set()
        while iterator:
            answer = backoff.call(partial(self.kinesis.get_records, ShardIterator=iterator))
            for record in answer["Records"]:
                found |= numbers_in(record["PartitionKey"], record["Data"], replay_id)
            records = answer["Records"]
            past = bool(records) and records[-1]["ApproximateArrivalTimestamp"] > until
            if past or (not records and answer.get("MillisBehindLatest", 0) == 0):
                break
            iterator = answer.get("NextShardIterator")
        return found


def numbers_in(partition_key: str, data: bytes, replay_id: str) -> set[int]:
    """The numbers of a replay's records in one stream record."""
    mark = mark_of_partition_key(partition_key)
    if mark is not None:
        return _number(mark.token, replay_id)
    if replay_id.encode() not in data:
        return set()
    found: set[int] = set()
    try:
        for record in deaggregate(partition_key, data):
            try:
                event = decode(record.data)
            except PoisonEvent:
                continue
            if event.replay is not None:
                found |= _number(event.replay.token, replay_id)
    except MalformedAggregate:
        pass  # a replay puts damaged aggregates only as raw bytes, whose mark is in the partition key
    return found


def _number(token: str, replay_id: str) -> set[int]:
    of, _, number = token.rpartition("/")
    return {int(number)} if of == replay_id and number.isdecimal() else set()
