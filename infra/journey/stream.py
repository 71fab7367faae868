"""Looking for an event on the stream: every shard from a moment on, within a bound."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from json.encoder import encode_basestring_ascii as quote
from typing import TYPE_CHECKING, Any, Final

from infra.journey.steps import Search, Step
from infra.tail.tailed import Tailed, records_of
from infra.value_text import count_of
from producers.clock import SYSTEM_CLOCK, Clock
from producers.retry import Backoff

if TYPE_CHECKING:
    from types_boto3_kinesis import KinesisClient

MAX_RECORDS: Final = 200_000  # stream records; an aggregate counts as one
SEARCH_SECONDS: Final = 30.0
PATIENCE_SECONDS: Final = 10.0  # for a shard's five reads a second, shared with the pipeline itself


@dataclass(slots=True)
class StreamSearch:
    """A search of a stream.

    Args:
        kinesis: a boto3 client.
        stream: its name.
        request_id: of the event.
        start: the first arrival to look at.
        end: the last one.
        clock: the time.
        records: how many were read.
        shards: of how many shards.
        missed: why something was not looked at; empty where everything was.
    """

    kinesis: "KinesisClient"
    stream: str
    request_id: str
    start: datetime
    end: datetime
    clock: Clock = SYSTEM_CLOCK
    records: int = 0
    shards: int = 0
    missed: str = ""
    _needle: bytes = field(init=False)

    def __post_init__(self) -> None:
        self._needle = quote(self.request_id).encode()

    def found(self) -> list[Tailed]:
        """The event, once for each time that it was put on the stream.

        The bytes of a record are searched for the id before they are taken apart, so an id that another producer wrote
        with other escapes than Spillway's is not found.
        """
        deadline = self.clock.monotonic() + SEARCH_SECONDS
        return [each for shard in list(self._listed()) for each in self._in_shard(shard, deadline)]

    def search(self, found: int) -> Search:
        """What was searched."""
        looked_at = (
            f"{count_of(self.shards, 'shard')} of {self.stream}, {count_of(self.records, 'record')} that arrived from "
            f"{self.start:%Y-%m-%d %H:%M:%S} to {self.end:%H:%M:%S} UTC"
        )
        return Search("stream", looked_at, found, self.missed)

    def _listed(self) -> Iterator[str]:
        request: dict[str, Any] = {"StreamName": self.stream}
        while True:
            answer = self._patiently(partial(self.kinesis.list_shards, **request))
            yield from (shard["ShardId"] for shard in answer["Shards"])
            if not (token := answer.get("NextToken")):
                return
            request = {"NextToken": token}

    def _in_shard(self, shard_id: str, deadline: float) -> Iterator[Tailed]:
        begin = partial(self.kinesis.get_shard_iterator, StreamName=self.stream, ShardId=shard_id)
        at_start = partial(begin, ShardIteratorType="AT_TIMESTAMP", Timestamp=self.start)
        iterator = self._patiently(at_start)["ShardIterator"]
        self.shards += 1
        while iterator:
            if self.records >= MAX_RECORDS or self.clock.monotonic() > deadline:
                self.missed = f"ended after {count_of(self.records, 'record')}: give --at, or a shorter --from and --to"
                return
            answer = self._patiently(partial(self.kinesis.get_records, ShardIterator=iterator))
            for record in answer["Records"]:
                if record["ApproximateArrivalTimestamp"] > self.end:
                    return
                self.records += 1
                if self._needle in record["Data"]:
                    yield from self._meant(shard_id, record)
            if answer.get("MillisBehindLatest", 0) == 0:
                return
            iterator = answer.get("NextShardIterator")

    def _meant(self, shard_id: str, record: Any) -> Iterator[Tailed]:
        for tailed in records_of(self.stream, shard_id, record):
            if tailed.event is not None and tailed.event.request_id == self.request_id:
                yield tailed

    def _patiently(self, call: Any) -> Any:
        return Backoff.lasting(PATIENCE_SECONDS, self.clock).call(call)


def step_of(tailed: Tailed) -> Step:
    """The step of an event's arrival on the stream."""
    source = tailed.source
    mark = tailed.event.replay if tailed.event else None
    replay = mark.token.rpartition("/")[0] if mark else None
    again = f", put back by replay {replay}" if mark else ""
    return Step(
        "stream",
        datetime.fromisoformat(source.arrived_at),
        f"{source.shard_id}, sequence number {source.sequence_number}, "
        f"position {source.subsequence_number} in its record{again}",
        {
            "shard_id": source.shard_id,
            "sequence_number": source.sequence_number,
            "subsequence_number": source.subsequence_number,
            "partition_key": source.partition_key,
            "replay": replay,
        },
    )
