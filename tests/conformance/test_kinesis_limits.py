"""Kinesis: what a shard takes within a second."""

from tests.conformance.account import Account
from tests.conformance.facts import fact

LIMITS = "aws"
KIB = 1024


@fact("[m kinesis PutRecords]")
def test_records_over_the_rate_of_a_shard_fail_within_an_answer_of_200(account: Account) -> None:
    stream = account.stream()
    records = [{"Data": b"x" * 200 * KIB, "PartitionKey": "k"}] * 20  # 4 MiB at once into one shard
    answer = account.wait_for(
        lambda: next(
            (
                answer
                for _ in range(3)
                if (answer := account.kinesis.put_records(StreamName=stream, Records=records))["FailedRecordCount"]
            ),
            None,
        )
    )
    failed = [each for each in answer["Records"] if "ErrorCode" in each]
    assert answer["ResponseMetadata"]["HTTPStatusCode"] == 200
    assert len(failed) == answer["FailedRecordCount"] < len(records)
    assert {each["ErrorCode"] for each in failed} == {"ProvisionedThroughputExceededException"}
    assert all("SequenceNumber" not in each for each in failed)
    assert all("SequenceNumber" in each for each in answer["Records"] if each not in failed)
