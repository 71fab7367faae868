"""The largest events that each handler may be given, of the kinds that cost memory in different ways."""

import base64
import gzip
import json
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Final

from consumers.dead_letter import DeadLetter, Failure
from consumers.stream_batch import Source
from producers.aggregation import StreamRecord, pack
from producers.event import encode
from producers.submission import MAX_BODY_BYTES
from tests.benchmarks.events import array, firehose_batch, payloads, queue_batch, request, stream_events
from tests.events import STREAM_ARN, kinesis_record

PAYLOAD_BYTES: Final = 6 * 1024 * 1024  # Lambda quota: a request
READ_BYTES: Final = 10 * 1024 * 1024  # Kinesis quota: an answer of GetRecords
TRANSFORM_BYTES: Final = 3 * 1024 * 1024  # Firehose quota: a buffer for the transform
MESSAGE_BYTES: Final = 1_000_000  # what the table writer puts in a message at most
AGGREGATE_BYTES: Final = 256 * 1024
NATIVE_ELEMENTS: Final = 90_000  # the smallest there are: about as many as an item of 400 KB holds


def http_requests(event_bytes: int, batch_events: int) -> Iterator[tuple[str, dict[str, Any]]]:
    """The largest requests: as many events as there may be, and events of as many values as there may be."""
    many = array(payloads(batch_events, MAX_BODY_BYTES // batch_events - 1))
    zipped = request(base64.b64encode(gzip.compress(many.encode(), 1)).decode())
    zipped["headers"]["Content-Encoding"] = "gzip"
    zipped["isBase64Encoded"] = True
    yield f"{batch_events:,} events, gzip", zipped
    for kind, wide in (("numbers", repeated("7", event_bytes)), ("objects", repeated("{}", event_bytes))):
        yield f"events of nothing but {kind}", request(array([wide] * (MAX_BODY_BYTES // (len(wide) + 1))))


def stream_batches(batch_records: int) -> Iterator[tuple[str, dict[str, Any]]]:
    """The largest batches of the event source mapping."""
    small = aggregates(payloads(20_000, 0), READ_BYTES)
    yield "aggregates of flights", _fitting(small, batch_records)
    for kind, value in (("numbers", "7"), ("objects", "{}")):
        texts = [repeated(value, NATIVE_ELEMENTS * (len(value) + 1))] * 25
        yield f"events of nothing but {kind}", _fitting(aggregates(texts, READ_BYTES), batch_records)


def firehose_batches() -> Iterator[tuple[str, dict[str, Any]]]:
    """The largest calls of the transform."""
    kinds = {"flights": payloads(10_000, 0), "events of nothing but numbers": [repeated("7", 398_000)] * 8}
    for kind, texts in kinds.items():
        size = count = 0
        for event in stream_events(texts):
            size += len(encode(event))
            if size > TRANSFORM_BYTES:
                break
            count += 1
        yield kind, firehose_batch(texts[:count])


def queue_batches() -> Iterator[tuple[str, dict[str, Any]]]:
    """The largest batches of the queue: full messages, and pointers to full batches of the stream."""
    full = a_dead_letter(0, (MESSAGE_BYTES - 1000) // 4 * 3)
    yield "full messages", queue_batch([full] * (PAYLOAD_BYTES // (len(full) + 1000)))
    yield "pointers to full batches", queue_batch([json.dumps(a_pointer(kinesis_answer()))] * 10)


def kinesis_answer() -> dict[str, Any]:
    """What GetRecords answers at most."""
    records = [
        {
            "SequenceNumber": str(1000 + number),
            "PartitionKey": record.partition_key,
            "Data": base64.b64encode(record.data).decode(),
            "ApproximateArrivalTimestamp": 1_795_401_296.987,
        }
        for number, record in enumerate(aggregates(payloads(40_000, 0), READ_BYTES))
    ]
    return {"Records": records, "NextShardIterator": "next", "MillisBehindLatest": 0}


def a_pointer(answer: dict[str, Any]) -> dict[str, Any]:
    """The pointer to as many of an answer's records as an invocation can have been given."""
    size = count = 0
    for record in answer["Records"]:
        size += len(record["Data"]) + 600
        if size > PAYLOAD_BYTES:
            break
        count += 1
    return {
        "requestContext": {"condition": "RetryAttemptsExhausted", "approximateInvokeCount": 21},
        "responseContext": {"functionError": "Unhandled"},
        "timestamp": "2026-11-23T02:34:57.123Z",
        "KinesisBatchInfo": {
            "streamArn": STREAM_ARN,
            "shardId": "shardId-000000000000",
            "startSequenceNumber": answer["Records"][0]["SequenceNumber"],
            "endSequenceNumber": answer["Records"][count - 1]["SequenceNumber"],
            "batchSize": count,
        },
    }


def a_dead_letter(number: int, data_bytes: int = 300) -> str:
    """A dead letter as it comes from the queue."""
    arrived = "2026-11-23T02:34:56.987Z"
    source = Source("spillway-dev-events", "shardId-000000000000", str(10**55 + number), 0, "key", arrived)
    failure = Failure("PoisonEvent", 'not an event: no member "payload" at the end of a JSON object')
    return DeadLetter("table_writer", "2026-11-23T02:34:57.123456Z", failure, 1, source, b"x" * data_bytes).to_json()


def repeated(value: str, size: int) -> str:
    """A JSON array of one small value, of so many bytes at most: parsed, it takes many times its bytes."""
    return f"[{','.join([value] * ((size - 1) // (len(value) + 1)))}]"


def aggregates(texts: Iterable[str], total_bytes: int) -> list[StreamRecord]:
    """Payloads as accepted events in aggregates, up to so many bytes."""
    events = stream_events(list(texts), per_request=500)
    packed = pack([(event.request_id, encode(event)) for event in events], AGGREGATE_BYTES, by_key=False)
    taken: list[StreamRecord] = []
    for record in packed:
        total_bytes -= record.size
        if total_bytes < 0:
            break
        taken.append(record)
    return taken


def _fitting(records: Sequence[StreamRecord], most: int) -> dict[str, Any]:
    """As many records as an invocation takes, as a batch of the event source mapping."""
    taken: list[dict[str, Any]] = []
    size = 0
    for number, record in enumerate(records[:most]):
        entry = kinesis_record(record.data, number, record.partition_key)
        size += len(json.dumps(entry)) + 1
        if size > PAYLOAD_BYTES - 20:
            break
        taken.append(entry)
    return {"Records": taken}
