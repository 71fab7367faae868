"""Events for tests."""

import base64
from typing import Any

from producers.event import Event
from producers.exact_json import parse

STREAM_ARN = "arn:aws:kinesis:eu-west-2:123456789012:stream/spillway-local-events"


def an_event(payload: str = '{"hello":"world"}', number: int = 0, **fields: Any) -> Event:
    """An event whose key follows from its number."""
    values: dict[str, Any] = {
        "timestamp": f"2026-11-23T02:34:56.{number:06d}Z",
        "request_id": f"8f1c7d5e-0000-4000-8000-{number:012d}",
        "source_ip": "203.0.113.9",
        "user_agent": "curl/8.5",
        "trace": None,
        "payload": parse(payload),
    }
    return Event(**{**values, **fields})


def kinesis_record(data: bytes, number: int = 0, partition_key: str = "key") -> dict[str, Any]:
    """A record as the event source mapping hands it to a function."""
    return {
        "kinesis": {
            "kinesisSchemaVersion": "1.0",
            "partitionKey": partition_key,
            "sequenceNumber": str(1000 + number),
            "data": base64.b64encode(data).decode(),
            "approximateArrivalTimestamp": 1795401296.987,
        },
        "eventSource": "aws:kinesis",
        "eventVersion": "1.0",
        "eventID": f"shardId-000000000000:{1000 + number}",
        "eventName": "aws:kinesis:record",
        "invokeIdentityArn": "arn:aws:iam::123456789012:role/writer",
        "awsRegion": "eu-west-2",
        "eventSourceARN": STREAM_ARN,
    }


class Context:
    """The context of a function's invocation."""

    def __init__(self, seconds: float = 60.0) -> None:
        self._milliseconds = int(seconds * 1000)

    def get_remaining_time_in_millis(self) -> int:
        return self._milliseconds
