"""Whether to take a step now: the planner, held back by hysteresis, cool-down and guards against runaway. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Final

from infra.shards.errors import ShardsError
from infra.shards.limits import METRIC_PERIOD_SECONDS, SCALINGS_PER_DAY
from infra.shards.load import Load, hottest, reload
from infra.shards.metrics import peak
from infra.shards.plan import Bounds, Plan
from infra.shards.planning import make_plan
from infra.shards.steps import Step, count_of_shards
from infra.shards.stream import Stream
from infra.shards.writer import Writer

RECENT_SECONDS: Final = 300.0  # of which the highest minute decides on growing
QUIET_SECONDS: Final = 3_600.0  # of which the highest minute decides on shrinking
OLDEST_METRICS_SECONDS: Final = 600.0  # CloudWatch is some minutes behind; older ones say nothing of now
LAG_WINDOW_SECONDS: Final = 600.0
LAG_GROWN_MS: Final = 1_000.0  # from the earlier half of that window to the later
LAG_NEGLIGIBLE_MS: Final = 5_000.0  # a reader that polls once a second is never at zero
THROTTLED_SHARE: Final = 0.001  # of the records: fewer are bursts within a second, which retries take care of


@dataclass(frozen=True, slots=True)
class Thresholds:
    """When to act.

    Args:
        bounds: target, floor and ceiling.
        up_above: utilisation of the hottest shard from which the stream grows, to the target.
        down_below: utilisation below which it shrinks, if it was so for an hour.
        up_cool_down_seconds: after a step, before the next up.
        down_cool_down_seconds: after a step, before the next down.
        reserved_scalings: of the ten in 24 hours, those kept for growing.
        lag_for_down_seconds: readers further behind than this keep the stream from shrinking.
    """

    bounds: Bounds = field(default_factory=Bounds)
    up_above: float = 0.75
    down_below: float = 0.4
    up_cool_down_seconds: float = 120.0
    down_cool_down_seconds: float = 3_600.0
    reserved_scalings: int = 4
    lag_for_down_seconds: float = 60.0

    def __post_init__(self) -> None:
        if not 0 < self.down_below < self.bounds.target_utilisation < self.up_above <= 1:
            raise ValueError(
                "the thresholds have to rise: down below "
                f"{self.down_below}, target {self.bounds.target_utilisation}, up above {self.up_above}, at most 1"
            )
        if not 0 <= self.reserved_scalings < SCALINGS_PER_DAY:
            raise ValueError(
                f"of {SCALINGS_PER_DAY} changes a day 0 to 9 can be reserved, not {self.reserved_scalings}"
            )


@dataclass(frozen=True, slots=True)
class Observation:
    """What is seen of a stream at one time.

    Args:
        at: seconds since the epoch.
        stream: with the present load of its shards.
        by_minute: the stream's load of the last hour, by the minute's start.
        newest: when the newest whole minute of metrics ended; None before the first.
        throttled: records refused, by the minute.
        iterator_age_ms: at its worst, by the minute.
        writer: the table writer, where it was measured.
    """

    at: float
    stream: Stream
    by_minute: Mapping[float, Load]
    newest: float | None
    throttled: Mapping[float, float]
    iterator_age_ms: Mapping[float, float]
    writer: Writer | None = None


@dataclass(frozen=True, slots=True)
class Decision:
    """What to do now.

    Args:
        step: to take; None to wait.
        reason: one line.
        attention: whether somebody should know, although no step is taken.
        plan: the step is the first of.
    """

    step: Step | None
    reason: str
    attention: bool = False
    plan: Plan | None = None


def decide(seen: Observation, thresholds: Thresholds) -> Decision:
    """Decide on one step, or none."""
    stream, now = seen.stream, seen.at
    wait = _reason_to_wait(seen)
    if wait:
        return wait
    since = max(now - RECENT_SECONDS, stream.last_step_at or 0.0)
    recent, throttled = _peak_since(seen, since), _throttled_share(seen, since)
    full = hottest(stream.shards, stream.readers, recent)
    count, bounds = len(stream.shards), thresholds.bounds
    pressed = full > thresholds.up_above or throttled > THROTTLED_SHARE or count < bounds.minimum
    if pressed or (seen.writer and seen.writer.is_limit):
        return _up(seen, recent, thresholds, throttled)
    hour = peak(seen.by_minute.values())
    if count > bounds.minimum and hottest(stream.shards, stream.readers, hour) < thresholds.down_below:
        return _down(seen, hour, thresholds)
    return Decision(None, f"the hottest shard is {full:.0%} full: {count_of_shards(count, verb=True)} right")


def _reason_to_wait(seen: Observation) -> Decision | None:
    """Wait, where the stream cannot be changed, or nothing is known of it since it last was."""
    try:
        seen.stream.require_reshardable()
    except ShardsError as error:
        return Decision(None, str(error))
    if seen.newest is None or seen.at - seen.newest > OLDEST_METRICS_SECONDS:
        return Decision(None, "CloudWatch has no metrics of the last ten minutes", attention=True)
    since = seen.stream.last_step_at
    if since is not None and seen.newest - METRIC_PERIOD_SECONDS < since:
        return Decision(None, "no whole minute of metrics since the last step yet")
    return None


def lag_grows(age_ms: Mapping[float, float], now: float) -> bool:
    """Whether readers fall further behind; not to know is taken for yes."""
    window = {at: age for at, age in age_ms.items() if at >= now - LAG_WINDOW_SECONDS}
    if not window:
        return True
    middle = now - LAG_WINDOW_SECONDS / 2
    earlier = [age for at, age in window.items() if at < middle] or [0.0]
    later = [age for at, age in window.items() if at >= middle] or [window[max(window)]]
    mean_later = sum(later) / len(later)
    return mean_later > LAG_NEGLIGIBLE_MS and mean_later - sum(earlier) / len(earlier) > LAG_GROWN_MS


def _up(seen: Observation, recent: Load, thresholds: Thresholds, throttled: float) -> Decision:
    stream, bounds = seen.stream, thresholds.bounds
    since_step = seen.at - (stream.last_step_at or 0.0)
    if since_step < thresholds.up_cool_down_seconds:
        return Decision(None, "cooling down after the last step")
    if len(stream.scalings) >= SCALINGS_PER_DAY - thresholds.reserved_scalings:  # few are left: make the most of each
        doubled = min(2 * len(stream.shards), bounds.maximum)
        bounds = replace(bounds, minimum=max(bounds.minimum, doubled))
    decision = _first_step(seen, recent, bounds)
    plan = decision.plan
    if bounds != thresholds.bounds and decision.step:
        left = SCALINGS_PER_DAY - len(stream.scalings)
        full = hottest(stream.shards, stream.readers, recent)
        reason = (
            f"the hottest shard is {full:.0%} full, and only {left} of the ten changes of 24 hours are left: doubling"
        )
        decision = replace(decision, reason=reason)
    if plan and plan.shards_after < len(stream.shards):
        return Decision(None, "it throttles, so it does not shrink", attention=True)
    settled = since_step > thresholds.up_cool_down_seconds + RECENT_SECONDS
    if plan and plan.verdict == "nothing" and throttled > THROTTLED_SHARE and settled:
        reason = f"{throttled:.1%} of the records are refused although the hottest shard known is "
        reason += f"{plan.utilisation_before:.0%} full: bursts or a hot key, see spillway shards report"
        return replace(decision, reason=reason, attention=True)
    return decision


def _down(seen: Observation, hour: Load, thresholds: Thresholds) -> Decision:
    stream, now = seen.stream, seen.at
    if stream.last_step_at is not None and now - stream.last_step_at < thresholds.down_cool_down_seconds:
        return Decision(None, "idle, but cooling down after the last step")
    if min(seen.by_minute) > now - QUIET_SECONDS + 2 * METRIC_PERIOD_SECONDS:
        return Decision(None, "idle, but not known to be so for an hour")
    if lag_grows(seen.iterator_age_ms, now):
        return Decision(None, "idle, but readers fall behind, or nobody knows whether they do")
    if max(seen.iterator_age_ms.values()) > thresholds.lag_for_down_seconds * 1000:
        return Decision(None, "idle, but readers were behind within the hour")
    if len(stream.scalings) >= SCALINGS_PER_DAY - thresholds.reserved_scalings:
        return Decision(None, f"idle, but the last {thresholds.reserved_scalings} changes of the day are for growing")
    return _first_step(seen, hour, thresholds.bounds)


def _first_step(seen: Observation, load: Load, bounds: Bounds) -> Decision:
    """The first step of a plan for a load, where it may be taken now."""
    stream = replace(seen.stream, shards=reload(seen.stream.shards, load))
    try:
        plan = make_plan(stream, bounds, now=seen.at, writer=seen.writer)
    except ShardsError as error:
        return Decision(None, str(error), attention=True)
    if not plan.steps:
        return Decision(None, plan.reason, attention=plan.verdict in ("hot key", "ceiling"), plan=plan)
    step = plan.steps[0]
    if step.starts_at > seen.at:
        hours = (step.starts_at - seen.at) / 3600
        reason = f"{plan.reason}; but the ten changes of 24 hours are used up, the next is allowed in {hours:.1f} h"
        return Decision(None, reason, attention=True, plan=plan)
    return Decision(step, plan.reason, attention=True, plan=plan)


def _peak_since(seen: Observation, since: float) -> Load:
    """The stream's highest minute since a time."""
    recent = [load for at, load in seen.by_minute.items() if at >= since] or list(seen.by_minute.values())[-1:]
    return peak(recent)


def _throttled_share(seen: Observation, since: float) -> float:
    refused = sum(count for at, count in seen.throttled.items() if at >= since)
    if not refused:
        return 0.0
    records = sum(load.records_per_second * 60 for at, load in seen.by_minute.items() if at >= since)
    return refused / max(refused, records)
