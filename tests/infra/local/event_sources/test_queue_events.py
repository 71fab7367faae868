"""The events of a queue's mapping: their size, and how messages are parted among them."""

import json

from infra.local.event_sources.queue_events import event_bytes, queue_event, within_payload
from infra.local.functions import MAX_PAYLOAD_BYTES

QUEUE_ARN = "arn:aws:sqs:eu-west-2:123456789012:dead-letters"


def test_a_batch_over_6_mb_is_parted() -> None:
    messages = [
        {"MessageId": str(n), "ReceiptHandle": "r", "Body": "x" * 1_000_000, "MD5OfBody": "m"} for n in range(10)
    ]
    batches = list(within_payload(messages, QUEUE_ARN))
    assert [len(batch) for batch in batches] == [6, 4]
    assert all(len(json.dumps(queue_event(batch, QUEUE_ARN))) <= MAX_PAYLOAD_BYTES for batch in batches)


def test_a_messages_size_is_that_of_its_json() -> None:
    message = {"MessageId": "m", "ReceiptHandle": "r", "Body": 'é"\n', "MD5OfBody": "5"}
    texts = [
        json.dumps(queue_event([message] * n, QUEUE_ARN), separators=(",", ":"), ensure_ascii=False).encode()
        for n in (1, 2)
    ]
    assert event_bytes(message, QUEUE_ARN) == len(texts[1]) - len(texts[0])
