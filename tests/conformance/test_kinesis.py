"""Kinesis Data Streams: writing, reading, routing, resharding, retention."""

import hashlib

import pytest

from tests.conformance.account import Account
from tests.conformance.facts import fact
from tests.conformance.refusals import refused
from tests.conformance.shards import HASH_KEYS, hash_range, read_all, shard_of, shards_of

MIB = 1024 * 1024


@pytest.fixture(scope="module")
def stream(account: Account) -> str:
    """A stream of two shards that facts share."""
    return account.stream(2)


# Streams as they are read back


@fact("[drift EchoStream0714]")
def test_a_new_stream_keeps_records_for_24_hours(account: Account, stream: str) -> None:
    summary = account.kinesis.describe_stream_summary(StreamName=stream)["StreamDescriptionSummary"]
    assert summary["RetentionPeriodHours"] == 24


@fact("[drift EchoStream0714] [m kinesis MaxRecordSizeInKiB]")
def test_a_new_stream_takes_records_of_1024_kib(account: Account, stream: str) -> None:
    summary = account.kinesis.describe_stream_summary(StreamName=stream)["StreamDescriptionSummary"]
    assert summary["MaxRecordSizeInKiB"] == 1024


@fact("[drift EchoStream0714]")
def test_a_stream_created_with_a_shard_count_is_provisioned(account: Account, stream: str) -> None:
    summary = account.kinesis.describe_stream_summary(StreamName=stream)["StreamDescriptionSummary"]
    assert summary["StreamModeDetails"] == {"StreamMode": "PROVISIONED"}


@fact("[m kinesis StreamDescription]")
def test_a_new_stream_is_not_encrypted(account: Account, stream: str) -> None:
    summary = account.kinesis.describe_stream_summary(StreamName=stream)["StreamDescriptionSummary"]
    assert summary.get("EncryptionType", "NONE") == "NONE"


@fact("[LS kinesis 2025-09-04]")
def test_a_missing_stream_is_not_found_by_its_name_and_account(account: Account) -> None:
    with refused("ResourceNotFoundException", saying=f"Stream absent under account {account.account_id} not found."):
        account.kinesis.describe_stream_summary(StreamName="absent")


@fact("[m kinesis HashKeyRange]")
def test_the_shards_of_a_new_stream_part_the_hash_keys_evenly(account: Account, stream: str) -> None:
    ranges = sorted(map(hash_range, shards_of(account, stream)))
    assert ranges == [(0, HASH_KEYS // 2 - 1), (HASH_KEYS // 2, HASH_KEYS - 1)]


@fact("[m kinesis CreateStream]")
def test_a_name_that_is_taken_is_in_use(account: Account, stream: str) -> None:
    with refused("ResourceInUseException"):
        account.kinesis.create_stream(StreamName=stream, ShardCount=1)


# Writing


@fact("[m kinesis PutRecords]")
def test_put_records_takes_500_records(account: Account, stream: str) -> None:
    records = [{"Data": b"x", "PartitionKey": str(n)} for n in range(500)]
    answer = account.kinesis.put_records(StreamName=stream, Records=records)
    assert len(answer["Records"]) == 500


@fact("[m kinesis PutRecords]")
def test_put_records_refuses_501_records(account: Account, stream: str) -> None:
    with refused("ValidationException", "InvalidArgumentException"):
        account.kinesis.put_records(StreamName=stream, Records=[{"Data": b"x", "PartitionKey": "k"}] * 501)


@fact("[m kinesis PutRecords]")
def test_the_answers_of_put_records_come_in_the_order_of_its_records(account: Account, stream: str) -> None:
    shards = shards_of(account, stream)
    keys = [0, HASH_KEYS - 1, 0, HASH_KEYS - 1]
    records = [{"Data": b"x", "PartitionKey": "k", "ExplicitHashKey": str(key)} for key in keys]
    answer = account.kinesis.put_records(StreamName=stream, Records=records)
    assert [each["ShardId"] for each in answer["Records"]] == [shard_of(shards, key) for key in keys]


@fact("[m kinesis PutRecords]")
def test_a_put_without_failures_says_that_none_failed(account: Account, stream: str) -> None:
    answer = account.kinesis.put_records(StreamName=stream, Records=[{"Data": b"x", "PartitionKey": "k"}])
    assert answer["FailedRecordCount"] == 0
    assert "ErrorCode" not in answer["Records"][0]


@fact("[m kinesis PutRecordsRequestEntry]")
def test_a_record_of_1_mib_with_its_key_is_taken(account: Account) -> None:
    stream = account.stream()
    answer = account.kinesis.put_record(StreamName=stream, PartitionKey="four", Data=b"x" * (MIB - 4))
    (record,) = read_all(account, stream, answer["ShardId"])
    assert len(record["Data"]) == MIB - 4


@fact("[m kinesis PutRecordsRequestEntry]")
def test_a_record_of_1_mib_and_a_byte_with_its_key_is_refused(account: Account, stream: str) -> None:
    with refused("ValidationException", "InvalidArgumentException"):
        account.kinesis.put_record(StreamName=stream, PartitionKey="four", Data=b"x" * (MIB - 3))


@fact("[m kinesis PutRecords]")
def test_put_records_refuses_more_than_10_mib_with_keys(account: Account, stream: str) -> None:
    entry = {"Data": b"x" * (MIB - 4), "PartitionKey": "four"}
    with refused("ValidationException", "InvalidArgumentException"):
        account.kinesis.put_records(StreamName=stream, Records=[entry] * 10 + [{"Data": b"", "PartitionKey": "k"}])


@fact("[m kinesis PartitionKey]")
def test_a_partition_key_may_have_256_characters(account: Account, stream: str) -> None:
    account.kinesis.put_record(StreamName=stream, PartitionKey="k" * 256, Data=b"x")


@fact("[m kinesis PartitionKey]")
def test_a_partition_key_of_257_characters_is_refused(account: Account, stream: str) -> None:
    with refused("ValidationException"):
        account.kinesis.put_record(StreamName=stream, PartitionKey="k" * 257, Data=b"x")


@fact("[m kinesis HashKey]")
@pytest.mark.parametrize("key", ["a", "b", "é", "user-17"])
def test_the_md5_of_the_partition_key_in_utf_8_chooses_the_shard(account: Account, stream: str, key: str) -> None:
    shards = shards_of(account, stream)
    answer = account.kinesis.put_record(StreamName=stream, PartitionKey=key, Data=b"x")
    digest = hashlib.md5(key.encode(), usedforsecurity=False).digest()
    assert answer["ShardId"] == shard_of(shards, int.from_bytes(digest, "big"))


@fact("[m kinesis PutRecord]")
def test_an_explicit_hash_key_overrides_the_partition_key(account: Account, stream: str) -> None:
    shards = shards_of(account, stream)
    placed = {
        account.kinesis.put_record(StreamName=stream, PartitionKey="same", Data=b"x", ExplicitHashKey=str(key))[
            "ShardId"
        ]
        for key in (0, HASH_KEYS - 1)
    }
    assert placed == {shard["ShardId"] for shard in shards}


@fact("[m kinesis HashKey]")
def test_an_explicit_hash_key_of_2_to_the_128_is_refused(account: Account, stream: str) -> None:
    with refused("InvalidArgumentException", "ValidationException"):
        account.kinesis.put_record(StreamName=stream, PartitionKey="k", Data=b"x", ExplicitHashKey=str(HASH_KEYS))


# Retention, size and tags


@fact("[m kinesis IncreaseStreamRetentionPeriod]")
def test_retention_is_increased_to_a_year_at_most(account: Account, stream: str) -> None:
    with refused("InvalidArgumentException", "ValidationException"):
        account.kinesis.increase_stream_retention_period(StreamName=stream, RetentionPeriodHours=8_761)


@fact("[m kinesis DecreaseStreamRetentionPeriod]")
def test_retention_is_decreased_to_24_hours_at_least(account: Account, stream: str) -> None:
    with refused("InvalidArgumentException", "ValidationException"):
        account.kinesis.decrease_stream_retention_period(StreamName=stream, RetentionPeriodHours=23)


@fact("[m kinesis DecreaseStreamRetentionPeriod]")
def test_a_decrease_to_more_than_there_is_is_refused(account: Account, stream: str) -> None:
    with refused("InvalidArgumentException"):
        account.kinesis.decrease_stream_retention_period(StreamName=stream, RetentionPeriodHours=48)


@fact("[m kinesis ListTagsForStream]")
def test_tags_of_a_stream_are_kept(account: Account, stream: str) -> None:
    account.kinesis.add_tags_to_stream(StreamName=stream, Tags={"project": "spillway", "empty": ""})
    tags = account.kinesis.list_tags_for_stream(StreamName=stream)["Tags"]
    assert {tag["Key"]: tag["Value"] for tag in tags} == {"project": "spillway", "empty": ""}
