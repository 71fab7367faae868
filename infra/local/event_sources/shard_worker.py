"""The threads of one shard: one reads it, one for each lane invokes the function."""

import logging
import threading
import time
from collections.abc import Callable
from typing import Any

from infra.local.event_sources.batch_response import why_again
from infra.local.event_sources.shard_lanes import ShardLanes
from infra.local.event_sources.shard_reader import Read, ShardReader
from infra.local.event_sources.stream_batches import Lane
from infra.local.event_sources.stream_records import ShardEvents
from infra.local.event_sources.stream_steps import GiveUp, Invoke, Wait
from infra.local.functions import FunctionError, InvocationResult, RequestTooLarge
from infra.local.store.checkpoints import Checkpoint
from infra.local.store.crash_points import CrashPoint, reached
from producers.clock import Clock

CATCH_UP_SHARE = 4  # polls while behind, for each one otherwise: with Firehose's one that makes Kinesis's 5 a second
UNEXPECTED_SECONDS = 1.0

_log = logging.getLogger("spillway.stream_mapping")


class ShardWorker:
    """Brings the records of one shard to the function, in order.

    Args:
        reader: of the shard.
        lanes: of the shard.
        events: of the shard.
        invoke: the function.
        give_up: sends a pointer to records given up; raises where it cannot. None: there is no destination.
        keep: keeps how far the shard is settled; called when what it covers is on disk.
        on_finished: called from a thread of the worker once the shard has ended and nothing of it is left.
        clock: what the lanes wait by.
        poll_seconds: between two reads when there is nothing more to read; a quarter of it while there is.
    """

    def __init__(
        self,
        *,
        reader: ShardReader,
        lanes: ShardLanes,
        events: ShardEvents,
        invoke: Callable[[Any], InvocationResult],
        give_up: Callable[[GiveUp, str], None] | None,
        keep: Callable[[Checkpoint], None],
        on_finished: Callable[[], None],
        clock: Clock,
        poll_seconds: float,
    ) -> None:
        self.lanes = lanes
        self._reader = reader
        self._events = events
        self._invoke = invoke
        self._give_up = give_up
        self._keep = keep
        self._keeping = threading.Lock()  # held while a checkpoint is kept, so that none overtakes another
        self._on_finished = on_finished
        self._clock = clock
        self._poll_seconds = poll_seconds
        self._changed = threading.Condition()  # guards everything below, and the lanes
        self._stopping = False
        self._drains = 0  # how often `drain` was called
        self._reading = False
        self._read_to_end_at = 0  # `_drains` when a read began that found the shard empty; 0 where the last one did not
        self._ended = False
        self._read_error = ""
        self._lane_errors: dict[int, str] = {}
        self._threads = [threading.Thread(target=self._read_on, name=f"read {events.shard_id}", daemon=True)]
        self._threads += [
            threading.Thread(target=self._work, args=(lane,), name=f"{events.shard_id} lane {n}", daemon=True)
            for n, lane in enumerate(lanes.lanes)
        ]

    def start(self) -> None:
        """Begin to read and to invoke."""
        for thread in self._threads:
            thread.start()

    def drain(self) -> None:
        """Stop waiting for batching windows from now on."""
        with self._changed:
            self._drains += 1
            self._changed.notify_all()

    def is_drained(self) -> bool:
        """Whether a read begun since the last `drain` found the open shard empty, and everything read is settled."""
        with self._changed:
            read_to_end = self._read_to_end_at == self._drains > 0 and not self._reading
            return read_to_end and not self._ended and self.lanes.is_empty()

    def is_finished(self) -> bool:
        """Whether the shard has ended and everything in it is settled."""
        with self._changed:
            return self._ended and self.lanes.is_empty()

    def counts(self) -> tuple[int, int, int, int]:
        """Records received, delivered, waiting and failed, of one moment."""
        with self._changed:
            lanes = self.lanes
            return lanes.received, lanes.delivered, lanes.waiting, lanes.failed

    def read_on_at(self) -> Checkpoint | None:
        """Where the next read begins; None before the first record was read."""
        with self._changed:
            return self._reader.read_on_at

    def cause(self) -> str:
        """The error that holds the shard up; empty where none does."""
        with self._changed:
            return self._read_error or next(iter(self._lane_errors.values()), "")

    def ask_to_stop(self) -> None:
        """Let the threads end after their current step."""
        with self._changed:
            self._stopping = True
            self._changed.notify_all()

    def join(self) -> None:
        """Wait for the threads to end."""
        for thread in self._threads:
            thread.join()

    def _read_on(self) -> None:
        """Read until the shard ends."""
        while self._wait_for_room():
            drains = self._begin_read()
            read = self._read()
            with self._changed:
                self._reading = False
                self._read_to_end_at = drains if read.caught_up else 0
                self._ended = read.ended
                self._read_error = read.error
                self._changed.notify_all()
                if self._ended:
                    break
            self._rest(read, drains)
        if self.is_finished():
            self._on_finished()

    def _wait_for_room(self) -> bool:
        with self._changed:
            self._changed.wait_for(lambda: self._stopping or self.lanes.has_room())
            return not self._stopping

    def _begin_read(self) -> int:
        with self._changed:
            self._reading = True
            return self._drains

    def _read(self) -> Read:
        """Read once and hand what came to the lanes. The reader moves on only then, so a fault here loses nothing."""
        try:
            read = self._reader.read()
            with self._changed:
                self.lanes.add(read.records)
                self._reader.commit(read)
        except Exception:  # noqa: BLE001 (the edge of the thread: it goes on, from where it was)
            _log.exception("shard=%s unexpected fault while reading", self._events.shard_id)
            return Read(pause_seconds=UNEXPECTED_SECONDS)
        return read

    def _rest(self, read: Read, drains: int) -> None:
        """Leave the shard alone for a while, shorter while there is more to read."""
        seconds = self._poll_seconds if read.caught_up else self._poll_seconds / CATCH_UP_SHARE
        with self._changed:
            self._changed.wait_for(lambda: self._stopping or self._drains != drains, read.pause_seconds or seconds)

    def _work(self, lane: Lane) -> None:
        """Do a lane's steps until the shard is finished."""
        while (step := self._next_step(lane)) is not None:
            try:
                if isinstance(step, Invoke):
                    self._deliver(lane, step)
                else:
                    self._let_go(lane, step)
            except Exception as error:  # noqa: BLE001 (the edge of the thread: the step is done again)
                _log.warning("shard=%s not done, again later: %s", self._events.shard_id, error)
                with self._changed:
                    lane.refuse()
                    self._lane_errors[id(lane)] = f"{type(error).__name__}: {error}"
        if self.is_finished():
            self._on_finished()

    def _next_step(self, lane: Lane) -> Invoke | GiveUp | None:
        """Wait for something to do; None where the shard is finished, or the worker is stopping."""
        with self._changed:
            while not self._stopping:
                step = lane.next_step(flush=self._drains > 0 or self._ended)
                if not isinstance(step, Wait):
                    return step
                if self._ended and lane.first_held is None:
                    return None
                self._changed.wait(None if step.until is None else max(0.0, step.until - self._clock.monotonic()))
        return None

    def _deliver(self, lane: Lane, step: Invoke) -> None:
        """Invoke the function. What it raises means that it did not see the batch, except where none could."""
        started = time.monotonic()
        try:
            result = self._invoke(self._events.event(step.records))
        except RequestTooLarge as error:
            # What Lambda does with such a record is not known. As a function error it ends with the on-failure
            # destination; as a refusal it would block the shard until it expires.
            result = InvocationResult(None, FunctionError("RequestTooLarge", str(error)))
        milliseconds = (time.monotonic() - started) * 1000
        with self._changed:
            outcome = lane.settle(result)
            self._lane_errors.pop(id(lane), None)
            if outcome != "delivered":
                self._lane_errors[id(lane)] = why_again(result)
            self._changed.notify_all()
        reached(CrashPoint.ROWS_WRITTEN)
        self._keep_checkpoint()
        _log.log(
            logging.INFO if outcome == "delivered" else logging.WARNING,
            "shard=%s records=%d bytes=%d outcome=%s milliseconds=%.0f",
            self._events.shard_id,
            len(step.records),
            sum(len(record.data) for record in step.records),
            outcome,
            milliseconds,
        )

    def _keep_checkpoint(self) -> None:
        """Keep how far everything is settled; after a restart the shard is read from there."""
        with self._keeping:
            with self._changed:
                checkpoint = self.lanes.checkpoint
            if checkpoint is None:
                return
            self._keep(checkpoint)

    def _let_go(self, lane: Lane, given_up: GiveUp) -> None:
        """Send the pointer, and only then move on."""
        if self._give_up is not None:
            self._give_up(given_up, self._events.shard_id)
            reached(CrashPoint.POINTER_SENT)
        with self._changed:
            lane.released()
            self._lane_errors.pop(id(lane), None)
            self._changed.notify_all()
        self._keep_checkpoint()
        _log.warning(
            "shard=%s records=%d outcome=%s invocations=%d from=%s to=%s %s",
            self._events.shard_id,
            len(given_up.records),
            given_up.condition.value,
            given_up.invocations,
            given_up.records[0].sequence_number,
            given_up.records[-1].sequence_number,
            "pointer sent" if self._give_up else "discarded: the mapping has no on-failure destination",
        )
