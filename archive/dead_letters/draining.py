"""Archiving messages that are stuck in the dead-letter queue, or parked behind it, as the Lambda would.

StartMessageMoveTask does not serve here: it moves messages only out of a queue that is the dead-letter queue of another
queue, and back to where they failed. The archive keeps each message under the key that the Lambda would give it, so
both may work at once.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from archive.dead_letters.archive import Archive, letters_of
from producers.clock import SYSTEM_CLOCK, Clock
from producers.retry import AWS_ERRORS, Backoff, error_code

if TYPE_CHECKING:
    from types_boto3_kinesis import KinesisClient
    from types_boto3_s3 import S3Client
    from types_boto3_sqs import SQSClient

    from consumers.dead_letter import DeadLetter

RECEIVE_MESSAGES: Final = 10  # ReceiveMessage gives no more (AWS API reference, 2026)
WAIT_SECONDS: Final = 2  # for a message, so that every server of the queue is asked
EMPTY_RECEIVES: Final = 3  # in a row: the queue is empty
HIDE_SECONDS: Final = 300  # while it is archived; a pointer's range has to be read from the stream
READ_SECONDS: Final = 240.0  # for that


@dataclass(slots=True)
class Drained:
    """What became of a queue's messages.

    Args:
        queue: its name.
        messages: archived, and deleted from the queue.
        letters: dead letters in them that the archive did not have.
        lost: records whose bytes had left the stream, and which the archive did not have either.
        failed: messages that could not be archived, and stay.
        error: the last reason for that.
        hidden: messages that somebody else is working on, such as the Lambda; they may come back.
    """

    queue: str
    messages: int = 0
    letters: int = 0
    lost: int = 0
    failed: int = 0
    error: str = ""
    hidden: int = 0

    def add(self, letters: "list[DeadLetter]") -> None:
        """Count a message whose letters are archived."""
        lost = sum(letter.is_lost for letter in letters)
        self.messages += 1
        self.letters += len(letters) - lost
        self.lost += lost


def drain(
    sqs: "SQSClient",
    s3: "S3Client",
    kinesis: "KinesisClient",
    *,
    queue: str,
    bucket: str,
    stream: str,
    clock: Clock = SYSTEM_CLOCK,
    wait_seconds: int = WAIT_SECONDS,
) -> Drained:
    """Archive every message that can be received from a queue.

    Args:
        sqs: the client.
        s3: the client.
        kinesis: the client, for what pointers name.
        queue: its name.
        bucket: of dead letters.
        stream: the only one that a pointer may name.
        clock: the time.
        wait_seconds: for a message to come; 0 to 20.

    Raises:
        ClientError, BotoCoreError: the queue cannot be read.
    """
    url = sqs.get_queue_url(QueueName=queue)["QueueUrl"]
    asked: Any = ["QueueArn", "ApproximateNumberOfMessagesNotVisible"]
    attributes = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=asked)["Attributes"]
    archive = Archive(s3, bucket)
    drained = Drained(queue, hidden=int(attributes["ApproximateNumberOfMessagesNotVisible"]))
    empty = 0
    while empty < EMPTY_RECEIVES:
        messages = sqs.receive_message(
            QueueUrl=url,
            MaxNumberOfMessages=RECEIVE_MESSAGES,
            WaitTimeSeconds=wait_seconds,
            VisibilityTimeout=HIDE_SECONDS,
            AttributeNames=["All"],
        ).get("Messages", [])
        empty = 0 if messages else empty + 1
        for message in messages:
            try:
                backoff = Backoff.lasting(READ_SECONDS, clock)
                as_given = _as_the_function_gets_it(message, attributes["QueueArn"])
                added = archive.put(as_given, letters_of(as_given, lambda: kinesis, backoff, stream), backoff)
            except AWS_ERRORS as error:
                drained.failed += 1
                drained.error = f"{error_code(error)}: {error}"
            else:
                drained.add(added)
                sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
    return drained


def _as_the_function_gets_it(message: Any, queue_arn: str) -> dict[str, Any]:
    """A received message in the shape in which Lambda hands it to a function."""
    return {
        "messageId": message["MessageId"],
        "body": message["Body"],
        "attributes": message["Attributes"],
        "eventSourceARN": queue_arn,
    }
