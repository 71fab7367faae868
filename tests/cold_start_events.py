"""A first event for each handler, for fresh processes, and AWS answered without a network. Imports next to nothing."""

import base64
import json
from typing import Any

EVENT = (
    b'{"version":1,"timestamp":"2026-11-23T02:34:56.123456Z","request_id":"8f1c","source_ip":null,"user_agent":null,'
    b'"trace":null,"payload":{"hello":"world"}}'
)
DATA = base64.b64encode(EVENT).decode()
LETTER = {
    "version": 1,
    "stage": "table_writer",
    "failed_at": "2026-11-23T02:35:00.000000Z",
    "error": {"type": "PoisonEvent", "message": "why"},
    "attempts": 1,
    "source": {
        "stream": "events",
        "shard_id": "shardId-000000000000",
        "sequence_number": "1",
        "subsequence_number": 0,
        "partition_key": "key",
        "arrived_at": "2026-11-23T02:34:57.000Z",
    },
    "data": DATA,
    "data_ref": None,
    "replays": 0,
}
ENVIRONMENT = {
    "AWS_DEFAULT_REGION": "eu-west-2",
    "AWS_ACCESS_KEY_ID": "local",
    "AWS_SECRET_ACCESS_KEY": "local",
    "STREAM_NAME": "events",
    "AGGREGATE_BYTES": "262144",
    "MAX_EVENT_BYTES": "400000",
    "MAX_BATCH_EVENTS": "25000",
    "TABLE_NAME": "events",
    "CONCURRENT_WRITES": "2",
    "FLOOD_SHARE": "0.5",
    "FLOOD_MINIMUM": "20",
    "DEAD_LETTER_QUEUE_URL": "https://sqs.eu-west-2.amazonaws.com/123456789012/dead-letters",
    "DEAD_LETTER_BUCKET": "dead-letters",
}
EVENTS: dict[str, dict[str, Any]] = {
    "producers.http_api": {
        "resource": "/app",
        "httpMethod": "POST",
        "headers": {"Content-Type": "application/json"},
        "body": '{"hello":"world"}',
        "isBase64Encoded": False,
        "requestContext": {"requestId": "8f1c", "identity": {"sourceIp": "203.0.113.9", "userAgent": "curl"}},
    },
    "consumers.table_writer": {
        "Records": [
            {
                "kinesis": {"partitionKey": "k", "data": DATA, "approximateArrivalTimestamp": 1795401296.987},
                "eventID": "shardId-000000000000:1",
                "eventSourceARN": "arn:aws:kinesis:eu-west-2:123456789012:stream/events",
            }
        ]
    },
    "archive.firehose_transform": {"records": [{"recordId": "1", "data": DATA}]},
    "archive.dead_letter_archiver": {
        "Records": [
            {
                "messageId": "message",
                "body": json.dumps(LETTER),
                "attributes": {"SentTimestamp": "1795401296987"},
                "eventSourceARN": "arn:aws:sqs:eu-west-2:123456789012:dead-letters",
            }
        ]
    },
}
_ANSWERS = {
    "PutRecords": b'{"FailedRecordCount":0,"Records":[{"SequenceNumber":"1","ShardId":"shardId-000000000000"}]}',
    "BatchWriteItem": b'{"UnprocessedItems":{}}',
    "PutObject": b"",
}


def answer_locally() -> None:
    """Let botocore's HTTP session answer by itself, so that everything up to the network is run and imported."""
    from botocore import awsrequest, httpsession  # noqa: PLC0415 (the handler's module has imported botocore already)

    def send(_session: Any, request: Any) -> Any:
        target = request.headers.get("X-Amz-Target", b"PutObject")
        operation = (target.decode() if isinstance(target, bytes) else target).rpartition(".")[2]
        headers: Any = {"content-type": "application/x-amz-json-1.1"}
        response: Any = awsrequest.AWSResponse(request.url, 200, headers, None)
        response._content = _ANSWERS[operation]
        return response

    setattr(httpsession.URLLib3Session, "send", send)  # noqa: B010 (an assignment is what types forbid)
