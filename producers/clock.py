"""Time as an argument, so that nothing in the tests has to sleep."""

import time
from typing import Protocol


class Clock(Protocol):
    """What the pipeline needs of time."""

    def time(self) -> float:
        """Seconds since the Unix epoch, UTC."""

    def monotonic(self) -> float:
        """Seconds on a clock that never goes back; only differences mean anything."""

    def sleep(self, seconds: float) -> None:
        """Wait so many seconds."""


class SystemClock:
    """The machine's own clock."""

    def time(self) -> float:
        """See `Clock`."""
        return time.time()

    def monotonic(self) -> float:
        """See `Clock`."""
        return time.monotonic()

    def sleep(self, seconds: float) -> None:
        """See `Clock`."""
        time.sleep(seconds)


SYSTEM_CLOCK = SystemClock()
