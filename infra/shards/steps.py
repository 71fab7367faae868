"""The steps of a plan: what each does, when it may begin, how long it takes."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Final, Literal

from infra.shards.limits import (
    DAY_SECONDS,
    SCALINGS_PER_DAY,
    fewest_after,
    is_cheap,
    most_after,
    most_open_while_scaling,
)

Kind = Literal["scale", "split", "merge", "parallelize"]

# AWS gives no durations beyond "a few minutes, depending on the size of the stream" (UpdateShardCount). These are
# estimates to plan with: half a minute for one split or merge, and the many of an UpdateShardCount side by side.
RESHARD_SECONDS: Final = 30.0
SCALE_SECONDS: Final = 60.0
SCALE_SECONDS_PER_SHARD: Final = 0.5
DEAR_FACTOR: Final = 2.0  # a target that is no multiple of 25 %
PARALLELIZE_SECONDS: Final = 60.0  # an event source mapping is Updating for about a minute
SETTLE_SECONDS: Final = 60.0  # between two steps: until CloudWatch has a minute that lies behind the first

CHEAP_EXTRA_SHARE: Final = 0.1  # so many more shards are worth the quicker change ...
CHEAP_EXTRA_SHARDS: Final = 1  # ... or one, where that is more


@dataclass(frozen=True, slots=True)
class Step:
    """One change.

    Args:
        kind: UpdateShardCount, SplitShard, MergeShards, or the writer's ParallelizationFactor.
        before: open shards before it; for `parallelize` the factor.
        after: the same after it.
        ranges: hash ranges, ends included, of the shard to split or of the two to merge, lower first.
        at: the hash key a split begins its upper shard with.
        shard_ids: of those ranges, where the shards exist already.
        starts_at: seconds since the epoch, not before.
        seconds: estimate of how long it takes.
    """

    kind: Kind
    before: int
    after: int
    ranges: tuple[tuple[int, int], ...] = ()
    at: int | None = None
    shard_ids: tuple[str, ...] = ()
    starts_at: float = 0.0
    seconds: float = 0.0

    @property
    def most_open(self) -> int:
        """The most shards open while it goes on, short-lived ones included; they count towards the quota."""
        if self.kind == "scale":
            return most_open_while_scaling(self.before, self.after)
        return 0 if self.kind == "parallelize" else max(self.before, self.after)


def scale_path(shards: int, target: int) -> list[int]:
    """The shard counts from one to another, each at most double and at least half of the one before.

    Doubling and halving come first: they are the cheapest, and relief comes earliest.
    """
    path = []
    while shards != target:
        shards = min(target, most_after(shards)) if target > shards else max(target, fewest_after(shards))
        path.append(shards)
    return path


def cheap_target(shards: int, target: int, maximum: int) -> int:
    """The target, or the next count above it that the last step reaches in quarters, where that costs little more."""
    last = ([shards, *scale_path(shards, target)])[-2] if target != shards else shards
    extra = max(CHEAP_EXTRA_SHARDS, int(target * CHEAP_EXTRA_SHARE))
    highest = min(target + extra, maximum, most_after(last))
    for count in range(target, highest + 1):
        if is_cheap(last, count) and count != shards:
            return count
    return target


def scale_steps(shards: int, target: int) -> list[Step]:
    """UpdateShardCount, as often as it takes."""
    path = [shards, *scale_path(shards, target)]
    return [Step("scale", before, after) for before, after in pairwise(path)]


def scheduled(
    steps: Sequence[Step], scalings: Sequence[float], now: float, settle_seconds: float = SETTLE_SECONDS
) -> tuple[Step, ...]:
    """The steps with their times: one after the other, and at most ten UpdateShardCount in any 24 hours.

    Args:
        steps: in order.
        scalings: times of UpdateShardCount calls so far, oldest first.
        now: seconds since the epoch; the earliest start.
        settle_seconds: between the end of a step and the next.
    """
    used = list(scalings)
    at = now
    timed = []
    for step in steps:
        if step.kind == "scale":
            if len(used) >= SCALINGS_PER_DAY:
                at = max(at, used[-SCALINGS_PER_DAY] + DAY_SECONDS + 1)
            used.append(at)
        seconds = seconds_of(step)
        timed.append(replace(step, starts_at=at, seconds=seconds))
        at += seconds + settle_seconds
    return tuple(timed)


def seconds_of(step: Step) -> float:
    """An estimate of how long a step takes."""
    match step.kind:
        case "scale":
            seconds = SCALE_SECONDS + SCALE_SECONDS_PER_SHARD * max(step.before, step.after)
            return seconds if is_cheap(step.before, step.after) else seconds * DEAR_FACTOR
        case "parallelize":
            return PARALLELIZE_SECONDS
        case _:
            return RESHARD_SECONDS


def count_of_shards(count: int, *, verb: bool = False) -> str:
    """A number of shards, such as `1 shard` and `2,000 shards`; with `verb`, `1 shard is` and `2,000 shards are`."""
    one, many = ("1 shard is", "shards are") if verb else ("1 shard", "shards")
    return one if count == 1 else f"{count:,} {many}"
