"""One user record as `spillway tail` sees it: an event, or bytes that are not one."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from archive.dead_letters.selection import content_of, place_of
from consumers.stream_batch import Source, arrival_time, user_records
from producers.aggregation import MalformedAggregate
from producers.event import Event, PoisonEvent, decode


@dataclass(frozen=True, slots=True)
class Tailed:
    """A user record off the stream.

    Args:
        source: its place on the stream.
        data: its exact bytes.
        event: what the bytes say; None where they are not an event.
        error: why they are not; None for an event.
    """

    source: Source
    data: bytes
    event: Event | None
    error: str | None = None

    @property
    def name(self) -> str:
        """The request id of an event; the place of other bytes."""
        return self.event.request_id if self.event else place_name(self.source)

    def document(self) -> dict[str, Any]:
        """It as JSON, with the members that a failure has in `spillway dead-letters show --json`."""
        return {
            "arrived_at": self.source.arrived_at,
            "source": place_of(self.source),
            "error": self.error,
            **content_of(self.data),
        }


def place_name(source: Source) -> str:
    """A place on the stream in one word: shard, sequence number, and position in the aggregate."""
    return f"{source.shard_id}:{source.sequence_number}#{source.subsequence_number}"


def records_of(stream: str, shard_id: str, record: Mapping[str, Any]) -> Iterator[Tailed]:
    """The user records in a record of GetRecords, aggregates taken apart; a damaged aggregate is one of them.

    Args:
        stream: its name.
        shard_id: of the shard that was read.
        record: as the API gives it.
    """
    source = Source(
        stream=stream,
        shard_id=shard_id,
        sequence_number=record["SequenceNumber"],
        subsequence_number=0,
        partition_key=record["PartitionKey"],
        arrived_at=arrival_time(record["ApproximateArrivalTimestamp"].timestamp()),
    )
    try:
        users = user_records(source, record["Data"])
    except MalformedAggregate as error:
        yield Tailed(source, record["Data"], None, f"damaged aggregate: {error}")
        return
    for own, data in users:
        try:
            yield Tailed(own, data, decode(data))
        except PoisonEvent as error:
            yield Tailed(own, data, None, str(error))
