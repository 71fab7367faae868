"""A message of an SQS queue, and the event Lambda makes of a batch of them."""

import base64
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from infra.local.functions import MAX_PAYLOAD_BYTES

EVENT_BYTES = len('{"Records":[]}')
SYSTEM_ATTRIBUTES = ("ApproximateReceiveCount", "SentTimestamp", "SenderId", "ApproximateFirstReceiveTimestamp")
OPTIONAL_SYSTEM_ATTRIBUTES = ("AWSTraceHeader", "MessageGroupId", "MessageDeduplicationId", "SequenceNumber")

Message = Mapping[str, Any]  # one of the `Messages` of a ReceiveMessage answer


def queue_event(messages: Iterable[Message], queue_arn: str) -> dict[str, Any]:
    """What the function is invoked with."""
    return {"Records": [_record(message, queue_arn) for message in messages]}


def within_payload(messages: Sequence[Message], queue_arn: str) -> Iterator[list[Message]]:
    """Part messages into batches of at most 6 MB of event each, in their order."""
    batch: list[Message] = []
    size = EVENT_BYTES
    for message in messages:
        message_bytes = event_bytes(message, queue_arn)
        if batch and size + message_bytes > MAX_PAYLOAD_BYTES:
            yield batch
            batch, size = [], EVENT_BYTES
        batch.append(message)
        size += message_bytes
    if batch:
        yield batch


def event_bytes(message: Message, queue_arn: str) -> int:
    """Bytes of a message within the event's JSON, with its envelope and a comma."""
    record = _record(message, queue_arn)
    return len(json.dumps(record, separators=(",", ":"), ensure_ascii=False).encode("utf-8", "surrogatepass")) + 1


def _record(message: Message, queue_arn: str) -> dict[str, Any]:
    system = message.get("Attributes", {})
    record = {
        "messageId": message["MessageId"],
        "receiptHandle": message["ReceiptHandle"],
        "body": message["Body"],
        "attributes": {name: system[name] for name in SYSTEM_ATTRIBUTES + OPTIONAL_SYSTEM_ATTRIBUTES if name in system},
        "messageAttributes": {name: _attribute(value) for name, value in message.get("MessageAttributes", {}).items()},
        "md5OfBody": message["MD5OfBody"],
        "eventSource": "aws:sqs",
        "eventSourceARN": queue_arn,
        "awsRegion": queue_arn.split(":")[3],
    }
    if "MD5OfMessageAttributes" in message:
        record["md5OfMessageAttributes"] = message["MD5OfMessageAttributes"]
    return record


def _attribute(value: Mapping[str, Any]) -> dict[str, Any]:
    attribute: dict[str, Any] = {}
    if "StringValue" in value:
        attribute["stringValue"] = value["StringValue"]
    if "BinaryValue" in value:
        attribute["binaryValue"] = base64.b64encode(value["BinaryValue"]).decode("ascii")
    return attribute | {"stringListValues": [], "binaryListValues": [], "dataType": value["DataType"]}
