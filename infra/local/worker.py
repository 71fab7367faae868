"""What every running part of the local pipeline has in common."""

from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class HopStatus:
    """How much went through one part of the pipeline since it started.

    Args:
        hop: its name, such as `firehose`.
        unit: what is counted: `events`, `records`, `messages`.
        received: how many came in.
        delivered: how many left by the regular way.
        waiting: how many are held, or known to wait in front of it.
        failed: how many left by the way for failures (dead letter, error object, rejection).
    """

    hop: str
    unit: str
    received: int
    delivered: int
    waiting: int
    failed: int


class Worker(Protocol):
    """A part that runs on threads of its own: an event source mapping, Firehose."""

    def start(self) -> None:
        """Begin, on threads of its own; returns at once."""

    def drain(self) -> None:
        """From now on wait for no window and no buffer to fill: pass on at once what is held."""

    def is_drained(self) -> bool:
        """Whether, `drain` having been called, nothing is left: the source read to its end, the buffers empty."""

    def stop(self) -> None:
        """End the threads and wait for them; what is held then stays undelivered. A second call does nothing."""

    def status(self) -> HopStatus:
        """The counts so far."""
