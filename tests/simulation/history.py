"""The history of one simulation: every step, call and answer, as a hash and, for the last part, as lines to read."""

import hashlib
import os
from collections import Counter, deque
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final

KEPT_LINES: Final = 20_000


class History:
    """Takes down what happens.

    Args:
        seed: of the simulation.
        elapsed: the simulated seconds since the beginning.
    """

    def __init__(self, seed: int, elapsed: Callable[[], float]) -> None:
        self._elapsed = elapsed
        self._hash = hashlib.sha256()
        folder = os.environ.get("SIMULATION_TRACE")  # of files with the whole history, to compare two runs
        self._trace = (Path(folder) / str(seed)).open("wb") if folder else None
        self.lines: deque[str] = deque(maxlen=KEPT_LINES)
        self.faults: Counter[str] = Counter()
        self.calls: Counter[str] = Counter()

    def step(self, actor: str) -> None:
        """An actor got its turn."""
        self._add(f"{self._elapsed():.6f} {actor}\n".encode())

    def call(self, actor: str, operation: str, request: bytes) -> None:
        """An actor calls AWS."""
        self.calls[operation] += 1
        self._add(f"call {actor} {operation} ".encode() + request + b"\n")

    def answer(self, operation: str, answer: object) -> None:
        """AWS answers, or fails to."""
        self._add(f"answer {operation} {plain(answer)}\n".encode())

    def fault(self, actor: str, operation: str, fault: str) -> None:
        """A call is hit by a fault."""
        self.faults[f"{operation} {fault}"] += 1
        self.note(actor, f"{operation}: {fault}")

    def note(self, actor: str, text: str) -> None:
        """Something that a reader of a failure wants to know."""
        line = f"{self._elapsed():12.3f}  {actor:<28} {text}"
        self.lines.append(line)
        self._add(line.encode())

    def _add(self, text: bytes) -> None:
        self._hash.update(text)
        if self._trace is not None:
            self._trace.write(text + b"\n")
            self._trace.flush()

    def digest(self) -> str:
        """The hash of all of it."""
        return self._hash.hexdigest()[:16]


def plain(value: Any) -> str:
    """A value as text that is the same in every run: no addresses, no metadata of the connection."""
    if isinstance(value, Mapping):
        inner = (f"{key}={plain(each)}" for key, each in value.items() if key != "ResponseMetadata")
        return "{" + " ".join(inner) + "}"
    if isinstance(value, list | tuple):
        return "[" + " ".join(map(plain, value)) + "]"
    if isinstance(value, str | bytes | int | float | bool | None):
        return repr(value)
    if isinstance(value, BaseException):
        return f"{type(value).__name__}: {value}"
    return type(value).__name__ if not hasattr(value, "isoformat") else str(value.isoformat())
