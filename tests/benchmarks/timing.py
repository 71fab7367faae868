"""Timing contestants in turn, with a spin beside each run.

The cores of a shared machine change their speed under the measurement. So what is compared runs in turn, and only
runs whose spins took the same time are set against each other.
"""

import gc
import statistics
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final, Literal

from tests.benchmarks.machine import spin

ALIKE: Final = 1.2  # spins within this factor were run at one speed

Measure = Literal["cpu", "wall"]


@dataclass(frozen=True, slots=True)
class Run:
    """One run of one contestant.

    Args:
        cpu: seconds of this process, all its threads.
        wall: seconds.
        spin: milliseconds, the mean of one spin before and one after.
    """

    cpu: float
    wall: float
    spin: float


@dataclass(frozen=True, slots=True)
class Series:
    """The runs of one contestant, in the order of the rounds."""

    runs: list[Run]

    @property
    def cpu(self) -> float:
        """Median CPU seconds of a run."""
        return statistics.median(run.cpu for run in self.runs)

    @property
    def wall(self) -> float:
        """Median seconds of a run."""
        return statistics.median(run.wall for run in self.runs)


def once(work: Callable[[], object]) -> Run:
    """Run a piece of work once, timed."""
    gc.collect()
    before = spin()
    cpu, wall = time.process_time(), time.perf_counter()
    work()
    cpu, wall = time.process_time() - cpu, time.perf_counter() - wall
    return Run(cpu, wall, (before + spin()) / 2)


def in_turn(
    contestants: Mapping[str, Callable[[], object]],
    rounds: int,
    warm_ups: int = 1,
    *,
    run: Callable[[Callable[[], object]], Run] = once,
) -> dict[str, Series]:
    """Run every contestant once a round; the warm-ups are thrown away."""
    series: dict[str, Series] = {name: Series([]) for name in contestants}
    for number in range(-warm_ups, rounds):
        for name, work in contestants.items():
            timed = run(work)
            if number >= 0:
                series[name].runs.append(timed)
    return series


def times(ours: Series, baseline: Series, measure: Measure = "cpu") -> float:
    """How many times the baseline's time ours took: the median over rounds at one speed, or over all."""
    pairs = list(zip(ours.runs, baseline.runs, strict=True))
    alike = [(one, other) for one, other in pairs if max(one.spin, other.spin) <= ALIKE * min(one.spin, other.spin)]
    return statistics.median(getattr(one, measure) / getattr(other, measure) for one, other in alike or pairs)
