"""The calls that carry events, from a request's parameters to the values of the answer."""

from typing import Any, Protocol

from infra.local.aws.kinesis import reading
from infra.local.aws.kinesis.records import decode_entries, decode_entry, full_disk_answer, put_answer
from infra.local.aws.kinesis.shard_map import Entry
from infra.local.aws.kinesis.stream import LocalStream
from infra.local.store.errors import StoreFull

Request = dict[str, Any]


class Streams(Protocol):
    """The streams of one account in one region."""

    def describe_stream(self, stream_arn: str | None, stream_name: str | None) -> LocalStream:
        """The stream of this name or ARN."""

    def create_stream(
        self,
        stream_name: str,
        shard_count: int,
        stream_mode: dict[str, str] | None = None,
        retention_period_hours: int | None = None,
        *,
        max_record_kib: int | None = None,
        tags: dict[str, str] | None = None,
    ) -> LocalStream:
        """Make a stream."""


def put_record(backend: Streams, request: Request) -> dict[str, Any]:
    """Put one record."""
    stream = backend.describe_stream(request.get("StreamARN"), request.get("StreamName"))
    entry = decode_entry(request, max_record_bytes=stream.max_record_bytes)
    [placement] = stream.log.put([entry], limited=stream.conditions.limited)
    if placement.sequence_number is None:
        raise stream.log.throughput_exceeded(placement.shard_id)
    return {"SequenceNumber": str(placement.sequence_number), "ShardId": placement.shard_id}


def put_records(backend: Streams, request: Request) -> dict[str, Any]:
    """Put up to 500 records, some of which may be refused."""
    stream = backend.describe_stream(request.get("StreamARN"), request.get("StreamName"))
    entries = decode_entries(request.get("Records", []), max_record_bytes=stream.max_record_bytes)
    return put(stream, entries)


def put(stream: LocalStream, entries: list[Entry]) -> dict[str, Any]:
    """Put records that were checked; the answer to PutRecords."""
    try:
        placements = stream.log.put(entries, limited=stream.conditions.limited)
    except StoreFull:
        return full_disk_answer(len(entries))
    return put_answer(placements, f"stream {stream.label}")


def get_records(backend: Streams, request: Request) -> reading.Reading:
    """Read on from a place in a shard."""
    return reading.read(
        request.get("ShardIterator", ""),
        request.get("Limit"),
        lambda name: backend.describe_stream(None, name),
    )
