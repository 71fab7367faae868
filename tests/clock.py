"""A clock the tests set, so that none of them sleeps."""

START = 1_790_000_000.0  # an instant in September 2026; any would do


class FakeClock:
    """A `producers.clock.Clock` that stands still until it is advanced."""

    def __init__(self, start: float = START) -> None:
        self._now = start
        self._wall_offset = 0.0

    def time(self) -> float:
        return self._now + self._wall_offset

    def monotonic(self) -> float:
        return self._now

    def step_wall(self, seconds: float) -> None:
        """Set the wall clock forward or, with a negative number, back; the monotonic clock does not notice."""
        self._wall_offset += seconds

    def sleep(self, seconds: float) -> None:
        self.advance(seconds)

    def advance(self, seconds: float) -> None:
        self._now += seconds


class RecordingClock(FakeClock):
    """A clock that notes how long each sleep was."""

    def __init__(self) -> None:
        super().__init__(1000.0)
        self.sleeps: list[float] = []

    def sleep(self, seconds: float) -> None:
        self.sleeps.append(seconds)
        super().sleep(seconds)
