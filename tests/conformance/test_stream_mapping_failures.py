"""Lambda's event source mapping of a Kinesis stream: retries, halving, and what it sends where it gives up."""

from typing import Any

import pytest

from tests.conformance.account import Account
from tests.conformance.facts import fact
from tests.conformance.mapped_streams import CRASH, CRASHES_ON_BAD, NAMES_BAD, REPORTS, MappedStream, mapped, put
from tests.conformance.probe import SUCCESS


@pytest.fixture(scope="module")
def crashed(account: Account) -> MappedStream:
    """Two records, given up after one retry of a function that raises."""
    return mapped(account, CRASH, "first", "second", MaximumRetryAttempts=1)


@pytest.fixture(scope="module")
def pointer(crashed: MappedStream) -> dict[str, Any]:
    """What the on-failure destination got."""
    return crashed.given_up()


@fact("[ESM-fail]")
def test_what_a_function_fails_on_is_retried_so_many_times(crashed: MappedStream, pointer: dict[str, Any]) -> None:
    assert crashed.batches() == [["first", "second"]] * 2
    assert pointer["requestContext"]["approximateInvokeCount"] == 2


@fact("[ESM-fail]")
def test_the_on_failure_message_has_these_members(pointer: dict[str, Any]) -> None:
    assert set(pointer) == {"requestContext", "responseContext", "version", "timestamp", "KinesisBatchInfo"}
    assert set(pointer["requestContext"]) == {"requestId", "functionArn", "condition", "approximateInvokeCount"}
    assert set(pointer["KinesisBatchInfo"]) == {
        "shardId", "startSequenceNumber", "endSequenceNumber", "approximateArrivalOfFirstRecord",
        "approximateArrivalOfLastRecord", "batchSize", "streamArn",
    }  # fmt: skip


@fact("[ESM-fail] [LS test_lambda_integration_kinesis]")
def test_retries_that_are_used_up_have_a_condition_of_their_own(pointer: dict[str, Any]) -> None:
    assert pointer["requestContext"]["condition"] == "RetryAttemptsExhausted"


@fact("[ESM-fail]")
def test_after_an_exception_the_function_error_is_unhandled(pointer: dict[str, Any]) -> None:
    assert pointer["responseContext"] == {
        "statusCode": 200,
        "executedVersion": "$LATEST",
        "functionError": "Unhandled",
    }


@fact("[ESM-fail]")
def test_the_on_failure_message_names_the_range_of_the_records(crashed: MappedStream, pointer: dict[str, Any]) -> None:
    (seen, *_) = crashed.account.seen_by(crashed.function)
    numbers = [each["kinesis"]["sequenceNumber"] for each in seen["event"]["Records"]]
    found = pointer["KinesisBatchInfo"]
    assert [found["startSequenceNumber"], found["endSequenceNumber"]] == numbers
    assert (found["shardId"], found["batchSize"]) == ("shardId-000000000000", 2)
    assert found["streamArn"] == crashed.account.stream_arn(crashed.stream)


@fact("[LS test_lambda_integration_kinesis]")
def test_after_a_partial_answer_the_function_error_is_null(account: Account) -> None:
    found = mapped(account, NAMES_BAD, "bad", MaximumRetryAttempts=0, **REPORTS)
    assert found.given_up()["responseContext"]["functionError"] is None


@fact("[ESM-fail]")
def test_after_giving_up_the_shard_moves_on(account: Account) -> None:
    found = mapped(account, CRASHES_ON_BAD, "bad", "good", BatchSize=1, MaximumRetryAttempts=0)
    assert found.until_delivered("good") == [["bad"], ["good"]]


@fact("[ESM-fail]")
def test_bisecting_halves_a_batch_until_the_bad_record_is_alone(account: Account) -> None:
    settings: dict[str, Any] = {"BisectBatchOnFunctionError": True, "MaximumRetryAttempts": 0}
    found = mapped(account, CRASHES_ON_BAD, "a", "b", "bad", "d", BatchSize=4, **settings)
    assert found.given_up()["KinesisBatchInfo"]["batchSize"] == 1
    found.until_delivered("d")
    assert ["a", "b"] in found.batches()
    assert found.batches().count(["bad"]) == 1, "splitting does not use a retry"


@fact("[L23 ParallelizationFactor]")
def test_with_a_parallelization_factor_the_order_of_a_key_is_kept(account: Account) -> None:
    stream = account.stream()
    entries = [{"Data": f"{n % 4} {n:02}".encode(), "PartitionKey": str(n % 4)} for n in range(40)]
    account.kinesis.put_records(StreamName=stream, Records=entries)
    found = mapped(account, SUCCESS, stream=stream, BatchSize=3, ParallelizationFactor=4)
    account.wait_for(lambda: sum(map(len, found.batches())) >= len(entries))
    delivered = [data for batch in found.batches() for data in batch]
    for key in "0123":
        of_key = [data for data in delivered if data.startswith(key)]
        assert of_key == sorted(of_key)


@fact("[KDS-guide after-resharding]", unsure=True)
def test_what_came_before_a_split_is_delivered_before_what_came_after(account: Account) -> None:
    # Documented for the KCL, not for Lambda: the order is reported, and either is accepted.
    stream = account.stream()
    put(account, stream, "before")
    account.kinesis.split_shard(StreamName=stream, ShardToSplit="shardId-000000000000", NewStartingHashKey=str(2**127))
    account.until_active(stream)
    put(account, stream, "after")
    found = mapped(account, SUCCESS, stream=stream)
    account.wait_for(lambda: sum(map(len, found.batches())) >= 2)
    assert sorted(data for batch in found.batches() for data in batch) == ["after", "before"]
