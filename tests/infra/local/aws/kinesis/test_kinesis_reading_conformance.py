"""What GetShardIterator and GetRecords promise."""

from datetime import UTC, datetime, timedelta

import pytest

from tests.clock import FakeClock
from tests.infra.local.aws.kinesis.conftest import MakeStream
from tests.infra.local.aws.kinesis.stream_under_test import StreamUnderTest, refused

MIB = 1024 * 1024
HOUR = 3_600


def put_numbered(stream: StreamUnderTest, count: int) -> tuple[str, list[str]]:
    """Put records 0, 1, 2, … of one key; returns their shard and their sequence numbers."""
    placed = [stream.put("key", str(number).encode()) for number in range(count)]
    return placed[0][0], [number for _, number in placed]


def data_from(stream: StreamUnderTest, iterator: str) -> list[bytes]:
    return [record["Data"] for page in stream.pages(iterator) for record in page["Records"]]


def test_trim_horizon_reads_from_the_oldest_record(kinesis: StreamUnderTest) -> None:
    shard_id, _ = put_numbered(kinesis, 3)
    assert data_from(kinesis, kinesis.iterator(shard_id)) == [b"0", b"1", b"2"]


def test_latest_reads_what_comes_after(kinesis: StreamUnderTest) -> None:
    shard_id, _ = put_numbered(kinesis, 2)
    iterator = kinesis.client.get_shard_iterator(StreamName=kinesis.name, ShardId=shard_id, ShardIteratorType="LATEST")[
        "ShardIterator"
    ]
    kinesis.put("key", b"later")
    assert data_from(kinesis, iterator) == [b"later"]


def test_a_sequence_number_is_a_place_to_read_at_or_after(kinesis: StreamUnderTest) -> None:
    shard_id, numbers = put_numbered(kinesis, 3)
    at = kinesis.client.get_shard_iterator(
        StreamName=kinesis.name,
        ShardId=shard_id,
        ShardIteratorType="AT_SEQUENCE_NUMBER",
        StartingSequenceNumber=numbers[1],
    )
    after = kinesis.client.get_shard_iterator(
        StreamName=kinesis.name,
        ShardId=shard_id,
        ShardIteratorType="AFTER_SEQUENCE_NUMBER",
        StartingSequenceNumber=numbers[1],
    )
    assert data_from(kinesis, at["ShardIterator"]) == [b"1", b"2"]
    assert data_from(kinesis, after["ShardIterator"]) == [b"2"]


def test_the_starting_sequence_number_of_a_shard_is_a_place_too(kinesis: StreamUnderTest) -> None:
    shard_id, _ = put_numbered(kinesis, 2)
    [shard] = [shard for shard in kinesis.shards() if shard["ShardId"] == shard_id]
    iterator = kinesis.client.get_shard_iterator(
        StreamName=kinesis.name,
        ShardId=shard_id,
        ShardIteratorType="AT_SEQUENCE_NUMBER",
        StartingSequenceNumber=shard["SequenceNumberRange"]["StartingSequenceNumber"],
    )["ShardIterator"]
    assert data_from(kinesis, iterator) == [b"0", b"1"]


@pytest.mark.parametrize(("seconds", "expected"), [(-5, [b"0", b"1"]), (0, [b"0", b"1"]), (5, [b"1"]), (11, [])])
def test_a_time_reads_what_arrived_then_or_later(
    clock: FakeClock, kinesis: StreamUnderTest, seconds: int, expected: list[bytes]
) -> None:
    start = datetime.fromtimestamp(clock.time(), tz=UTC)
    shard_id, _ = kinesis.put("key", b"0")
    clock.advance(10)
    kinesis.put("key", b"1")
    clock.advance(10)
    iterator = kinesis.client.get_shard_iterator(
        StreamName=kinesis.name,
        ShardId=shard_id,
        ShardIteratorType="AT_TIMESTAMP",
        Timestamp=start + timedelta(seconds=seconds),
    )["ShardIterator"]
    assert data_from(kinesis, iterator) == expected


def test_a_time_to_come_is_refused(kinesis: StreamUnderTest) -> None:
    with refused("InvalidArgumentException"):
        kinesis.client.get_shard_iterator(
            StreamName=kinesis.name,
            ShardId=kinesis.shard_ids()[0],
            ShardIteratorType="AT_TIMESTAMP",
            Timestamp=datetime(2100, 1, 1, tzinfo=UTC),
        )


def test_an_iterator_by_sequence_number_needs_one(kinesis: StreamUnderTest) -> None:
    shard_id = kinesis.shard_ids()[0]
    with refused("InvalidArgumentException"):
        kinesis.client.get_shard_iterator(
            StreamName=kinesis.name, ShardId=shard_id, ShardIteratorType="AT_SEQUENCE_NUMBER"
        )


def test_an_iterator_at_the_horizon_takes_no_sequence_number(kinesis: StreamUnderTest) -> None:
    shard_id, [number] = put_numbered(kinesis, 1)
    with refused("InvalidArgumentException"):
        kinesis.client.get_shard_iterator(
            StreamName=kinesis.name, ShardId=shard_id, ShardIteratorType="TRIM_HORIZON", StartingSequenceNumber=number
        )


def test_a_sequence_number_of_another_shard_is_refused(kinesis: StreamUnderTest) -> None:
    shard_id, [number] = put_numbered(kinesis, 1)
    [other] = [each for each in kinesis.shard_ids() if each != shard_id]
    with refused("InvalidArgumentException"):
        kinesis.client.get_shard_iterator(
            StreamName=kinesis.name,
            ShardId=other,
            ShardIteratorType="AT_SEQUENCE_NUMBER",
            StartingSequenceNumber=number,
        )


def test_a_sequence_number_that_was_never_given_is_refused(kinesis: StreamUnderTest) -> None:
    shard_id, [number] = put_numbered(kinesis, 1)
    with refused("InvalidArgumentException"):
        kinesis.client.get_shard_iterator(
            StreamName=kinesis.name,
            ShardId=shard_id,
            ShardIteratorType="AT_SEQUENCE_NUMBER",
            StartingSequenceNumber=str(int(number) + 10**20),
        )


def test_an_unknown_shard_is_not_found(kinesis: StreamUnderTest) -> None:
    with refused("ResourceNotFoundException"):
        kinesis.iterator("shardId-000000000099")


def test_a_limit_is_kept_and_the_rest_comes_next(kinesis: StreamUnderTest) -> None:
    shard_id, _ = put_numbered(kinesis, 5)
    pages = [[r["Data"] for r in page["Records"]] for page in kinesis.pages(kinesis.iterator(shard_id), limit=2)]
    assert [page for page in pages if page] == [[b"0", b"1"], [b"2", b"3"], [b"4"]]


def test_a_limit_over_10_000_is_refused(kinesis: StreamUnderTest) -> None:
    iterator = kinesis.iterator(kinesis.shard_ids()[0])
    kinesis.client.get_records(ShardIterator=iterator, Limit=10_000)
    with refused("ValidationException"):
        kinesis.client.get_records(ShardIterator=iterator, Limit=10_001)


def test_a_read_returns_10_mib_at_most(clock: FakeClock, make_stream: MakeStream) -> None:
    stream = make_stream(1)
    for _ in range(12):
        shard_id, _ = stream.put("four", b"x" * (MIB - 4))
    assert [len(page["Records"]) for page in stream.pages(stream.iterator(shard_id))] == [10, 2]


def test_an_open_shard_that_is_read_to_its_end_is_zero_behind_and_goes_on(kinesis: StreamUnderTest) -> None:
    shard_id, _ = put_numbered(kinesis, 2)
    *_, last = kinesis.pages(kinesis.iterator(shard_id))
    assert last["MillisBehindLatest"] == 0
    assert "ChildShards" not in last
    kinesis.put("key", b"later")
    assert data_from(kinesis, last["NextShardIterator"]) == [b"later"]


def test_a_reader_knows_how_far_it_is_behind(clock: FakeClock, kinesis: StreamUnderTest) -> None:
    shard_id, _ = put_numbered(kinesis, 2)
    iterator = kinesis.iterator(shard_id)
    assert kinesis.client.get_records(ShardIterator=iterator, Limit=1)["MillisBehindLatest"] == 1
    clock.advance(7)
    assert kinesis.client.get_records(ShardIterator=iterator, Limit=1)["MillisBehindLatest"] == 7_000


def test_an_iterator_may_be_used_again_and_reads_the_same(kinesis: StreamUnderTest) -> None:
    shard_id, _ = put_numbered(kinesis, 2)
    iterator = kinesis.iterator(shard_id)
    assert data_from(kinesis, iterator) == data_from(kinesis, iterator) == [b"0", b"1"]


def test_an_iterator_expires_after_five_minutes(clock: FakeClock, kinesis: StreamUnderTest) -> None:
    iterator = kinesis.iterator(kinesis.shard_ids()[0])
    clock.advance(300)
    following = kinesis.client.get_records(ShardIterator=iterator)["NextShardIterator"]
    clock.advance(0.001)
    with refused("ExpiredIteratorException"):
        kinesis.client.get_records(ShardIterator=iterator)
    kinesis.client.get_records(ShardIterator=following)


@pytest.mark.parametrize("iterator", ["nonsense", "e30=", "W10="])
def test_what_is_no_iterator_is_refused(kinesis: StreamUnderTest, iterator: str) -> None:
    with refused("InvalidArgumentException"):
        kinesis.client.get_records(ShardIterator=iterator)


def test_an_iterator_ends_with_its_stream(clock: FakeClock, kinesis: StreamUnderTest) -> None:
    iterator = kinesis.iterator(kinesis.shard_ids()[0])
    kinesis.client.delete_stream(StreamName=kinesis.name)
    with refused("ResourceNotFoundException"):
        kinesis.client.get_records(ShardIterator=iterator)
    kinesis.client.create_stream(StreamName=kinesis.name, ShardCount=2)
    with refused("InvalidArgumentException"):
        kinesis.client.get_records(ShardIterator=iterator)


def test_a_record_is_kept_for_the_retention_period_and_then_no_more(clock: FakeClock, kinesis: StreamUnderTest) -> None:
    shard_id, _ = kinesis.put("key", b"old")
    clock.advance(24 * HOUR)
    kinesis.put("key", b"new")
    assert data_from(kinesis, kinesis.iterator(shard_id)) == [b"old", b"new"]
    clock.advance(1)
    assert data_from(kinesis, kinesis.iterator(shard_id)) == [b"new"]


def test_a_place_whose_record_has_expired_is_the_horizon(clock: FakeClock, kinesis: StreamUnderTest) -> None:
    shard_id, [old, *_] = put_numbered(kinesis, 3)
    clock.advance(24 * HOUR + 1)
    kinesis.put("key", b"new")
    iterator = kinesis.client.get_shard_iterator(
        StreamName=kinesis.name, ShardId=shard_id, ShardIteratorType="AT_SEQUENCE_NUMBER", StartingSequenceNumber=old
    )["ShardIterator"]
    assert data_from(kinesis, iterator) == [b"new"]


def test_longer_retention_keeps_records_but_brings_none_back(clock: FakeClock, kinesis: StreamUnderTest) -> None:
    shard_id, _ = kinesis.put("key", b"expired")
    clock.advance(24 * HOUR + 1)
    kinesis.client.increase_stream_retention_period(StreamName=kinesis.name, RetentionPeriodHours=48)
    kinesis.put("key", b"kept")
    assert data_from(kinesis, kinesis.iterator(shard_id)) == [b"kept"]
    clock.advance(47 * HOUR)
    assert data_from(kinesis, kinesis.iterator(shard_id)) == [b"kept"]


def test_shorter_retention_ends_access_at_once(clock: FakeClock, kinesis: StreamUnderTest) -> None:
    kinesis.client.increase_stream_retention_period(StreamName=kinesis.name, RetentionPeriodHours=48)
    shard_id, _ = kinesis.put("key", b"a day and a half old")
    clock.advance(36 * HOUR)
    assert data_from(kinesis, kinesis.iterator(shard_id)) == [b"a day and a half old"]
    kinesis.client.decrease_stream_retention_period(StreamName=kinesis.name, RetentionPeriodHours=24)
    assert data_from(kinesis, kinesis.iterator(shard_id)) == []


@pytest.mark.parametrize("hours", [23, 8_761])
def test_retention_is_between_a_day_and_a_year(kinesis: StreamUnderTest, hours: int) -> None:
    with refused("InvalidArgumentException"):
        kinesis.client.increase_stream_retention_period(StreamName=kinesis.name, RetentionPeriodHours=hours)


def test_retention_is_not_increased_to_less_nor_decreased_to_more(kinesis: StreamUnderTest) -> None:
    kinesis.client.increase_stream_retention_period(StreamName=kinesis.name, RetentionPeriodHours=30)
    kinesis.wait_until_active()
    with refused("InvalidArgumentException"):
        kinesis.client.increase_stream_retention_period(StreamName=kinesis.name, RetentionPeriodHours=29)
    with refused("InvalidArgumentException"):
        kinesis.client.decrease_stream_retention_period(StreamName=kinesis.name, RetentionPeriodHours=31)
