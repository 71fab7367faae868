"""A stream, the archiver, and what it archived."""

import importlib
import json

import boto3
import pytest

import producers.aws
from archive import dead_letter_archiver
from consumers.dead_letter import DeadLetter
from tests.events import STREAM_ARN, Context

STREAM = "spillway-local-events"


@pytest.fixture
def archiver(aws, monkeypatch):
    """The handler's module from cold, its bucket and a stream of one shard made."""
    boto3.client("s3").create_bucket(Bucket="dead", CreateBucketConfiguration={"LocationConstraint": "eu-west-2"})
    boto3.client("kinesis").create_stream(StreamName=STREAM, ShardCount=1)
    monkeypatch.setenv("DEAD_LETTER_BUCKET", "dead")
    producers.aws.client.cache_clear()
    return importlib.reload(dead_letter_archiver)


def a_message(body: str, number: int = 0) -> dict:
    return {
        "messageId": f"message-{number}",
        "body": body,
        "attributes": {"SentTimestamp": "1795401296987", "ApproximateReceiveCount": "1"},
        "eventSource": "aws:sqs",
        "eventSourceARN": "arn:aws:sqs:eu-west-2:123456789012:spillway-local-dead-letters",
    }


def archive(archiver, *bodies: str) -> dict:
    return archiver.handler({"Records": [a_message(body, n) for n, body in enumerate(bodies)]}, Context())


def archived() -> dict[str, list[DeadLetter]]:
    s3 = boto3.client("s3")
    return {
        found["Key"]: [
            DeadLetter.from_json(line)
            for line in s3.get_object(Bucket="dead", Key=found["Key"])["Body"].read().decode().splitlines()
        ]
        for found in s3.list_objects_v2(Bucket="dead").get("Contents", [])
    }


def put(*datas: bytes) -> list[str]:
    """Put records on the stream; their sequence numbers."""
    kinesis = boto3.client("kinesis")
    return [kinesis.put_record(StreamName=STREAM, PartitionKey="k", Data=data)["SequenceNumber"] for data in datas]


def a_pointer(start: str, end: str, batch_size: int, shard_id: str = "shardId-000000000000", **changes) -> str:
    message = {
        "requestContext": {
            "requestId": "c9b8fa9f",
            "functionArn": "arn:aws:lambda:eu-west-2:123456789012:function:writer",
            "condition": "RetryAttemptsExhausted",
            "approximateInvokeCount": 21,
        },
        "responseContext": {"statusCode": 200, "executedVersion": "$LATEST", "functionError": "Unhandled"},
        "version": "1.0",
        "timestamp": "2026-11-23T02:34:56.021Z",
        "KinesisBatchInfo": {
            "shardId": shard_id,
            "startSequenceNumber": start,
            "endSequenceNumber": end,
            "approximateArrivalOfFirstRecord": "2026-11-23T02:30:56.021Z",
            "approximateArrivalOfLastRecord": "2026-11-23T02:31:56.021Z",
            "batchSize": batch_size,
            "streamArn": STREAM_ARN,
        },
    }
    return json.dumps({**message, **changes})
