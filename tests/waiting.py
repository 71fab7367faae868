"""Waiting for what runs on threads or in another process: the one place where a test sleeps."""

import time
from collections.abc import Callable
from typing import TypeVar

Found = TypeVar("Found")


def wait_until(condition: Callable[[], Found], seconds: float = 60.0, pause_seconds: float = 0.02) -> Found:
    """Wait until a condition gives something true, and return it.

    Args:
        condition: asked again and again.
        seconds: on the machine's own clock; then the test fails.
        pause_seconds: between two questions.

    Raises:
        AssertionError: it did not happen in time.
    """
    deadline = time.monotonic() + seconds
    while not (found := condition()):
        assert time.monotonic() < deadline, f"it did not happen within {seconds:g} s"
        time.sleep(pause_seconds)
    return found
