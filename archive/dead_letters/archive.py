"""Archiving messages of the dead-letter queue: what each of them stands for, and writing it to S3."""

import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING, Any, Final

from botocore.exceptions import ClientError

from archive.dead_letters.pointers import Pointer, read_range
from consumers.dead_letter import DeadLetter, Failure, mark_of
from consumers.stream_batch import Source, arrival_time, user_records
from producers.aggregation import MalformedAggregate
from producers.replay_mark import LAKE
from producers.retry import Backoff, error_code

if TYPE_CHECKING:
    from types_boto3_kinesis import KinesisClient
    from types_boto3_s3 import S3Client

POINTER_STAGE: Final = "table_writer"  # whose event source mapping sends pointers

# PreconditionFailed: there is an object; ConditionalRequestConflict: another write of it is under way.
_CONFLICTS: Final = frozenset({"PreconditionFailed", "ConditionalRequestConflict"})


class Archive:
    """Writes dead letters to S3, one object for a message, so that a redelivery finds its own object.

    Args:
        s3: the client.
        bucket: of dead letters.
    """

    def __init__(self, s3: "S3Client", bucket: str) -> None:
        self._s3 = s3
        self._bucket = bucket

    def put(self, message: dict[str, Any], letters: list[DeadLetter], backoff: Backoff) -> list[DeadLetter]:
        """Write the letters of one message, and return those that the archive did not have.

        The lines in the object stay, even if a redelivery holds others: a pointer that is read again
        later may find that its records have left the stream.

        Args:
            message: see `object_key`.
            letters: the message's.
            backoff: for S3, and for redeliveries that write at the same time.

        Raises:
            ClientError, BotoCoreError: they cannot be written now.
        """
        key = object_key(message)
        lines, etag, added = b"", None, letters
        while True:
            body = lines + "".join(f"{letter.to_json()}\n" for letter in added).encode("ascii")
            try:
                backoff.call(partial(self._put_if, key, body, etag))
            except ClientError as error:
                if error_code(error) not in _CONFLICTS:
                    raise
                lines, etag = self._get(key, backoff)
                added = _lacking(letters, lines)
                if not added:
                    return []
                if not backoff.wait():
                    raise
            else:
                return added

    def _put_if(self, key: str, body: bytes, etag: str | None) -> None:
        condition: Any = {"IfNoneMatch": "*"} if etag is None else {"IfMatch": etag}
        self._s3.put_object(Bucket=self._bucket, Key=key, Body=body, ContentType="application/x-ndjson", **condition)

    def _get(self, key: str, backoff: Backoff) -> tuple[bytes, str]:
        def get() -> tuple[bytes, str]:
            answer = self._s3.get_object(Bucket=self._bucket, Key=key)
            return answer["Body"].read(), answer["ETag"]

        return backoff.call(get)


def _lacking(letters: list[DeadLetter], lines: bytes) -> list[DeadLetter]:
    """The letters that an object's lines lack; a lost one only where the object has nothing at all."""
    archived = set()
    for line in lines.splitlines():
        try:
            letter = DeadLetter.from_json(line.decode())
        except ValueError:
            continue
        archived.add(_identity(letter))
    return [letter for letter in letters if _identity(letter) not in archived and not (archived and letter.is_lost)]


def _identity(letter: DeadLetter) -> tuple[Source, bytes | None, str | None]:
    return letter.source, letter.data, letter.data_ref


def object_key(message: dict[str, Any]) -> str:
    """`dead-letters/dt=YYYY-MM-DD/hour=HH/<message id>.json`, by when the message was sent."""
    sent = datetime.fromtimestamp(int(message["attributes"]["SentTimestamp"]) / 1000, UTC)
    return f"dead-letters/dt={sent:%Y-%m-%d}/hour={sent:%H}/{message['messageId']}.json"


def letters_of(
    message: dict[str, Any],
    kinesis: "Callable[[], KinesisClient]",
    backoff: Backoff,
    stream: str | None = None,
) -> list[DeadLetter]:
    """The dead letters that a message stands for.

    A message is JSON Lines of dead letters, or a pointer. Anybody may write to the queue, so every other message is
    kept whole, as a dead letter of the stage `unknown`.

    Args:
        message: in the shape in which Lambda gets it.
        kinesis: gives the client that reads what a pointer names.
        backoff: for the reading.
        stream: the only one that a pointer may name; None for any that the client may read.

    Raises:
        ClientError, BotoCoreError: what a pointer names cannot be read now.
    """
    body = message["body"]
    try:
        first = json.loads(body.partition("\n")[0])
        if isinstance(first, dict) and "KinesisBatchInfo" in first:
            pointer = Pointer.from_message(first, stream)
        else:
            return [DeadLetter.from_json(line) for line in body.splitlines()]
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        return [_unknown(message, error)]
    return list(_letters_of_pointer(pointer, kinesis(), backoff))


def _unknown(message: dict[str, Any], error: Exception) -> DeadLetter:
    failure = Failure("UnknownMessage", f"neither a dead letter nor a pointer: {error}")
    queue = message["eventSourceARN"].rpartition(":")[2]
    sent_at = arrival_time(int(message["attributes"]["SentTimestamp"]) / 1000)
    source = Source(queue, "", message["messageId"], 0, "", sent_at)
    return DeadLetter("unknown", sent_at, failure, 1, source, message["body"].encode())


def _letters_of_pointer(pointer: Pointer, kinesis: "KinesisClient", backoff: Backoff) -> Iterator[DeadLetter]:
    """A dead letter for every user record of the range that the stream still holds, and one for what has left it.

    Records that were put back for the lake alone are left out: the table writer would have skipped them.
    """
    failed_at = pointer.given_up_at
    records = list(read_range(kinesis, pointer, backoff))
    found = len(records)
    given_up = f"given up on after {pointer.attempts} attempts: {pointer.error}"
    if found > pointer.batch_size:  # an event filter left some out; which, a pointer does not say
        given_up += f" ({pointer.batch_size} of these {found} records were in the batch)"
    failure = Failure(pointer.condition, given_up)
    for record in records:
        source = Source(
            stream=pointer.stream,
            shard_id=pointer.shard_id,
            sequence_number=record["SequenceNumber"],
            subsequence_number=0,
            partition_key=record["PartitionKey"],
            arrived_at=arrival_time(record["ApproximateArrivalTimestamp"].timestamp()),
        )
        for own, data in _user_records(source, record["Data"]):
            mark = mark_of(own, data)
            if mark is None or mark.bound != LAKE:
                replays = 0 if mark is None else mark.count
                yield DeadLetter(POINTER_STAGE, failed_at, failure, pointer.attempts, own, data, replays=replays)
    if found < pointer.batch_size:
        lost = Failure(
            "RecordsExpired",
            f"{pointer.batch_size - found} of {pointer.batch_size} records between {pointer.start} and {pointer.end} "
            "had left the stream before they could be read",
        )
        source = Source(pointer.stream, pointer.shard_id, pointer.start, 0, "", failed_at)
        yield DeadLetter(POINTER_STAGE, failed_at, lost, pointer.attempts, source, None)


def _user_records(source: Source, data: bytes) -> list[tuple[Source, bytes]]:
    """The user records of a stream record; a damaged aggregate counts as one."""
    try:
        return user_records(source, data)
    except MalformedAggregate:
        return [(source, data)]
