"""Firehose's data transformation: records held for the function, the invocation, and the judging of its answer.

One invocation is outstanding at a time (AWS: up to 5 for a shard); records of all shards share it. So what is held is
bounded by the buffer size plus one read of the stream.
"""

import base64
import binascii
import logging
import uuid
from collections import Counter, deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, TypeAlias

from infra.local.firehose.records import ProcessingFailure, Row, SourceRecord
from infra.local.firehose.retry_timer import RetryTimer
from infra.local.firehose.settings import DeliverySettings, TransformSettings
from infra.local.functions import InvocationResult
from producers.clock import Clock

Invoke: TypeAlias = Callable[[dict[str, Any]], InvocationResult]

MAX_EVENT_BYTES: Final = 6 * 1024 * 1024  # request of a synchronous invocation (Lambda quota)
_EVENT_ENVELOPE_BYTES: Final = 1024  # no less than what stands around the records of an event
# Around the data of a record in the event, without the identifiers: member names, quotes, two timestamps.
_RECORD_ENVELOPE_BYTES: Final = 320
_ESCAPED_CHARACTER_BYTES: Final = 12  # the most that JSON takes for one: two \uXXXX

# Codes and messages as observed from the service.
_FUNCTION_ERROR: Final = (
    "Lambda.FunctionError",
    "The Lambda function was successfully invoked but it returned an error result.",
)
_MISSING: Final = (
    "Lambda.MissingRecordId",
    "One or more record Ids were not returned. Ensure that the Lambda function returns all received record Ids.",
)
_DUPLICATED: Final = (
    "Lambda.DuplicatedRecordId",
    (
        "Multiple records were returned with the same record Id. Ensure that the Lambda function returns a unique "
        "record Id for each record."
    ),
)
_PROCESSING_FAILED: Final = ("Lambda.ProcessingFailedStatus", "ProcessingFailed status set for record")
_NO_DATA: Final = (
    "Lambda.InvalidReturnFormat",
    (
        "The data field cannot be null when the SourceType is DirectPut or KinesisStreamAsSource and processing "
        "result is Ok. The value field cannot be null when the SourceType is MSKAsSource and processing result is Ok."
    ),
)
# These two messages are ours; the code is the service's.
_BAD_RESULT: Final = ("Lambda.InvalidReturnFormat", "The result field must be one of Ok, Dropped or ProcessingFailed.")
_BAD_DATA: Final = ("Lambda.InvalidReturnFormat", "The data field must be base64 encoded.")

_log = logging.getLogger("spillway.firehose")


@dataclass(frozen=True, slots=True)
class Transformed:
    """What became of a batch: `rows`, `failed` and `dropped` add up to it."""

    rows: list[Row] = field(default_factory=list)
    failed: list[ProcessingFailure] = field(default_factory=list)
    dropped: int = 0


class Transform:
    """Passes records through the function.

    Args:
        delivery: the delivery stream; without a transform in it records pass unchanged, and at once.
        invoke: calls the function with an event. Any exception is a failed invocation.
        clock: the time.
    """

    def __init__(self, delivery: DeliverySettings, invoke: Invoke, clock: Clock) -> None:
        self._delivery = delivery
        self._settings = delivery.transform or TransformSettings("", 0, MAX_EVENT_BYTES, 0.0)
        self._invoke = invoke
        self._clock = clock
        self._held: deque[SourceRecord] = deque()
        self._held_bytes = 0
        self._held_since = 0.0
        self._batch: list[SourceRecord] = []  # what is out for invocation, or waits for the next try
        self._attempts = 0
        self._retry = RetryTimer(clock)

    @property
    def waiting(self) -> int:
        """User records held."""
        return len(self._held) + len(self._batch)

    @property
    def cause(self) -> str:
        """Why the last invocation failed; empty where it did not."""
        return self._retry.cause

    @property
    def has_room(self) -> bool:
        """Whether more may be read from the stream."""
        return self._held_bytes < self._settings.buffer_bytes

    def earliest(self) -> dict[str, str]:
        """The sequence number of the earliest record held, by shard id."""
        found: dict[str, str] = {}
        for record in (*self._batch, *self._held):
            found.setdefault(record.shard_id, record.sequence_number)
        return found

    def add(self, records: Sequence[SourceRecord]) -> None:
        """Take records from the stream."""
        if records and not self._held:
            self._held_since = self._clock.monotonic()
        self._held.extend(records)
        self._held_bytes += sum(len(record.data) for record in records)

    def run(self, *, flush: bool) -> Transformed:
        """Make at most one invocation, if a batch is full or old enough; gives what it settled, which may be nothing.

        Args:
            flush: count a batch as full.
        """
        if not self._batch and self._held and (flush or self._is_due()):
            self._batch = self._take_batch()
            self._attempts = 0
        if not self._batch or not self._retry.is_due():
            return Transformed()
        settled = self._pass_on() if self._delivery.transform is None else self._attempt()
        if settled.rows or settled.failed or settled.dropped:
            self._batch = []
            self._retry.succeeded()
        return settled

    def _is_due(self) -> bool:
        age_seconds = self._clock.monotonic() - self._held_since
        return not self.has_room or age_seconds >= self._settings.buffer_seconds

    def _take_batch(self) -> list[SourceRecord]:
        """As many records as the buffer size and the limit of an invocation's payload allow; one at the least."""
        batch: list[SourceRecord] = []
        data_bytes, event_bytes = 0, _EVENT_ENVELOPE_BYTES
        while self._held:
            record = self._held[0]
            event_bytes += _bytes_in_event(record)
            if batch and (event_bytes > MAX_EVENT_BYTES or data_bytes >= self._settings.buffer_bytes):
                break
            batch.append(self._held.popleft())
            data_bytes += len(record.data)
        self._held_bytes -= data_bytes
        self._held_since = self._clock.monotonic()
        return batch

    def _pass_on(self) -> Transformed:
        return Transformed(rows=[_row(record, record.data) for record in self._batch])

    def _attempt(self) -> Transformed:
        """Invoke once. Nothing is settled by a failed invocation that is to be repeated."""
        self._attempts += 1
        try:
            result = self._invoke(transform_event(self._delivery, self._batch))
            problem = f"{result.error.type}: {result.error.message}" if result.error else ""
        except Exception as error:  # noqa: BLE001 (the function's runner may raise anything; the records are kept below)
            result, problem = None, f"{type(error).__name__}: {error}"
        if result is not None and result.error is None:
            return judge(self._batch, result.payload, self._attempts, self._now_ms())
        made, allowed = self._attempts, self._settings.retries + 1
        _log.warning("transform of %d records failed, attempt %d of %d: %s", len(self._batch), made, allowed, problem)
        if made < allowed:
            self._retry.failed(problem)
            return Transformed()
        now = self._now_ms()
        return Transformed(failed=[ProcessingFailure(record, *_FUNCTION_ERROR, made, now) for record in self._batch])

    def _now_ms(self) -> int:
        return int(self._clock.time() * 1000)


def transform_event(delivery: DeliverySettings, records: Sequence[SourceRecord]) -> dict[str, Any]:
    """The event of one invocation, as captured from a delivery stream with a Kinesis source."""
    return {
        "invocationId": str(uuid.uuid4()),
        "sourceKinesisStreamArn": delivery.stream_arn,
        "deliveryStreamArn": delivery.arn,
        "region": delivery.region,
        "records": [
            {
                "recordId": record.record_id,
                "approximateArrivalTimestamp": record.arrival_ms,
                "data": base64.b64encode(record.data).decode("ascii"),
                "kinesisRecordMetadata": {
                    "sequenceNumber": record.sequence_number,
                    "subsequenceNumber": record.subsequence_number,
                    "partitionKey": record.partition_key,
                    "shardId": record.shard_id,
                    "approximateArrivalTimestamp": record.arrival_ms,
                },
            }
            for record in records
        ],
    }


def judge(records: Sequence[SourceRecord], payload: Any, attempts: int, ended_ms: int) -> Transformed:
    """What the function's answer says of each record. It is final, however malformed.

    Args:
        records: what the function was given.
        payload: its answer. Records in it that it was not given are ignored.
        attempts: invocations made.
        ended_ms: when the last of them ended, Unix milliseconds.
    """
    answers = payload.get("records") if isinstance(payload, dict) else None
    given = [each for each in answers if isinstance(each, dict)] if isinstance(answers, list) else []
    by_id = {record_id: each for each in given if isinstance(record_id := each.get("recordId"), str)}
    times = Counter(record_id for each in given if isinstance(record_id := each.get("recordId"), str))
    settled = Transformed()
    dropped = 0
    for record in records:
        record_id = record.record_id
        if times[record_id] > 1:
            verdict: bytes | tuple[str, str] | None = _DUPLICATED
        else:
            verdict = _MISSING if record_id not in by_id else _verdict(by_id[record_id])
        if verdict is None:
            dropped += 1
        elif isinstance(verdict, bytes):
            settled.rows.append(_row(record, verdict))
        else:
            settled.failed.append(ProcessingFailure(record, *verdict, attempts, ended_ms))
    return Transformed(settled.rows, settled.failed, dropped)


def _verdict(answer: dict[str, Any]) -> bytes | tuple[str, str] | None:
    """The new data of a record, the code and message of its failure, or None where it was dropped."""
    result, data = answer.get("result"), answer.get("data")
    if result == "Dropped":
        return None
    if result == "ProcessingFailed":
        return _PROCESSING_FAILED
    if result != "Ok":
        return _BAD_RESULT
    if data is None:
        return _NO_DATA
    try:
        return binascii.a2b_base64(data, strict_mode=True)
    except (binascii.Error, TypeError, ValueError):
        return _BAD_DATA


def _row(record: SourceRecord, data: bytes) -> Row:
    return Row(data, record.sequence_number, record.subsequence_number, record.arrival_ms)


def _bytes_in_event(record: SourceRecord) -> int:
    """No less than what a record takes in the event's JSON."""
    identifiers = 2 * len(record.sequence_number) + len(record.shard_id)
    escaped_key = _ESCAPED_CHARACTER_BYTES * len(record.partition_key)
    return _RECORD_ENVELOPE_BYTES + identifiers + escaped_key + (len(record.data) + 2) // 3 * 4
