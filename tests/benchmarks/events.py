"""What the handlers are given: real flights as payloads, in the events that AWS sends."""

import base64
import gzip
import itertools
import json
import uuid
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from producers.aggregation import pack
from producers.event import Event, encode, format_timestamp
from producers.exact_json import parse
from tests.events import kinesis_record

FLIGHTS = Path(__file__).parents[1] / "data" / "flights-20k.ndjson.gz"
ACCEPTED_AT = 1_795_401_296_123_456  # microseconds since 1970
USER_AGENT = "Mozilla/5.0 (X11; Linux x86_64; rv:145.0) Gecko/20100101 Firefox/145.0"


def payloads(count: int, size: int = 300) -> list[str]:
    """So many flights as JSON objects, each padded to so many bytes by one more member."""
    with gzip.open(FLIGHTS, "rt", encoding="utf-8") as lines:
        flights = list(itertools.islice(lines, count))
    return [_padded(line.strip(), size) for line in itertools.islice(itertools.cycle(flights), count)]


def _padded(flight: str, size: int) -> str:
    room = size - len(flight) - len(',"note":""')
    return f'{flight[:-1]},"note":"{"x" * room}"}}' if room > 0 else flight


def stream_events(payload_texts: Sequence[str], *, per_request: int = 1) -> Iterator[Event]:
    """Payloads as accepted events, so many to a request."""
    request_id = ""
    for number, text in enumerate(payload_texts):
        if number % per_request == 0:
            request_id = str(uuid.UUID(int=number, version=4))
        own = request_id if per_request == 1 else f"{request_id}#{number % per_request}"
        timestamp = format_timestamp(ACCEPTED_AT + number)
        yield Event(timestamp, own, "203.0.113.9", USER_AGENT, None, parse(text))


def plain_batch(payload_texts: Sequence[str]) -> dict[str, Any]:
    """A batch of the event source mapping: a stream record for each payload."""
    events = stream_events(payload_texts)
    return {"Records": [kinesis_record(encode(event), n, event.request_id) for n, event in enumerate(events)]}


def aggregate_batch(payload_texts: Sequence[str], per_aggregate: int) -> dict[str, Any]:
    """A batch of the event source mapping: an aggregate for so many payloads each."""
    events = list(stream_events(payload_texts, per_request=per_aggregate))
    records = []
    for number, first in enumerate(range(0, len(events), per_aggregate)):
        keyed = [(event.request_id, encode(event)) for event in events[first : first + per_aggregate]]
        (aggregate,) = pack(keyed, 1024 * 1024, by_key=False)
        records.append(kinesis_record(aggregate.data, number, aggregate.partition_key))
    return {"Records": records}


def spaced(text: str) -> str:
    """JSON as Python's `json.dumps` writes it: with spaces after commas and colons."""
    return json.dumps(json.loads(text))


def request(body: str, content_type: str = "application/json") -> dict[str, Any]:
    """An HTTP request as API Gateway's proxy integration passes it on (version 1)."""
    headers = {
        "Accept": "*/*",
        "Content-Type": content_type,
        "Host": "abcdefghij.execute-api.eu-west-2.amazonaws.com",
        "User-Agent": USER_AGENT,
        "X-Amzn-Trace-Id": "Root=1-6922d9d0-0123456789abcdef01234567",
        "X-Forwarded-For": "203.0.113.9",
        "X-Forwarded-Port": "443",
        "X-Forwarded-Proto": "https",
    }
    return {
        "resource": "/app",
        "path": "/app",
        "httpMethod": "POST",
        "headers": headers,
        "multiValueHeaders": {name: [value] for name, value in headers.items()},
        "queryStringParameters": None,
        "multiValueQueryStringParameters": None,
        "pathParameters": None,
        "stageVariables": None,
        "requestContext": {
            "resourceId": "abc123",
            "resourcePath": "/app",
            "httpMethod": "POST",
            "path": "/dev/app",
            "accountId": "123456789012",
            "protocol": "HTTP/1.1",
            "stage": "dev",
            "requestTime": "23/Nov/2026:02:34:56 +0000",
            "requestTimeEpoch": ACCEPTED_AT // 1000,
            "requestId": "8f1c7d5e-0000-4000-8000-000000000000",
            "identity": {"sourceIp": "203.0.113.9", "userAgent": USER_AGENT},
            "domainName": "abcdefghij.execute-api.eu-west-2.amazonaws.com",
            "apiId": "abcdefghij",
        },
        "body": body,
        "isBase64Encoded": False,
    }


def array(payload_texts: Sequence[str]) -> str:
    """Payloads as one JSON array."""
    return f"[{','.join(payload_texts)}]"


def firehose_batch(payload_texts: Sequence[str]) -> dict[str, Any]:
    """A call of Firehose's transform, the records read from the stream."""
    arrived = ACCEPTED_AT // 1000
    records = []
    for number, event in enumerate(stream_events(payload_texts)):
        sequence_number = f"4959033827149025660855969253836157109592157598913{number:07d}"
        records.append({
            "recordId": f"{sequence_number}000000",
            "approximateArrivalTimestamp": arrived,
            "data": base64.b64encode(encode(event)).decode(),
            "kinesisRecordMetadata": {
                "sequenceNumber": sequence_number,
                "subsequenceNumber": 0,
                "partitionKey": event.request_id,
                "shardId": "shardId-000000000000",
                "approximateArrivalTimestamp": arrived,
            },
        })  # fmt: skip
    return {
        "invocationId": "8f1c7d5e-0000-4000-8000-000000000001",
        "sourceKinesisStreamArn": "arn:aws:kinesis:eu-west-2:123456789012:stream/spillway-dev-events",
        "deliveryStreamArn": "arn:aws:firehose:eu-west-2:123456789012:deliverystream/spillway-dev-archive",
        "region": "eu-west-2",
        "records": records,
    }


def queue_batch(bodies: Sequence[str]) -> dict[str, Any]:
    """A batch of the queue's event source mapping."""
    return {
        "Records": [
            {
                "messageId": str(uuid.UUID(int=number, version=4)),
                "receiptHandle": "AQEB",
                "body": body,
                "attributes": {
                    "ApproximateReceiveCount": "1",
                    "SentTimestamp": str(ACCEPTED_AT // 1000),
                    "SenderId": "AROA:spillway",
                    "ApproximateFirstReceiveTimestamp": str(ACCEPTED_AT // 1000),
                },
                "messageAttributes": {},
                "md5OfBody": "d41d8cd98f00b204e9800998ecf8427e",
                "eventSource": "aws:sqs",
                "eventSourceARN": "arn:aws:sqs:eu-west-2:123456789012:spillway-dev-dead-letters",
                "awsRegion": "eu-west-2",
            }
            for number, body in enumerate(bodies)
        ]
    }


def as_delivered(event: dict[str, Any]) -> Any:
    """An event as a function gets it: out of JSON."""
    return json.loads(json.dumps(event))
