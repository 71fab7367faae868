"""The pipeline's parts over the last minute: sampled, and what follows from the samples."""

import itertools
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from infra.status import HopStatus

SAMPLES: Final = 61  # a minute of seconds, both ends included
FRESH_SECONDS: Final = 1.0  # parts that are sampled so often may be asked at any time
IDLE_SECONDS: Final = 90.0  # without anyone who looks, sampling pauses


@dataclass(frozen=True, slots=True)
class Sample:
    """The parts at one moment.

    Args:
        at: on a monotonic clock, in seconds.
        hops: the parts, in the order of the pipeline.
        window_seconds: over which their counts were taken; None where they are since the start.
    """

    at: float
    hops: tuple[HopStatus, ...]
    window_seconds: float | None = None


@dataclass(frozen=True, slots=True)
class Flow:
    """What one part does at present.

    Args:
        hop: its counts.
        rate: that it delivers each second, over the last five seconds.
        lag_seconds: how long what is delivered now has waited; None where the samples do not reach back so far.
        history: deliveries a second, the newest last.
    """

    hop: HopStatus
    rate: float
    lag_seconds: float | None
    history: tuple[float, ...]


class Watch:
    """Samples the parts while somebody looks.

    Args:
        take: takes a sample's counts.
        every_seconds: between two samples.
        window_seconds: see `Sample`.
        clock: monotonic.
    """

    def __init__(
        self,
        take: Callable[[], Iterable[HopStatus]],
        *,
        every_seconds: float = 1.0,
        window_seconds: float | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._take = take
        self._every_seconds = every_seconds
        self._window_seconds = window_seconds
        self._clock = clock
        self._samples: deque[Sample] = deque(maxlen=SAMPLES)
        self._lock = threading.Lock()
        self._looked_at = clock()
        self._wanted = threading.Event()
        self._stopped = threading.Event()
        self._thread: threading.Thread | None = None

    @property
    def every_seconds(self) -> float:
        """Between two samples."""
        return self._every_seconds

    def samples(self) -> tuple[Sample, ...]:
        """The samples of the last minute, and last one that was taken now where that costs nothing."""
        self._looked_at = self._clock()
        with self._lock:
            newest = self._samples[-1].at if self._samples else None
        if newest is None or self._clock() - newest > self._every_seconds * 1.5:
            self.sample()
        self._start()
        self._wanted.set()
        with self._lock:
            kept = tuple(self._samples)
        if self._every_seconds > FRESH_SECONDS:
            return kept
        return (*kept, Sample(self._clock(), tuple(self._take()), self._window_seconds))

    def sample(self) -> None:
        """Take a sample now."""
        hops = tuple(self._take())
        with self._lock:
            self._samples.append(Sample(self._clock(), hops, self._window_seconds))

    def stop(self) -> None:
        """Take no more samples."""
        self._stopped.set()
        self._wanted.set()
        if self._thread is not None:
            self._thread.join()

    def _start(self) -> None:
        with self._lock:
            if self._thread is None and not self._stopped.is_set():
                self._thread = threading.Thread(target=self._run, name="console-watch", daemon=True)
                self._thread.start()

    def _run(self) -> None:
        while not self._stopped.wait(self._every_seconds):
            if self._clock() - self._looked_at > IDLE_SECONDS:
                self._wanted.clear()
                self._wanted.wait()
                continue
            try:
                self.sample()
            except Exception:  # noqa: BLE001, S112 (the next request takes a sample itself, and shows why it fails)
                continue


def flows(samples: Sequence[Sample]) -> list[Flow]:
    """What each part does, from samples of one minute; empty where there are no samples."""
    if not samples:
        return []
    return [_flow(samples, place) for place in range(len(samples[-1].hops))]


def _flow(samples: Sequence[Sample], place: int) -> Flow:
    newest = samples[-1]
    hop = newest.hops[place]
    if newest.window_seconds is not None:
        history = tuple(each.hops[place].delivered / newest.window_seconds for each in samples)
        return Flow(hop, history[-1], None, history)
    pairs = list(itertools.pairwise(samples))
    history = tuple(_rate(earlier, later, place) for earlier, later in pairs)
    recent = [each for each in samples if newest.at - each.at <= 5.5]
    return Flow(hop, _rate(recent[0], newest, place), lag_seconds(samples, place), history)


def _rate(earlier: Sample, later: Sample, place: int) -> float:
    seconds = later.at - earlier.at
    if seconds <= 0:
        return 0.0
    return max(0, later.hops[place].delivered - earlier.hops[place].delivered) / seconds


def lag_seconds(samples: Sequence[Sample], place: int) -> float | None:
    """How long ago what a part delivers now had come to it; 0 where nothing waits.

    What had come to a part is what it delivered, what failed and what waits. The oldest sample in which more had come
    than has left by now is from when the first of what waits came.
    """
    newest = samples[-1]
    hop = newest.hops[place]
    if not hop.waiting:
        return 0.0
    left = hop.delivered + hop.failed
    for number, sample in enumerate(samples):
        then = sample.hops[place]
        if then.delivered + then.failed + then.waiting > left:
            return None if number == 0 and len(samples) > 1 else newest.at - sample.at
    return 0.0
