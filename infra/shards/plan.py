"""A plan: what it keeps to, what it says, what it costs."""

from dataclasses import dataclass
from typing import Literal

from infra.shards.cost import MonthlyCosts
from infra.shards.limits import MAX_SHARDS
from infra.shards.load import Load
from infra.shards.steps import Step

Verdict = Literal["scale", "reshape", "writer", "nothing", "hot key", "ceiling"]


@dataclass(frozen=True, slots=True)
class Bounds:
    """What the planner has to keep to.

    Args:
        target_utilisation: of the hottest shard at the peak, 0 to 1.
        minimum: shards, at the least.
        maximum: shards, at the most.
    """

    target_utilisation: float = 0.6
    minimum: int = 1
    maximum: int = MAX_SHARDS

    def __post_init__(self) -> None:
        if not 0 < self.target_utilisation <= 1:
            raise ValueError(f"the target utilisation is over 0 and at most 1, not {self.target_utilisation}")
        if not 1 <= self.minimum <= self.maximum <= MAX_SHARDS:
            raise ValueError(
                f"shards are 1 to {MAX_SHARDS}, the minimum not above the maximum: {self.minimum} and {self.maximum}"
            )


@dataclass(frozen=True, slots=True)
class Plan:
    """What to do, and why.

    Args:
        stream_name: it is for.
        stream_arn: likewise.
        made_at: seconds since the epoch.
        verdict: `scale` (UpdateShardCount), `reshape` (splits and merges), `writer`, `nothing`, `hot key` (no number of
            shards helps) or `ceiling` (more is needed than the maximum allows; the steps lead as far as it does).
        reason: one line.
        advice: what else would help.
        layout: where the open shards' hash ranges began, for which the plan was made.
        load: the peak it is made for.
        target_utilisation: it was made with.
        utilisation_before: of the hottest shard at that peak, as the stream is now.
        utilisation_after: the same after the last step.
        shards_after: open after the last step.
        steps: with their times; none where there is nothing to do.
        costs: a month, for the mean load.
        writer_mapping: UUID of the event source mapping that a step of kind `parallelize` changes.
        not_kept: which bound the plan does not keep, and why; empty where it keeps both.
        doubt: what else the plan might be, as far as the load of the hottest shard is not known; empty where nothing.
    """

    stream_name: str
    stream_arn: str
    made_at: float
    verdict: Verdict
    reason: str
    advice: tuple[str, ...]
    layout: tuple[int, ...]
    load: Load
    target_utilisation: float
    utilisation_before: float
    utilisation_after: float
    shards_after: int
    steps: tuple[Step, ...]
    costs: MonthlyCosts
    writer_mapping: str | None = None
    not_kept: str = ""
    doubt: str = ""

    @property
    def shards_before(self) -> int:
        """Open shards the plan begins with."""
        return len(self.layout)
