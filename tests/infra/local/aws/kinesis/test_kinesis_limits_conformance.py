"""The throughput limits of a shard. They need a clock that is set, so they run locally only."""

from typing import TYPE_CHECKING

import pytest

from infra.local.aws import kinesis as local_kinesis
from tests.clock import FakeClock
from tests.infra.local.aws.kinesis.stream_under_test import StreamUnderTest, hash_range, refused

if TYPE_CHECKING:
    from types_boto3_kinesis.type_defs import PutRecordsOutputTypeDef, PutRecordsRequestEntryTypeDef

MIB = 1024 * 1024
THROTTLED = "ProvisionedThroughputExceededException"


def put_many(stream: StreamUnderTest, count: int, data: bytes = b"", shard: int = 0) -> "PutRecordsOutputTypeDef":
    start, _ = hash_range(stream.shards()[shard])
    record: PutRecordsRequestEntryTypeDef = {"PartitionKey": "key", "ExplicitHashKey": str(start), "Data": data}
    return stream.client.put_records(StreamName=stream.name, Records=[record] * count)


def test_a_shard_takes_1000_records_a_second(clock: FakeClock, limited: StreamUnderTest) -> None:
    assert put_many(limited, 500)["FailedRecordCount"] == 0
    assert put_many(limited, 499)["FailedRecordCount"] == 0
    assert put_many(limited, 3)["FailedRecordCount"] == 2
    clock.advance(0.5)
    assert put_many(limited, 500)["FailedRecordCount"] == 0
    assert put_many(limited, 1)["FailedRecordCount"] == 1
    clock.advance(60)
    failed = sum(put_many(limited, 500)["FailedRecordCount"] for _ in range(3))
    assert failed == 500


def test_a_shard_takes_1_mib_a_second_with_partition_keys(clock: FakeClock, limited: StreamUnderTest) -> None:
    assert put_many(limited, 2, b"x" * (MIB // 2 - 3))["FailedRecordCount"] == 0
    assert put_many(limited, 1)["FailedRecordCount"] == 1
    clock.advance(1)
    assert put_many(limited, 1, b"x" * (MIB - 3))["FailedRecordCount"] == 0


def test_put_record_raises_what_put_records_reports(limited: StreamUnderTest) -> None:
    put_many(limited, 500)
    put_many(limited, 500)
    answer = put_many(limited, 1)
    [failure] = answer["Records"]
    assert answer["ResponseMetadata"]["HTTPStatusCode"] == 200
    assert failure["ErrorCode"] == THROTTLED
    assert limited.name in failure["ErrorMessage"]
    assert "SequenceNumber" not in failure
    with refused(THROTTLED):
        limited.put("key", hash_key=0)


def test_a_refused_record_is_not_kept_and_the_others_are(limited: StreamUnderTest) -> None:
    sizes = [MIB - 100, 200, 10, 10]
    answer = limited.client.put_records(
        StreamName=limited.name,
        Records=[{"PartitionKey": "k", "ExplicitHashKey": "0", "Data": b"x" * size} for size in sizes],
    )
    assert answer["FailedRecordCount"] == 1
    assert ["ErrorCode" in each for each in answer["Records"]] == [False, True, False, False]
    assert [len(record["Data"]) for record in limited.read_all()] == [MIB - 100, 10, 10]


def test_one_shard_at_its_limit_leaves_the_other_its_own(limited: StreamUnderTest) -> None:
    put_many(limited, 500)
    put_many(limited, 500)
    assert put_many(limited, 1)["FailedRecordCount"] == 1
    assert put_many(limited, 500, shard=1)["FailedRecordCount"] == 0


def test_a_record_larger_than_a_second_allows_is_paid_off_afterwards(
    clock: FakeClock, limited: StreamUnderTest
) -> None:
    summary = limited.client.describe_stream_summary(StreamName=limited.name)["StreamDescriptionSummary"]
    limited.client.update_max_record_size(StreamARN=summary["StreamARN"], MaxRecordSizeInKiB=10_240)
    assert put_many(limited, 1, b"x" * (4 * MIB - 3))["FailedRecordCount"] == 0
    clock.advance(2.9)
    assert put_many(limited, 1)["FailedRecordCount"] == 1
    clock.advance(0.2)
    assert put_many(limited, 1)["FailedRecordCount"] == 0


def test_a_shard_is_read_five_times_a_second(clock: FakeClock, limited: StreamUnderTest) -> None:
    iterator = limited.iterator(limited.shard_ids()[0])
    for _ in range(5):
        limited.client.get_records(ShardIterator=iterator)
    with refused(THROTTLED):
        limited.client.get_records(ShardIterator=iterator)
    clock.advance(0.2)
    limited.client.get_records(ShardIterator=iterator)
    with refused(THROTTLED):
        limited.client.get_records(ShardIterator=iterator)


def test_a_shard_gives_five_iterators_a_second(clock: FakeClock, limited: StreamUnderTest) -> None:
    one, other = limited.shard_ids()
    for _ in range(5):
        limited.iterator(one)
    with refused(THROTTLED):
        limited.iterator(one)
    limited.iterator(other)
    clock.advance(0.2)
    limited.iterator(one)


@pytest.mark.parametrize(("mebibytes", "pause_seconds"), [(10, 5), (4, 2), (2, 1)])
def test_a_large_read_is_followed_by_a_pause(
    clock: FakeClock, limited: StreamUnderTest, mebibytes: int, pause_seconds: int
) -> None:
    for _ in range(mebibytes):
        put_many(limited, 1, b"x" * (MIB - 3))
        clock.advance(1)
    iterator = limited.iterator(limited.shard_ids()[0])
    assert len(limited.client.get_records(ShardIterator=iterator)["Records"]) == mebibytes
    clock.advance(pause_seconds - 0.01)
    with refused(THROTTLED):
        limited.client.get_records(ShardIterator=iterator)
    clock.advance(0.01)
    limited.client.get_records(ShardIterator=iterator)


def test_small_reads_are_followed_by_no_pause(limited: StreamUnderTest) -> None:
    put_many(limited, 1, b"x" * (MIB - 3))
    iterator = limited.iterator(limited.shard_ids()[0])
    limited.client.get_records(ShardIterator=iterator)
    assert limited.client.get_records(ShardIterator=iterator)["Records"]


def test_without_limits_only_rates_are_free(clock: FakeClock, limited: StreamUnderTest) -> None:
    local_kinesis.install("off", clock)
    for _ in range(4):
        assert put_many(limited, 500)["FailedRecordCount"] == 0
    for _ in range(10):
        limited.client.get_records(ShardIterator=limited.iterator(limited.shard_ids()[0]))
    with refused("ValidationException"):
        put_many(limited, 1, b"x" * MIB)
