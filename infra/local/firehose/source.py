"""Firehose's reading of a Kinesis stream: every shard, and after a reshard the children when their parents are read.

A read continues after the last record of the one before. `checkpoints` gives where a process that comes later must go
on; what it then reads again, Firehose delivers twice, as it does on AWS.

A delivery stream starts at LATEST, as of its creation. The local one starts at TRIM_HORIZON: it comes up with the
stream, and an event that was accepted in the moment before it lists the shards must not be missed.
"""

import logging
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from infra.local.firehose.records import SourceRecord, user_records
from infra.local.firehose.retry_timer import RetryTimer
from infra.local.store.checkpoints import Checkpoint, Kind
from producers.clock import Clock
from producers.retry import AWS_ERRORS, error_code

if TYPE_CHECKING:
    from types_boto3_kinesis import KinesisClient

# Firehose's pace. A shard gives 5 reads a second to all its readers together, and what it takes in during a second
# (1 MiB, 1,000 records) is less than one read gives (Kinesis quotas), so even behind there is no need for more.
READ_SECONDS: Final = 1.0
DRAIN_SHARE: Final = 2  # reads while draining, for each one otherwise

_log = logging.getLogger("spillway.firehose")


@dataclass(slots=True)
class _Shard:
    """Where the reading of one shard stands.

    Args:
        iterator: of the next read; None where a new one must be got.
        last_sequence_number: of the last record read, None before the first.
        next_read_at: on the monotonic clock.
        read_to_end: whether the last read found nothing, and nothing behind it.
    """

    shard_id: str
    retry: RetryTimer
    next_read_at: float
    iterator: str | None = None
    last_sequence_number: str | None = None
    read_to_end: bool = False


class StreamReader:
    """Reads one stream, a call of GetRecords at a time.

    Args:
        kinesis: a boto3 client.
        stream: the stream's name.
        clock: the time.
        read_seconds: between two reads of a shard.
        kept: where to go on, by shard id.
    """

    def __init__(
        self,
        kinesis: "KinesisClient",
        stream: str,
        clock: Clock,
        read_seconds: float = READ_SECONDS,
        kept: Mapping[str, Checkpoint] | None = None,
    ) -> None:
        self._kinesis = kinesis
        self._stream = stream
        self._clock = clock
        self._shards: dict[str, _Shard] = {}
        self._kept = dict(kept or {})
        self._finished = {shard_id for shard_id, each in self._kept.items() if each.kind is Kind.FINISHED}
        self._list_due = True
        self._list_retry = RetryTimer(clock)
        self._read_seconds = read_seconds
        self.records_read = 0

    def drain(self) -> None:
        """From now on read at the quicker pace, and believe only a read from now on that a shard is at its end."""
        self._read_seconds /= DRAIN_SHARE
        for shard in self._shards.values():
            shard.read_to_end = False
            shard.next_read_at = min(shard.next_read_at, self._clock.monotonic() + self._read_seconds)

    def is_at_end(self) -> bool:
        """Whether every shard was found empty by the last read of it."""
        return not self._list_due and all(shard.read_to_end for shard in self._shards.values())

    def checkpoints(self, held: Mapping[str, str]) -> dict[str, Checkpoint]:
        """Where to go on after a restart, by shard id.

        Args:
            held: the sequence number of the earliest record of a shard that was read and is in no object yet.
        """
        found = {shard_id: Checkpoint(Kind.FINISHED) for shard_id in self._finished}
        for shard_id, shard in self._shards.items():
            if shard.last_sequence_number is not None:
                found[shard_id] = Checkpoint(Kind.AFTER, shard.last_sequence_number)
        return found | {shard_id: Checkpoint(Kind.AT, number) for shard_id, number in held.items()}

    def positions(self) -> dict[str, Checkpoint]:
        """Where each shard is read on; a shard that is absent was not read at all."""
        return self._kept | self.checkpoints({})

    @property
    def cause(self) -> str:
        """Why the stream cannot be read; empty where it can."""
        retries = (self._list_retry, *(shard.retry for shard in list(self._shards.values())))
        return next(filter(None, (retry.cause for retry in retries)), "")

    def read(self) -> list[SourceRecord]:
        """The user records of one GetRecords call, to the shard whose turn it is; none where it is no shard's turn.

        Errors of the service are logged and lead to a later try, never out of here.
        """
        if self._list_due and self._list_retry.is_due():
            self._list_shards()
        shard = self._next_due()
        if shard is None:
            return []
        try:
            records = self._read_shard(shard)
        except AWS_ERRORS as error:
            self._read_failed(shard, error_code(error), str(error))
            return []
        shard.retry.succeeded()
        return records

    def _next_due(self) -> _Shard | None:
        due = min(self._shards.values(), key=lambda shard: shard.next_read_at, default=None)
        return due if due is not None and due.next_read_at <= self._clock.monotonic() else None

    def _read_shard(self, shard: _Shard) -> list[SourceRecord]:
        if shard.iterator is None:
            shard.iterator = self._new_iterator(shard)
        answer = self._kinesis.get_records(ShardIterator=shard.iterator)
        entries: list[Any] = answer["Records"]
        self.records_read += len(entries)
        records = [record for entry in entries for record in user_records(shard.shard_id, entry)]
        if entries:
            shard.last_sequence_number = entries[-1]["SequenceNumber"]
        shard.read_to_end = not entries and answer.get("MillisBehindLatest", 0) == 0
        shard.next_read_at = self._clock.monotonic() + self._read_seconds
        shard.iterator = answer.get("NextShardIterator")
        if shard.iterator is None:
            del self._shards[shard.shard_id]
            self._finished.add(shard.shard_id)
            self._list_due = True
        return records

    def _read_failed(self, shard: _Shard, code: str, message: str) -> None:
        if code == "ProvisionedThroughputExceededException":
            # Two readers of a shard now and then meet at its limit: no reason for a warning, or for longer waits.
            shard.next_read_at = self._clock.monotonic() + self._read_seconds
            return
        if code == "ExpiredIteratorException":
            shard.iterator = None
        seconds = shard.retry.failed(f"{code}: {message}")
        shard.next_read_at = self._clock.monotonic() + seconds
        _log.warning("reading %s/%s failed (%s), again in %.2f s", self._stream, shard.shard_id, code, seconds)

    def _new_iterator(self, shard: _Shard) -> str:
        kept = self._kept.get(shard.shard_id)
        if shard.last_sequence_number is None and kept is not None:
            answer = self._kinesis.get_shard_iterator(
                StreamName=self._stream,
                ShardId=shard.shard_id,
                ShardIteratorType="AT_SEQUENCE_NUMBER" if kept.kind is Kind.AT else "AFTER_SEQUENCE_NUMBER",
                StartingSequenceNumber=kept.sequence_number,
            )
        elif shard.last_sequence_number is None:
            answer = self._kinesis.get_shard_iterator(
                StreamName=self._stream, ShardId=shard.shard_id, ShardIteratorType="TRIM_HORIZON"
            )
        else:
            answer = self._kinesis.get_shard_iterator(
                StreamName=self._stream,
                ShardId=shard.shard_id,
                ShardIteratorType="AFTER_SEQUENCE_NUMBER",
                StartingSequenceNumber=shard.last_sequence_number,
            )
        return answer["ShardIterator"]

    def _list_shards(self) -> None:
        """Begin with the shards whose parents are read to their end, or gone."""
        try:
            listed = {entry["ShardId"]: entry for entry in self._listed()}
        except AWS_ERRORS as error:
            seconds = self._list_retry.failed(f"{error_code(error)}: {error}")
            _log.warning("listing shards of %s failed (%s), again in %.2f s", self._stream, error_code(error), seconds)
            return
        self._list_retry.succeeded()
        self._list_due = False
        for shard_id, entry in listed.items():
            if shard_id in self._shards or shard_id in self._finished:
                continue
            parents = {entry.get("ParentShardId"), entry.get("AdjacentParentShardId")} & listed.keys()
            if parents <= self._finished:
                self._shards[shard_id] = _Shard(shard_id, RetryTimer(self._clock), self._clock.monotonic())

    def _listed(self) -> Iterator[Any]:
        answer = self._kinesis.list_shards(StreamName=self._stream)
        yield from answer["Shards"]
        while token := answer.get("NextToken"):
            answer = self._kinesis.list_shards(NextToken=token)
            yield from answer["Shards"]
