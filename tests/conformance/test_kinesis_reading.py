"""Kinesis: reading a stream, from where and how much."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.conformance.account import Account
from tests.conformance.facts import fact
from tests.conformance.refusals import refused
from tests.conformance.shards import iterator_of, read_all, shards_of


@pytest.fixture(scope="module")
def stream(account: Account) -> str:
    """A stream of two shards that facts share."""
    return account.stream(2)


@pytest.fixture(scope="module")
def written(account: Account, stream: str) -> list[dict[str, Any]]:
    """Ten records put one after another under one key; AWS's answers."""
    return [account.kinesis.put_record(StreamName=stream, PartitionKey="written", Data=b"%d" % n) for n in range(10)]


@fact("[m kinesis SequenceNumber]")
def test_sequence_numbers_are_decimal_and_grow_within_a_shard(written: list[dict[str, Any]]) -> None:
    numbers = [each["SequenceNumber"] for each in written]
    assert all(number.isdecimal() and len(number) <= 129 for number in numbers)
    assert sorted(numbers, key=int) == numbers


@fact("[m kinesis GetRecords]")
def test_data_of_any_bytes_is_read_as_it_was_put(account: Account, stream: str) -> None:
    data = bytes(range(256))
    answer = account.kinesis.put_record(StreamName=stream, PartitionKey="k", Data=data)
    position = {"StartingSequenceNumber": answer["SequenceNumber"]}
    (record, *_) = read_all(account, stream, answer["ShardId"], "AT_SEQUENCE_NUMBER", **position)
    assert (record["Data"], record["PartitionKey"], record["SequenceNumber"]) == (data, "k", answer["SequenceNumber"])


@fact("[m kinesis GetShardIterator]")
def test_at_sequence_number_reads_from_the_record_on(
    account: Account, stream: str, written: list[dict[str, Any]]
) -> None:
    third = written[3]
    position = {"StartingSequenceNumber": third["SequenceNumber"]}
    records = read_all(account, stream, third["ShardId"], "AT_SEQUENCE_NUMBER", **position)
    assert records[0]["Data"] == b"3"


@fact("[m kinesis GetShardIterator]")
def test_after_sequence_number_reads_from_behind_the_record(
    account: Account, stream: str, written: list[dict[str, Any]]
) -> None:
    third = written[3]
    position = {"StartingSequenceNumber": third["SequenceNumber"]}
    records = read_all(account, stream, third["ShardId"], "AFTER_SEQUENCE_NUMBER", **position)
    assert records[0]["Data"] == b"4"


@fact("[m kinesis GetShardIterator]")
def test_latest_reads_only_what_comes_later(account: Account, stream: str, written: list[dict[str, Any]]) -> None:
    shard_id = written[0]["ShardId"]
    iterator = iterator_of(account, stream, shard_id, "LATEST")
    account.kinesis.put_record(StreamName=stream, PartitionKey="written", Data=b"later")
    found: list[Any] = []

    def read() -> bool:
        nonlocal iterator
        answer = account.kinesis.get_records(ShardIterator=iterator)
        iterator = answer["NextShardIterator"]
        found.extend(answer["Records"])
        return bool(found)

    account.wait_for(read)
    assert [record["Data"] for record in found] == [b"later"]


@fact("[m kinesis GetShardIterator]")
def test_at_timestamp_reads_from_the_time_on(account: Account, stream: str, written: list[dict[str, Any]]) -> None:
    early = datetime.now(UTC) - timedelta(hours=1)
    records = read_all(account, stream, written[0]["ShardId"], "AT_TIMESTAMP", Timestamp=early)
    assert len(records) >= len(written)


@fact("[kinesalite]")
def test_a_timestamp_in_the_future_is_refused(account: Account, stream: str, written: list[dict[str, Any]]) -> None:
    future = datetime.now(UTC) + timedelta(hours=1)
    with refused("InvalidArgumentException"):
        iterator_of(account, stream, written[0]["ShardId"], "AT_TIMESTAMP", Timestamp=future)


@fact("[m kinesis GetShardIterator]")
def test_a_sequence_number_of_another_shard_is_refused(
    account: Account, stream: str, written: list[dict[str, Any]]
) -> None:
    other = next(s["ShardId"] for s in shards_of(account, stream) if s["ShardId"] != written[0]["ShardId"])
    with refused("InvalidArgumentException"):
        iterator_of(account, stream, other, "AT_SEQUENCE_NUMBER", StartingSequenceNumber=written[0]["SequenceNumber"])


@fact("[m kinesis GetShardIterator]")
def test_an_unknown_shard_is_not_found(account: Account, stream: str) -> None:
    with refused("ResourceNotFoundException"):
        iterator_of(account, stream, "shardId-000000009999")


@fact("[m kinesis GetRecordsInput]")
def test_a_limit_of_10_000_is_taken(account: Account, stream: str, written: list[dict[str, Any]]) -> None:
    account.kinesis.get_records(ShardIterator=iterator_of(account, stream, written[0]["ShardId"]), Limit=10_000)


@fact("[m kinesis GetRecordsInput] [kinesalite]", unsure=True)
def test_a_limit_of_10_001_is_refused(account: Account, stream: str, written: list[dict[str, Any]]) -> None:
    # The model says InvalidArgumentException, kinesalite, tested on AWS, ValidationException.
    iterator = iterator_of(account, stream, written[0]["ShardId"])
    with refused("ValidationException", "InvalidArgumentException"):
        account.kinesis.get_records(ShardIterator=iterator, Limit=10_001)


@fact("[m kinesis GetRecordsInput]")
def test_a_limit_bounds_the_records_of_an_answer(account: Account, stream: str, written: list[dict[str, Any]]) -> None:
    iterator = iterator_of(account, stream, written[0]["ShardId"])
    answer = account.wait_for(lambda: account.kinesis.get_records(ShardIterator=iterator, Limit=3))
    assert len(answer["Records"]) == 3
    assert answer["MillisBehindLatest"] > 0


@fact("[m kinesis GetRecordsOutput]")
def test_an_open_shard_read_to_its_tip_is_zero_behind_and_goes_on(account: Account, stream: str) -> None:
    shard_id = shards_of(account, stream)[0]["ShardId"]
    answer = account.kinesis.get_records(ShardIterator=iterator_of(account, stream, shard_id, "LATEST"))
    assert (answer["Records"], answer["MillisBehindLatest"]) == ([], 0)
    assert answer["NextShardIterator"]
    assert "ChildShards" not in answer


@fact("[m kinesis GetRecords]")
def test_arrival_times_have_milliseconds_at_most(account: Account, stream: str, written: list[dict[str, Any]]) -> None:
    position = {"StartingSequenceNumber": written[0]["SequenceNumber"]}
    records = read_all(account, stream, written[0]["ShardId"], "AT_SEQUENCE_NUMBER", **position)
    assert all(record["ApproximateArrivalTimestamp"].microsecond % 1000 == 0 for record in records)


@fact("[m kinesis GetRecords]")
def test_an_iterator_that_is_not_one_is_refused(account: Account) -> None:
    with refused("InvalidArgumentException"):
        account.kinesis.get_records(ShardIterator="AAAAAAAAAAEnotaniterator")
