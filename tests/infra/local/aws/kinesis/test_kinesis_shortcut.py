"""What clients of this process get without HTTP is what they would get with it."""

from collections.abc import Iterator
from typing import Any
from unittest.mock import patch

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError
from moto import mock_aws

from infra.local.aws import kinesis, shortcut
from tests.clock import FakeClock

STREAM = "events"
RECORDS = [{"Data": b"\x00one", "PartitionKey": "a"}, {"Data": b"", "PartitionKey": "\N{SNOWMAN}"}]


@pytest.fixture
def client() -> Iterator[Any]:
    with mock_aws(), kinesis.installed("aws", FakeClock()):
        client = boto3.client("kinesis", region_name="eu-west-2", config=Config(retries={"total_max_attempts": 1}))
        client.create_stream(StreamName=STREAM, ShardCount=1)
        yield client


def both_ways(client: Any, call: str, **parameters: Any) -> list[Any]:
    """The answers without HTTP and with it, or the errors."""
    short = answer(client, call, **parameters)
    with patch.object(shortcut, "AWS", "none"):
        return [short, answer(client, call, **parameters)]


def answer(client: Any, call: str, **parameters: Any) -> Any:
    try:
        return getattr(client, call)(**parameters) | {"ResponseMetadata": None}
    except ClientError as error:
        return type(error).__name__, error.response["Error"], error.response["ResponseMetadata"]["HTTPStatusCode"]


def iterator_of(client: Any) -> str:
    [shard] = client.list_shards(StreamName=STREAM)["Shards"]
    place = {"StreamName": STREAM, "ShardId": shard["ShardId"], "ShardIteratorType": "TRIM_HORIZON"}
    return str(client.get_shard_iterator(**place)["ShardIterator"])


def test_records_are_put_alike(client):
    short, long = both_ways(client, "put_records", StreamName=STREAM, Records=RECORDS)
    for one, other in zip(short["Records"], long["Records"], strict=True):
        assert int(one.pop("SequenceNumber")) < int(other.pop("SequenceNumber"))
    assert short == long
    short, long = both_ways(client, "put_record", StreamName=STREAM, **RECORDS[0])
    assert int(short.pop("SequenceNumber")) < int(long.pop("SequenceNumber"))
    assert short == long


def test_records_are_read_alike(client):
    client.put_records(StreamName=STREAM, Records=RECORDS)
    short, long = both_ways(client, "get_records", ShardIterator=iterator_of(client))
    assert [record["Data"] for record in short["Records"]] == [record["Data"] for record in RECORDS]
    assert short == long


def test_the_end_of_a_closed_shard_is_reported_alike(client):
    iterator = iterator_of(client)
    client.update_shard_count(StreamName=STREAM, TargetShardCount=2, ScalingType="UNIFORM_SCALING")
    short, long = both_ways(client, "get_records", ShardIterator=iterator)
    assert len(short["ChildShards"]) == 2
    assert "NextShardIterator" not in short
    assert short == long


@pytest.mark.parametrize(
    ("call", "parameters"),
    [
        ("put_record", {"StreamName": "none", **RECORDS[0]}),
        ("put_records", {"StreamName": STREAM, "Records": [{**RECORDS[0], "ExplicitHashKey": "x"}]}),
        ("get_records", {"ShardIterator": "none"}),
    ],
)
def test_errors_are_reported_alike(client, call, parameters):
    short, long = both_ways(client, call, **parameters)
    assert isinstance(short, tuple)
    assert short == long


def test_throttling_is_reported_alike(client):
    record = {"Data": b"x" * 1_000_000, "PartitionKey": "a"}
    assert client.put_records(StreamName=STREAM, Records=[record] * 3)["FailedRecordCount"]
    short, long = both_ways(client, "put_record", StreamName=STREAM, **record)
    assert short[0] == "ProvisionedThroughputExceededException"
    assert short == long
