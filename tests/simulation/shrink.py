"""The shortest history that still breaks a promise: actions and faults are left out while the failure stays."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from tests.simulation.plan import Action
from tests.simulation.simulation import Result
from tests.simulation.weather import Strike

Part = Action | Strike
Run = Callable[[list[Action], frozenset[Strike]], Result | None]

MOST_RUNS: Final = 120


@dataclass(frozen=True, slots=True)
class Shrunk:
    """A failure with as little as is needed.

    Args:
        actions: that clients and operators do.
        faults: that strike.
        result: of the last run that failed.
        runs: how many were tried.
    """

    actions: list[Action]
    faults: frozenset[Strike]
    result: Result
    runs: int


def shrink(actions: list[Action], failed: Result, run: Run, most_runs: int = MOST_RUNS) -> Shrunk:
    """Leave out actions and faults in chunks, ever smaller ones, as long as the failure stays.

    Args:
        actions: of the run that failed.
        failed: its result.
        run: runs the same seed with less; None where it broke.
        most_runs: bounds the search.
    """
    parts: list[Part] = [*failed.struck, *actions]
    last, runs = failed, 0
    size = len(parts) // 2
    while size and runs < most_runs:
        at, fewer_found = 0, False
        while at < len(parts) and runs < most_runs:
            fewer = parts[:at] + parts[at + size :]
            result = run(actions_of(fewer), faults_of(fewer))
            runs += 1
            if result is not None and result.broken is not None:
                parts, last, fewer_found = fewer, result, True
            else:
                at += size
        if size == 1 and not fewer_found:
            break
        size = max(1, size // 2)
    return Shrunk(actions_of(parts), faults_of(parts), last, runs)


def actions_of(parts: list[Part]) -> list[Action]:
    """The actions among some parts, in order of time."""
    return [part for part in parts if isinstance(part, Action)]


def faults_of(parts: list[Part]) -> frozenset[Strike]:
    """The faults among some parts."""
    return frozenset(part for part in parts if isinstance(part, Strike))
