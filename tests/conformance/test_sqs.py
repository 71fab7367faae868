"""SQS: the queue of dead letters."""

import hashlib
import json
from typing import Any

import pytest

from tests.conformance.account import Account
from tests.conformance.facts import fact
from tests.conformance.refusals import refused

MIB = 1024 * 1024


@pytest.fixture(scope="module")
def queue(account: Account) -> str:
    """A queue with every setting left alone."""
    return account.queue()


def attributes(account: Account, url: str) -> dict[str, str]:
    answer: dict[str, str] = account.sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"]
    return answer


def receive(account: Account, url: str, **options: Any) -> list[dict[str, Any]]:
    """Wait for the messages of a queue, and receive them."""
    found: list[dict[str, Any]] = account.wait_for(
        lambda: account.sqs.receive_message(
            QueueUrl=url, MaxNumberOfMessages=10, MessageSystemAttributeNames=["All"], **options
        ).get("Messages")
    )
    return found


@fact("[drift]", each=True)
@pytest.mark.parametrize(
    ("name", "value"),
    [("MaximumMessageSize", "1048576"), ("MessageRetentionPeriod", "345600"), ("VisibilityTimeout", "30")],
)
def test_a_new_queue_reads_back_with_defaults(account: Account, queue: str, name: str, value: str) -> None:
    assert attributes(account, queue)[name] == value


@fact("[m sqs SendMessage]")
def test_a_message_of_1_mib_is_taken(account: Account) -> None:
    url = account.queue()
    account.sqs.send_message(QueueUrl=url, MessageBody="x" * MIB)
    (message,) = receive(account, url)
    assert len(message["Body"]) == MIB


@fact("[LS sqs 2025-08-19]")
def test_a_message_over_1_mib_is_refused(account: Account, queue: str) -> None:
    words = "One or more parameters are invalid. Reason: Message must be shorter than 1048576 bytes."
    with refused("InvalidParameterValue", saying=words):
        account.sqs.send_message(QueueUrl=queue, MessageBody="x" * (MIB + 1))


@fact("[LS sqs 2025-08-19]")
def test_a_batch_over_1_mib_is_refused_with_its_size(account: Account, queue: str) -> None:
    entries = [{"Id": str(n), "MessageBody": "x" * (MIB // 2 + 1)} for n in range(2)]
    words = f"Batch requests cannot be longer than 1048576 bytes. You have sent {2 * (MIB // 2 + 1)} bytes."
    with refused("AWS.SimpleQueueService.BatchRequestTooLong", saying=words):
        account.sqs.send_message_batch(QueueUrl=queue, Entries=entries)


@fact("[LS sqs 2024-04-30]")
def test_a_batch_of_11_entries_is_refused_with_their_number(account: Account, queue: str) -> None:
    entries = [{"Id": str(n), "MessageBody": "x"} for n in range(11)]
    words = "Maximum number of entries per request are 10. You have sent 11."
    with refused("AWS.SimpleQueueService.TooManyEntriesInBatchRequest", saying=words):
        account.sqs.send_message_batch(QueueUrl=queue, Entries=entries)


@fact("[LS send_batch_message_size]")
def test_an_entry_over_the_limit_of_its_own_queue_fails_alone(account: Account) -> None:
    url = account.queue(MaximumMessageSize="1024")
    entries = [{"Id": "small", "MessageBody": "x" * 1024}, {"Id": "large", "MessageBody": "x" * 1025}]
    answer = account.sqs.send_message_batch(QueueUrl=url, Entries=entries)
    assert [each["Id"] for each in answer["Successful"]] == ["small"]
    assert [(each["Id"], each["SenderFault"]) for each in answer["Failed"]] == [("large", True)]


@fact("[LS sqs]")
def test_a_missing_queue_does_not_exist(account: Account) -> None:
    with refused("AWS.SimpleQueueService.NonExistentQueue", saying="The specified queue does not exist"):
        account.sqs.get_queue_url(QueueName="spillway-conformance-absent")


@fact("[m sqs Message]")
def test_a_message_carries_the_md5_of_its_body(account: Account) -> None:
    url = account.queue()
    account.sqs.send_message(QueueUrl=url, MessageBody="héllo")
    (message,) = receive(account, url)
    assert message["MD5OfBody"] == hashlib.md5("héllo".encode(), usedforsecurity=False).hexdigest()


@fact("[m sqs ReceiveMessage]", each=True)
@pytest.mark.parametrize(
    "name", ["ApproximateReceiveCount", "SentTimestamp", "SenderId", "ApproximateFirstReceiveTimestamp"]
)
def test_a_received_message_has_its_system_attributes(account: Account, name: str) -> None:
    url = account.queue(VisibilityTimeout="0")
    account.sqs.send_message(QueueUrl=url, MessageBody="x")
    (message,) = receive(account, url)
    assert message["Attributes"][name]


@fact("[m sqs ReceiveMessage]")
def test_a_message_that_becomes_visible_again_is_counted_again(account: Account) -> None:
    url = account.queue(VisibilityTimeout="0")
    account.sqs.send_message(QueueUrl=url, MessageBody="x")
    counts = [receive(account, url)[0]["Attributes"]["ApproximateReceiveCount"] for _ in range(2)]
    assert counts == ["1", "2"]


@fact("[m sqs ReceiveMessage]")
def test_a_received_message_is_hidden_for_its_visibility_timeout(account: Account) -> None:
    url = account.queue(VisibilityTimeout="600")
    account.sqs.send_message(QueueUrl=url, MessageBody="x")
    receive(account, url)
    answer = account.sqs.receive_message(QueueUrl=url, WaitTimeSeconds=1)
    assert answer.get("Messages", []) == []


@fact("[m sqs ChangeMessageVisibility]")
def test_a_visibility_timeout_of_0_shows_a_message_at_once(account: Account) -> None:
    url = account.queue(VisibilityTimeout="600")
    account.sqs.send_message(QueueUrl=url, MessageBody="x")
    (message,) = receive(account, url)
    account.sqs.change_message_visibility(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"], VisibilityTimeout=0)
    assert receive(account, url)[0]["MessageId"] == message["MessageId"]


@fact("[m sqs CreateQueue]")
def test_a_message_received_too_often_goes_to_the_dead_letter_queue(account: Account) -> None:
    parked = account.queue()
    policy = {"deadLetterTargetArn": account.queue_arn(parked), "maxReceiveCount": 2}
    url = account.queue(VisibilityTimeout="0", RedrivePolicy=json.dumps(policy))
    sent = account.sqs.send_message(QueueUrl=url, MessageBody="x")["MessageId"]
    for _ in range(2):
        receive(account, url)

    def moved() -> Any:
        account.sqs.receive_message(QueueUrl=url)
        return account.sqs.receive_message(QueueUrl=parked).get("Messages")

    (message,) = account.wait_for(moved)
    assert message["MessageId"] == sent


@fact("[m sqs DeleteMessageBatch]")
def test_deleting_a_message_twice_succeeds(account: Account) -> None:
    url = account.queue()
    account.sqs.send_message(QueueUrl=url, MessageBody="x")
    (message,) = receive(account, url)
    entries = [{"Id": "0", "ReceiptHandle": message["ReceiptHandle"]}]
    for _ in range(2):
        assert account.sqs.delete_message_batch(QueueUrl=url, Entries=entries)["Successful"] == [{"Id": "0"}]
