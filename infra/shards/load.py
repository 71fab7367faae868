"""What a stream has to carry: rates, the shards that carry them, and the keys that make a shard hot."""

from bisect import bisect_left, bisect_right
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from itertools import accumulate
from typing import Final

from infra.shards.limits import (
    HASH_KEYS,
    READ_BYTES_PER_SECOND,
    WRITE_BYTES_PER_SECOND,
    WRITE_RECORDS_PER_SECOND,
)

SHARED_READERS_FREE = READ_BYTES_PER_SECOND // WRITE_BYTES_PER_SECOND  # up to so many, writing is the tighter limit
LEAST_RATE: Final = 1e-6  # a second: less is nothing, and no measure of how a load is spread


@dataclass(frozen=True, slots=True)
class Load:
    """What is written in a second. An aggregate of many events is one record.

    Args:
        bytes_per_second: data and partition keys.
        records_per_second: stream records.
    """

    bytes_per_second: float
    records_per_second: float

    def __add__(self, other: "Load") -> "Load":
        return Load(self.bytes_per_second + other.bytes_per_second, self.records_per_second + other.records_per_second)

    def __mul__(self, factor: float) -> "Load":
        return Load(self.bytes_per_second * factor, self.records_per_second * factor)

    def shards(self, readers: int = 0) -> float:
        """How many shards it would fill to the brim: the tightest of bytes in, records in, and bytes out.

        Args:
            readers: that share the 2 MiB/s a shard gives; consumers with enhanced fan-out have their own.
        """
        return max(
            self.bytes_per_second / WRITE_BYTES_PER_SECOND,
            self.records_per_second / WRITE_RECORDS_PER_SECOND,
            self.bytes_per_second * readers / READ_BYTES_PER_SECOND,
        )

    def tightest(self, readers: int = 0) -> str:
        """Which limit it meets first: `bytes`, `records` or `reads`."""
        limits = {
            "bytes": self.bytes_per_second / WRITE_BYTES_PER_SECOND,
            "records": self.records_per_second / WRITE_RECORDS_PER_SECOND,
            "reads": self.bytes_per_second * readers / READ_BYTES_PER_SECOND,
        }
        return max(limits, key=lambda name: limits[name])


NOTHING = Load(0.0, 0.0)


@dataclass(frozen=True, slots=True)
class HotKey:
    """A partition key with a load of its own worth knowing.

    Args:
        partition_key: as it was put on the stream.
        hash_key: its MD5 as a number.
        load: what comes with it.
    """

    partition_key: str
    hash_key: int
    load: Load


@dataclass(frozen=True, slots=True)
class Shard:
    """An open shard and what it carries.

    Args:
        shard_id: such as `shardId-000000000003`.
        start: of its hash range.
        end: of its hash range, included.
        load: everything that is written to it, its hot keys included.
        hot_keys: those known; the rest is taken to be even over the range.
    """

    shard_id: str
    start: int
    end: int
    load: Load = NOTHING
    hot_keys: tuple[HotKey, ...] = ()

    @property
    def share(self) -> float:
        """Its share of the key space, 0 to 1."""
        return (self.end - self.start + 1) / HASH_KEYS


class Demand:
    """A load laid over the key space, from which the load of any range of hash keys follows.

    Args:
        shards: every open shard, by hash range, without gaps.
    """

    def __init__(self, shards: Sequence[Shard]) -> None:
        keys = sorted((key for shard in shards for key in shard.hot_keys), key=lambda key: key.hash_key)
        self.hot_keys = tuple(keys)
        self._hashes = [key.hash_key for key in keys]
        self._starts = [shard.start for shard in shards]
        even = [_rest(shard) for shard in shards]
        self._density = [load * (1 / (shard.end - shard.start + 1)) for load, shard in zip(even, shards, strict=True)]
        self._even_before = list(accumulate(even, initial=NOTHING))
        self._keys_before = list(accumulate((key.load for key in keys), initial=NOTHING))
        self.total = self._even_before[-1] + self._keys_before[-1]

    def between(self, start: int, end: int) -> Load:
        """The load of the hash keys from `start` to `end`, both included."""
        first, last = bisect_left(self._hashes, start), bisect_right(self._hashes, end)
        even = _minus(self._even_up_to(end + 1), self._even_up_to(start))
        return even + _minus(self._keys_before[last], self._keys_before[first])

    def _even_up_to(self, hash_key: int) -> Load:
        index = bisect_right(self._starts, hash_key) - 1
        return self._even_before[index] + self._density[index] * (hash_key - self._starts[index])


def even_shards(load: Load, count: int) -> tuple[Shard, ...]:
    """So many shards of equal hash ranges with a load spread evenly over them."""
    return tuple(
        Shard(f"shardId-{number:012d}", start, end, load * ((end - start + 1) / HASH_KEYS))
        for number, (start, end) in enumerate(uniform_ranges(count))
    )


def uniform_ranges(count: int) -> list[tuple[int, int]]:
    """The hash ranges of so many equal shards; the last takes what division leaves over."""
    step = HASH_KEYS // count
    return [
        (number * step, HASH_KEYS - 1 if number == count - 1 else (number + 1) * step - 1) for number in range(count)
    ]


def reload(shards: Sequence[Shard], load: Load) -> tuple[Shard, ...]:
    """The same shards under another load in total, spread over shards and hot keys as the present one is.

    Where nothing is written at present, it is spread by key space.
    """
    total = sum((shard.load for shard in shards), NOTHING)
    return tuple(_reloaded(shard, total, load) for shard in shards)


def hottest(shards: Sequence[Shard], readers: int, load: Load | None = None) -> float:
    """How full the hottest shard is, 1 being full.

    Args:
        shards: with their present loads.
        readers: that share the read throughput.
        load: in total, spread as the present one is, as with `reload`; the present one where none is given.
    """
    size_bytes = sum(shard.load.bytes_per_second for shard in shards)
    records = sum(shard.load.records_per_second for shard in shards)
    if load is None:
        load = Load(size_bytes, records)
    if min(size_bytes, records) < LEAST_RATE:
        return max(shard.share for shard in shards) * load.shards(readers)
    in_bytes = load.bytes_per_second / size_bytes
    in_records = load.records_per_second / records
    return Load(
        in_bytes * max(shard.load.bytes_per_second for shard in shards),
        in_records * max(shard.load.records_per_second for shard in shards),
    ).shards(readers)


def without(shards: Sequence[Shard], keys: Collection[HotKey]) -> tuple[Shard, ...]:
    """The same shards as if nothing came with these keys."""
    return tuple(
        replace(
            shard,
            load=_minus(shard.load, sum((key.load for key in shard.hot_keys if key in keys), NOTHING)),
            hot_keys=tuple(key for key in shard.hot_keys if key not in keys),
        )
        for shard in shards
    )


def _reloaded(shard: Shard, total: Load, load: Load) -> Shard:
    if min(total.records_per_second, total.bytes_per_second) < LEAST_RATE:
        return Shard(shard.shard_id, shard.start, shard.end, load * shard.share)
    in_bytes = load.bytes_per_second / total.bytes_per_second
    in_records = load.records_per_second / total.records_per_second
    keys = tuple(HotKey(k.partition_key, k.hash_key, _scaled(k.load, in_bytes, in_records)) for k in shard.hot_keys)
    return Shard(shard.shard_id, shard.start, shard.end, _scaled(shard.load, in_bytes, in_records), keys)


def _rest(shard: Shard) -> Load:
    """What a shard carries beside its hot keys."""
    return _minus(shard.load, sum((key.load for key in shard.hot_keys), NOTHING))


def _minus(load: Load, other: Load) -> Load:
    """A difference that rounding cannot make negative."""
    return Load(
        max(0.0, load.bytes_per_second - other.bytes_per_second),
        max(0.0, load.records_per_second - other.records_per_second),
    )


def _scaled(load: Load, in_bytes: float, in_records: float) -> Load:
    return Load(load.bytes_per_second * in_bytes, load.records_per_second * in_records)
