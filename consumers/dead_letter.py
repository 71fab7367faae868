"""The dead letter: an event that could not go its way, with its bytes and the reason, and how it is sent."""

import base64
import hashlib
import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING, Final

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
CLAIM_PREFIX: Final = "claims/"


@dataclass(frozen=True, slots=True)
class Failure:
    """Why something failed: the kind, for programs, and what happened, for people."""

    type: str
    message: str


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """One event, or bytes that are none, on its way to the archive.

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
            ValueError: the line is no dead letter.
        """
        try:
            fields = json.loads(line)
            if fields["version"] != FORMAT_VERSION:
                raise ValueError(f"a dead letter of version {fields['version']}; this reads {FORMAT_VERSION}")
            data = fields["data"]
            return cls(
                stage=fields["stage"],
                failed_at=fields["failed_at"],
                error=Failure(**fields["error"]),
                attempts=fields["attempts"],
                source=Source(**fields["source"]),
                data=None if data is None else base64.b64decode(data, validate=True),
                data_ref=fields["data_ref"],
                replays=fields["replays"],
            )
        except (KeyError, TypeError) as error:
            raise ValueError(f"not a dead letter: {type(error).__name__}: {error}") from error


def utc_now(clock: Clock = SYSTEM_CLOCK) -> str:
    """The time as ISO 8601 with microseconds and `Z`."""
    return datetime.fromtimestamp(clock.time(), UTC).isoformat(timespec="microseconds")[:-6] + "Z"


def of_poison(stage: str, poison: Poison, failed_at: str) -> DeadLetter:
    """The dead letter of what can never be written."""
    failure = Failure(poison.error_type, poison.error_message[:MAX_ERROR_CHARACTERS])
    mark = mark_of(poison.source, poison.data)
    return DeadLetter(
        stage, failed_at, failure, 1, poison.source, poison.data, replays=0 if mark is None else mark.count
    )


def mark_of(source: Source, data: bytes) -> ReplayMark | None:
    """The replay's mark on a user record: in the event, or, for what is no event, in its partition key."""
    try:
        return decode(data).replay
    except PoisonEvent:
        return mark_of_partition_key(source.partition_key)


class DeadLetterQueue:
    """Sends dead letters to the queue, as few messages as their size allows.

    A message is JSON Lines. Bytes that no message can hold go to S3 first, and their address goes in the message.

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
        """Send dead letters; return those of which it is not known that they arrived.

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
        if _size(letter) <= MAX_MESSAGE_BYTES or letter.data is None:
            return letter
        source = letter.source
        digest = hashlib.sha256(letter.data).hexdigest()
        key = f"{CLAIM_PREFIX}{source.shard_id}/{source.sequence_number}-{source.subsequence_number}-{digest[:16]}"
        self._s3.put_object(Bucket=self._bucket, Key=key, Body=letter.data)
        return replace(letter, data=None, data_ref=f"s3://{self._bucket}/{key}")


def _messages(letters: Iterable[DeadLetter]) -> Iterator[list[DeadLetter]]:
    """Split dead letters, in order, into messages; one that is too large for any stands alone."""
    message: list[DeadLetter] = []
    size = 0
    for letter in letters:
        if message and size + _size(letter) > MAX_MESSAGE_BYTES:
            yield message
            message, size = [], 0
        message.append(letter)
        size += _size(letter)
    if message:
        yield message


def _size(letter: DeadLetter) -> int:
    """Bytes of its line, at least: base64 makes four of three, and 2 KiB is room for the rest."""
    return (len(letter.data or b"") + 2) // 3 * 4 + 2 * MAX_ERROR_CHARACTERS + 2048
