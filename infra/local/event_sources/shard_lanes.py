"""The lanes of one shard: what was read from it and is not yet delivered."""

import hashlib
import random
from collections.abc import Sequence

from infra.local.event_sources.backoff import Jitter
from infra.local.event_sources.mapping_settings import StreamMappingSettings
from infra.local.event_sources.stream_batches import Lane
from infra.local.event_sources.stream_records import ShardEvents, StreamRecord
from infra.local.store.checkpoints import Checkpoint, Kind
from producers.clock import Clock

# How far a shard is read ahead of its delivery. A GetRecords answer (10,000 records or 10 MiB) may come on top.
READ_AHEAD_RECORDS = 20_000
READ_AHEAD_BYTES = 16 * 1024 * 1024


class ShardLanes:
    """ParallelizationFactor lanes, among which the shard's records are spread by partition key.

    Args:
        settings: of the mapping.
        events: makes the shard's events.
        max_age_seconds: older records are given up.
        clock: for windows, back-off and age.
        jitter: for the back-off, a number from 0 to 1.
    """

    def __init__(
        self,
        settings: StreamMappingSettings,
        events: ShardEvents,
        max_age_seconds: float,
        clock: Clock,
        jitter: Jitter = random.random,
    ) -> None:
        self.lanes = [
            Lane(settings, events, max_age_seconds, clock, jitter) for _ in range(settings.parallelization_factor)
        ]
        self._last_read: str | None = None
        self.received = 0

    def add(self, records: Sequence[StreamRecord]) -> None:
        """Take what was read, in the order of the shard."""
        for record in records:
            self.received += 1
            self._last_read = record.sequence_number
            self._lane_of(record.partition_key).add(record)

    def has_room(self) -> bool:
        """Whether to read on, or to wait until something was delivered."""
        held_bytes = sum(lane.held_bytes for lane in self.lanes)
        return self.waiting < READ_AHEAD_RECORDS and held_bytes < READ_AHEAD_BYTES

    def is_empty(self) -> bool:
        """Whether everything read was delivered or given up."""
        return all(lane.first_held is None for lane in self.lanes)

    @property
    def waiting(self) -> int:
        """Records read, and neither delivered nor given up."""
        return sum(lane.waiting for lane in self.lanes)

    @property
    def delivered(self) -> int:
        """Records the function took."""
        return sum(lane.delivered for lane in self.lanes)

    @property
    def failed(self) -> int:
        """Records given up."""
        return sum(lane.failed for lane in self.lanes)

    @property
    def checkpoint(self) -> Checkpoint | None:
        """The shard's one checkpoint: a reader that begins anew here misses nothing.

        It is at the earliest record that any lane still holds, or after the last one read where they hold none; None
        where nothing was read.
        """
        held = [lane.first_held.sequence_number for lane in self.lanes if lane.first_held]
        if held:
            return Checkpoint(Kind.AT, min(held, key=int))
        return None if self._last_read is None else Checkpoint(Kind.AFTER, self._last_read)

    def _lane_of(self, partition_key: str) -> Lane:
        if len(self.lanes) == 1:
            return self.lanes[0]
        digest = hashlib.md5(partition_key.encode(), usedforsecurity=False).digest()
        return self.lanes[int.from_bytes(digest[-4:], "big") % len(self.lanes)]
