"""A batch of stream records, as the event source mapping delivers it, taken apart into events."""

import base64
from dataclasses import dataclass
from typing import Any

from producers.aggregation import MalformedAggregate, deaggregate
from producers.event import Event, PoisonEvent, decode, format_timestamp


@dataclass(frozen=True, slots=True)
class Source:
    """Where on the stream a user record lies.

    Args:
        stream: the stream's name.
        shard_id: such as `shardId-000000000003`.
        sequence_number: of the stream record, decimal.
        subsequence_number: the user record's position, from 0, in its aggregate; 0 for a record that is not in one.
        partition_key: of the user record.
        arrived_at: when the stream took it: UTC, ISO 8601, milliseconds, `Z`.
    """

    stream: str
    shard_id: str
    sequence_number: str
    subsequence_number: int
    partition_key: str
    arrived_at: str


@dataclass(frozen=True, slots=True)
class Received:
    """One event off the stream, with its exact bytes."""

    source: Source
    data: bytes
    event: Event


@dataclass(frozen=True, slots=True)
class Poison:
    """A user record that can never be written, and why."""

    source: Source
    data: bytes
    error_type: str
    error_message: str


@dataclass(frozen=True, slots=True)
class StreamBatch:
    """What was in a batch: together every user record of it, each list in the order of the stream."""

    received: list[Received]
    poison: list[Poison]


def decode_batch(records: list[dict[str, Any]]) -> StreamBatch:
    """Take apart the `Records` of a Kinesis event of Lambda, aggregates included."""
    batch = StreamBatch([], [])
    for record in records:
        kinesis = record["kinesis"]
        shard_id, _, sequence_number = record["eventID"].partition(":")
        data = base64.b64decode(kinesis["data"])
        source = Source(
            stream=stream_name_of(record["eventSourceARN"]),
            shard_id=shard_id,
            sequence_number=sequence_number,
            subsequence_number=0,
            partition_key=kinesis["partitionKey"],
            arrived_at=arrival_time(kinesis["approximateArrivalTimestamp"]),
        )
        try:
            for own, user_data in user_records(source, data):
                _sort(own, user_data, batch)
        except MalformedAggregate as error:
            batch.poison.append(Poison(source, data, "MalformedAggregate", str(error)))
    return batch


def _sort(source: Source, data: bytes, batch: StreamBatch) -> None:
    """Add a user record to the events, or to the poison."""
    try:
        batch.received.append(Received(source, data, decode(data)))
    except PoisonEvent as error:
        batch.poison.append(Poison(source, data, "PoisonEvent", str(error)))


def user_records(source: Source, data: bytes) -> list[tuple[Source, bytes]]:
    """The user records of a stream record, each with its own place: an aggregate's, or the record alone.

    Raises:
        MalformedAggregate: see `producers.aggregation.deaggregate`.
    """
    stream, shard_id, sequence_number, arrived_at = (
        source.stream,
        source.shard_id,
        source.sequence_number,
        source.arrived_at,
    )
    return [
        (Source(stream, shard_id, sequence_number, number, record.partition_key, arrived_at), record.data)
        for number, record in enumerate(deaggregate(source.partition_key, data))
    ]


def stream_name_of(arn: str) -> str:
    """The name of the stream in its own ARN, or in the ARN of one of its enhanced fan-out consumers.

    Such as `…:stream/NAME` and `…:stream/NAME/consumer/READER:1700000000`; an ARN of anything else is returned whole.
    """
    _, is_stream, path = arn.partition(":stream/")
    return path.partition("/")[0] if is_stream else arn


def arrival_time(seconds: float) -> str:
    """Seconds since the epoch as ISO 8601 with milliseconds and `Z`."""
    return f"{format_timestamp(round(seconds * 1_000_000))[:-4]}Z"
