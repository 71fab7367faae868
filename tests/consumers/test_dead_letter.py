"""The dead letter, and how it is sent."""

import base64
import json
from typing import Any, cast

import boto3
import pytest
from hypothesis import given
from hypothesis import strategies as st

from consumers.dead_letter import DeadLetter, DeadLetterQueue, Failure
from consumers.stream_batch import Source
from producers.clock import SYSTEM_CLOCK
from tests.aws_errors import aws_error
from tests.clock import FakeClock

SOURCE = Source("spillway-local-events", "shardId-000000000003", "4957", 2, "user-1", "2026-11-23T02:34:56.987Z")


def a_letter(data: bytes | None = b"bytes", message: str = "why") -> DeadLetter:
    return DeadLetter("table_writer", "2026-11-23T02:35:00.000000Z", Failure("PoisonEvent", message), 1, SOURCE, data)


@pytest.fixture
def queue(aws):
    sqs, s3 = boto3.client("sqs"), boto3.client("s3")
    url = sqs.create_queue(QueueName="dead-letters")["QueueUrl"]
    s3.create_bucket(Bucket="dead", CreateBucketConfiguration={"LocationConstraint": "eu-west-2"})
    return DeadLetterQueue(sqs, s3, url, "dead")


def sent(queue: DeadLetterQueue) -> list[str]:
    messages = boto3.client("sqs").receive_message(QueueUrl=queue._queue_url, MaxNumberOfMessages=10)
    return [message["Body"] for message in messages.get("Messages", [])]


def soon() -> float:
    return SYSTEM_CLOCK.monotonic() + 5


def test_a_dead_letter_is_the_json_that_the_design_names():
    assert json.loads(a_letter().to_json()) == {
        "version": 1,
        "stage": "table_writer",
        "failed_at": "2026-11-23T02:35:00.000000Z",
        "error": {"type": "PoisonEvent", "message": "why"},
        "attempts": 1,
        "source": {
            "stream": "spillway-local-events",
            "shard_id": "shardId-000000000003",
            "sequence_number": "4957",
            "subsequence_number": 2,
            "partition_key": "user-1",
            "arrived_at": "2026-11-23T02:34:56.987Z",
        },
        "data": base64.b64encode(b"bytes").decode(),
        "data_ref": None,
        "replays": 0,
    }


@given(st.none() | st.binary(), st.text())
def test_what_is_written_is_read_the_same(data, message):
    letter = a_letter(data, message)
    assert DeadLetter.from_json(letter.to_json()) == letter
    assert "\n" not in letter.to_json()


@pytest.mark.parametrize("line", ["", "{}", "[]", "1", a_letter().to_json().replace('"version":1', '"version":9')])
def test_what_is_no_dead_letter_is_told(line):
    with pytest.raises(ValueError, match=r"dead letter|Expecting"):
        DeadLetter.from_json(line)


def test_dead_letters_of_one_batch_share_a_message(queue):
    letters = [a_letter(b"%d" % n) for n in range(50)]
    assert queue.send(letters, soon()) == []
    (body,) = sent(queue)
    assert [DeadLetter.from_json(line) for line in body.splitlines()] == letters


def test_no_message_is_over_what_a_queue_takes(queue):
    letters = [a_letter(bytes(60_000)) for _ in range(5)]
    assert queue.send(letters, soon()) == []
    bodies = sent(queue)
    assert all(len(body) <= 262_144 for body in bodies)
    assert sum(len(body.splitlines()) for body in bodies) == 5


def test_bytes_too_large_for_a_message_are_left_in_s3_and_their_address_sent(queue):
    data = bytes(range(256)) * 4096
    assert queue.send([a_letter(b"small"), a_letter(data)], soon()) == []
    letters = [DeadLetter.from_json(line) for body in sent(queue) for line in body.splitlines()]
    (large,) = [letter for letter in letters if letter.data is None]
    assert large.data_ref is not None
    bucket, _, key = large.data_ref.removeprefix("s3://").partition("/")
    assert boto3.client("s3").get_object(Bucket=bucket, Key=key)["Body"].read() == data


class FailingQueue:
    """An SQS whose first calls fail."""

    def __init__(self, *errors):
        self.errors = list(errors)
        self.bodies = []

    def send_message(self, QueueUrl, MessageBody):
        if self.errors:
            raise self.errors.pop(0)
        self.bodies.append(MessageBody)
        return {"MessageId": str(len(self.bodies))}


def queue_on(sqs: object, clock: FakeClock) -> DeadLetterQueue:
    return DeadLetterQueue(cast("Any", sqs), cast("Any", None), "url", "dead", clock=clock)


@pytest.mark.parametrize(
    "failure",
    [
        aws_error("RequestThrottled"),
        aws_error("KmsThrottled"),
        aws_error("KMS.ThrottlingException"),
        aws_error("InternalError", 500),
        aws_error("ServiceUnavailable", 503),
    ],
)
def test_a_failure_that_may_pass_is_tried_again(failure):
    sqs, clock = FailingQueue(failure, failure), FakeClock()
    assert queue_on(sqs, clock).send([a_letter()], clock.monotonic() + 9) == []
    assert len(sqs.bodies) == 1


@pytest.mark.parametrize(
    "failure",
    [aws_error("AWS.SimpleQueueService.NonExistentQueue"), aws_error("AccessDenied", 403), aws_error("KmsDisabled")],
)
def test_what_can_not_be_sent_is_returned_and_the_rest_is_sent(failure):
    sqs, clock = FailingQueue(failure), FakeClock()
    letters = [a_letter(bytes(150_000)), a_letter(bytes(150_001))]
    unsent = queue_on(sqs, clock).send(letters, clock.monotonic() + 9)
    assert unsent == letters[:1]
    assert len(sqs.bodies) == 1


def test_an_answer_without_a_message_id_is_not_taken_for_sent():
    class Cutting(FailingQueue):
        def send_message(self, QueueUrl, MessageBody):
            super().send_message(QueueUrl, MessageBody)
            return {} if len(self.bodies) == 1 else {"MessageId": "m"}

    sqs, clock = Cutting(), FakeClock()
    assert queue_on(sqs, clock).send([a_letter()], clock.monotonic() + 9) == []
    assert len(sqs.bodies) == 2


def test_an_outage_ends_with_the_time_there_is():
    sqs, clock = FailingQueue(*[aws_error("ServiceUnavailable", 503)] * 100), FakeClock()
    assert queue_on(sqs, clock).send([a_letter()], clock.monotonic() + 5)
    assert 80 < len(sqs.errors) < 97
