"""The dead letter: an event that could not go its way, with its bytes and the reason, and how it is sent."""

import base64
import hashlib
import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING, Any, Final

from consumers.stream_batch import Poison, Source
from producers.clock import SYSTEM_CLOCK, Clock
from producers.event import PoisonEvent, decode
from producers.replay_mark import ReplayMark, mark_of_partition_key
from producers.retry import AWS_ERRORS, Backoff, required

if TYPE_CHECKING:
    from types_boto3_s3 import S3Client
    from types_boto3_sqs import SQSClient

FORMAT_VERSION: Final = 1
MAX_MESSAGE_BYTES: Final = 250_000  # of 256 KiB: SQS takes 1 MiB, Terraform's AWS provider 5 sets no more for a queue
MAX_ERROR_CHARACTERS: Final = 1024
MAX_COUNT: Final = 2**31 - 1  # of attempts, replays and records of an aggregate
CLAIM_PREFIX: Final = "claims/"


@dataclass(frozen=True, slots=True)
class Failure:
    """Why something failed: the kind, for programs, and what happened, for people."""

    type: str
    message: str


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """One event, or bytes that are not an event, on its way to the archive.

    Args:
        stage: the part of the pipeline that gave up, such as `table_writer`.
        failed_at: when: UTC, ISO 8601, `Z`.
        error: why.
        attempts: how often it was tried.
        source: where on the stream it was.
        data: the user record's exact bytes; None where they are in `data_ref`, or lost.
        data_ref: the S3 URI of the bytes, where they are too large for a message.
        replays: how often it was put back before.
    """

    stage: str
    failed_at: str
    error: Failure
    attempts: int
    source: Source
    data: bytes | None
    data_ref: str | None = None
    replays: int = 0

    @property
    def is_lost(self) -> bool:
        """Whether its bytes had left the stream before they could be read."""
        return self.data is None and self.data_ref is None

    def to_json(self) -> str:
        """One line of JSON, ASCII."""
        data = None if self.data is None else base64.b64encode(self.data).decode("ascii")
        return json.dumps(
            {
                "version": FORMAT_VERSION,
                "stage": self.stage,
                "failed_at": self.failed_at,
                "error": asdict(self.error),
                "attempts": self.attempts,
                "source": asdict(self.source),
                "data": data,
                "data_ref": self.data_ref,
                "replays": self.replays,
            },
            separators=(",", ":"),
        )

    @classmethod
    def from_json(cls, line: str) -> "DeadLetter":
        """Read what `to_json` wrote.

        Raises:
            ValueError: the line is not a dead letter: a member is missing, or is not what it must be.
        """
        try:
            fields = json.loads(line)
            if fields["version"] != FORMAT_VERSION:
                raise ValueError(f"a dead letter of version {fields['version']!r:.40}; this reads {FORMAT_VERSION}")
            source, error = fields["source"], fields["error"]
            data, data_ref = fields["data"], fields["data_ref"]
            return cls(
                stage=checked_text(fields["stage"]),
                failed_at=checked_moment(fields["failed_at"]),
                error=Failure(checked_text(error["type"]), checked_text(error["message"])),
                attempts=checked_count(fields["attempts"]),
                source=Source(
                    stream=checked_text(source["stream"]),
                    shard_id=checked_text(source["shard_id"]),
                    sequence_number=checked_text(source["sequence_number"]),
                    subsequence_number=checked_count(source["subsequence_number"]),
                    partition_key=checked_text(source["partition_key"]),
                    arrived_at=checked_moment(source["arrived_at"]),
                ),
                data=None if data is None else base64.b64decode(checked_text(data), validate=True),
                data_ref=None if data_ref is None else checked_text(data_ref),
                replays=checked_count(fields["replays"]),
            )
        except (KeyError, TypeError, RecursionError, OverflowError) as error:
            raise ValueError(f"not a dead letter: {type(error).__name__}: {error}") from error


def checked_text(value: Any) -> str:
    """A JSON value that must be a text.

    Raises:
        TypeError: it is not one.
        ValueError: it holds half of a surrogate pair, which UTF-8 cannot write.
    """
    if type(value) is not str:
        raise TypeError(f"{value!r:.40} is not a text")
    value.encode()
    return value


def checked_count(value: Any) -> int:
    """A JSON value that must be a whole number from 0 to `MAX_COUNT`.

    Raises:
        TypeError: it is not one.
    """
    if type(value) is not int or not 0 <= value <= MAX_COUNT:
        raise TypeError(f"{value!r:.40} is not a whole number from 0 to {MAX_COUNT}")
    return value


def checked_moment(value: Any) -> str:
    """A JSON value that must be a time: ISO 8601, UTC.

    Raises:
        TypeError, ValueError: it is not one.
    """
    text = checked_text(value)
    if datetime.fromisoformat(text).utcoffset() != timedelta(0):
        raise TypeError(f"{text!r:.40} is not a time in UTC")
    return text


def utc_now(clock: Clock = SYSTEM_CLOCK) -> str:
    """The time as ISO 8601 with microseconds and `Z`."""
    return datetime.fromtimestamp(clock.time(), UTC).isoformat(timespec="microseconds")[:-6] + "Z"


def of_poison(stage: str, poison: Poison, failed_at: str) -> DeadLetter:
    """The dead letter of a record that can never be written."""
    failure = Failure(poison.error_type, poison.error_message[:MAX_ERROR_CHARACTERS])
    mark = mark_of(poison.source, poison.data)
    return DeadLetter(
        stage, failed_at, failure, 1, poison.source, poison.data, replays=0 if mark is None else mark.count
    )


def mark_of(source: Source, data: bytes) -> ReplayMark | None:
    """The replay's mark on a user record: in the event, or in the partition key of bytes that are not an event."""
    try:
        return decode(data).replay
    except PoisonEvent:
        return mark_of_partition_key(source.partition_key)


class DeadLetterQueue:
    """Sends dead letters to the queue, as few messages as their size allows.

    A message is JSON Lines. Bytes that are too large for a message go to S3 first, and the message has their address.

    Args:
        sqs, s3: the clients; they should not retry by themselves.
        queue_url: of the dead-letter queue.
        bucket: of dead letters, for what is too large.
        clock: the time.
    """

    def __init__(
        self, sqs: "SQSClient", s3: "S3Client", queue_url: str, bucket: str, *, clock: Clock = SYSTEM_CLOCK
    ) -> None:
        self._sqs = sqs
        self._s3 = s3
        self._queue_url = queue_url
        self._bucket = bucket
        self._clock = clock

    def send(self, letters: Sequence[DeadLetter], deadline: float) -> list[DeadLetter]:
        """Send dead letters, and return the ones that the queue did not acknowledge.

        Args:
            letters: any number.
            deadline: on `clock.monotonic`, for the last try.
        """
        backoff = Backoff(deadline, self._clock)
        unsent: list[DeadLetter] = []
        for message in _messages(letters):
            try:
                backoff.call(partial(self._send, message))
            except AWS_ERRORS:
                unsent += message
        return unsent

    def _send(self, message: list[DeadLetter]) -> None:
        lines = [self._with_claim(letter).to_json() for letter in message]
        answer = self._sqs.send_message(QueueUrl=self._queue_url, MessageBody="\n".join(lines))
        required(answer, "MessageId")

    def _with_claim(self, letter: DeadLetter) -> DeadLetter:
        """The letter, its bytes left in S3 where it is too large for a message."""
        if letter.data is None or len(letter.to_json()) < MAX_MESSAGE_BYTES:
            return letter
        source = letter.source
        digest = hashlib.sha256(letter.data).hexdigest()
        key = f"{CLAIM_PREFIX}{source.shard_id}/{source.sequence_number}-{source.subsequence_number}-{digest[:16]}"
        self._s3.put_object(Bucket=self._bucket, Key=key, Body=letter.data)
        return replace(letter, data=None, data_ref=f"s3://{self._bucket}/{key}")


def _messages(letters: Iterable[DeadLetter]) -> Iterator[list[DeadLetter]]:
    """Split dead letters, in order, into messages; one that is too large for a message stands alone."""
    message: list[DeadLetter] = []
    size = 0
    for letter in letters:
        line_bytes = len(letter.to_json()) + 1
        if message and size + line_bytes > MAX_MESSAGE_BYTES:
            yield message
            message, size = [], 0
        message.append(letter)
        size += line_bytes
    if message:
        yield message
