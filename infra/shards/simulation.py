"""The planner against a traffic trace, a minute at a time: shards, refused records, lag, and what it costs.

It serves to set the thresholds of automatic scaling. What it leaves out: refused records are not tried again, load
within a minute is even, and readers drain a shard's backlog at a steady rate.
"""

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from infra.prices import SECONDS_A_MONTH
from infra.shards.autoscaling import QUIET_SECONDS, Decision, Observation, Thresholds, decide
from infra.shards.changing import describe
from infra.shards.cost import on_demand, provisioned
from infra.shards.limits import HASH_KEYS
from infra.shards.load import HotKey, Load, Shard, uniform_ranges
from infra.shards.steps import Step
from infra.shards.stream import Stream, within_a_day
from infra.shards.traffic import HOT_HASH_KEY, HOT_KEY, MINUTE_SECONDS, Moment

METRICS_LATE_SECONDS: Final = 60.0  # CloudWatch shows a minute about one minute after it ended
READERS: Final = 2  # the table writer and Firehose
Range = tuple[int, int]
_NUMBER = re.compile(r"[\d.,]+")


@dataclass(frozen=True, slots=True)
class Minute:
    """What happened in one minute.

    Args:
        at: its start in seconds.
        shards: open during it.
        offered: records offered.
        throttled: of those, refused.
        lag_seconds: how far readers are behind at its end, in the shard that is worst.
        utilisation: of the hottest shard by what was offered, 1 being full.
        cost: US dollars up to its end.
        on_demand_cost: the same, were the stream on demand.
    """

    at: float
    shards: int
    offered: float
    throttled: float
    lag_seconds: float
    utilisation: float
    cost: float
    on_demand_cost: float


@dataclass(frozen=True, slots=True)
class Taken:
    """A step that was taken.

    Args:
        at: when, in seconds.
        what: in words.
        reason: why.
        step: itself.
    """

    at: float
    what: str
    reason: str
    step: Step


@dataclass(frozen=True, slots=True)
class Simulation:
    """What came of a trace."""

    minutes: list[Minute]
    taken: list[Taken]
    notices: list[str]

    @property
    def throttled_share(self) -> float:
        """Of all records offered, those refused."""
        offered = sum(minute.offered for minute in self.minutes)
        return sum(minute.throttled for minute in self.minutes) / offered if offered else 0.0


@dataclass(frozen=True, slots=True)
class _Alike:
    """Shards that take equal parts of a load; thousands of shards are mostly a few of these."""

    count: int
    share: float
    is_hot: bool

    def load(self, moment: Moment) -> Load:
        """The load of each of them."""
        even = moment.load * ((1 - moment.hot_share) * self.share)
        return even + moment.load * moment.hot_share if self.is_hot and moment.hot_share else even


class _Shards:
    """The open shards, and what of a load each takes."""

    def __init__(self, ranges: list[Range]) -> None:
        self.ranges = ranges
        kinds = Counter(
            (round((end - start + 1) / HASH_KEYS, 12), start <= HOT_HASH_KEY <= end) for start, end in ranges
        )
        self.groups = [_Alike(count, share, is_hot) for (share, is_hot), count in kinds.items()]
        self._measured: dict[tuple[float, float], tuple[Shard, ...]] = {}

    def measured(self, moment: Moment) -> tuple[Shard, ...]:
        """The shards as a report would show them; of their loads only the proportions are of interest."""
        load = moment.load
        mix = moment.hot_share, round(load.bytes_per_second / (load.records_per_second or 1), 6)
        if mix not in self._measured:
            self._measured = {mix: self._measure(moment)}
        return self._measured[mix]

    def _measure(self, moment: Moment) -> tuple[Shard, ...]:
        shards = []
        for number, (start, end) in enumerate(self.ranges):
            is_hot = start <= HOT_HASH_KEY <= end and moment.hot_share > 0
            load = _Alike(1, (end - start + 1) / HASH_KEYS, is_hot).load(moment)
            keys = (HotKey(HOT_KEY, HOT_HASH_KEY, moment.load * moment.hot_share),) if is_hot else ()
            shards.append(Shard(f"shardId-{number:012d}", start, end, load, keys))
        return tuple(shards)

    def after(self, step: Step) -> "_Shards":
        """The shards that a step leads to."""
        if step.kind == "scale":
            return _Shards(uniform_ranges(step.after))
        kept = [r for r in self.ranges if r not in step.ranges]
        if step.kind == "split":
            [(start, end)] = step.ranges
            at = step.at or 0
            return _Shards(sorted([*kept, (start, at - 1), (at, end)]))
        (start, _), (_, end) = step.ranges
        return _Shards(sorted([*kept, (start, end)]))


def simulate(
    trace: Sequence[Moment],
    thresholds: Thresholds,
    *,
    shards: int,
    reader_records_per_second: float = 2_000.0,
    quota: int = 10_000,
) -> Simulation:
    """Let automatic scaling loose on a trace.

    Args:
        trace: a moment for each minute.
        thresholds: of automatic scaling.
        shards: open at the beginning.
        reader_records_per_second: that the slowest reader gets through in each shard.
        quota: shards the account may have open.
    """
    run = _Run(thresholds, shards, reader_records_per_second, quota)
    for moment in trace:
        run.minute(moment)
    return Simulation(run.minutes, run.taken, run.notices)


class _Run:
    """The state of a simulation."""

    def __init__(self, thresholds: Thresholds, shards: int, reader_rate: float, quota: int) -> None:
        self.minutes: list[Minute] = []
        self.taken: list[Taken] = []
        self.notices: list[str] = []
        self._thresholds = thresholds
        self._reader_rate = reader_rate
        self._quota = quota
        self._shards = _Shards(uniform_ranges(shards))
        self._next: tuple[float, _Shards] | None = None
        self._backlog = [0.0] * len(self._shards.groups)
        self._scalings: list[float] = []
        self._last_step_at: float | None = None
        self._history: list[Moment] = []
        self._throttled: dict[float, float] = {}
        self._ages: dict[float, float] = {}
        self._cost = self._on_demand_cost = 0.0

    def minute(self, moment: Moment) -> None:
        """Carry one minute of traffic, then decide."""
        if self._next and moment.at >= self._next[0]:
            self._reshard(self._next[1])
        groups = self._shards.groups
        loads = [group.load(moment) for group in groups]
        taken = [load.records_per_second * MINUTE_SECONDS / max(1.0, load.shards()) for load in loads]
        offered = moment.load.records_per_second * MINUTE_SECONDS
        passed = sum(group.count * records for group, records in zip(groups, taken, strict=True))
        self._read(taken)
        throttled = max(0.0, offered - passed) if offered > passed * (1 + 1e-9) else 0.0
        lag = max(self._backlog) / self._reader_rate
        month = MINUTE_SECONDS / SECONDS_A_MONTH
        shards = len(self._shards.ranges)
        self._cost += provisioned(shards, moment.load * (passed / offered if offered else 1.0)) * month
        self._on_demand_cost += on_demand(moment.load, readers=READERS) * month
        self.minutes.append(
            Minute(
                moment.at,
                shards,
                offered,
                throttled,
                lag,
                max(load.shards() for load in loads),
                self._cost,
                self._on_demand_cost,
            )
        )
        self._history = [m for m in self._history if m.at > moment.at - QUIET_SECONDS] + [moment]
        self._throttled[moment.at], self._ages[moment.at] = throttled, lag * 1000
        self._act(moment)

    def _read(self, taken: Iterable[float]) -> None:
        most = self._reader_rate * MINUTE_SECONDS
        self._backlog = [max(0.0, held + new - most) for held, new in zip(self._backlog, taken, strict=True)]

    def _reshard(self, shards: _Shards) -> None:
        """Open the new shards; what is still unread is spread over them, as the load is."""
        held = sum(group.count * unread for group, unread in zip(self._shards.groups, self._backlog, strict=True))
        self._shards, self._next = shards, None
        self._backlog = [held * group.share for group in shards.groups]

    def _act(self, moment: Moment) -> None:
        now = moment.at + MINUTE_SECONDS
        decision = decide(self._observe(now), self._thresholds)
        if decision.step is None:
            if decision.attention and self._history[0].at < moment.at - METRICS_LATE_SECONDS:
                self._notice(decision.reason)
            return
        self._take(decision, decision.step, now)

    def _notice(self, reason: str) -> None:
        """Keep a notice, unless it says what the one before said, with other numbers."""
        if not self.notices or _NUMBER.sub("", self.notices[-1]) != _NUMBER.sub("", reason):
            self.notices.append(reason)

    def _take(self, decision: Decision, step: Step, now: float) -> None:
        self.taken.append(Taken(now, describe(step), decision.reason, step))
        self._last_step_at = now
        if step.kind == "scale":
            self._scalings.append(now)
        self._next = (now + step.seconds, self._shards.after(step))

    def _observe(self, now: float) -> Observation:
        """What CloudWatch shows by now."""
        newest = now - METRICS_LATE_SECONDS
        seen = [m for m in self._history if m.at + MINUTE_SECONDS <= newest]
        count = len(self._shards.ranges)
        stream = Stream(
            name="simulated",
            arn="",
            status="UPDATING" if self._next else "ACTIVE",
            mode="PROVISIONED",
            retention_hours=24,
            shards=self._shards.measured(seen[-1] if seen else self._history[-1]),
            quota=self._quota,
            quota_left=self._quota - count,
            scalings=within_a_day(self._scalings, now),
            last_step_at=self._last_step_at,
            readers=READERS,
        )
        since = now - QUIET_SECONDS
        return Observation(
            at=now,
            stream=stream,
            by_minute={m.at: m.load for m in seen},
            newest=seen[-1].at + MINUTE_SECONDS if seen else None,
            throttled={m.at: self._throttled[m.at] for m in seen},
            iterator_age_ms={m.at: self._ages[m.at] for m in seen if m.at >= since},
        )
