"""Reads one shard, record after record, and renews the iterators that expire."""

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from infra.local.event_sources.backoff import backoff_seconds
from infra.local.event_sources.stream_records import StreamRecord
from infra.local.store.checkpoints import Checkpoint, Kind

MAX_RECORDS = 10_000  # GetRecords: Limit (AWS quota, 2026)
THROTTLED_SECONDS = 1.0  # Kinesis refuses reads for a second, or five after 10 MiB

_log = logging.getLogger("spillway.stream_mapping")


@dataclass(frozen=True, slots=True)
class Read:
    """Result of one GetRecords call.

    Args:
        records: in the order of the shard.
        caught_up: whether nothing was left behind what was read.
        ended: whether the shard is closed and was read to its end.
        pause_seconds: how long to leave the shard alone, where the call failed.
        next_iterator: where to read on; not of interest outside.
        error: why the call failed; empty where it did not, or met the limit of reads.
    """

    records: tuple[StreamRecord, ...] = ()
    caught_up: bool = False
    ended: bool = False
    pause_seconds: float = 0.0
    next_iterator: str | None = None
    error: str = ""


class ShardReader:
    """A position in a shard. It moves only by `commit`, so that nothing read is passed over.

    Args:
        kinesis: a boto3 client.
        stream_arn: the stream.
        shard_id: the shard.
        position: where to begin: `ShardIteratorType`, and `Timestamp` (seconds since the epoch) with AT_TIMESTAMP.
        resume_at: seconds since the epoch of the mapping's start. LATEST, lost before a record was read, goes on from
            there: asked for again it would pass over what came in between.
    """

    def __init__(
        self, kinesis: Any, stream_arn: str, shard_id: str, position: Mapping[str, Any], resume_at: float
    ) -> None:
        self._kinesis = kinesis
        self._shard = {"StreamARN": stream_arn, "ShardId": shard_id}
        self._position = dict(position)
        self._resume_at = resume_at
        self._iterator: str | None = None
        self._failures = 0

    def read(self) -> Read:
        """Get the next records, or after a failure how long to wait: iterators are renewed, outages endured."""
        try:
            if self._iterator is None:
                self._renew_iterator()
            answer = self._kinesis.get_records(ShardIterator=self._iterator, Limit=MAX_RECORDS)
        except ClientError as error:
            return self._failed(error, error.response["Error"]["Code"])
        except BotoCoreError as error:
            return self._failed(error, type(error).__name__)
        self._failures = 0
        records = tuple(StreamRecord.from_api(record) for record in answer["Records"])
        following = answer.get("NextShardIterator")
        return Read(
            records=records,
            caught_up=answer.get("MillisBehindLatest", 0) == 0,
            ended=following is None,
            next_iterator=following,
        )

    @property
    def read_on_at(self) -> Checkpoint | None:
        """Where the next read begins; None before the first record was read."""
        if (number := self._position.get("StartingSequenceNumber")) is None:
            return None
        return Checkpoint(Kind(self._position["ShardIteratorType"]), str(number))

    def commit(self, read: Read) -> None:
        """Move past what a read gave, now that it is in other hands."""
        if read.records:
            last = read.records[-1].sequence_number
            self._position = {"ShardIteratorType": "AFTER_SEQUENCE_NUMBER", "StartingSequenceNumber": last}
        if read.next_iterator is not None:
            self._iterator = read.next_iterator

    def _renew_iterator(self) -> None:
        position = self._position
        if position["ShardIteratorType"] == "LATEST":
            self._position = {"ShardIteratorType": "AT_TIMESTAMP", "Timestamp": self._resume_at}
        self._iterator = self._kinesis.get_shard_iterator(**self._shard, **position)["ShardIterator"]

    def _failed(self, error: Exception, code: str) -> Read:
        if code == "ProvisionedThroughputExceededException":
            return Read(pause_seconds=THROTTLED_SECONDS)
        self._failures += 1
        if code == "ExpiredIteratorException":
            self._iterator = None
            _log.info("shard=%s iterator expired, asking for another", self._shard["ShardId"])
            return Read(pause_seconds=0.0 if self._failures == 1 else backoff_seconds(self._failures))
        pause_seconds = backoff_seconds(self._failures)
        shard_id = self._shard["ShardId"]
        _log.warning("shard=%s cannot be read, next try in %.1f s: %s", shard_id, pause_seconds, error)
        return Read(pause_seconds=pause_seconds, error=f"{code}: {error}")
