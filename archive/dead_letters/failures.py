"""What failed, out of one of three stores: dead letters, and the two kinds of Firehose's error objects.

The stores differ in what they keep. A dead letter has the user record's bytes and its place on the stream. Firehose's
`processing-failed` has the bytes from before the transform; its `format-conversion-failed` has what the transform made
of them, a row of the lake, from which the event is rebuilt. Neither names the partition key.

Anybody may write in the stores, so a line that is not in a store's format is a failure of its own, `unreadable`. It
harms no other line.
"""

import base64
import functools
import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

from archive.lake.columns import REPLAYS_MEMBER
from consumers.dead_letter import MAX_ERROR_CHARACTERS, DeadLetter, Failure, checked_count, checked_text
from consumers.stream_batch import Source, arrival_time
from producers import exact_json
from producers.event import Event, PoisonEvent, decode, encode, format_timestamp
from producers.replay_mark import LAKE, TABLE, Bound

PROCESSING_FAILED: Final = "processing-failed"
FORMAT_CONVERSION_FAILED: Final = "format-conversion-failed"
UNREADABLE: Final = "unreadable"
LOST: Final = "RecordsExpired"
NO_TIME: Final = "1970-01-01T00:00:00.000Z"

_HOUR: Final = re.compile(r"/dt=(\d{4}-\d\d-\d\d)/hour=(\d\d)/", re.ASCII)

_BOUND_FOR: Final[dict[str, Bound]] = {"table_writer": TABLE}


@dataclass(frozen=True, slots=True)
class FailedRecord:
    """One record that failed.

    Args:
        key: of the object that it lies in.
        line: its place in the object, from 0.
        stage: the part of the pipeline that gave up: as the dead letter says, or Firehose's name of the error.
        error: why.
        failed_at: when.
        attempts: how often it was tried.
        replays: how often it was put back before.
        arrived_at: when the stream took it: ISO 8601, milliseconds, `Z`.
        source: its place on the stream, where that is known.
        bound: the way on which it failed, to the table or to the lake; None where it was on neither.
        data: the user record's bytes, an event's unless it is poison; None where they are in `data_ref`, or lost.
        data_ref: the S3 URI of the bytes.
    """

    key: str
    line: int
    stage: str
    error: Failure
    failed_at: datetime
    attempts: int
    replays: int
    arrived_at: str
    source: Source | None
    bound: Bound | None
    data: bytes | None
    data_ref: str | None = None

    @property
    def name(self) -> str:
        """What an operator calls it: `<object key>#<line>`."""
        return f"{self.key}#{self.line}"

    @property
    def is_lost(self) -> bool:
        """Whether only its place is known: its bytes have left the stream."""
        return self.data is None and self.data_ref is None


LineReader = Callable[[str, int, bytes], FailedRecord]

# What a line with members of other types, other ranges or 100,000 levels makes its reader raise.
_INVALID: Final = (ValueError, LookupError, TypeError, AttributeError, ArithmeticError, OSError, RecursionError)


def _isolated(read: LineReader) -> LineReader:
    """A reader that gives an unreadable failure where `read` fails."""

    @functools.wraps(read)
    def read_isolated(key: str, line: int, text: bytes) -> FailedRecord:
        try:
            return read(key, line, text)
        except _INVALID as error:
            return _unreadable(key, line, text, error)

    return read_isolated


@_isolated
def read_dead_letter(key: str, line: int, text: bytes) -> FailedRecord:
    """A line of an object of dead letters."""
    letter = DeadLetter.from_json(text.decode())
    return FailedRecord(
        key=key,
        line=line,
        stage=letter.stage,
        error=letter.error,
        failed_at=datetime.fromisoformat(letter.failed_at),
        attempts=letter.attempts,
        replays=letter.replays,
        arrived_at=letter.source.arrived_at,
        source=letter.source,
        bound=_BOUND_FOR.get(letter.stage),
        data=letter.data,
        data_ref=letter.data_ref,
    )


@_isolated
def read_processing_failed(key: str, line: int, text: bytes) -> FailedRecord:
    """A line of one of Firehose's `processing-failed` objects."""
    fields = json.loads(text)
    data = base64.b64decode(fields["rawData"], validate=True)
    failure = Failure(checked_text(fields["errorCode"]), checked_text(fields["errorMessage"]))
    return _of_firehose(
        key, line, stage=PROCESSING_FAILED, failure=failure, fields=fields, data=data, replays=replays_of(data)
    )


@_isolated
def read_conversion_failed(key: str, line: int, text: bytes) -> FailedRecord:
    """A line of one of Firehose's `format-conversion-failed` objects; its data is the event rebuilt from the row."""
    fields = json.loads(text)
    raw = base64.b64decode(fields["rawData"], validate=True)
    # Recorded objects have the members with "last", the page "record format conversion" documents them without.
    code = fields.get("lastErrorCode", fields.get("ErrorCode"))
    failure = Failure(checked_text(code), checked_text(fields.get("lastErrorMessage", fields.get("ErrorMessage"))))
    data, replays = _event_of_row(raw)
    return _of_firehose(
        key, line, stage=FORMAT_CONVERSION_FAILED, failure=failure, fields=fields, data=data, replays=replays
    )


def replays_of(data: bytes) -> int:
    """How often an event was put back, by its own mark; 0 for bytes that are not an event."""
    try:
        mark = decode(data).replay
    except PoisonEvent:
        return 0
    return 0 if mark is None else mark.count


def _of_firehose(
    key: str, line: int, *, stage: str, failure: Failure, fields: dict[str, Any], data: bytes, replays: int
) -> FailedRecord:
    return FailedRecord(
        key=key,
        line=line,
        stage=stage,
        error=failure,
        failed_at=datetime.fromtimestamp(fields["attemptEndingTimestamp"] / 1000, UTC),
        attempts=checked_count(fields["attemptsMade"]),
        replays=replays,
        arrived_at=arrival_time(fields["arrivalTimestamp"] / 1000),
        source=None,
        bound=LAKE,
        data=data,
    )


def _event_of_row(raw: bytes) -> tuple[bytes, int]:
    """The bytes of the event that a row of the lake was made of, and how often it had been put back.

    The row lacks only the trace. Bytes that are not such a row are returned as they are; they are not an event.
    """
    try:
        row = exact_json.parse(raw.decode()).value
        event = Event(
            timestamp=format_timestamp(int(row["timestamp_micros"])),
            request_id=row["request_id"],
            source_ip=row.get("source_ip"),
            user_agent=row.get("user_agent"),
            trace=None,
            payload=exact_json.parse(row["payload"]),
        )
        data = encode(event)
        decode(data)
        return data, int(row.get(REPLAYS_MEMBER, 0))
    except (ValueError, KeyError, TypeError, AttributeError, OverflowError):
        return raw, 0


def _unreadable(key: str, line: int, text: bytes, error: Exception) -> FailedRecord:
    """A line that is in none of the stores' formats; it is listed all the same."""
    failure = Failure("UnreadableLine", f"{type(error).__name__}: {error}"[:MAX_ERROR_CHARACTERS])
    arrived_at = _hour_of(key)
    moment = datetime.fromisoformat(arrived_at)
    return FailedRecord(key, line, UNREADABLE, failure, moment, 1, 0, arrived_at, None, None, text)


def _hour_of(key: str) -> str:
    """The hour that an object's key names, as ISO 8601; `NO_TIME` where it names none."""
    hour = _HOUR.search(key)
    text = f"{hour[1]}T{hour[2]}:00:00.000Z" if hour else NO_TIME
    try:
        datetime.fromisoformat(text)
    except ValueError:
        return NO_TIME
    return text
