"""The Lambda from the stream to DynamoDB."""

import functools
import os
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from consumers.dead_letter import DeadLetter, DeadLetterQueue, of_poison, utc_now
from consumers.stream_batch import Poison, StreamBatch, decode_batch
from consumers.table import EventTable
from producers.aws import batch_write, client
from producers.invocation import Context, deadline_of
from producers.replay_mark import TABLE
from producers.telemetry import count, logger
from producers.tracing import Segments, trace_of

SERVICE = "table_writer"
WRITE_RESERVE_SECONDS = 10.0  # of the invocation's time, kept for the last calls and for sending dead letters
SEND_RESERVE_SECONDS = 3.0

PartialBatchResponse = dict[str, list[dict[str, str]]]


class PoisonFlood(Exception):
    """So much of a batch is poison that a release, ours or a producer's, is likelier at fault than the events."""


def handler(event: dict[str, Any], context: Context) -> PartialBatchResponse:
    """Write one batch of stream records to DynamoDB; report from where it must be delivered again."""
    segments = Segments(SERVICE)
    batch = decode_batch(event["Records"])
    _refuse_flood(batch)
    received = [delivery for delivery in batch.received if delivery.event.is_bound_for(TABLE)]
    with segments.call("DynamoDB", "BatchWriteItem"):
        outcome = _table().write(received, deadline_of(context, WRITE_RESERVE_SECONDS))
    if outcome.unwritten:
        about = {"unwritten": len(outcome.unwritten), "first_error": outcome.errors[0]}
        logger(SERVICE).warning("the table did not take events", extra=about)
    poison = batch.poison + outcome.poison
    checkpoint = _lowest(outcome.unwritten)
    # Lambda delivers everything from the checkpoint on again, poison too: that is sent then, and only once.
    settled = [p for p in poison if checkpoint is None or int(p.source.sequence_number) < int(checkpoint)]
    unsent = _send(settled, context, segments)
    checkpoint = _lowest([*outcome.unwritten, *unsent])
    count(
        SERVICE,
        {
            "WrittenEvents": len(outcome.written),
            "UnwrittenEvents": len(outcome.unwritten),
            "EventsBoundForTheLake": len(batch.received) - len(received),
            "PoisonEvents": len(settled) - len(unsent),
            "UnsentDeadLetters": len(unsent),
        },
    )
    segments.add("written", (delivery.event.trace for delivery in outcome.written))
    segments.add("unwritten", (delivery.event.trace for delivery in outcome.unwritten))
    segments.add("dead_letter", (trace_of(poison.data) for poison in settled))
    segments.send()
    return {"batchItemFailures": [] if checkpoint is None else [{"itemIdentifier": checkpoint}]}


def _refuse_flood(batch: StreamBatch) -> None:
    """Fail the batch where more than the configured share of it is poison.

    Raises:
        PoisonFlood: it is.
    """
    total = len(batch.received) + len(batch.poison)
    if total >= int(os.environ["FLOOD_MINIMUM"]) and len(batch.poison) > total * float(os.environ["FLOOD_SHARE"]):
        first = batch.poison[0]
        raise PoisonFlood(
            f"{len(batch.poison)} of {total} events are poison, the first at {first.source.sequence_number}: "
            f"{first.error_message}; see docs/runbooks/dead-letters.md"
        )


def _send(poison: list[Poison], context: Context, segments: Segments) -> list[DeadLetter]:
    """Send the dead letters of poison; return those that could not be sent."""
    if not poison:
        return []
    failed_at = utc_now()
    letters = [of_poison(SERVICE, p, failed_at) for p in poison]
    with segments.call("SQS", "SendMessage"):
        unsent = _dead_letters().send(letters, deadline_of(context, SEND_RESERVE_SECONDS))
    logger(SERVICE).warning(
        "dead letters sent",
        extra={"poison": len(letters), "unsent": len(unsent), "first_error": letters[0].error.message},
    )
    return unsent


def _lowest(records: list[Any]) -> str | None:
    """The lowest sequence number of some records, as the batch has it: Lambda compares the text."""
    return min((record.source.sequence_number for record in records), key=int, default=None)


@functools.cache
def _table() -> EventTable:
    ttl_days = os.environ.get("TTL_DAYS")
    table = os.environ["TABLE_NAME"]
    return EventTable(
        batch_write(table),
        table,
        ThreadPoolExecutor(int(os.environ["CONCURRENT_WRITES"]), thread_name_prefix="table-write"),
        ttl_seconds=int(ttl_days) * 86_400 if ttl_days else None,
    )


@functools.cache
def _dead_letters() -> DeadLetterQueue:
    return DeadLetterQueue(
        client("sqs"), client("s3"), os.environ["DEAD_LETTER_QUEUE_URL"], os.environ["DEAD_LETTER_BUCKET"]
    )
