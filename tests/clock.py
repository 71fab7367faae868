"""A clock the tests set, so that none of them sleeps."""

START = 1_790_000_000.0  # an instant in September 2026; any would do


class FakeClock:
    """A `producers.clock.Clock` that stands still until told to go on."""

    def __init__(self, start: float = START) -> None:
        self._now = start

    def time(self) -> float:
        return self._now

    def monotonic(self) -> float:
        return self._now

    def sleep(self, seconds: float) -> None:
        self.advance(seconds)

    def advance(self, seconds: float) -> None:
        self._now += seconds
