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
        waiting: how many are held, or lie unread on the stream or in the queue before it.
        failed: how many left for good by the way for failures (dead letter, error object, rejection).
        retried: how many were sent back for now, to be sent again; they are in none of the other counts.
        cause: the error that holds it up now, or that it met last; empty where nothing is wrong.
    """

    hop: str
    unit: str
    received: int
    delivered: int
    waiting: int
    failed: int
    retried: int = 0
    cause: str = ""
