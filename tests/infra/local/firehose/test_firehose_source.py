"""Reading the stream: every shard, every record, in every state of the service."""

from typing import TYPE_CHECKING

import pytest

from infra.local.firehose.source import READ_SECONDS, StreamReader
from producers.aggregation import pack
from tests.clock import FakeClock
from tests.infra.local.firehose.delivery_under_test import STREAM, DeliveryUnderTest, Outage

if TYPE_CHECKING:
    from infra.local.firehose.records import SourceRecord


@pytest.fixture
def reader(delivery: DeliveryUnderTest, clock: FakeClock) -> StreamReader:
    return StreamReader(delivery.kinesis, STREAM, clock)


def read_all(reader: StreamReader, clock: FakeClock, seconds: float = 20.0) -> list[bytes]:
    found: list[bytes] = []
    end = clock.monotonic() + seconds
    while clock.monotonic() < end:
        while records := reader.read():
            found.extend(record.data for record in records)
        clock.advance(0.25)
    return found


def test_what_was_put_before_the_start_is_read_too(
    delivery: DeliveryUnderTest, reader: StreamReader, clock: FakeClock
) -> None:
    delivery.put(b"a", key="1")
    delivery.put(b"b", key="2")
    assert sorted(read_all(reader, clock)) == [b"a", b"b"]


def test_each_record_is_read_once(delivery: DeliveryUnderTest, reader: StreamReader, clock: FakeClock) -> None:
    for number in range(5):
        delivery.put(b"%d" % number)
        clock.advance(READ_SECONDS)
        assert read_all(reader, clock, seconds=READ_SECONDS * 2) == [b"%d" % number]


def test_a_shard_is_read_once_a_second(delivery: DeliveryUnderTest, reader: StreamReader, clock: FakeClock) -> None:
    reads = []
    delivery.kinesis.meta.events.register(
        "before-call.kinesis.GetRecords", lambda **_details: reads.append(clock.monotonic())
    )
    read_all(reader, clock, seconds=10)
    assert len(reads) <= 2 * 10 / READ_SECONDS  # two shards


def test_children_follow_when_their_parent_is_read_to_its_end(
    delivery: DeliveryUnderTest, reader: StreamReader, clock: FakeClock
) -> None:
    delivery.put(b"before", key="a")
    read_all(reader, clock, seconds=2)
    delivery.put(b"parent", key="a")
    delivery.kinesis.update_shard_count(StreamName=STREAM, TargetShardCount=4, ScalingType="UNIFORM_SCALING")
    delivery.put(b"child", key="a")
    assert read_all(reader, clock) == [b"parent", b"child"]


def test_a_child_waits_while_its_parent_takes_more_than_one_read(
    delivery: DeliveryUnderTest, reader: StreamReader, clock: FakeClock
) -> None:
    for _ in range(12):  # GetRecords returns 10 MiB at the most
        delivery.put(bytes(1_000_000), key="a")
    delivery.kinesis.update_shard_count(StreamName=STREAM, TargetShardCount=4, ScalingType="UNIFORM_SCALING")
    delivery.put(b"child", key="a")
    assert [len(data) for data in read_all(reader, clock)] == [1_000_000] * 12 + [len(b"child")]


def test_the_child_of_a_merge_waits_for_both_parents(
    delivery: DeliveryUnderTest, reader: StreamReader, clock: FakeClock
) -> None:
    keys = [str(number) for number in range(20)]
    for key in keys:
        delivery.put(b"parent", key=key)
    first, second = [shard["ShardId"] for shard in delivery.kinesis.list_shards(StreamName=STREAM)["Shards"]]
    delivery.kinesis.merge_shards(StreamName=STREAM, ShardToMerge=first, AdjacentShardToMerge=second)
    for key in keys:
        delivery.put(b"child", key=key)
    assert read_all(reader, clock) == [b"parent"] * 20 + [b"child"] * 20


@pytest.mark.parametrize(
    "code", ["ProvisionedThroughputExceededException", "ExpiredIteratorException", "InternalFailure"]
)
def test_an_error_of_the_service_skips_nothing(
    delivery: DeliveryUnderTest, reader: StreamReader, clock: FakeClock, code: str
) -> None:
    delivery.put(b"a")
    assert read_all(reader, clock, seconds=3) == [b"a"]
    outage = Outage(delivery.kinesis, "GetRecords", code)
    delivery.put(b"b")
    assert read_all(reader, clock, seconds=3) == []
    outage.over()
    delivery.put(b"c")
    assert read_all(reader, clock, seconds=40) == [b"b", b"c"]


def test_an_iterator_that_expired_is_replaced_by_one_after_the_last_record(
    delivery: DeliveryUnderTest, reader: StreamReader, clock: FakeClock
) -> None:
    delivery.put(b"a")
    assert read_all(reader, clock, seconds=3) == [b"a"]
    delivery.put(b"b")
    clock.advance(301)  # iterators live for five minutes
    assert read_all(reader, clock) == [b"b"]


def test_a_stream_that_cannot_be_listed_yet_is_read_once_it_can(
    delivery: DeliveryUnderTest, reader: StreamReader, clock: FakeClock
) -> None:
    delivery.put(b"a")
    outage = Outage(delivery.kinesis, "ListShards", "ResourceNotFoundException")
    assert read_all(reader, clock, seconds=2) == []
    assert not reader.is_at_end()
    outage.over()
    assert read_all(reader, clock) == [b"a"]


def test_aggregates_are_taken_apart_and_keep_their_place(
    delivery: DeliveryUnderTest, reader: StreamReader, clock: FakeClock
) -> None:
    (aggregate,) = pack([("k", b"a"), ("k", b"b"), ("k", b"c")], 10_000, by_key=True)
    delivery.put(aggregate.data, key="k")
    records: list[SourceRecord] = []
    while len(records) < 3:
        records += reader.read()
        clock.advance(0.25)
    assert [record.data for record in records] == [b"a", b"b", b"c"]
    assert [record.subsequence_number for record in records] == [0, 1, 2]
    assert {record.partition_key for record in records} == {"k"}
    assert [record.record_id[-6:] for record in records] == ["000000", "000001", "000002"]
    assert {record.record_id[:-6] for record in records} == {records[0].sequence_number}


def test_a_damaged_aggregate_passes_on_whole(
    delivery: DeliveryUnderTest, reader: StreamReader, clock: FakeClock
) -> None:
    (aggregate,) = pack([("k", b"a"), ("k", b"b")], 10_000, by_key=True)
    damaged = aggregate.data[:-1] + b"\0"
    delivery.put(damaged)
    assert read_all(reader, clock) == [damaged]


def test_the_end_counts_only_when_found_after_draining_began(
    delivery: DeliveryUnderTest, reader: StreamReader, clock: FakeClock
) -> None:
    read_all(reader, clock, seconds=3)
    assert reader.is_at_end()
    reader.drain()
    assert not reader.is_at_end()
    delivery.put(b"late")
    assert read_all(reader, clock, seconds=5) == [b"late"]
    assert reader.is_at_end()
