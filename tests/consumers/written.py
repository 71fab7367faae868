"""The table writer, the records it is given, and what it wrote."""

import importlib

import boto3
import pytest

import producers.aws
from consumers import table_writer
from consumers.dead_letter import DeadLetter
from tests.events import kinesis_record


@pytest.fixture
def writer(events_table, monkeypatch):
    """The handler's module from cold, its table, queue and bucket made."""
    boto3.client("s3").create_bucket(Bucket="dead", CreateBucketConfiguration={"LocationConstraint": "eu-west-2"})
    url = boto3.client("sqs").create_queue(QueueName="dead-letters")["QueueUrl"]
    settings = {"TABLE_NAME": events_table, "CONCURRENT_WRITES": "2", "FLOOD_SHARE": "0.5", "FLOOD_MINIMUM": "20"}
    for name, value in {**settings, "DEAD_LETTER_QUEUE_URL": url, "DEAD_LETTER_BUCKET": "dead"}.items():
        monkeypatch.setenv(name, value)
    producers.aws.client.cache_clear()
    return importlib.reload(table_writer)


def rows() -> int:
    return boto3.client("dynamodb").scan(TableName="events")["Count"]


def dead_letters(writer) -> list[DeadLetter]:
    sqs = boto3.client("sqs")
    messages = sqs.receive_message(QueueUrl=writer._dead_letters()._queue_url, MaxNumberOfMessages=10)
    return [
        DeadLetter.from_json(line) for message in messages.get("Messages", []) for line in message["Body"].splitlines()
    ]


def records(*datas: bytes) -> dict:
    return {"Records": [kinesis_record(data, n) for n, data in enumerate(datas)]}
