"""Where the events of a period are seen: on the stream, in the table, in the lake, among dead letters and errors.

An event is known by its key. Other bytes are known by their digest, so that they too are found again among the dead
letters and the errors.
"""

import hashlib
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Literal

import pyarrow as pa

from infra.audit.keys import key_of
from producers.event import PoisonEvent

Place = Literal["stream", "table", "landing", "compacted", "dead_letters", "firehose_errors"]

PATIENCE_SECONDS: Final = 120.0  # for a shard's five reads a second, shared with the pipeline itself
# Sightings as columns; the members of `Sighting` in their order.
SIGHTINGS: Final = pa.schema(
    {"place": pa.string(), "micros": pa.int64(), "identity": pa.string(), "is_event": pa.bool_()}  # type: ignore[arg-type] # a join of types
)


@dataclass(frozen=True, slots=True)
class Period:
    """From a moment, inclusive, to another, exclusive; both UTC."""

    start: datetime
    end: datetime

    def holds(self, micros: int) -> bool:
        """Whether a moment, in microseconds since the epoch, lies in it."""
        return self.start_micros <= micros < self.end_micros

    @property
    def start_micros(self) -> int:
        """The first moment in it, in microseconds since the epoch."""
        return int(self.start.timestamp() * 1_000_000)

    @property
    def end_micros(self) -> int:
        """The first moment after it."""
        return int(self.end.timestamp() * 1_000_000)


@dataclass(frozen=True, slots=True)
class Sighting:
    """An event, or other bytes, seen at a place.

    Args:
        place: where.
        micros: the event's timestamp in microseconds since the epoch; of other bytes their arrival.
        identity: the event's request id; the digest of other bytes.
        is_event: whether it is an event.
    """

    place: Place
    micros: int
    identity: str
    is_event: bool = True


def sighting_of(place: Place, data: bytes, arrived_at_micros: int, period: Period) -> Sighting | None:
    """What a user record's bytes are; None where they are outside the period, by timestamp or else by arrival."""
    try:
        micros, request_id = key_of(data)
    except PoisonEvent:
        digest = hashlib.sha256(data).hexdigest()
        return Sighting(place, arrived_at_micros, digest, is_event=False) if period.holds(arrived_at_micros) else None
    return Sighting(place, micros, request_id) if period.holds(micros) else None
