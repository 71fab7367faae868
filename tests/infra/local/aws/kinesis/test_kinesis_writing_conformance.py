"""What PutRecord and PutRecords promise."""

import hashlib
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest

from tests.clock import FakeClock
from tests.infra.local.aws.kinesis.stream_under_test import HASH_KEYS, StreamUnderTest, hash_range, refused

if TYPE_CHECKING:
    from types_boto3_kinesis.type_defs import PutRecordsRequestEntryTypeDef

MIB = 1024 * 1024


def test_a_record_is_read_back_with_its_bytes_its_key_and_its_place(kinesis: StreamUnderTest) -> None:
    data = bytes(range(256))
    shard_id, sequence_number = kinesis.put("ключ", data)
    [record] = kinesis.read(shard_id)
    assert (record["Data"], record["PartitionKey"], record["SequenceNumber"]) == (data, "ключ", sequence_number)
    assert record["ApproximateArrivalTimestamp"].tzinfo is not None


def test_a_record_may_be_empty(kinesis: StreamUnderTest) -> None:
    shard_id, _ = kinesis.put("key", b"")
    assert [record["Data"] for record in kinesis.read(shard_id)] == [b""]


def test_put_records_answers_in_the_order_of_the_request(kinesis: StreamUnderTest) -> None:
    answer = kinesis.client.put_records(
        StreamName=kinesis.name,
        Records=[{"PartitionKey": f"key-{number}", "Data": str(number).encode()} for number in range(500)],
    )
    written = {record["SequenceNumber"]: record["Data"] for record in kinesis.read_all()}
    assert answer["FailedRecordCount"] == 0
    assert [written[each["SequenceNumber"]] for each in answer["Records"]] == [str(n).encode() for n in range(500)]


def test_sequence_numbers_rise_within_a_shard_and_are_unique_in_the_stream(kinesis: StreamUnderTest) -> None:
    placed = [kinesis.put(f"key-{number}") for number in range(20)]
    numbers = [int(number) for _, number in placed]
    assert len(set(numbers)) == len(numbers)
    for shard_id in {shard_id for shard_id, _ in placed}:
        of_shard = [int(number) for each, number in placed if each == shard_id]
        assert of_shard == sorted(of_shard)


def test_a_partition_key_goes_where_its_md5_says(kinesis: StreamUnderTest) -> None:
    ranges = {shard["ShardId"]: hash_range(shard) for shard in kinesis.shards()}
    for key in ("a", "b", "c", "ключ", "x" * 256):
        shard_id, _ = kinesis.put(key)
        start, end = ranges[shard_id]
        assert start <= int(hashlib.md5(key.encode()).hexdigest(), 16) <= end  # noqa: S324 (Kinesis routes by MD5)


def test_an_explicit_hash_key_decides_and_both_ends_of_a_range_belong_to_it(kinesis: StreamUnderTest) -> None:
    for shard in kinesis.shards():
        for hash_key in hash_range(shard):
            assert kinesis.put("any", hash_key=hash_key)[0] == shard["ShardId"]


def test_an_explicit_hash_key_of_2_to_the_128_is_refused(kinesis: StreamUnderTest) -> None:
    with refused("InvalidArgumentException"):
        kinesis.put("key", hash_key=HASH_KEYS)


@pytest.mark.parametrize("hash_key", ["-1", "1e3", "01", "x", "1" * 40])
def test_an_explicit_hash_key_that_is_no_number_is_refused(kinesis: StreamUnderTest, hash_key: str) -> None:
    with refused("ValidationException"):
        kinesis.client.put_record(StreamName=kinesis.name, PartitionKey="k", Data=b"", ExplicitHashKey=hash_key)


def test_a_partition_key_has_256_characters_at_most_whatever_their_bytes(kinesis: StreamUnderTest) -> None:
    kinesis.put("ü" * 256)
    with refused("ValidationException"):
        kinesis.put("ü" * 257)


def test_a_record_has_1_mib_at_most_with_its_partition_key(kinesis: StreamUnderTest) -> None:
    kinesis.put("four", b"x" * (MIB - 4))
    with refused("ValidationException"):
        kinesis.put("four", b"x" * (MIB - 3))


def test_a_stream_may_allow_larger_records(kinesis: StreamUnderTest) -> None:
    summary = kinesis.client.describe_stream_summary(StreamName=kinesis.name)["StreamDescriptionSummary"]
    kinesis.client.update_max_record_size(StreamARN=summary["StreamARN"], MaxRecordSizeInKiB=2048)
    kinesis.wait_until_active()
    kinesis.put("key", b"x" * (2 * MIB - 3))
    with refused("ValidationException"):
        kinesis.put("key", b"x" * (2 * MIB - 2))
    summary = kinesis.client.describe_stream_summary(StreamName=kinesis.name)["StreamDescriptionSummary"]
    assert summary["MaxRecordSizeInKiB"] == 2048


def test_a_request_has_500_records_at_most(kinesis: StreamUnderTest) -> None:
    with refused("ValidationException"):
        kinesis.client.put_records(StreamName=kinesis.name, Records=[{"PartitionKey": "k", "Data": b""}] * 501)


def test_a_request_has_10_mib_at_most_with_partition_keys(clock: FakeClock, kinesis: StreamUnderTest) -> None:
    full: PutRecordsRequestEntryTypeDef = {"PartitionKey": "four", "Data": b"x" * (MIB - 4)}
    assert kinesis.client.put_records(StreamName=kinesis.name, Records=[full] * 10)["FailedRecordCount"] == 0
    with refused("InvalidArgumentException"):
        kinesis.client.put_records(StreamName=kinesis.name, Records=[*[full] * 10, {"PartitionKey": "k", "Data": b""}])


def test_one_invalid_record_refuses_the_request_and_nothing_is_written(kinesis: StreamUnderTest) -> None:
    too_large: PutRecordsRequestEntryTypeDef = {"PartitionKey": "k", "Data": b"x" * MIB}
    with refused("ValidationException"):
        kinesis.client.put_records(StreamName=kinesis.name, Records=[{"PartitionKey": "k", "Data": b"x"}, too_large])
    assert kinesis.read_all() == []


def test_an_unknown_stream_is_not_found(kinesis: StreamUnderTest) -> None:
    with refused("ResourceNotFoundException"):
        StreamUnderTest(kinesis.client, f"{kinesis.name}-not").put("key")


def test_a_stream_is_written_to_by_its_arn_too(kinesis: StreamUnderTest) -> None:
    summary = kinesis.client.describe_stream_summary(StreamName=kinesis.name)["StreamDescriptionSummary"]
    answer = kinesis.client.put_record(StreamARN=summary["StreamARN"], PartitionKey="key", Data=b"by ARN")
    assert [record["Data"] for record in kinesis.read(answer["ShardId"])] == [b"by ARN"]


@pytest.fixture
def threads_in_each_others_way() -> Iterator[None]:
    """Have the interpreter change threads all the time, so that what is not locked goes wrong."""
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(interval)


@pytest.mark.usefixtures("threads_in_each_others_way")
def test_every_record_acknowledged_to_any_thread_is_there_once(clock: FakeClock, kinesis: StreamUnderTest) -> None:
    def write(thread: int) -> dict[str, bytes]:
        acknowledged: dict[str, bytes] = {}
        for batch in range(30):
            data = [f"{thread}-{batch}-{number}".encode() for number in range(50)]
            answer = kinesis.client.put_records(
                StreamName=kinesis.name, Records=[{"PartitionKey": each.decode(), "Data": each} for each in data]
            )
            acknowledged |= {each["SequenceNumber"]: sent for each, sent in zip(answer["Records"], data, strict=True)}
        return acknowledged

    with ThreadPoolExecutor(8) as threads:
        acknowledged = list(threads.map(write, range(8)))
    written = []
    for shard_id in kinesis.shard_ids():
        of_shard = [(int(record["SequenceNumber"]), record["Data"]) for record in kinesis.read(shard_id)]
        assert of_shard == sorted(of_shard)
        written += of_shard
    assert len(written) == 8 * 1_500
    assert dict(written) == {int(number): data for each in acknowledged for number, data in each.items()}
