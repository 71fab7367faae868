"""A message that comes again, with the names of a deployment, which the other tests of the archiver do not have."""

from typing import Any

import boto3
import pytest

import producers.aws
from archive import dead_letter_archiver
from infra.names import Names
from tests.events import Context

MESSAGE = {
    "messageId": "message-0",
    "body": "not a dead letter",
    "attributes": {"SentTimestamp": "1795401296987", "ApproximateReceiveCount": "1"},
    "eventSource": "aws:sqs",
    "eventSourceARN": "arn:aws:sqs:eu-west-2:123456789012:spillway-local-dead-letters",
}
BUCKET = Names("local", "123456789012").dead_letter_bucket


def test_a_message_that_comes_again_is_compared_with_what_stands(aws: None, monkeypatch: pytest.MonkeyPatch):
    s3: Any = boto3.client("s3")
    s3.create_bucket(Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": "eu-west-2"})
    monkeypatch.setenv("DEAD_LETTER_BUCKET", BUCKET)
    for made in (producers.aws.client, dead_letter_archiver._archive):
        made.cache_clear()
    try:
        for _ in range(2):
            answer = dead_letter_archiver.handler({"Records": [MESSAGE]}, Context(60))
            assert answer == {"batchItemFailures": []}
        assert s3.list_objects_v2(Bucket=BUCKET)["KeyCount"] == 1
    finally:
        for made in (producers.aws.client, dead_letter_archiver._archive):
            made.cache_clear()
