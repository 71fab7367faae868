"""The calls that carry events, from a request's parameters to the values of the answer."""

from typing import TYPE_CHECKING, Any

from infra.local.aws.kinesis import reading
from infra.local.aws.kinesis.records import decode_entries, decode_entry, put_answer

if TYPE_CHECKING:
    from infra.local.aws.kinesis.backend import LocalKinesisBackend

Request = dict[str, Any]


def put_record(backend: "LocalKinesisBackend", request: Request) -> dict[str, Any]:
    """Put one record."""
    stream = backend.describe_stream(request.get("StreamARN"), request.get("StreamName"))
    entry = decode_entry(request, max_record_bytes=stream.max_record_bytes)
    [placement] = stream.log.put([entry], limited=stream.conditions.limited)
    if placement.sequence_number is None:
        raise stream.log.throughput_exceeded(placement.shard_id)
    return {"SequenceNumber": str(placement.sequence_number), "ShardId": placement.shard_id}


def put_records(backend: "LocalKinesisBackend", request: Request) -> dict[str, Any]:
    """Put up to 500 records, some of which may be refused."""
    stream = backend.describe_stream(request.get("StreamARN"), request.get("StreamName"))
    entries = decode_entries(request.get("Records", []), max_record_bytes=stream.max_record_bytes)
    placements = stream.log.put(entries, limited=stream.conditions.limited)
    return put_answer(placements, f"stream {stream.label}")


def get_records(backend: "LocalKinesisBackend", request: Request) -> reading.Reading:
    """Read on from a place in a shard."""
    return reading.read(
        request.get("ShardIterator", ""),
        request.get("Limit"),
        lambda name: backend.describe_stream(None, name),
    )
