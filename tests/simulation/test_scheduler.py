"""The scheduler: one actor at a time, in an order that the seed decides, without real time."""

from itertools import pairwise

import pytest

from tests.simulation.scheduler import LONGEST_STRETCH_SECONDS, Deadlock, Scheduler


def order(seed: int) -> list[str]:
    """The order in which three actors take ten turns each."""
    turns: list[str] = []
    scheduler = Scheduler(seed, turns.append)

    def take_turns() -> None:
        for _ in range(10):
            scheduler.hand_over()

    for name in "abc":
        scheduler.spawn(name, take_turns)
    scheduler.run_until(lambda: not scheduler.actors(), limit_seconds=1)
    return turns


def test_a_seed_decides_the_order_of_turns():
    assert order(1) == order(1)
    assert order(1) != order(2)
    assert len(order(1)) == 33


def test_where_every_actor_waits_the_clock_jumps_to_the_earliest_end():
    scheduler = Scheduler(1)
    woken: list[tuple[str, float]] = []

    def sleeper(name: str, seconds: float) -> None:
        scheduler.sleep(seconds)
        woken.append((name, scheduler.monotonic()))

    scheduler.spawn("long", lambda: sleeper("long", 86_400.0))
    scheduler.spawn("short", lambda: sleeper("short", 1.5))
    assert scheduler.run_until(lambda: len(woken) == 2, limit_seconds=100_000)
    assert woken == [("short", 1.5), ("long", 86_400.0)]


def test_it_stops_at_its_limit():
    scheduler = Scheduler(1)
    scheduler.spawn("sleeper", lambda: scheduler.sleep(10.0))
    assert not scheduler.run_until(lambda: False, limit_seconds=9.0)
    assert scheduler.elapsed == 9.0


def test_actors_that_wait_for_each_other_are_named():
    scheduler = Scheduler(1)
    scheduler.spawn("first", lambda: scheduler.wait("the second"))
    with pytest.raises(Deadlock, match=r"first \(the second\)"):
        scheduler.run_until(lambda: False, limit_seconds=1)


def test_what_an_actor_raises_ends_the_simulation():
    scheduler = Scheduler(1)

    def fail() -> None:
        raise ValueError("broken")

    scheduler.spawn("failing", fail)
    with pytest.raises(ValueError, match="broken"):
        scheduler.run_until(lambda: False, limit_seconds=1)


def polls(scheduler: Scheduler, seconds: float) -> list[float]:
    """When an actor that polls each second gets its turn, for so long."""
    at: list[float] = []

    def poll() -> None:
        while scheduler.elapsed < seconds:
            scheduler.sleep(1.0)
            at.append(scheduler.elapsed)

    scheduler.spawn("poller", poll)
    scheduler.run_until(lambda: not scheduler.actors(), limit_seconds=seconds * 3)
    return at


def test_an_actor_that_polls_in_vain_is_woken_less_and_less_often():
    at = polls(Scheduler(1), 3600.0)
    pauses = [later - earlier for earlier, later in pairwise(at)]
    assert pauses[0] == 1.0
    assert LONGEST_STRETCH_SECONDS / 2 <= max(pauses) <= LONGEST_STRETCH_SECONDS
    assert len(at) < 100


def test_a_change_brings_its_usual_pace_back():
    scheduler = Scheduler(1)
    at: list[float] = []

    def change() -> None:
        scheduler.sleep(1800.0)
        scheduler.changed()
        at.append(scheduler.elapsed)

    scheduler.spawn("changer", change)
    polled = polls(scheduler, 3600.0)
    [changed_at] = at
    after = [each for each in polled if each > changed_at]
    assert after[0] <= changed_at + 1.0


def test_an_actor_that_is_killed_has_no_more_turns():
    scheduler = Scheduler(1)
    ended: list[str] = []

    def run() -> None:
        scheduler.sleep(5.0)
        ended.append("victim")

    victim = scheduler.spawn("victim", run)

    def kill() -> None:
        scheduler.sleep(1.0)
        scheduler.kill(victim)

    scheduler.spawn("killer", kill)
    scheduler.run_until(lambda: not scheduler.actors(), limit_seconds=10)
    assert ended == []
