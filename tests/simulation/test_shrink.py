"""Shrinking: what a failure does not need is left out."""

from dataclasses import replace

from tests.simulation.plan import Action, plan
from tests.simulation.shrink import shrink
from tests.simulation.simulation import Result
from tests.simulation.weather import Strike

FAULTS = tuple(Strike(second, "PutRecords", 1) for second in range(20))
ACTIONS = [Action(float(at), "post", at, 1) for at in range(30)]
FAILED = Result(1, 30, 20, 1.0, "", "a promise", FAULTS, ())


def run(actions: list[Action], faults: frozenset[Strike]) -> Result:
    """Fails where action 17 and fault 5 are there."""
    fails = ACTIONS[17] in actions and FAULTS[5] in faults
    return replace(FAILED, broken="a promise" if fails else None, struck=tuple(faults))


def test_the_one_action_and_the_one_fault_that_matter_are_left():
    shortest = shrink(ACTIONS, FAILED, run)
    assert shortest.actions == [ACTIONS[17]]
    assert shortest.faults == {FAULTS[5]}
    assert shortest.result.broken == "a promise"


def test_the_search_is_bounded():
    assert shrink(ACTIONS, FAILED, run, most_runs=3).runs == 3


def test_a_plan_is_of_its_seed():
    assert plan(4) == plan(4)
    assert plan(4) != plan(5)
    assert plan(4) == sorted(plan(4), key=lambda action: action.at)
