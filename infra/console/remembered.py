"""A value that takes long, or costs, to ask: asked once for all pages, and again after some seconds."""

import threading
import time
from collections.abc import Callable
from typing import Generic, TypeVar

T = TypeVar("T")


class Remembered(Generic[T]):
    """The last answer of a function.

    Args:
        ask: the function.
        for_seconds: that an answer is kept.
        clock: monotonic.
    """

    def __init__(self, ask: Callable[[], T], for_seconds: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._ask = ask
        self._for_seconds = for_seconds
        self._clock = clock
        self._lock = threading.Lock()
        self._known: tuple[float, T] | None = None

    def value(self) -> T:
        """The answer, asked anew where it is too old; several who ask at once wait for one answer."""
        with self._lock:
            if self._known is None or self._clock() - self._known[0] >= self._for_seconds:
                self._known = (self._clock(), self._ask())
            return self._known[1]
