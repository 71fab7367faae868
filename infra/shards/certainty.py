"""How sure the loads of single shards are that come from a sample of the stream."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

from infra.shards.load import NOTHING, Shard
from infra.shards.plan import Plan
from infra.shards.sampling import ShardSample
from infra.shards.steps import count_of_shards

DEVIATIONS: Final = 1.96  # to either side: 95 of 100 samples give an interval that holds the true load


@dataclass(frozen=True, slots=True)
class Interval:
    """The factors between which a shard's load lies, 1 being the load that the sample gives."""

    low: float = 1.0
    high: float = 1.0


def intervals(
    shards: Sequence[Shard], samples: Mapping[str, ShardSample], *, total_is_known: bool
) -> dict[str, Interval]:
    """For each shard that was sampled in part, how far its load may be from the truth.

    Args:
        shards: with the loads that the samples gave them.
        samples: by shard id.
        total_is_known: whether the loads are shares of the stream's load by CloudWatch. The errors of the other shards
            then count as well, and a shard that is all of the load is sure.
    """
    errors = {shard_id: found.error for shard_id, found in samples.items()}
    total = sum((shard.load for shard in shards if shard.shard_id in errors), NOTHING).records_per_second
    if not total:
        return {}
    shares = {shard.shard_id: shard.load.records_per_second / total for shard in shards if shard.shard_id in errors}
    of_all = sum((shares[shard_id] * errors[shard_id]) ** 2 for shard_id in shares)
    found = {}
    for shard_id, share in shares.items():
        error = errors[shard_id]
        if total_is_known:
            others = max(0.0, of_all - (share * error) ** 2)
            error = math.sqrt(((1 - share) * error) ** 2 + others)
        if error:
            found[shard_id] = Interval(max(0.0, 1 - DEVIATIONS * error), 1 + DEVIATIONS * error)
    return found


def with_hottest(shards: Sequence[Shard], hottest: Shard, factor: float) -> tuple[Shard, ...]:
    """The shards if the hottest carried more or less by a factor, and the others what is left of the same total."""
    total = sum((shard.load.records_per_second for shard in shards), 0.0)
    others = total - hottest.load.records_per_second
    rest = max(0.0, total - hottest.load.records_per_second * factor) / others if others else 1.0
    return tuple(_times(shard, factor if shard.shard_id == hottest.shard_id else rest) for shard in shards)


def doubt_of(made: Plan, others: Sequence[Plan], records: int) -> str:
    """What a plan from a sample might be as well; empty where it is the same within the whole interval.

    Args:
        made: the plan.
        others: the plans for the lowest and for the highest load of the hottest shard.
        records: that the sample read.
    """
    different = [each for each in others if (each.verdict, each.shards_after) != (made.verdict, made.shards_after)]
    if not different:
        return ""
    low, high = (each.utilisation_before for each in others)
    instead = " and ".join(
        f"at {each.utilisation_before:.0%} the plan is {each.verdict} to {count_of_shards(each.shards_after)}"
        if each.steps
        else f"at {each.utilisation_before:.0%} the plan is {each.verdict}"
        for each in different
    )
    return (
        f"by a sample of {records:,} records the hottest shard is between {low:.0%} and {high:.0%} full at the peak; "
        f"{instead}. Shard-level metrics say it exactly: docs/runbooks/shard-scaling.md"
    )


def _times(shard: Shard, factor: float) -> Shard:
    keys = tuple(replace(key, load=key.load * factor) for key in shard.hot_keys)
    return replace(shard, load=shard.load * factor, hot_keys=keys)
