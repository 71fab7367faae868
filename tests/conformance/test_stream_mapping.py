"""Lambda's event source mapping of a Kinesis stream: events and answers."""

from typing import Any

import pytest

from tests.conformance.account import Account
from tests.conformance.facts import fact
from tests.conformance.mapped_streams import NAMES_BAD, REPORTS, MappedStream, mapped, put, returning
from tests.conformance.probe import SUCCESS


@pytest.fixture(scope="module")
def delivered(account: Account) -> MappedStream:
    """Three records, delivered."""
    found = mapped(account, SUCCESS, "a", "b", "c")
    found.until_delivered("c")
    return found


@pytest.fixture(scope="module")
def record(delivered: MappedStream) -> dict[str, Any]:
    """The first record of the first event."""
    (seen, *_) = delivered.account.seen_by(delivered.function)
    found: dict[str, Any] = seen["event"]["Records"][0]
    return found


@fact("[LS test_lambda_integration_kinesis] [L23 with-kinesis]")
def test_a_record_of_an_event_has_these_members_and_no_others(record: dict[str, Any]) -> None:
    assert set(record) == {
        "kinesis", "eventSource", "eventVersion", "eventID", "eventName", "invokeIdentityArn", "awsRegion",
        "eventSourceARN",
    }  # fmt: skip
    assert set(record["kinesis"]) == {
        "kinesisSchemaVersion", "partitionKey", "sequenceNumber", "data", "approximateArrivalTimestamp",
    }  # fmt: skip


@fact("[LS test_lambda_integration_kinesis]", each=True)
@pytest.mark.parametrize(
    ("name", "value"),
    [("eventSource", "aws:kinesis"), ("eventVersion", "1.0"), ("eventName", "aws:kinesis:record")],
    ids=["eventSource", "eventVersion", "eventName"],
)
def test_a_record_of_an_event_says_what_it_is(record: dict[str, Any], name: str, value: str) -> None:
    assert record[name] == value


@fact("[LS test_lambda_integration_kinesis]")
def test_the_event_id_is_shard_id_and_sequence_number(record: dict[str, Any]) -> None:
    shard_id, _, number = record["eventID"].partition(":")
    assert shard_id == "shardId-000000000000"
    assert number == record["kinesis"]["sequenceNumber"]


@fact("[LS test_lambda_integration_kinesis]")
def test_the_arrival_time_is_in_seconds(record: dict[str, Any]) -> None:
    assert 1_700_000_000 < record["kinesis"]["approximateArrivalTimestamp"] < 5_000_000_000


@fact("[LS test_lambda_integration_kinesis]")
def test_an_event_names_its_stream_and_the_role_of_the_function(
    delivered: MappedStream, record: dict[str, Any]
) -> None:
    assert record["eventSourceARN"] == delivered.account.stream_arn(delivered.stream)
    assert record["invokeIdentityArn"] == delivered.account.role_arn


@fact("[L23 invocation-eventsourcemapping]")
def test_the_records_of_a_shard_come_in_their_order(delivered: MappedStream) -> None:
    assert [data for batch in delivered.batches() for data in batch] == ["a", "b", "c"]


@fact("[m lambda BatchSize]")
def test_a_batch_holds_no_more_than_its_size(account: Account) -> None:
    found = mapped(account, SUCCESS, *"abcde", BatchSize=2)
    assert found.until_delivered("e") == [["a", "b"], ["c", "d"], ["e"]]


@fact("[L23 invocation-eventsourcemapping]")
def test_a_batch_comes_from_one_shard_only(account: Account) -> None:
    stream = account.stream(2)
    entries = [
        {"Data": b"%d" % n, "PartitionKey": "k", "ExplicitHashKey": str(n % 2 * (2**128 - 1))} for n in range(10)
    ]
    account.kinesis.put_records(StreamName=stream, Records=entries)
    found = mapped(account, SUCCESS, stream=stream, BatchSize=100)
    account.wait_for(lambda: sum(map(len, found.batches())) >= len(entries))
    for batch in found.batches():
        assert len({int(data) % 2 for data in batch}) == 1


# Answers


@pytest.fixture(scope="module")
def two_records(account: Account) -> str:
    """A stream that holds two records, for several mappings."""
    stream = account.stream()
    put(account, stream, "first", "second")
    return stream


@fact("[LS test_lambda_integration_kinesis] [ESM-partial]", each=True)
@pytest.mark.parametrize(
    "answer",
    [[], None, {}, "", {"batchItemFailures": []}, {"batchItemFailures": None}],
    ids=["[]", "null", "{}", '""', "no failures", "null failures"],
)
def test_an_answer_counts_as_complete_success(account: Account, two_records: str, answer: Any) -> None:
    found = mapped(account, returning(answer), stream=two_records, BatchSize=1, **REPORTS)
    assert found.until_delivered("second")[:2] == [["first"], ["second"]]


@fact("[LS test_lambda_integration_kinesis] [ESM-partial]", each=True)
@pytest.mark.parametrize(
    "failure",
    [{"itemIdentifier": ""}, {"itemIdentifier": None}, {"wrong": "1"}, {"itemIdentifier": "123"}],
    ids=["empty", "null", "another key", "not in the batch"],
)
def test_an_identifier_fails_the_whole_batch(account: Account, two_records: str, failure: Any) -> None:
    answer = returning({"batchItemFailures": [failure]})
    found = mapped(account, answer, stream=two_records, MaximumRetryAttempts=0, **REPORTS)
    assert found.given_up()["KinesisBatchInfo"]["batchSize"] == 2


@fact("[ESM-partial]")
def test_without_the_response_type_an_answer_is_ignored(account: Account, two_records: str) -> None:
    answer = returning({"batchItemFailures": [{"itemIdentifier": ""}]})
    found = mapped(account, answer, stream=two_records, BatchSize=1)
    assert found.until_delivered("second") == [["first"], ["second"]]


@fact("[ESM-partial]")
def test_of_several_identifiers_the_lowest_sequence_number_is_the_checkpoint(account: Account) -> None:
    found = mapped(account, NAMES_BAD, "a", "bad 1", "c", "bad 2", BatchSize=4, MaximumRetryAttempts=1, **REPORTS)
    assert found.until_seen(2)[:2] == [["a", "bad 1", "c", "bad 2"], ["bad 1", "c", "bad 2"]]


@fact("[LS test_lambda_integration_kinesis 2025-11-25]")
def test_the_retries_are_counted_anew_after_a_partial_advance(account: Account) -> None:
    settings: dict[str, Any] = {"BatchSize": 3, "MaximumRetryAttempts": 3, **REPORTS}
    found = mapped(account, NAMES_BAD, "1", "2", "3", "4", "5", "bad 6", **settings)
    pointer = found.given_up()
    deliveries = [batch for batch in found.batches() if "bad 6" in batch]
    assert deliveries == [["4", "5", "bad 6"], *[["bad 6"]] * 4]
    assert pointer["KinesisBatchInfo"]["batchSize"] == 1
    assert pointer["requestContext"]["approximateInvokeCount"] == 4
