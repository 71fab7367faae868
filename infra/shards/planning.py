"""The planner: from what a stream carries to how many shards it needs, and the steps that get it there. Pure."""

from dataclasses import dataclass, replace
from math import ceil
from typing import Final

from infra.shards.advice import hot_key_advice, hot_key_reason
from infra.shards.cost import MonthlyCosts, on_demand, provisioned
from infra.shards.errors import QuotaReached
from infra.shards.limits import MAX_PARALLELIZATION, MAX_SHARDS
from infra.shards.load import Demand, HotKey, Load, Shard, uniform_ranges, without
from infra.shards.plan import Bounds, Plan, Verdict
from infra.shards.skew import Reshaper, Reshaping
from infra.shards.steps import Step, cheap_target, count_of_shards, scale_steps, scheduled
from infra.shards.stream import Stream
from infra.shards.writer import BUSY_ABOVE, Writer

WORTH_SHRINKING: Final = 0.75  # of the shards there are: a smaller saving is not worth the change and the way back
FEW_SPLITS: Final = 2  # then the rest of the stream is better left alone
RESHAPE_BELOW: Final = 0.8  # of the shards that uniform scaling needs: then splits and merges are the better way
BESIDE_HEAVY: Final = 1.15  # a key has a shard to itself where others add less than this
FINER_SEARCH: Final = 20  # uneven loads: counts are tried in steps of a 20th


@dataclass(frozen=True, slots=True)
class _Choice:
    """What the planner settled on, before times and costs."""

    verdict: Verdict
    reason: str
    shards_after: int
    utilisation_after: float
    steps: tuple[Step, ...] = ()
    advice: tuple[str, ...] = ()


def make_plan(
    stream: Stream, bounds: Bounds, *, now: float, mean: Load | None = None, writer: Writer | None = None
) -> Plan:
    """Plan for the peak that the stream's shards are loaded with.

    Args:
        stream: with the load of each shard at the peak.
        bounds: to keep to.
        now: seconds since the epoch.
        mean: load over the month, for the costs; the peak where it is not known.
        writer: the table writer, where it was measured.

    Raises:
        OnDemandStream, StreamBusy, QuotaReached: nothing can be planned.
    """
    stream.require_reshardable()
    planner = _Planner(stream, bounds, writer)
    choice = planner.choose()
    _check_quota(stream, choice.steps)
    mean = mean or planner.demand.total
    long = {"retention_hours": stream.retention_hours, "fan_out": stream.fan_out}
    return Plan(
        stream_name=stream.name,
        stream_arn=stream.arn,
        made_at=now,
        verdict=choice.verdict,
        reason=choice.reason,
        advice=choice.advice,
        layout=tuple(shard.start for shard in stream.shards),
        load=planner.demand.total,
        target_utilisation=bounds.target_utilisation,
        utilisation_before=planner.hottest,
        utilisation_after=choice.utilisation_after,
        shards_after=choice.shards_after,
        steps=scheduled(choice.steps, stream.scalings, now),
        costs=MonthlyCosts(
            provisioned(len(stream.shards), mean, **long),
            provisioned(choice.shards_after, mean, **long),
            on_demand(mean, readers=stream.readers),
        ),
        writer_mapping=writer.mapping_id if writer else None,
        not_kept=planner.bound_not_kept(choice),
    )


def uniform_count(demand: Demand, readers: int, target: float, least: int) -> int | None:
    """The fewest shards of equal ranges, from `least` on, of which none is above the target; None where no number does.

    Where the load is uneven it is found to within a twentieth.
    """
    if any(key.load.shards(readers) > target for key in demand.hot_keys):
        return None
    count = max(least, ceil(demand.total.shards(readers) / target - 1e-9), 1)
    while count <= MAX_SHARDS:
        if _fits(demand, readers, count, target):
            return count
        count += max(1, count // FINER_SEARCH)
    return None


def uniform_utilisation(demand: Demand, readers: int, count: int) -> float:
    """How full the hottest of so many equal shards is."""
    return max(demand.between(start, end).shards(readers) for start, end in uniform_ranges(count))


def _fits(demand: Demand, readers: int, count: int, target: float) -> bool:
    highest = target * (1 + 1e-9)
    return all(demand.between(start, end).shards(readers) <= highest for start, end in uniform_ranges(count))


class _Planner:
    """One decision."""

    def __init__(self, stream: Stream, bounds: Bounds, writer: Writer | None) -> None:
        self.stream = stream
        self.bounds = bounds
        self.writer = writer
        self.readers = stream.readers
        self.count = len(stream.shards)
        self.demand = Demand(stream.shards)
        self.hottest = max(self.full(shard) for shard in stream.shards)

    def full(self, what: Shard | HotKey) -> float:
        return what.load.shards(self.readers)

    def choose(self) -> _Choice:
        heavy = {key for key in self.demand.hot_keys if self.full(key) > self.bounds.target_utilisation}
        if heavy:
            return self._around(heavy)
        if self.count < self.bounds.minimum:
            return self._grow(f"{count_of_shards(self.count, verb=True)} under the minimum of {self.bounds.minimum}")
        if self.hottest > self.bounds.target_utilisation * (1 + 1e-9):
            return self._grow(self._why_hot())
        if self.writer and self.writer.is_limit:
            return self._speed_up(self.writer)
        return self._shrink()

    def bound_not_kept(self, choice: _Choice) -> str:
        """Which bound the choice does not keep, and why; empty where it keeps both."""
        after, bounds = choice.shards_after, self.bounds
        if bounds.minimum <= after <= bounds.maximum:
            return ""
        limit = f"the maximum of {bounds.maximum:,}" if after > bounds.maximum else f"the minimum of {bounds.minimum:,}"
        needed, for_writer = self._uniform(bounds.minimum), self._fewest_for_writer()
        if choice.verdict == "hot key" or needed > MAX_SHARDS:
            why = "a partition key is too hot for the target with any number of shards, and fewer make it hotter"
        elif needed > bounds.maximum:
            why = (
                f"the peak needs {needed:,} to keep the hottest under the target of {bounds.target_utilisation:.0%}; "
                "raise --max or --target-utilisation"
            )
        elif for_writer > bounds.maximum:
            why = f"the table writer needs the lanes of {for_writer:,} shards"
        else:
            why = choice.reason
        return f"{limit} is not kept, {count_of_shards(after)} will be open: {why}"

    def _why_hot(self) -> str:
        shard = max(self.stream.shards, key=self.full)
        return (
            f"{shard.shard_id} is {self.hottest:.0%} full ({shard.load.tightest(self.readers)}), over the target of "
            f"{self.bounds.target_utilisation:.0%}"
        )

    def _around(self, heavy: set[HotKey]) -> _Choice:
        """Plan in spite of keys that fill a shard beyond the target by themselves."""
        key = max(heavy, key=self.full)
        reshaping = self._reshape(merge=False)
        alone = max(self.bounds.target_utilisation, self.full(key) * BESIDE_HEAVY)
        if self.full(key) <= 1 and reshaping.steps and reshaping.utilisation <= alone:
            return self._reshaped(reshaping, self._why_hot())
        light = replace(self.stream, shards=without(self.stream.shards, heavy))
        choice = _Planner(light, self.bounds, self.writer).choose()
        reason, advice = hot_key_reason(key, self.readers), hot_key_advice(key, self.readers)
        if choice.shards_after > self.count:
            after = max(choice.utilisation_after, self.full(key))
            return replace(choice, reason=f"{choice.reason}; but {reason}", advice=advice, utilisation_after=after)
        return _Choice("hot key", reason, self.count, self.hottest, (), advice)

    def _grow(self, why: str) -> _Choice:
        bounds = self.bounds
        wanted = self._uniform(max(bounds.minimum, self.count + 1))
        reshaping = self._reshape(merge=False)
        if self._reshaping_wins(reshaping, wanted, FEW_SPLITS):
            return self._reshaped(reshaping, why)
        if wanted > bounds.maximum:
            return self._up_to_ceiling(wanted, why)
        return self._scaled(cheap_target(self.count, wanted, bounds.maximum), wanted, why)

    def _uniform(self, least: int) -> int:
        found = uniform_count(self.demand, self.readers, self.bounds.target_utilisation, least)
        return MAX_SHARDS + 1 if found is None else found

    def _reshape(self, *, merge: bool) -> Reshaping:
        bounds = self.bounds
        reshaper = Reshaper(self.demand, self.readers, bounds.target_utilisation, bounds.minimum, bounds.maximum)
        return reshaper.reshape(self.stream.shards, merge=merge)

    def _reshaping_wins(self, reshaping: Reshaping, wanted: int, few_steps: int = 0) -> bool:
        """Whether splits and merges reach the target, with clearly fewer shards or in a few steps."""
        count = len(reshaping.ranges)
        if not reshaping.steps or not self.bounds.minimum <= count <= self.bounds.maximum:
            return False
        if reshaping.utilisation > self.bounds.target_utilisation * (1 + 1e-9):
            return False
        few = len(reshaping.steps) <= min(few_steps, self.count // 2) and count <= wanted
        return few or count <= RESHAPE_BELOW * wanted

    def _reshaped(self, reshaping: Reshaping, why: str) -> _Choice:
        kinds = [step.kind for step in reshaping.steps]
        done = " and ".join(
            f"{kinds.count(k)} {k}{'s' * (kinds.count(k) > 1)}" for k in ("split", "merge") if k in kinds
        )
        advice: tuple[str, ...] = ()
        if reshaping.utilisation > self.bounds.target_utilisation and self.demand.hot_keys:
            advice = hot_key_advice(max(self.demand.hot_keys, key=self.full), self.readers)
        reason = f"{why}; after {done} the hottest is {reshaping.utilisation:.0%} full"
        return _Choice("reshape", reason, len(reshaping.ranges), reshaping.utilisation, reshaping.steps, advice)

    def _scaled(self, target: int, wanted: int, why: str) -> _Choice:
        if target != wanted and not _fits(self.demand, self.readers, target, self.bounds.target_utilisation):
            target = wanted
        after = uniform_utilisation(self.demand, self.readers, target)
        reason = f"{why}; with {target:,} the hottest is {after:.0%} full"
        return _Choice("scale", reason, target, after, tuple(scale_steps(self.count, target)))

    def _up_to_ceiling(self, wanted: int, why: str) -> _Choice:
        target = max(self.count, self.bounds.maximum)
        after = uniform_utilisation(self.demand, self.readers, target) if target != self.count else self.hottest
        reason = f"{why}; {count_of_shards(wanted, verb=True)} needed, but the maximum is {self.bounds.maximum:,}"
        advice = ("raise the maximum, send fewer or aggregated records, or go over to on-demand",)
        return _Choice("ceiling", reason, target, after, tuple(scale_steps(self.count, target)), advice)

    def _speed_up(self, writer: Writer) -> _Choice:
        """More lanes for the writer: a higher factor first, it costs nothing; then more shards."""
        lanes = writer.lanes_needed(self.count, self.bounds.target_utilisation)
        why = f"the table writer is busy {writer.busy:.0%} of the time while the stream is {self.hottest:.0%} full"
        if writer.factor < MAX_PARALLELIZATION:
            factor = writer.factor_for(lanes, self.count)
            step = Step("parallelize", writer.factor, factor)
            reason = f"{why}: {factor} invocations at once for a shard instead of {writer.factor}"
            advice = (f"set table_writer.parallelization_factor to {factor} in infra/pipeline.yaml as well",)
            return _Choice("writer", reason, self.count, self.hottest, (step,), advice)
        wanted = max(self.count + 1, ceil(lanes / MAX_PARALLELIZATION))
        if wanted > self.bounds.maximum:
            return self._up_to_ceiling(wanted, why)
        choice = self._scaled(cheap_target(self.count, wanted, self.bounds.maximum), wanted, why)
        return _Choice("writer", choice.reason, choice.shards_after, choice.utilisation_after, choice.steps)

    def _shrink(self) -> _Choice:
        highest = max(self.bounds.minimum, int(self.count * WORTH_SHRINKING))
        if self.count > self.bounds.maximum:
            highest = self.bounds.maximum
        why = f"the hottest shard is {self.hottest:.0%} full, the target {self.bounds.target_utilisation:.0%}"
        wanted = self._uniform(self._fewest_for_writer())
        reshaping = self._reshape(merge=True)
        enough_lanes = len(reshaping.ranges) >= self._fewest_for_writer()
        if enough_lanes and len(reshaping.ranges) <= highest < self.count and self._reshaping_wins(reshaping, wanted):
            return self._reshaped(reshaping, why)
        if wanted > highest or wanted >= self.count:
            return self._nothing(why)
        return self._scaled(cheap_target(self.count, wanted, highest), wanted, why)

    def _fewest_for_writer(self) -> int:
        """The fewest shards whose lanes do not keep the writer too busy: fewer shards are fewer lanes."""
        fewest = self.bounds.minimum
        if self.writer and self.writer.busy is not None:
            lanes = self.writer.lanes_needed(self.count, BUSY_ABOVE)
            fewest = max(fewest, min(self.count, ceil(lanes / self.writer.factor)))
        return fewest

    def _nothing(self, why: str) -> _Choice:
        if self.count > self.bounds.maximum:
            return _Choice("nothing", f"{why}: {count_of_shards(self.count)} stay", self.count, self.hottest)
        return _Choice("nothing", f"{why}: {count_of_shards(self.count, verb=True)} right", self.count, self.hottest)


def _check_quota(stream: Stream, steps: tuple[Step, ...]) -> None:
    """Refuse steps that would open more shards than the account may.

    Raises:
        QuotaReached: saying how many.
    """
    most = max((step.most_open for step in steps), default=0)
    if most > len(stream.shards) + stream.quota_left:
        raise QuotaReached(
            f"{stream.name}: the plan opens up to {most:,} shards at once (short-lived ones included), but the "
            f"account's quota of {stream.quota:,} leaves {len(stream.shards) + stream.quota_left:,}; ask for more at "
            "Service Quotas, or give a lower --max"
        )
