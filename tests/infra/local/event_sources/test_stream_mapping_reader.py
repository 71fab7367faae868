"""Reading a shard through expired iterators, throttling and outages: nothing is skipped."""

from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError, EndpointConnectionError
from moto import mock_aws

from infra.local.aws import kinesis as local_kinesis
from infra.local.event_sources.shard_reader import THROTTLED_SECONDS, Read, ShardReader
from tests.clock import FakeClock

STREAM = "arn:aws:kinesis:eu-west-2:123456789012:stream/events"
SHARD = "shardId-000000000000"
TRIM_HORIZON = {"ShardIteratorType": "TRIM_HORIZON"}


class Faults:
    """Makes calls of a client fail, one fault after another."""

    def __init__(self, client: Any) -> None:
        self._client = client

    def add(self, operation: str, *faults: Exception | str) -> None:
        left = iter(faults)

        def fail(**_: Any) -> None:
            fault = next(left, None)
            if isinstance(fault, str):
                raise ClientError({"Error": {"Code": fault, "Message": "injected"}}, operation)
            if fault is not None:
                raise fault

        self._client.meta.events.register(f"before-call.kinesis.{operation}", fail)


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def kinesis(monkeypatch: pytest.MonkeyPatch, clock: FakeClock) -> Iterator[Any]:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "testing")
    with mock_aws(), local_kinesis.installed("off", clock):
        client = boto3.client("kinesis", "eu-west-2", config=Config(retries={"total_max_attempts": 1}))
        client.create_stream(StreamName="events", ShardCount=1)
        yield client


def put(kinesis: Any, *bodies: bytes) -> None:
    for body in bodies:
        kinesis.put_record(StreamName="events", PartitionKey="k", Data=body)


def reader_of(kinesis: Any, clock: FakeClock, position: dict[str, Any] | None = None) -> ShardReader:
    return ShardReader(kinesis, STREAM, SHARD, position or TRIM_HORIZON, clock.time())


def take(reader: ShardReader) -> list[bytes]:
    """Read once and move on."""
    read = reader.read()
    reader.commit(read)
    return [record.data for record in read.records]


def test_records_come_in_order_and_once(kinesis: Any, clock: FakeClock) -> None:
    reader = reader_of(kinesis, clock)
    put(kinesis, b"1", b"2")
    assert take(reader) == [b"1", b"2"]
    put(kinesis, b"3")
    assert take(reader) == [b"3"]
    assert take(reader) == []


def test_what_was_not_committed_is_read_again(kinesis: Any, clock: FakeClock) -> None:
    reader = reader_of(kinesis, clock)
    put(kinesis, b"1")
    reader.read()
    assert take(reader) == [b"1"]


def test_a_shard_without_more_records_is_caught_up(kinesis: Any, clock: FakeClock) -> None:
    reader = reader_of(kinesis, clock)
    put(kinesis, b"1")
    read = reader.read()
    assert read.records
    assert read.caught_up
    reader.commit(read)
    assert reader.read().caught_up


def test_an_expired_iterator_is_renewed_where_reading_stood(kinesis: Any, clock: FakeClock) -> None:
    reader = reader_of(kinesis, clock)
    put(kinesis, b"1")
    assert take(reader) == [b"1"]
    Faults(kinesis).add("GetRecords", "ExpiredIteratorException")
    put(kinesis, b"2")
    assert reader.read() == Read(pause_seconds=0.0)
    assert take(reader) == [b"2"]


def test_a_throttled_read_waits_a_second(kinesis: Any, clock: FakeClock) -> None:
    reader = reader_of(kinesis, clock)
    put(kinesis, b"1")
    Faults(kinesis).add("GetRecords", "ProvisionedThroughputExceededException")
    assert reader.read() == Read(pause_seconds=THROTTLED_SECONDS)
    assert take(reader) == [b"1"]


def test_the_real_limit_of_five_reads_a_second_is_endured(kinesis: Any, clock: FakeClock) -> None:
    local_kinesis.install("aws", clock)
    reader = reader_of(kinesis, clock)
    put(kinesis, b"1")
    reads = [reader.read() for _ in range(7)]
    assert any(read.pause_seconds == THROTTLED_SECONDS for read in reads)
    clock.advance(THROTTLED_SECONDS)
    assert take(reader) == [b"1"]


@pytest.mark.parametrize("fault", ["InternalFailure", EndpointConnectionError(endpoint_url="https://kinesis")])
def test_an_outage_is_waited_for_ever_longer_and_nothing_is_skipped(
    kinesis: Any, clock: FakeClock, fault: Exception | str
) -> None:
    reader = reader_of(kinesis, clock)
    put(kinesis, b"1")
    Faults(kinesis).add("GetRecords", *[fault] * 6)
    pauses = [reader.read().pause_seconds for _ in range(6)]
    assert 0 < pauses[0] < pauses[-1] <= 30
    assert take(reader) == [b"1"]


def test_an_outage_while_an_iterator_is_asked_for_is_waited_for_too(kinesis: Any, clock: FakeClock) -> None:
    reader = reader_of(kinesis, clock)
    put(kinesis, b"1")
    Faults(kinesis).add("GetShardIterator", "InternalFailure")
    assert reader.read().pause_seconds > 0
    assert take(reader) == [b"1"]


def test_latest_sees_only_what_comes_later(kinesis: Any, clock: FakeClock) -> None:
    put(kinesis, b"before")
    clock.advance(1)
    reader = reader_of(kinesis, clock, {"ShardIteratorType": "LATEST"})
    assert take(reader) == []
    put(kinesis, b"after")
    assert take(reader) == [b"after"]


def test_latest_whose_iterator_expires_before_the_first_record_skips_nothing(kinesis: Any, clock: FakeClock) -> None:
    put(kinesis, b"before")
    clock.advance(1)
    reader = reader_of(kinesis, clock, {"ShardIteratorType": "LATEST"})
    assert take(reader) == []
    clock.advance(1)
    put(kinesis, b"after")
    Faults(kinesis).add("GetRecords", "ExpiredIteratorException")
    assert take(reader) == []
    assert take(reader) == [b"after"]


def test_at_timestamp_begins_there(kinesis: Any, clock: FakeClock) -> None:
    put(kinesis, b"before")
    clock.advance(10)
    position = {"ShardIteratorType": "AT_TIMESTAMP", "Timestamp": clock.time() - 5}
    put(kinesis, b"after")
    assert take(reader_of(kinesis, clock, position)) == [b"after"]


def test_a_closed_shard_is_read_to_its_end(kinesis: Any, clock: FakeClock) -> None:
    put(kinesis, b"1")
    kinesis.split_shard(StreamName="events", ShardToSplit=SHARD, NewStartingHashKey=str(2**127))
    reader = reader_of(kinesis, clock)
    data: list[bytes] = []
    for _ in range(5):
        read = reader.read()
        reader.commit(read)
        data += [record.data for record in read.records]
        if read.ended:
            break
    else:
        pytest.fail("the shard never ends")
    assert data == [b"1"]
