"""The heaviest keys of a stream of any length, in bounded memory."""

from dataclasses import dataclass

from infra.shards.limits import WRITE_BYTES_PER_SECOND, WRITE_RECORDS_PER_SECOND

LEAST_WEIGHT = WRITE_BYTES_PER_SECOND // WRITE_RECORDS_PER_SECOND  # what a record of one byte takes of a shard


@dataclass(slots=True)
class Counted:
    """What is known of one key.

    Args:
        key: the partition key.
        weight: at most so much came with it, and at least `weight - error`; see `weight_of`.
        error: what may have come with other keys whose place it took.
        size_bytes: seen since it took that place.
        records: likewise.
    """

    key: str
    weight: int
    error: int
    size_bytes: int = 0
    records: int = 0


def weight_of(size_bytes: int) -> int:
    """What a record takes of a shard, in bytes: its size, or a thousandth of what a second holds."""
    return max(size_bytes, LEAST_WEIGHT)


class HeavyHitters:
    """The space-saving algorithm (Metwally, Agrawal, El Abbadi: Efficient Computation of Frequent Elements, 2005).

    Every key with more than 1/capacity of the total weight is among those kept.

    Args:
        capacity: so many keys at the most.
    """

    def __init__(self, capacity: int) -> None:
        self._capacity = capacity
        self._counted: dict[str, Counted] = {}
        self.total_weight = 0

    def add(self, key: str, size_bytes: int) -> None:
        """Count one record."""
        counted = self._counted.get(key)
        if counted is None:
            floor = 0
            if len(self._counted) >= self._capacity:
                lightest = min(self._counted.values(), key=lambda other: other.weight)
                del self._counted[lightest.key]
                floor = lightest.weight
            counted = self._counted[key] = Counted(key, floor, floor)
        weight = weight_of(size_bytes)
        self.total_weight += weight
        counted.weight += weight
        counted.size_bytes += size_bytes
        counted.records += 1

    def heaviest(self, least_share: float) -> list[Counted]:
        """The keys that surely have at least this share of all the weight, heaviest first."""
        least = least_share * self.total_weight
        kept = [c for c in self._counted.values() if c.weight - c.error >= least]
        return sorted(kept, key=lambda c: c.weight - c.error, reverse=True)

    def counted(self) -> list[Counted]:
        """Every key that is kept."""
        return list(self._counted.values())
