"""What the local Kinesis has beside the API: installing it, its counters, its metrics, and what it must not do."""

import json
import urllib.request
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import boto3
import pytest
from botocore.config import Config
from moto import mock_aws
from moto.kinesis.models import KinesisBackend, kinesis_backends
from moto.server import ThreadedMotoServer

from infra.local.aws import kinesis
from infra.local.aws.kinesis.backend import LocalKinesisBackend
from infra.local.aws.kinesis.errors import NotFound
from tests.clock import FakeClock
from tests.infra.local.aws.kinesis.stream_under_test import StreamUnderTest, refused

REGION = "eu-west-2"


@pytest.fixture
def fake_clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def stream(fake_clock: FakeClock) -> Iterator[StreamUnderTest]:
    with mock_aws(), kinesis.installed("aws", fake_clock):
        client = boto3.client("kinesis", region_name=REGION, config=Config(retries={"total_max_attempts": 1}))
        client.create_stream(StreamName="events", ShardCount=1)
        yield StreamUnderTest(client, "events")


def test_installing_again_keeps_the_streams_and_changes_the_limits(
    stream: StreamUnderTest, fake_clock: FakeClock
) -> None:
    def put_500() -> int:
        answer = stream.client.put_records(
            StreamName="events", Records=[{"PartitionKey": "key", "Data": b"kept"}] * 500
        )
        return answer["FailedRecordCount"]

    assert [put_500(), put_500(), put_500()] == [0, 0, 500]
    kinesis.install("off", fake_clock)
    assert put_500() == 0
    kinesis.install("aws", fake_clock)
    assert put_500() == 500
    assert [record["Data"] for record in stream.read_all()] == [b"kept"] * 1_500


def test_uninstalling_gives_motos_own_kinesis_back(fake_clock: FakeClock) -> None:
    with mock_aws():
        with kinesis.installed("aws", fake_clock):
            assert isinstance(kinesis_backends["123456789012"][REGION], LocalKinesisBackend)
        assert type(kinesis_backends["123456789012"][REGION]) is KinesisBackend


def test_streams_are_made_anew_with_each_mock() -> None:
    with kinesis.installed():
        for _ in range(2):
            with mock_aws():
                boto3.client("kinesis", region_name=REGION).create_stream(StreamName="events", ShardCount=1)


def test_a_server_in_the_process_serves_the_same_streams(stream: StreamUnderTest) -> None:
    server = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
    server.start()
    try:
        host, port = server.get_host_and_port()
        request = urllib.request.Request(
            f"http://{host}:{port}/",
            data=json.dumps({"StreamName": "events", "Records": [{"PartitionKey": "k", "Data": "aGVsbG8="}]}).encode(),
            headers={
                "X-Amz-Target": "Kinesis_20131202.PutRecords",
                "Content-Type": "application/x-amz-json-1.1",
                "Authorization": f"AWS4-HMAC-SHA256 Credential=AKIA/20260101/{REGION}/kinesis/aws4_request, x, y",
            },
        )
        with urllib.request.urlopen(request) as response:  # noqa: S310 (a server of this test)
            assert json.load(response)["FailedRecordCount"] == 0
    finally:
        server.stop()
    assert [record["Data"] for record in stream.read_all()] == [b"hello"]


def test_a_shard_counts_what_goes_through_it(stream: StreamUnderTest) -> None:
    [shard] = kinesis.find_stream("events", REGION).log.all_shards()
    for _ in range(3):
        stream.client.put_records(StreamName="events", Records=[{"PartitionKey": "key", "Data": b"data"}] * 400)
    assert len(stream.read(shard.shard_id)) == 1_000
    iterator = stream.iterator(shard.shard_id)
    for _ in range(4):
        stream.client.get_records(ShardIterator=iterator, Limit=1)
    with refused("ProvisionedThroughputExceededException"):
        stream.client.get_records(ShardIterator=iterator)
    counters = shard.counters
    assert (counters.records_in, counters.bytes_in, counters.writes_throttled) == (1_000, 7_000, 200)
    assert (counters.records_out, counters.bytes_out, counters.reads_throttled) == (1_004, 7_028, 1)


def test_cloudwatch_shows_what_was_put_by_the_minute(stream: StreamUnderTest, fake_clock: FakeClock) -> None:
    start = datetime.fromtimestamp(fake_clock.time(), tz=UTC)
    for _ in range(2):
        stream.client.put_records(StreamName="events", Records=[{"PartitionKey": "key", "Data": b"data"}] * 500)
    stream.client.put_records(StreamName="events", Records=[{"PartitionKey": "key", "Data": b"data"}] * 7)
    fake_clock.advance(60)
    stream.put("key", b"later")
    cloudwatch = boto3.client("cloudwatch", region_name=REGION)

    def sums(metric: str) -> list[float]:
        points = cloudwatch.get_metric_statistics(
            Namespace="AWS/Kinesis",
            MetricName=metric,
            Dimensions=[{"Name": "StreamName", "Value": "events"}],
            StartTime=start - timedelta(minutes=1),
            EndTime=start + timedelta(minutes=5),
            Period=60,
            Statistics=["Sum"],
        )["Datapoints"]
        return [point["Sum"] for point in sorted(points, key=lambda point: point["Timestamp"])]

    assert sums("IncomingRecords") == [1_000, 1]
    assert sums("IncomingBytes") == [7_000, 8]
    assert sums("WriteProvisionedThroughputExceeded") == [7, 0]


def test_putting_a_record_invokes_no_function(stream: StreamUnderTest) -> None:
    kinesis.find_stream("events", REGION).lambda_event_source_mappings["arn:aws:lambda:nowhere"] = None  # type: ignore[assignment] # would fail if it were used
    stream.put("key")


def test_a_put_that_meets_the_deletion_of_its_stream_is_not_found(stream: StreamUnderTest) -> None:
    deleted = kinesis.find_stream("events", REGION)
    stream.client.delete_stream(StreamName="events")
    with pytest.raises(NotFound):
        deleted.put_record("key", "", "")


def test_expired_records_are_shown_no_more_and_then_deleted(stream: StreamUnderTest, fake_clock: FakeClock) -> None:
    log = kinesis.find_stream("events", REGION).log
    for _ in range(3):
        stream.put("key")
        fake_clock.advance(3600)
    [shard] = log.all_shards()
    fake_clock.advance(21 * 3600)
    assert len(stream.read(shard.shard_id)) == 3
    fake_clock.advance(0.001)
    assert len(stream.read(shard.shard_id)) == 2
    assert [log.delete_expired(), log.delete_expired()] == [1, 0]
    assert (len(stream.read(shard.shard_id)), shard.records.count()) == (2, 2)
