"""What a function knows of its own invocation."""

from typing import Protocol

from producers.clock import SYSTEM_CLOCK, Clock


class Context(Protocol):
    """What the functions use of Lambda's context object."""

    def get_remaining_time_in_millis(self) -> int:
        """Milliseconds until Lambda ends the invocation."""


def deadline_of(context: Context, reserve_seconds: float, clock: Clock = SYSTEM_CLOCK) -> float:
    """When, on `clock.monotonic`, only `reserve_seconds` of the invocation's time will be left."""
    return clock.monotonic() + context.get_remaining_time_in_millis() / 1000 - reserve_seconds
