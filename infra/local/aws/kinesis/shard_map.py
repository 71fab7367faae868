"""The shards of one stream: routing to them, splitting and merging them, forgetting them."""

import threading
from bisect import bisect_right
from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise

from infra.local.aws.kinesis.errors import InvalidArgument, NotFound, ThroughputExceeded
from infra.local.aws.kinesis.shard import HashRange, Record, Shard, sequence_number
from producers.clock import Clock

HASH_KEYS = 1 << 128  # partition keys are hashed with MD5
MS_PER_HOUR = 3_600_000


@dataclass(frozen=True, slots=True)
class Entry:
    """A record on its way in; `size_bytes` is that of data and partition key."""

    partition_key: str
    hash_key: int
    data: bytes
    size_bytes: int


@dataclass(frozen=True, slots=True)
class Placement:
    """Where an entry went; no sequence number where its shard has no throughput left, and then it is nowhere."""

    shard_id: str
    sequence_number: int | None


class ShardMap:
    """The shards of one stream. Every method that is not private takes the lock.

    Args:
        shard_count: shards of equal hash ranges to begin with.
        label: names the stream in error messages: `stream NAME under account ID`.
        retention_hours: how long records are kept.
        clock: arrival times, retention and limits go by it.
    """

    def __init__(self, shard_count: int, *, label: str, retention_hours: int, clock: Clock) -> None:
        self.lock = threading.RLock()
        self._label = label
        self._clock = clock
        self._retention_ms = retention_hours * MS_PER_HOUR
        self._ordinal = 0
        self._last_ms = 0
        self._shards: dict[str, Shard] = {}
        self._closed: deque[Shard] = deque()  # in the order they were closed
        self._next_number = 0
        self._created_ms = self._now_ms()
        starts = uniform_starts(shard_count)
        self._open = [self._make_shard(HashRange(start, end - 1), ()) for start, end in pairwise([*starts, HASH_KEYS])]
        self._starts = starts

    def put(self, entries: Iterable[Entry], *, limited: bool) -> list[Placement]:
        """Keep the entries, in order; with `limited`, those for which their shard has throughput left.

        Raises:
            NotFound: the stream was deleted meanwhile.
        """
        placements = []
        with self.lock:
            if not self._open:
                raise NotFound(f"Could not find {self._label}.")
            now_ms = self._now_ms()
            horizon_ms = now_ms - self._retention_ms
            for entry in entries:
                shard = self._open[bisect_right(self._starts, entry.hash_key) - 1]
                if limited and not shard.limits.admits_record(entry.size_bytes):
                    shard.counters.writes_throttled += 1
                    shard.minutes.count(now_ms, throttled=1)
                    placements.append(Placement(shard.shard_id, None))
                    continue
                shard.forget_before(horizon_ms)
                number = self._next_sequence_number(shard.number)
                shard.append(Record(number, entry.partition_key, entry.data, now_ms), entry.size_bytes)
                placements.append(Placement(shard.shard_id, number))
        return placements

    def shard(self, wanted: str) -> Shard:
        """The shard with this id, open or closed, its expired records dropped.

        Raises:
            NotFound: there is none, or it has expired.
        """
        with self.lock:
            now_ms = self._forget_expired()
            try:
                shard = self._shards[wanted]
            except KeyError:
                raise NotFound(f"Could not find shard {wanted} in {self._label}.") from None
            shard.forget_before(now_ms - self._retention_ms)
            return shard

    def all_shards(self) -> list[Shard]:
        """Every shard that has not expired, by number."""
        with self.lock:
            self._forget_expired()
            return list(self._shards.values())

    def open_shards(self) -> list[Shard]:
        """The shards records are routed to, by hash range."""
        with self.lock:
            return list(self._open)

    def trim_horizon_ms(self) -> int:
        """The time before which everything is forgotten, or that of the stream's creation where it is later."""
        with self.lock:
            return max(self._created_ms, self._now_ms() - self._retention_ms)

    def now_ms(self) -> int:
        """The time in milliseconds since the Unix epoch; it never goes back."""
        with self.lock:
            return self._now_ms()

    @property
    def last_ordinal(self) -> int:
        """How many sequence numbers were given out."""
        return self._ordinal

    def retain(self, hours: int) -> None:
        """Keep records for so many hours from now on; what has expired stays expired."""
        with self.lock:
            now_ms = self._forget_expired()
            for shard in self._shards.values():
                shard.forget_before(now_ms - self._retention_ms)
            self._retention_ms = hours * MS_PER_HOUR

    def clear(self) -> None:
        """Let go of every record, as the stream is deleted."""
        with self.lock:
            self._shards.clear()
            self._closed.clear()
            self._open, self._starts = [], []

    def split(self, shard_id: str, new_starting_hash_key: int) -> None:
        """Close a shard and open two in its place, the second beginning with the hash key given.

        Raises:
            NotFound: no such shard.
            InvalidArgument: the shard is closed, or the hash key is not inside its range.
        """
        with self.lock:
            shard = self._open_shard(shard_id)
            inside = shard.hash_range.start + 1 < new_starting_hash_key < shard.hash_range.end
            if not inside:
                raise InvalidArgument(
                    f"NewStartingHashKey {new_starting_hash_key} used in SplitShard() on shard {shard_id} in "
                    f"{self._label} is not both greater than one plus the shard's StartingHashKey "
                    f"{shard.hash_range.start} and less than the shard's EndingHashKey {shard.hash_range.end}."
                )
            self._split(shard, new_starting_hash_key)

    def merge(self, shard_id: str, adjacent_shard_id: str) -> None:
        """Close two neighbouring shards and open one in their place; the lower one is named first.

        Raises:
            NotFound: no such shard.
            InvalidArgument: a shard is closed, or the second does not begin where the first ends.
        """
        with self.lock:
            shard, adjacent = self._open_shard(shard_id), self._open_shard(adjacent_shard_id)
            if shard.hash_range.end + 1 != adjacent.hash_range.start:
                raise InvalidArgument(
                    f"Shards {shard_id} and {adjacent_shard_id} in {self._label} are not an adjacent pair of shards "
                    "eligible for merging"
                )
            self._merge(shard, adjacent)

    def scale(self, shard_count: int) -> None:
        """Split and merge until there are so many shards of equal hash ranges.

        Shards are first split where a range to come begins, and the pieces of each such range are then merged, two
        at a time; shards that live for a moment only are seen afterwards, closed and empty, as they are on AWS.
        """
        with self.lock:
            starts = uniform_starts(shard_count)
            for start in starts:
                index = bisect_right(self._starts, start) - 1
                if self._starts[index] != start:
                    self._split(self._open[index], start)
            for start, end in pairwise([*starts, HASH_KEYS]):
                index = bisect_right(self._starts, start) - 1
                while self._open[index].hash_range.end + 1 < end:
                    self._merge(self._open[index], self._open[index + 1])

    def throughput_exceeded(self, shard_id: str) -> ThroughputExceeded:
        """The error that says a shard has no throughput left."""
        return ThroughputExceeded(shard_id, self._label)

    def _now_ms(self) -> int:
        self._last_ms = max(self._last_ms, int(self._clock.time() * 1000))
        return self._last_ms

    def _next_sequence_number(self, shard_number: int) -> int:
        self._ordinal += 1
        return sequence_number(self._ordinal, shard_number)

    def _make_shard(self, hash_range: HashRange, parents: tuple[str, ...]) -> Shard:
        number = self._next_number
        self._next_number += 1
        shard = Shard(
            number,
            hash_range,
            starting_sequence_number=self._next_sequence_number(number),
            opened_ms=self._now_ms(),
            parents=parents,
            clock=self._clock,
        )
        self._shards[shard.shard_id] = shard
        return shard

    def _open_shard(self, shard_id: str) -> Shard:
        shard = self.shard(shard_id)
        if not shard.is_open:
            raise InvalidArgument(
                f"Shard {shard_id} in {self._label} has already been merged or split, and thus is not eligible for "
                "merging or splitting."
            )
        return shard

    def _split(self, shard: Shard, middle: int) -> None:
        ranges = HashRange(shard.hash_range.start, middle - 1), HashRange(middle, shard.hash_range.end)
        self._replace([shard], ranges, parents=(shard,))

    def _merge(self, shard: Shard, adjacent: Shard) -> None:
        merged = HashRange(shard.hash_range.start, adjacent.hash_range.end)
        self._replace([shard, adjacent], [merged], parents=(shard, adjacent))

    def _replace(self, old: Sequence[Shard], ranges: Iterable[HashRange], parents: tuple[Shard, ...]) -> None:
        """Put shards of new ranges where old ones lie side by side."""
        index = self._open.index(old[0])
        endings = [self._next_sequence_number(shard.number) for shard in old]
        children = [self._make_shard(hash_range, tuple(p.shard_id for p in parents)) for hash_range in ranges]
        for shard, ending in zip(old, endings, strict=True):
            shard.close(ending, self._now_ms(), children)
        self._closed.extend(old)
        self._open[index : index + len(old)] = children
        self._starts = [shard.hash_range.start for shard in self._open]

    def _forget_expired(self) -> int:
        """Drop the shards closed for longer than records are kept; returns the time, in milliseconds."""
        now_ms = self._now_ms()
        horizon_ms = now_ms - self._retention_ms
        while self._closed and (self._closed[0].closed_ms or 0) < horizon_ms:
            del self._shards[self._closed.popleft().shard_id]
        return now_ms


def uniform_starts(shard_count: int) -> list[int]:
    """Where the hash ranges of so many equal shards begin; the last takes what division leaves over."""
    step = HASH_KEYS // shard_count
    return [number * step for number in range(shard_count)]
