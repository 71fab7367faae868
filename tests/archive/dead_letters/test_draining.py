"""Bringing what is stuck in a queue to the archive."""

import boto3
import pytest

from archive.dead_letters.draining import drain
from tests.archive.archiving import STREAM, a_pointer
from tests.aws_errors import aws_error
from tests.clock import FakeClock
from tests.consumers.letters import a_letter


@pytest.fixture
def queue(aws):
    """A queue and a bucket; the queue's URL."""
    boto3.client("s3").create_bucket(Bucket="dead", CreateBucketConfiguration={"LocationConstraint": "eu-west-2"})
    boto3.client("kinesis").create_stream(StreamName=STREAM, ShardCount=1)
    return boto3.client("sqs").create_queue(QueueName="parked")["QueueUrl"]


def drained(s3=None):
    sqs, kinesis = boto3.client("sqs"), boto3.client("kinesis")
    s3 = s3 or boto3.client("s3")
    return drain(sqs, s3, kinesis, queue="parked", bucket="dead", stream=STREAM, clock=FakeClock(), wait_seconds=0)


def archived() -> list[str]:
    s3 = boto3.client("s3")
    found = s3.list_objects_v2(Bucket="dead", Prefix="dead-letters/").get("Contents", [])
    bodies = [s3.get_object(Bucket="dead", Key=each["Key"])["Body"].read().decode() for each in found]
    return sorted(line for body in bodies for line in body.splitlines())


def left(url: str) -> int:
    attributes = boto3.client("sqs").get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"]
    return int(attributes["ApproximateNumberOfMessages"]) + int(attributes["ApproximateNumberOfMessagesNotVisible"])


def test_every_message_is_archived_and_gone_from_the_queue(queue):
    letters = [a_letter(b"%d" % n) for n in range(25)]
    for letter in letters:
        boto3.client("sqs").send_message(QueueUrl=queue, MessageBody=letter.to_json())
    result = drained()
    assert (result.messages, result.letters, result.lost, result.failed) == (25, 25, 0, 0)
    assert archived() == sorted(letter.to_json() for letter in letters)
    assert left(queue) == 0


def test_pointers_are_resolved_and_missing_records_are_reported_as_lost(queue):
    number = boto3.client("kinesis").put_record(StreamName=STREAM, PartitionKey="k", Data=b"0")["SequenceNumber"]
    boto3.client("sqs").send_message(QueueUrl=queue, MessageBody=a_pointer(number, number, 3))
    result = drained()
    assert (result.messages, result.letters, result.lost) == (1, 1, 1)
    assert len(archived()) == 2


def test_a_pointer_at_a_stream_of_others_is_kept_and_not_followed(queue):
    boto3.client("kinesis").create_stream(StreamName="of-others", ShardCount=1)
    number = boto3.client("kinesis").put_record(StreamName="of-others", PartitionKey="k", Data=b"0")["SequenceNumber"]
    pointer = a_pointer(number, number, 1).replace(STREAM, "of-others")
    boto3.client("sqs").send_message(QueueUrl=queue, MessageBody=pointer)
    assert drained().messages == 1
    (line,) = archived()
    assert "it names the stream of-others, not spillway-local-events" in line


def test_a_bad_message_does_not_end_the_draining(queue):
    for body in ("[" * 100_000, a_letter(b"1").to_json(), "{}"):
        boto3.client("sqs").send_message(QueueUrl=queue, MessageBody=body)
    result = drained()
    assert (result.messages, result.letters, result.failed) == (3, 3, 0)
    assert left(queue) == 0


def test_what_can_not_be_archived_stays_in_the_queue(queue):
    boto3.client("sqs").send_message(QueueUrl=queue, MessageBody=a_letter().to_json())

    class Failing:
        def put_object(self, **_):
            raise aws_error("AccessDenied", 403)

    result = drained(Failing())
    assert (result.messages, result.failed) == (0, 1)
    assert "AccessDenied" in result.error
    assert left(queue) == 1
