"""The event source mapping of a Kinesis stream, as Lambda runs it."""

import logging
import threading
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from infra.local.event_sources.mapping_settings import FOREVER, StreamMappingSettings
from infra.local.event_sources.on_failure import OnFailureQueue
from infra.local.event_sources.shard_lanes import ShardLanes
from infra.local.event_sources.shard_reader import ShardReader
from infra.local.event_sources.shard_worker import ShardWorker
from infra.local.event_sources.stream_records import ShardEvents
from infra.local.functions import InvocationResult
from infra.local.store.checkpoints import Checkpoint, Kind, ReaderCheckpoints
from infra.local.store.errors import StoreFull
from infra.status import HopStatus
from producers.clock import SYSTEM_CLOCK, Clock

POLL_SECONDS = 1.0  # Lambda polls a shard once a second ("Using Lambda with Kinesis")
DISCOVERY_SECONDS = 1.0  # between two looks for new shards
HOP = "stream_mapping"

_log = logging.getLogger("spillway.stream_mapping")


class StreamMapping:
    """A `Worker` that brings a stream's records to a function, a shard each by threads of its own.

    Its positions are kept after what they cover, so that a restart repeats a little and misses nothing. A shard that
    came of a split or a merge is begun when its parents were read to the end and everything in them is settled, so that
    order per key outlives resharding.

    Args:
        mapping: its settings, as `lambda.get_event_source_mapping` returns them.
        invoke: the function. It raises where it did not see the batch (throttled, service error): no retry is used.
        kinesis: a boto3 client that does not retry by itself; each shard reads with it at the same time.
        sqs: a boto3 client for the on-failure destination.
        role_arn: the function's role, which events name.
        clock: for the age of records and the time of messages.
        poll_seconds: between two reads of a shard that has nothing more; 1 is Lambda's.
        checkpoints: where this mapping goes on after a restart; None for one that does not.
        unread: counts the records behind where each shard is read on; see `UnreadRecords.count`.

    Raises:
        MappingError: Lambda would not take a setting, or this pipeline does not run it.
    """

    def __init__(
        self,
        mapping: Mapping[str, Any],
        invoke: Callable[[Any], InvocationResult],
        kinesis: Any,
        sqs: Any,
        *,
        role_arn: str = "",
        clock: Clock = SYSTEM_CLOCK,
        poll_seconds: float = POLL_SECONDS,
        checkpoints: ReaderCheckpoints | None = None,
        unread: Callable[[Mapping[str, Checkpoint]], int] = lambda _read: 0,
    ) -> None:
        self._settings = StreamMappingSettings.from_api(mapping)
        self._kinesis = kinesis
        self._invoke = invoke
        self._role_arn = role_arn
        self._clock = clock
        self._poll_seconds = poll_seconds
        self._on_failure = self._destination(sqs)
        self._started_at = clock.time()
        self._changed = threading.Condition()  # guards everything below
        self._look_again = False
        self._stopping = False
        self._drains = 0  # how often `drain` was called
        self._listed_at = 0  # `_drains` when the last listing of the shards began
        self._retention_seconds: float | None = None
        self._workers: dict[str, ShardWorker] = {}
        self._finished: dict[str, ShardWorker | None] = {}
        self._positions: dict[str, dict[str, Any]] = {}  # of every shard seen so far
        self._checkpoints = checkpoints
        self._unread = unread
        self._listing_error = ""
        self._kept = {} if checkpoints is None else checkpoints.load()
        self._thread = threading.Thread(target=self._run, name="stream mapping", daemon=True)

    def start(self) -> None:
        """Begin to read every shard; returns at once."""
        self._started_at = self._clock.time()
        self._thread.start()

    def drain(self) -> None:
        """Stop waiting for batching windows from now on."""
        with self._changed:
            self._drains += 1
            self._look_again = True
            for worker in self._workers.values():
                worker.drain()
            self._changed.notify_all()

    def is_drained(self) -> bool:
        """Whether every shard, as listed since the last `drain`, was read to the end and everything read is settled."""
        with self._changed:
            if not self._listed_at == self._drains > 0 or len(self._workers) + len(self._finished) < len(
                self._positions
            ):
                return False
            return all(worker.is_drained() for worker in self._workers.values())

    def stop(self) -> None:
        """End the threads, after the invocations they are at."""
        with self._changed:
            self._stopping = True
            workers = list(self._workers.values())
            self._changed.notify_all()
        if self._thread.ident is not None:
            self._thread.join()
        for worker in workers:
            worker.ask_to_stop()
        for worker in workers:
            worker.join()

    def status(self) -> HopStatus:
        """Counts of Kinesis records; `waiting` is what was read and is not settled, and what lies unread."""
        with self._changed:
            positions = {shard_id: worker.read_on_at() for shard_id, worker in self._workers.items()}
            read = {shard_id: at for shard_id, at in positions.items() if at is not None}
            read |= dict.fromkeys(self._finished, Checkpoint(Kind.FINISHED))
            cause = self._listing_error or next(filter(None, (each.cause() for each in self._workers.values())), "")
            workers = [*self._workers.values(), *filter(None, self._finished.values())]
        counts = [worker.counts() for worker in workers]
        received, delivered, waiting, failed = (sum(column) for column in zip((0, 0, 0, 0), *counts, strict=True))
        return HopStatus(HOP, "records", received, delivered, waiting + self._unread(read), failed, cause=cause)

    def checkpoints(self) -> dict[str, Checkpoint | None]:
        """For each shard being read where a reader that begins anew misses nothing."""
        with self._changed:
            return {shard_id: worker.lanes.checkpoint for shard_id, worker in self._workers.items()}

    def _destination(self, sqs: Any) -> OnFailureQueue | None:
        if self._settings.on_failure_arn is None:
            return None
        return OnFailureQueue(
            sqs,
            self._settings.on_failure_arn,
            function_arn=self._settings.function_arn,
            stream_arn=self._settings.stream_arn,
            clock=self._clock,
        )

    def _run(self) -> None:
        """Look for shards again and again, and whenever one is finished."""
        while not self._stopping:
            with self._changed:
                self._look_again = False
                drains = self._drains
                done = {shard_id: worker for shard_id, worker in self._workers.items() if worker.is_finished()}
            try:
                shards = self._list_shards()
                retention_seconds = self._retention()
            except (ClientError, BotoCoreError) as error:
                _log.warning("stream=%s cannot be listed: %s", self._settings.stream_arn, error)
                self._listing_error = f"{type(error).__name__}: {error}"
            else:
                self._listing_error = ""
                for shard_id, worker in done.items():
                    worker.join()
                    self._keep(shard_id, Checkpoint(Kind.FINISHED))
                self._take_over(shards, done, retention_seconds, drains)
            with self._changed:
                self._changed.wait_for(lambda: self._stopping or self._look_again, DISCOVERY_SECONDS)

    def _take_over(
        self,
        shards: list[Mapping[str, Any]],
        done: Mapping[str, ShardWorker],
        retention_seconds: float,
        drains: int,
    ) -> None:
        """Retire the shards that were done before these were listed, and begin those whose parents are done."""
        with self._changed:
            if self._stopping:
                return
            for shard_id, worker in done.items():
                self._finished[shard_id] = self._workers.pop(shard_id, worker)
            self._place(shards)
            for shard_id in startable(shards, begun=[*self._workers, *self._finished], finished=self._finished):
                worker = self._new_worker(shard_id, retention_seconds)
                self._workers[shard_id] = worker
                if self._drains:
                    worker.drain()
                worker.start()
            self._listed_at = drains

    def _place(self, shards: list[Mapping[str, Any]]) -> None:
        """Decide where each new shard is begun: the mapping's position for the first ones, the very start for later."""
        first = not self._positions and not self._kept
        for shard in shards:
            shard_id = shard["ShardId"]
            if shard_id in self._positions:
                continue
            position: dict[str, Any] = {"ShardIteratorType": "TRIM_HORIZON"}
            kept = self._kept.get(shard_id)
            if kept is not None and kept.kind is Kind.FINISHED:
                self._finished[shard_id] = None
            elif kept is not None:
                position = {"ShardIteratorType": kept.kind.value, "StartingSequenceNumber": kept.sequence_number}
            elif first:
                position = {"ShardIteratorType": self._settings.starting_position}
                if self._settings.starting_timestamp is not None:
                    position["Timestamp"] = self._settings.starting_timestamp
                closed = "EndingSequenceNumber" in shard["SequenceNumberRange"]
                if closed and self._settings.starting_position == "LATEST":
                    self._finished[shard_id] = None  # everything in it came before
            self._positions[shard_id] = position

    def _new_worker(self, shard_id: str, retention_seconds: float) -> ShardWorker:
        age = self._settings.maximum_record_age_seconds
        max_age_seconds = retention_seconds if age == FOREVER else min(age, retention_seconds)
        events = ShardEvents(shard_id, self._settings.stream_arn, self._role_arn)
        position = self._positions[shard_id]
        return ShardWorker(
            reader=ShardReader(self._kinesis, self._settings.stream_arn, shard_id, position, self._started_at),
            lanes=ShardLanes(self._settings, events, max_age_seconds, self._clock),
            events=events,
            invoke=self._invoke,
            give_up=None if self._on_failure is None else self._on_failure.send,
            keep=lambda checkpoint: self._keep(shard_id, checkpoint),
            on_finished=self._wake,
            clock=self._clock,
            poll_seconds=self._poll_seconds,
        )

    def _keep(self, shard_id: str, checkpoint: Checkpoint) -> None:
        if self._checkpoints is None:
            return
        try:
            self._checkpoints.keep({shard_id: checkpoint})
        except StoreFull as full:
            _log.warning("shard=%s its checkpoint is not kept: %s", shard_id, full)

    def _wake(self) -> None:
        with self._changed:
            self._look_again = True
            self._changed.notify_all()

    def _list_shards(self) -> list[Mapping[str, Any]]:
        answer = self._kinesis.list_shards(StreamARN=self._settings.stream_arn)
        shards = list(answer["Shards"])
        while token := answer.get("NextToken"):
            answer = self._kinesis.list_shards(NextToken=token)
            shards += answer["Shards"]
        return shards

    def _retention(self) -> float:
        if self._retention_seconds is None:
            summary = self._kinesis.describe_stream_summary(StreamARN=self._settings.stream_arn)
            self._retention_seconds = summary["StreamDescriptionSummary"]["RetentionPeriodHours"] * 3600.0
        return self._retention_seconds


def startable(shards: Iterable[Mapping[str, Any]], begun: Iterable[str], finished: Iterable[str]) -> list[str]:
    """Which shards can be begun: not begun so far, with no parent in the list that is not finished.

    Args:
        shards: as ListShards returns them; a parent that is not among them has expired.
        begun: ids of shards that are read or were.
        finished: ids of shards of which nothing is left.
    """
    shards = list(shards)
    known, over, running = {shard["ShardId"] for shard in shards}, set(finished), set(begun)
    return [
        shard["ShardId"]
        for shard in shards
        if shard["ShardId"] not in running
        and not ({shard.get("ParentShardId"), shard.get("AdjacentParentShardId")} & known) - over
    ]
