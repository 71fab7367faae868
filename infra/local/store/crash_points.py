"""The moments at which a crash matters, by name; docs/decisions/local-store.md says what each leaves behind.

A crash test sets `SPILLWAY_CRASH_AT` to `NAME` or `NAME:COUNT`. The process kills itself, as `kill -9` does, when it
has reached that point COUNT times.
"""

import os
import signal
from collections import Counter
from enum import StrEnum
from typing import Final

VARIABLE: Final = "SPILLWAY_CRASH_AT"


class CrashPoint(StrEnum):
    """A place between two steps of writing."""

    BEFORE_COMMIT = "before-commit"
    AFTER_COMMIT = "after-commit"
    OBJECT_ASIDE = "object-aside"
    OBJECT_RECORDED = "object-recorded"
    OBJECT_IN_PLACE = "object-in-place"
    DELETION_RECORDED = "deletion-recorded"
    DELETION_DONE = "deletion-done"
    ROWS_WRITTEN = "rows-written"
    POINTER_SENT = "pointer-sent"
    DELIVERED = "delivered"
    POSITION_KEPT = "position-kept"
    RESHARDED = "resharded"
    EXPIRED_DELETED = "expired-deleted"
    WAL_EMPTIED = "wal-emptied"


class CrashPlan:
    """Where this process is to kill itself.

    Args:
        text: `NAME` or `NAME:COUNT`; empty for nowhere.

    Raises:
        ValueError: there is no such point, or the count is not a number.
    """

    def __init__(self, text: str) -> None:
        name, _, count = text.partition(":")
        self._point = CrashPoint(name) if name else None
        self._count = int(count or 1)
        self._reached: Counter[CrashPoint] = Counter()

    def reached(self, point: CrashPoint) -> None:
        """Kill this process if its time has come."""
        if point is self._point:
            self._reached[point] += 1
            if self._reached[point] == self._count:
                os.kill(os.getpid(), signal.SIGKILL)


_plan = CrashPlan(os.environ.get(VARIABLE, ""))


def reached(point: CrashPoint) -> None:
    """Say that a point was reached; outside crash tests this does nothing."""
    _plan.reached(point)
