"""The Lambda that brings dead letters from the queue to S3, and fetches what pointers name."""

import functools
import json
import os
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from archive.dead_letters.pointers import Pointer, read_range
from archive.lake.hours import Hour
from archive.lake.layout import DEAD_LETTERS
from consumers.dead_letter import DeadLetter, Failure, mark_of
from consumers.stream_batch import Source, arrival_time, user_records
from producers.aggregation import MalformedAggregate
from producers.aws import client
from producers.invocation import Context, deadline_of
from producers.replay_mark import LAKE
from producers.retry import AWS_ERRORS, Backoff
from producers.telemetry import count, logger
from producers.tracing import Segments, trace_of

if TYPE_CHECKING:
    from types_boto3_kinesis import KinesisClient
    from types_boto3_s3 import S3Client

SERVICE = "dead_letter_archiver"
POINTER_STAGE = "table_writer"  # whose event source mapping sends pointers
RESERVE_SECONDS = 5.0


def handler(event: dict[str, Any], context: Context) -> dict[str, list[dict[str, str]]]:
    """Archive one batch of queue messages, an object each; report those to deliver again."""
    segments = Segments(SERVICE)
    archiver = _archiver()
    failed = []
    counts = {"ArchivedDeadLetters": 0, "LostRecords": 0, "UnarchivedMessages": 0}
    for message in event["Records"]:
        try:
            letters = list(letters_of(message, _kinesis, Backoff(deadline_of(context, RESERVE_SECONDS))))
            with segments.call("S3", "PutObject"):
                archiver.put(message, letters)
        except AWS_ERRORS as error:
            logger(SERVICE).warning(
                "message left in the queue", extra={"message_id": message["messageId"], "error": str(error)}
            )
            failed.append({"itemIdentifier": message["messageId"]})
            counts["UnarchivedMessages"] += 1
        else:
            lost = sum(letter.is_lost for letter in letters)
            counts["ArchivedDeadLetters"] += len(letters) - lost
            counts["LostRecords"] += lost
            segments.add("archived", (trace_of(letter.data) for letter in letters if letter.data is not None))
    count(SERVICE, counts)
    segments.send()
    return {"batchItemFailures": failed}


class Archive:
    """Writes dead letters to S3, one object for a message, so that a redelivery overwrites itself."""

    def __init__(self, s3: "S3Client", bucket: str) -> None:
        self._s3 = s3
        self._bucket = bucket

    def put(self, message: dict[str, Any], letters: list[DeadLetter]) -> None:
        """Write the letters of one message; see `object_key`."""
        body = "".join(f"{letter.to_json()}\n" for letter in letters).encode("ascii")
        self._s3.put_object(Bucket=self._bucket, Key=object_key(message), Body=body, ContentType="application/x-ndjson")


def object_key(message: dict[str, Any]) -> str:
    """`dead-letters/dt=YYYY-MM-DD/hour=HH/<message id>.json`, by when the message was sent."""
    sent = datetime.fromtimestamp(int(message["attributes"]["SentTimestamp"]) / 1000, UTC)
    return f"{DEAD_LETTERS}/{Hour.of(sent).path}/{message['messageId']}.json"


def letters_of(
    message: dict[str, Any], kinesis: "Callable[[], KinesisClient]", backoff: Backoff
) -> Iterator[DeadLetter]:
    """The dead letters that a message stands for; `kinesis` gives the client that reads what a pointer names.

    A message is JSON Lines of dead letters, or a pointer. Anything else was put in the queue by others; it is kept
    as a dead letter of the stage `unknown`.
    """
    body = message["body"]
    try:
        first = json.loads(body.partition("\n")[0])
        if isinstance(first, dict) and "KinesisBatchInfo" in first:
            yield from _letters_of_pointer(Pointer.from_message(first), kinesis(), backoff)
            return
        letters = [DeadLetter.from_json(line) for line in body.splitlines()]
    except (ValueError, KeyError, TypeError) as error:
        failure = Failure("UnknownMessage", f"neither a dead letter nor a pointer: {error}")
        queue = message["eventSourceARN"].rpartition(":")[2]
        sent_at = arrival_time(int(message["attributes"]["SentTimestamp"]) / 1000)
        yield DeadLetter(
            "unknown", sent_at, failure, 1, Source(queue, "", message["messageId"], 0, "", sent_at), body.encode()
        )
        return
    yield from letters


def _letters_of_pointer(pointer: Pointer, kinesis: "KinesisClient", backoff: Backoff) -> Iterator[DeadLetter]:
    """A dead letter for every user record of the range that the stream still holds, and one for what it does not.

    Those put back for the lake alone are left out: the table writer would have let them pass.
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
    """The user records of a stream record; a damaged aggregate as it is."""
    try:
        return user_records(source, data)
    except MalformedAggregate:
        return [(source, data)]


@functools.cache
def _archiver() -> Archive:
    return Archive(client("s3"), os.environ["DEAD_LETTER_BUCKET"])


def _kinesis() -> "KinesisClient":
    kinesis: KinesisClient = client("kinesis")  # made for the first pointer; most messages hold their payload
    return kinesis
