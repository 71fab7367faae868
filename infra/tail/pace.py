"""How often a tail reads a shard: once a second, and less where the stream's consumers need what it takes."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from producers.clock import SYSTEM_CLOCK, Clock

READ_SECONDS: Final = 1.0  # one of the five reads a second that a shard gives to all its readers (Kinesis quota, 2026)
LONGEST_SECONDS: Final = 16.0
MAX_BYTES_PER_SECOND: Final = 1024 * 1024  # half of the 2 MiB a second that a shard gives to all its readers
RECOVERY: Final = 0.8  # of the pause, after every read that the shard admits

AGE_EVERY_SECONDS: Final = 60.0  # CloudWatch has a value a minute
LEAST_AGE_SECONDS: Final = 10.0  # a consumer that is this young has caught up
GROWN: Final = 1.2  # times what it was a minute before


@dataclass(slots=True)
class Pace:
    """The pause between two reads of a shard.

    Args:
        least: seconds, where nothing is in the way.
        seconds: as it is now.
    """

    least: float
    seconds: float

    def refused(self) -> None:
        """The shard refused a read, or consumers fall behind: the pause doubles."""
        self.seconds = min(LONGEST_SECONDS, self.seconds * 2)

    def admitted(self, size_bytes: int) -> float:
        """The shard gave so many bytes; seconds until the next read."""
        self.seconds = max(self.least, self.seconds * RECOVERY)
        return max(self.seconds, size_bytes / MAX_BYTES_PER_SECOND)


class ConsumersAge:
    """Looks once a minute whether the stream's consumers fall behind.

    Args:
        read: gives how far the slowest of them is behind, in seconds; None where nobody knows.
        clock: the time.
    """

    def __init__(self, read: Callable[[], float | None], clock: Clock = SYSTEM_CLOCK) -> None:
        self._read = read
        self._clock = clock
        self._next = clock.monotonic()
        self.seconds: float | None = None

    def grew(self) -> bool:
        """Whether they are further behind than a minute ago, and not young; False between two looks."""
        now = self._clock.monotonic()
        if now < self._next:
            return False
        self._next = now + AGE_EVERY_SECONDS
        before, self.seconds = self.seconds, self._read()
        if before is None or self.seconds is None:
            return False
        return self.seconds >= LEAST_AGE_SECONDS and self.seconds > GROWN * before
