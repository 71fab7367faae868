"""Lambda's event source mapping of an SQS queue: events, answers, and what stays in the queue."""

import json
from typing import Any

import pytest

from tests.conformance.account import Account
from tests.conformance.facts import fact
from tests.conformance.probe import SUCCESS

REPORTS = {"FunctionResponseTypes": ["ReportBatchItemFailures"]}
NAMES_BAD = """
def answer(event):
    bad = [r["messageId"] for r in event["Records"] if r["body"].startswith("bad")]
    return {"batchItemFailures": [{"itemIdentifier": each} for each in bad]}
"""
CRASH = "def answer(event):\n    raise ValueError('as the test says')\n"


class Mapped:
    """A queue with a function mapped to it; a message comes again after 2 s, and is parked after two receives."""

    def __init__(self, account: Account, answer: str, *bodies: str, **settings: Any) -> None:
        self.account = account
        self.function = account.function(answer, timeout_seconds=1)
        self.parked = account.queue()
        policy = {"deadLetterTargetArn": account.queue_arn(self.parked), "maxReceiveCount": 2}
        self.queue = account.queue(VisibilityTimeout="2", RedrivePolicy=json.dumps(policy))
        entries = [{"Id": str(n), "MessageBody": body} for n, body in enumerate(bodies)]
        account.sqs.send_message_batch(QueueUrl=self.queue, Entries=entries)
        account.queue_mapping(self.queue, self.function, **settings)

    def bodies(self) -> list[str]:
        """The bodies that the function was invoked with so far."""
        seen = self.account.seen_by(self.function)
        return [record["body"] for each in seen for record in each["event"]["Records"]]

    def parked_bodies(self, count: int) -> list[str]:
        """The bodies in the dead-letter queue, once there are so many."""
        found: dict[str, str] = {}

        def receive() -> bool:
            answer = self.account.sqs.receive_message(QueueUrl=self.parked, MaxNumberOfMessages=10)
            found.update({each["MessageId"]: each["Body"] for each in answer.get("Messages", [])})
            return len(found) >= count

        self.account.wait_for(receive)
        return sorted(found.values())

    def depth(self) -> int:
        """Messages in the queue, those in flight included."""
        names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
        answer = self.account.sqs.get_queue_attributes(QueueUrl=self.queue, AttributeNames=names)
        return sum(map(int, answer["Attributes"].values()))


@pytest.fixture(scope="module")
def delivered(account: Account) -> Mapped:
    """Three messages, delivered."""
    found = Mapped(account, SUCCESS, "a", "b", "héllo")
    account.wait_for(lambda: len(found.bodies()) >= 3)
    return found


@pytest.fixture(scope="module")
def record(delivered: Mapped) -> dict[str, Any]:
    """One record of an event."""
    found: dict[str, Any] = delivered.account.seen_by(delivered.function)[0]["event"]["Records"][0]
    return found


@fact("[L23 with-sqs] [LS test_lambda_integration_sqs]")
def test_a_record_of_an_event_has_these_members(record: dict[str, Any]) -> None:
    assert set(record) == {
        "messageId", "receiptHandle", "body", "attributes", "messageAttributes", "md5OfBody", "eventSource",
        "eventSourceARN", "awsRegion",
    }  # fmt: skip


@fact("[L23 with-sqs]")
def test_a_record_names_its_queue(delivered: Mapped, record: dict[str, Any]) -> None:
    assert record["eventSource"] == "aws:sqs"
    assert record["eventSourceARN"] == delivered.account.queue_arn(delivered.queue)


@fact("[L23 with-sqs]")
def test_a_record_carries_the_attributes_of_its_message(record: dict[str, Any]) -> None:
    assert {"ApproximateReceiveCount", "SentTimestamp", "SenderId", "ApproximateFirstReceiveTimestamp"} <= set(
        record["attributes"]
    )
    assert record["attributes"]["ApproximateReceiveCount"] == "1"


@fact("[L23 with-sqs]")
def test_a_body_arrives_as_text(delivered: Mapped) -> None:
    assert set(delivered.bodies()) == {"a", "b", "héllo"}


@fact("[L23 with-sqs]")
def test_what_a_function_took_is_deleted(delivered: Mapped) -> None:
    delivered.account.wait_for(lambda: delivered.depth() == 0)


@fact("[L23 with-sqs] [LS test_lambda_integration_sqs]")
def test_a_failed_message_stays_and_the_others_are_deleted(account: Account) -> None:
    found = Mapped(account, NAMES_BAD, "good 1", "bad", "good 2", **REPORTS)
    assert found.parked_bodies(1) == ["bad"]
    assert found.bodies().count("bad") >= 2
    assert {body for body in found.bodies() if body != "bad"} == {"good 1", "good 2"}
    found.account.wait_for(lambda: found.depth() == 0)


@fact("[L23 with-sqs]")
def test_after_an_exception_every_message_of_the_batch_stays(account: Account) -> None:
    found = Mapped(account, CRASH, "a", "b")
    assert found.parked_bodies(2) == ["a", "b"]


@fact("[L23 with-sqs] [LS test_lambda_integration_sqs]", each=True)
@pytest.mark.parametrize(
    "failure", [{"itemIdentifier": "unknown"}, {"itemIdentifier": ""}, {"wrong": "1"}], ids=["unknown", "empty", "key"]
)
def test_an_identifier_fails_the_whole_batch(account: Account, failure: Any) -> None:
    answer = f"def answer(event):\n    return {{'batchItemFailures': [{failure!r}]}}\n"
    assert Mapped(account, answer, "a", **REPORTS).parked_bodies(1) == ["a"]


@fact("[L23 with-sqs] [LS test_lambda_integration_sqs]", each=True)
@pytest.mark.parametrize(
    "answer", [None, {}, {"batchItemFailures": []}, {"batchItemFailures": None}], ids=["null", "{}", "[]", "null list"]
)
def test_an_answer_counts_as_complete_success(account: Account, answer: Any) -> None:
    found = Mapped(account, f"def answer(event):\n    return {answer!r}\n", "a", **REPORTS)
    account.wait_for(lambda: set(found.bodies()) == {"a"} and found.depth() == 0)


@fact("[L23 with-sqs]")
def test_without_the_response_type_an_answer_is_ignored(account: Account) -> None:
    found = Mapped(account, NAMES_BAD, "bad")
    account.wait_for(lambda: set(found.bodies()) == {"bad"} and found.depth() == 0)


@fact("[m lambda BatchSize]")
def test_a_batch_holds_no_more_than_its_size(account: Account) -> None:
    found = Mapped(account, SUCCESS, *"abcdef", BatchSize=2)
    account.wait_for(lambda: set(found.bodies()) == set("abcdef"))
    assert all(len(each["event"]["Records"]) <= 2 for each in account.seen_by(found.function))
