"""What every running part of the local pipeline has in common."""

from typing import Protocol

from infra.status import HopStatus


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
