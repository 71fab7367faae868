"""The shards of one stream: routing to them, splitting and merging them, forgetting them."""

import sqlite3
from bisect import bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

from infra.local.aws.kinesis.errors import InvalidArgument, NotFound
from infra.local.aws.kinesis.shard import HashRange, Shard
from infra.local.aws.kinesis.shard_records import Record, sequence_number
from infra.local.aws.kinesis.stored_shards import HASH_KEYS, MS_PER_HOUR, StoredShards, uniform_starts


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


@dataclass(slots=True)
class _Batch:
    """Records of one put that went to one shard."""

    shard: Shard
    records: list[Record] = field(default_factory=list)
    size_bytes: int = 0


@dataclass(frozen=True, slots=True)
class _Placed:
    """What a put wrote: the answer, and what to show of it once it is on disk."""

    placements: list[Placement]
    shown: list[_Batch]


class ShardMap(StoredShards):
    """The shards of one stream: puts are routed to them, splits and merges replace them.

    Every method takes the lock; no caller of one that writes holds it.
    """

    def put(self, entries: Iterable[Entry], *, limited: bool) -> list[Placement]:
        """Keep the entries, in order; with `limited`, those for which their shard has throughput left.

        They are on disk when this returns.

        Raises:
            NotFound: the stream was deleted meanwhile.
            StoreFull: the disk is full; none was kept.
        """
        return self._database.write(
            lambda connection: self._place(connection, entries, limited), then=self._show
        ).placements

    def retain(self, hours: int) -> None:
        """Keep records for so many hours from now on; what has expired stays expired."""

        def retain() -> None:
            now_ms = self._forget_expired()
            for shard in self._shards.values():
                shard.records.forget_before(now_ms - self._retention_ms)
            self._retention_ms = hours * MS_PER_HOUR

        self.change(retain)

    def split(self, shard_id: str, new_starting_hash_key: int) -> None:
        """Close a shard and open two in its place, the second beginning with the hash key given.

        Raises:
            NotFound: no such shard.
            InvalidArgument: the shard is closed, or the hash key is not inside its range.
        """

        def split() -> None:
            shard = self._open_shard(shard_id)
            inside = shard.hash_range.start + 1 < new_starting_hash_key < shard.hash_range.end
            if not inside:
                raise InvalidArgument(
                    f"NewStartingHashKey {new_starting_hash_key} used in SplitShard() on shard {shard_id} in "
                    f"{self._label} is not both greater than one plus the shard's StartingHashKey "
                    f"{shard.hash_range.start} and less than the shard's EndingHashKey {shard.hash_range.end}."
                )
            self._split(shard, new_starting_hash_key)

        self.change(split)

    def merge(self, shard_id: str, adjacent_shard_id: str) -> None:
        """Close two neighbouring shards and open one in their place; the lower one is named first.

        Raises:
            NotFound: no such shard.
            InvalidArgument: a shard is closed, or the second does not begin where the first ends.
        """

        def merge() -> None:
            shard, adjacent = self._open_shard(shard_id), self._open_shard(adjacent_shard_id)
            if shard.hash_range.end + 1 != adjacent.hash_range.start:
                raise InvalidArgument(
                    f"Shards {shard_id} and {adjacent_shard_id} in {self._label} are not an adjacent pair of shards "
                    "eligible for merging"
                )
            self._merge(shard, adjacent)

        self.change(merge)

    def scale(self, shard_count: int) -> None:
        """Split and merge until there are so many shards of equal hash ranges.

        Shards are first split where a range to come begins, and the pieces of each such range are then merged, two
        at a time; shards that live for a moment only are seen afterwards, closed and empty, as they are on AWS.
        """

        def scale() -> None:
            starts = uniform_starts(shard_count)
            for start in starts:
                index = bisect_right(self._starts, start) - 1
                if self._starts[index] != start:
                    self._split(self._open[index], start)
            for start, end in pairwise([*starts, HASH_KEYS]):
                index = bisect_right(self._starts, start) - 1
                while self._open[index].hash_range.end + 1 < end:
                    self._merge(self._open[index], self._open[index + 1])

        self.change(scale)

    def _place(self, connection: sqlite3.Connection, entries: Iterable[Entry], limited: bool) -> _Placed:  # noqa: FBT001 (a private step)
        """Choose a shard and a sequence number for each entry, and write what there is throughput for."""
        placements: list[Placement] = []
        by_shard: dict[int, _Batch] = {}
        with self.lock:
            if not self._open:
                raise NotFound(f"Could not find {self._label}.")
            now_ms = self._now_ms()
            for entry in entries:
                shard = self._open[bisect_right(self._starts, entry.hash_key) - 1]
                if limited and not shard.limits.admits_record(entry.size_bytes):
                    shard.counters.writes_throttled += 1
                    shard.minutes.count(now_ms, throttled=1)
                    placements.append(Placement(shard.shard_id, None))
                    continue
                number = sequence_number(self._next_ordinal(), shard.number)
                placements.append(Placement(shard.shard_id, number))
                record = Record(number, entry.partition_key, entry.data, now_ms)
                batch = by_shard.setdefault(shard.number, _Batch(shard))
                batch.records.append(record)
                batch.size_bytes += entry.size_bytes
            self._reserve(connection)
        for batch in by_shard.values():
            batch.shard.records.insert(connection, batch.records)
        return _Placed(placements, list(by_shard.values()))

    def _show(self, placed: _Placed) -> None:
        """Let readers see what is on disk now."""
        with self.lock:
            for batch in placed.shown:
                batch.shard.publish(batch.records, batch.size_bytes)

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
        endings = [self._next_ordinal() for _ in old]
        children = [self._make_shard(hash_range, tuple(p.shard_id for p in parents)) for hash_range in ranges]
        for shard, ending in zip(old, endings, strict=True):
            shard.close(ending, self._now_ms(), children)
        self._closed.extend(old)
        self._open[index : index + len(old)] = children
        self._starts = [shard.hash_range.start for shard in self._open]
