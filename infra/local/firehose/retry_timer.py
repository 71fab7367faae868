"""Says when to retry work that must never be given up, without sleeping."""

from typing import Final

from producers.clock import Clock

FIRST_WAIT_SECONDS: Final = 0.25
LONGEST_WAIT_SECONDS: Final = 30.0


class RetryTimer:
    """Grows the wait with every failure in a row, up to a bound; a success resets it.

    Unlike `producers.retry.Backoff` it has no deadline and never sleeps: its owner asks whether it is time, and can
    be stopped or can report its state in between.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._wait_seconds = FIRST_WAIT_SECONDS
        self._not_before = clock.monotonic()
        self.cause = ""  # of the last failure, until a success

    def is_due(self) -> bool:
        """Whether it is time to try."""
        return self._clock.monotonic() >= self._not_before

    def failed(self, cause: str) -> float:
        """Count a failure and keep its cause; return the seconds until the next try."""
        self.cause = cause
        waited = self._wait_seconds
        self._not_before = self._clock.monotonic() + waited
        self._wait_seconds = min(waited * 2, LONGEST_WAIT_SECONDS)
        return waited

    def succeeded(self) -> None:
        """Begin anew."""
        self.cause = ""
        self._wait_seconds = FIRST_WAIT_SECONDS
        self._not_before = self._clock.monotonic()
