"""How an event source mapping batches, retries, bisects and gives up the records of one shard.

Pure state, without threads and without waiting: records go in by `add`, `Lane.next_step` returns what to do now,
and one of `settle`, `refuse` and `released` takes how that went. The rules are Lambda's ("Using Lambda with Kinesis");
where Lambda does not document one, the docstring here says what was chosen.

Every interval is measured on the monotonic clock, so that a step of the wall clock stalls nothing. The wall clock is
read once for each record, to find how old it is when it comes in.
"""

import math
import random
from collections import deque
from dataclasses import dataclass, field

from infra.local.event_sources.backoff import Jitter, backoff_seconds
from infra.local.event_sources.batch_response import WholeBatchFailed, failed_identifiers
from infra.local.event_sources.mapping_settings import FOREVER, StreamMappingSettings
from infra.local.event_sources.stream_records import EVENT_BYTES, ShardEvents, StreamRecord
from infra.local.event_sources.stream_steps import Condition, GiveUp, Invoke, Step, Wait
from infra.local.functions import MAX_PAYLOAD_BYTES, InvocationResult
from producers.clock import Clock


@dataclass(frozen=True, slots=True)
class _Held:
    """A record that was read; `expires_at` is on the monotonic clock."""

    record: StreamRecord
    size_bytes: int
    expires_at: float


@dataclass(slots=True)
class _Batch:
    """Records that are invoked together, and how that went so far; `not_before` is on the monotonic clock."""

    held: tuple[_Held, ...]
    invocations: int = 0  # that failed and were of exactly these records: what MaximumRetryAttempts counts
    obstacles: int = 0  # in a row, refusals among them: what the back-off grows by
    not_before: float = 0.0
    condition: Condition | None = None
    function_error: str | None = None
    request_id: str = ""


@dataclass(slots=True)
class Lane:
    """One of a shard's ParallelizationFactor queues: records of the same keys, one batch of them in flight.

    Args:
        settings: of the mapping.
        events: knows a record's size within an event.
        max_age_seconds: older records are given up: the mapping's maximum, or the stream's retention.
        clock: for windows, back-off and age.
        jitter: for the back-off, a number from 0 to 1.
    """

    settings: StreamMappingSettings
    events: ShardEvents
    max_age_seconds: float
    clock: Clock
    jitter: Jitter = random.random
    delivered: int = 0
    failed: int = 0
    held_bytes: int = 0
    _held: deque[_Held] = field(default_factory=deque)
    _batches: deque[_Batch] = field(default_factory=deque)
    _window_began: float = -math.inf

    @property
    def waiting(self) -> int:
        """Records held: read, and neither delivered nor given up."""
        return len(self._held) + sum(len(batch.held) for batch in self._batches)

    @property
    def first_held(self) -> StreamRecord | None:
        """The earliest record that is neither delivered nor given up."""
        if self._batches:
            return self._batches[0].held[0].record
        return self._held[0].record if self._held else None

    def add(self, record: StreamRecord) -> None:
        """Take a record that was read from the shard."""
        now = self.clock.monotonic()
        if not self._held:
            self._window_began = max(self._window_began, now)
        age_seconds = max(0.0, self.clock.time() - record.arrived_at)
        held = _Held(record, self.events.record_bytes(record), now + self.max_age_seconds - age_seconds)
        self._held.append(held)
        self.held_bytes += held.size_bytes

    def next_step(self, *, flush: bool = False) -> Step:
        """Return what to do now.

        A batching window begins when the first record of a batch comes in, or when the invocation before ends,
        whichever is later.

        Args:
            flush: wait for no window.
        """
        now = self.clock.monotonic()
        if not self._batches and not self._gather(now, flush=flush):
            return Wait(self._window_began + self.settings.batching_window_seconds if self._held else None)
        self._cut_expired(now)
        batch = self._batches[0]
        if batch.not_before > now:
            return Wait(batch.not_before)
        if batch.condition is None:
            return Invoke(_records(batch))
        invocations = max(1, batch.invocations)
        return GiveUp(_records(batch), batch.condition, invocations, batch.function_error, batch.request_id)

    def settle(self, result: InvocationResult) -> str:
        """Take the answer to the batch that was to be invoked; return what came of it, for the log."""
        batch = self._batches[0]
        batch.request_id = result.request_id
        self._window_began = self.clock.monotonic()
        if result.error is not None:
            return self._fail(batch, "Unhandled")
        if not self.settings.reports_batch_item_failures:
            return self._deliver(len(batch.held))
        identifiers = [held.record.sequence_number for held in batch.held]
        try:
            failed = failed_identifiers(result.payload, identifiers)
        except WholeBatchFailed:
            return self._fail(batch, None)
        if not failed:
            return self._deliver(len(batch.held))
        return self._advance(batch, min(identifiers.index(identifier) for identifier in failed))

    def refuse(self) -> None:
        """Try the same step again later: the function was throttled, a service failed. It uses no retry.

        Where the step settled the batch before it failed, as at a checkpoint that could not be kept, nothing is left to
        try, and the next batch waits a moment instead.
        """
        if self._batches:
            self._back_off(self._batches[0])

    def released(self) -> None:
        """Let go of the batch given up: its pointer was sent, or the mapping has no on-failure destination."""
        self.failed += self._drop(len(self._batches[0].held))

    def _gather(self, now: float, *, flush: bool) -> bool:
        """Make a batch of what is held, if it is full, or its window over."""
        if not self._held:
            return False
        count, size = 0, EVENT_BYTES
        for held in self._held:
            size += held.size_bytes
            if count == self.settings.batch_size or (count and size > MAX_PAYLOAD_BYTES):
                break
            count += 1
        full = count < len(self._held) or count == self.settings.batch_size
        if not full and not flush and now < self._window_began + self.settings.batching_window_seconds:
            return False
        self._batches.append(_Batch(tuple(self._held.popleft() for _ in range(count))))
        return True

    def _cut_expired(self, now: float) -> None:
        """Part the records at the front of a batch that are too old from the rest, and give them up."""
        batch = self._batches[0]
        if batch.condition is not None:
            return
        age_ends = next((n for n, held in enumerate(batch.held) if held.expires_at > now), len(batch.held))
        if age_ends:
            expired = _Batch(batch.held[:age_ends], batch.invocations, condition=Condition.RECORD_AGE_EXCEEDED)
            expired.request_id = batch.request_id
            self._batches[0] = expired
            if rest := batch.held[age_ends:]:
                batch.held = rest
                self._batches.insert(1, batch)

    def _fail(self, batch: _Batch, function_error: str | None) -> str:
        """A batch failed as a whole: halve it, or count a retry. Halving uses no retry and starts both counts anew."""
        half = len(batch.held) // 2
        if half and self.settings.bisect_batch_on_function_error:
            self._batches[0] = _Batch(batch.held[:half])
            self._batches.insert(1, _Batch(batch.held[half:]))
            self._back_off(self._batches[0])
            return "bisected"
        return self._count_failure(batch, function_error)

    def _advance(self, batch: _Batch, checkpoint: int) -> str:
        """Deliver what precedes the lowest failed record; the rest is retried, with its retries counted anew.

        Where the first record failed there is no advance, and a retry is used; the batch is not halved then, since
        with a partial answer a batch is split at the sequence number it names, and nowhere else.
        """
        if checkpoint == 0:
            return self._count_failure(batch, None)
        self._deliver(checkpoint)
        self._back_off(self._batches[0])
        return "partial"

    def _count_failure(self, batch: _Batch, function_error: str | None) -> str:
        batch.invocations += 1
        batch.function_error = function_error
        attempts = self.settings.maximum_retry_attempts
        if attempts != FOREVER and batch.invocations > attempts:
            batch.condition = Condition.RETRY_ATTEMPTS_EXHAUSTED
            batch.obstacles = 0
            return "retries exhausted"
        self._back_off(batch)
        return "failed"

    def _back_off(self, batch: _Batch) -> None:
        batch.obstacles += 1
        batch.not_before = self.clock.monotonic() + backoff_seconds(batch.obstacles, self.jitter)

    def _deliver(self, count: int) -> str:
        self.delivered += self._drop(count)
        return "delivered"

    def _drop(self, count: int) -> int:
        """Let go of the first `count` records of the batch at the front; the rest of it becomes a new batch."""
        batch = self._batches.popleft()
        self.held_bytes -= sum(held.size_bytes for held in batch.held[:count])
        if rest := batch.held[count:]:
            self._batches.appendleft(_Batch(rest))
        return count


def _records(batch: _Batch) -> tuple[StreamRecord, ...]:
    return tuple(held.record for held in batch.held)
