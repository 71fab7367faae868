"""What `spillway status` shows of each part of the pipeline, on AWS and on one machine."""

from dataclasses import dataclass


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
