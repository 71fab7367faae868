"""What is left of an invocation's time."""

from types import SimpleNamespace

from producers.clock import SYSTEM_CLOCK
from producers.invocation import deadline_of
from tests.clock import FakeClock


def test_the_deadline_is_the_end_of_the_invocation_without_the_reserve():
    clock = FakeClock()
    context = SimpleNamespace(get_remaining_time_in_millis=lambda: 30_000)
    assert deadline_of(context, 2.5, clock) == clock.monotonic() + 27.5


def test_the_systems_clock_sleeps():
    before = SYSTEM_CLOCK.monotonic()
    SYSTEM_CLOCK.sleep(0.01)
    assert SYSTEM_CLOCK.monotonic() - before >= 0.01
