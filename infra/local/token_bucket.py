"""A token bucket: so many a second, so many at once."""

import threading

from producers.clock import SYSTEM_CLOCK, Clock


class TokenBucket:
    """Throttles as API Gateway and Kinesis do.

    Args:
        rate_per_second: tokens that flow in.
        burst: the most that it holds; it starts full.
        clock: the time.
    """

    def __init__(self, rate_per_second: float, burst: float, clock: Clock = SYSTEM_CLOCK) -> None:
        self._rate_per_second = rate_per_second
        self._burst = burst
        self._clock = clock
        self._lock = threading.Lock()
        self._tokens = burst
        self._filled_at = clock.monotonic()

    def take(self, tokens: float = 1) -> bool:
        """Take tokens, if there are as many."""
        with self._lock:
            now = self._clock.monotonic()
            self._tokens = min(self._burst, self._tokens + (now - self._filled_at) * self._rate_per_second)
            self._filled_at = now
            if self._tokens < tokens:
                return False
            self._tokens -= tokens
            return True
