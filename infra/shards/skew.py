"""Splits and merges of single shards, for a load that is uneven over the key space."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

from infra.shards.load import Demand, Shard
from infra.shards.steps import Step

Range = tuple[int, int]

MOST_STEPS: Final = 20  # by hand, one at a time: at half a minute each, more is better done by UpdateShardCount
LEAST_GAIN: Final = 0.02  # a split that takes less than this off the hotter half is not worth it
MERGED_BELOW: Final = 0.75  # of the target: two neighbours that together stay under it are merged


@dataclass(frozen=True, slots=True)
class Reshaping:
    """What splits and merges lead to.

    Args:
        steps: in order; without times.
        ranges: hash ranges of the shards at the end, in order.
        utilisation: of the hottest of them, 1 being full.
    """

    steps: tuple[Step, ...]
    ranges: tuple[Range, ...]
    utilisation: float


class Reshaper:
    """Finds splits and merges.

    Args:
        demand: the load over the key space.
        readers: that share the read throughput.
        target: utilisation that no shard should be above.
        minimum: shards, at the least.
        maximum: shards, at the most.
    """

    def __init__(self, demand: Demand, readers: int, target: float, minimum: int, maximum: int) -> None:
        self._demand = demand
        self._readers = readers
        self._target = target
        self._minimum = minimum
        self._maximum = maximum

    def reshape(self, shards: Sequence[Shard], *, merge: bool) -> Reshaping:
        """Split what is too hot, then, if asked to, merge what is cold; at most `MOST_STEPS` in all."""
        ids = {(shard.start, shard.end): shard.shard_id for shard in shards}
        ranges = list(ids)
        steps: list[Step] = []
        self._split(ranges, steps, ids)
        if merge:
            self._merge(ranges, steps, ids)
        return Reshaping(tuple(steps), tuple(ranges), max(self.utilisation(r) for r in ranges))

    def utilisation(self, hash_range: Range) -> float:
        """How full a shard of this range is, 1 being full."""
        return self._demand.between(*hash_range).shards(self._readers)

    def _split(self, ranges: list[Range], steps: list[Step], ids: dict[Range, str]) -> None:
        stuck: set[Range] = set()
        while len(steps) < MOST_STEPS and len(ranges) < self._maximum:
            hot = [r for r in ranges if r not in stuck and self.utilisation(r) > self._target]
            if not hot:
                return
            hottest = max(hot, key=self.utilisation)
            at = self.split_point(hottest)
            if at is None:
                stuck.add(hottest)
                continue
            start, end = hottest
            steps.append(Step("split", len(ranges), len(ranges) + 1, (hottest,), at, _known(ids, hottest)))
            index = ranges.index(hottest)
            ranges[index : index + 1] = [(start, at - 1), (at, end)]

    def _merge(self, ranges: list[Range], steps: list[Step], ids: dict[Range, str]) -> None:
        while len(steps) < MOST_STEPS and len(ranges) > self._minimum:
            pairs = list(pairwise(ranges))
            if not pairs:
                return
            (start, middle), (upper, end) = min(pairs, key=lambda pair: self.utilisation((pair[0][0], pair[1][1])))
            if self.utilisation((start, end)) > self._target * MERGED_BELOW:
                return
            both = (start, middle), (upper, end)
            steps.append(Step("merge", len(ranges), len(ranges) - 1, both, None, _known(ids, *both)))
            index = ranges.index(both[0])
            ranges[index : index + 2] = [(start, end)]

    def split_point(self, hash_range: Range) -> int | None:
        """Where a range falls into halves of equal load; none where one key is nearly all of it."""
        start, end = hash_range
        lowest, highest = start + 2, end - 1  # SplitShard: above the start plus one, below the end
        if lowest > highest:
            return None
        whole = self.utilisation(hash_range)
        low, high = lowest, highest
        while low < high:
            middle = (low + high) // 2
            if self.utilisation((start, middle - 1)) * 2 >= whole:
                high = middle
            else:
                low = middle + 1
        at = min((max(low - 1, lowest), low), key=lambda point: self._hotter_half(hash_range, point))
        return at if self._hotter_half(hash_range, at) < whole * (1 - LEAST_GAIN) else None

    def _hotter_half(self, hash_range: Range, at: int) -> float:
        return max(self.utilisation((hash_range[0], at - 1)), self.utilisation((at, hash_range[1])))


def _known(ids: dict[Range, str], *ranges: Range) -> tuple[str, ...]:
    """The ids of the shards of these ranges, where all of them exist already."""
    return tuple(ids[r] for r in ranges) if all(r in ids for r in ranges) else ()
