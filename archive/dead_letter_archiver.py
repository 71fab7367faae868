"""The Lambda that brings dead letters from the queue to S3, and fetches what pointers name."""

import functools
import os
from typing import TYPE_CHECKING, Any

from archive.dead_letters.archive import Archive, letters_of
from producers.aws import client
from producers.invocation import Context, deadline_of
from producers.retry import Backoff
from producers.telemetry import count, logger
from producers.tracing import Segments, trace_of

if TYPE_CHECKING:
    from types_boto3_kinesis import KinesisClient

SERVICE = "dead_letter_archiver"
RESERVE_SECONDS = 5.0


def handler(event: dict[str, Any], context: Context) -> dict[str, list[dict[str, str]]]:
    """Archive one batch of queue messages, an object each; report the ones that must be delivered again."""
    segments = Segments(SERVICE)
    archive = _archive()
    failed = []
    counts = {"ArchivedDeadLetters": 0, "LostRecords": 0, "UnarchivedMessages": 0}
    for message in event["Records"]:
        try:
            backoff = Backoff(deadline_of(context, RESERVE_SECONDS))
            letters = letters_of(message, _kinesis, backoff)
            with segments.call("S3", "PutObject"):
                added = archive.put(message, letters, backoff)
        except Exception as error:  # noqa: BLE001 (one message must not fail its neighbours: SQS delivers it again, then parks it)
            logger(SERVICE).warning(
                "message left in the queue",
                extra={"message_id": message["messageId"], "error": f"{type(error).__name__}: {error}"},
            )
            failed.append({"itemIdentifier": message["messageId"]})
            counts["UnarchivedMessages"] += 1
        else:
            lost = sum(letter.is_lost for letter in added)
            counts["ArchivedDeadLetters"] += len(added) - lost
            counts["LostRecords"] += lost
            segments.add("archived", (trace_of(letter.data) for letter in added if letter.data is not None))
    count(SERVICE, counts)
    segments.send()
    return {"batchItemFailures": failed}


@functools.cache
def _archive() -> Archive:
    return Archive(client("s3"), os.environ["DEAD_LETTER_BUCKET"])


def _kinesis() -> "KinesisClient":
    kinesis: KinesisClient = client("kinesis")  # made for the first pointer; most messages hold their payload
    return kinesis
