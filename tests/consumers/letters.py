"""Dead letters for tests."""

from consumers.dead_letter import (
    DeadLetter,
    Failure,
)
from consumers.stream_batch import Source

SOURCE = Source("spillway-local-events", "shardId-000000000003", "4957", 2, "user-1", "2026-11-23T02:34:56.987Z")


def a_letter(data: bytes | None = b"bytes", message: str = "why") -> DeadLetter:
    return DeadLetter("table_writer", "2026-11-23T02:35:00.000000Z", Failure("PoisonEvent", message), 1, SOURCE, data)
