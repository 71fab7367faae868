"""Outages of the dead-letter path itself: nothing is dropped."""

import json
from typing import Any

import boto3
import pytest

import producers.aws
from consumers.dead_letter import DeadLetter
from infra.local.pipeline import LocalPipeline
from infra.settings import load
from tests.faults import failure, injected
from tests.http.conftest import changed
from tests.waiting import wait_until

SETTINGS: dict[str, dict[str, Any]] = {
    "local": {"limits": "off"},
    "dead_letters": {"timeout_seconds": 1, "max_receive_count": 2},  # hidden for 6 s after each try
    "table_writer": {"maximum_retry_attempts": 3},
}


def parked(pipeline: LocalPipeline) -> list[str]:
    sqs = boto3.client("sqs")
    url = sqs.get_queue_url(QueueName=pipeline.names.parked_queue)["QueueUrl"]
    messages = sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10, VisibilityTimeout=0).get("Messages", [])
    return [message["Body"] for message in messages]


@pytest.mark.slow
@pytest.mark.parametrize("code", ["SlowDown", "AccessDenied", "KMS.DisabledException"])
def test_where_the_archive_can_not_be_written_dead_letters_are_parked_with_their_bytes(code):
    with LocalPipeline(changed(load("local"), **SETTINGS), "local", 0, 0) as pipeline:
        kinesis = boto3.client("kinesis")
        with injected(producers.aws.client("s3"), "PutObject", lambda request: failure(request, code, 503)):
            kinesis.put_record(StreamName=pipeline.names.stream, Data=b"poison", PartitionKey="p")
            wait_until(lambda: parked(pipeline))
        (body,) = parked(pipeline)
        assert DeadLetter.from_json(body).data == b"poison"


def test_while_the_dead_letter_queue_fails_poison_stays_on_the_stream_and_is_sent_later():
    with LocalPipeline(changed(load("local"), **SETTINGS), "local", 0, 0) as pipeline:
        kinesis, s3 = boto3.client("kinesis"), boto3.client("s3")
        failing = []

        def outage(request):
            failing.append(request)
            return failure(request, "ServiceUnavailable", 503) if len(failing) < 12 else None

        with injected(producers.aws.client("sqs"), "SendMessage", outage):
            kinesis.put_record(StreamName=pipeline.names.stream, Data=b"poison", PartitionKey="p")
            bucket = pipeline.names.dead_letter_bucket
            wait_until(lambda: s3.list_objects_v2(Bucket=bucket).get("KeyCount"), 120)
        (found,) = s3.list_objects_v2(Bucket=bucket)["Contents"]
        line = s3.get_object(Bucket=bucket, Key=found["Key"])["Body"].read().decode()
        assert DeadLetter.from_json(line).data == b"poison"
        assert json.loads(line)["error"]["type"] == "PoisonEvent"
