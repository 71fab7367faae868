"""Which failures an operator means: a span of time, stages, reasons, and a JMESPath over the whole record."""

import fnmatch
import json
import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import jmespath  # type: ignore[import-untyped] # botocore brings it, without types
from jmespath.exceptions import JMESPathError  # type: ignore[import-untyped] # as above

from archive.dead_letters.failures import FailedRecord
from consumers.stream_batch import Source
from producers.event import PoisonEvent, decode
from producers.explained import Explained

_AGO = re.compile(r"(\d+)\s*([smhd])(?: ago)?")
_UNITS: Final = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}
_TIME_OF_DAY = re.compile(r"\d\d:\d\d(:\d\d)?")


class SelectionError(Explained, ValueError):
    """A selection cannot be understood; the message says which part, and how to write it."""


@dataclass(frozen=True, slots=True)
class Selection:
    """Which failures are meant; a record must fit every part.

    Args:
        start: those that failed from then on, UTC.
        end: and before then.
        stages: of one of these stages; empty for all.
        errors: of one of these types of error, `*` and `?` standing for anything; empty for all.
        where: a JMESPath over `document_of`, such as `event.payload.user_id == 'x'`; empty for all.
    """

    start: datetime
    end: datetime
    stages: tuple[str, ...] = ()
    errors: tuple[str, ...] = ()
    where: str = ""

    def describe(self) -> dict[str, Any]:
        """For a journal, and for people."""
        return {
            "from": self.start.isoformat(),
            "to": self.end.isoformat(),
            "stage": list(self.stages),
            "error": list(self.errors),
            "where": self.where,
        }

    @classmethod
    def from_description(cls, described: dict[str, Any]) -> "Selection":
        """The selection that `describe` described."""
        start, end = datetime.fromisoformat(described["from"]), datetime.fromisoformat(described["to"])
        return cls(start, end, tuple(described["stage"]), tuple(described["error"]), described["where"])


class Where:
    """A condition as `--where` takes it: a JMESPath over a record's document.

    Args:
        text: such as `event.payload.user_id == 'x'`.

    Raises:
        SelectionError: the text is not a JMESPath.
    """

    def __init__(self, text: str) -> None:
        try:
            self._expression = jmespath.compile(text)
        except JMESPathError as error:
            raise SelectionError(f"--where is not a JMESPath: {str(error).splitlines()[0]}") from error

    def holds(self, document: dict[str, Any], name: str) -> bool:
        """Whether the condition is true of a document.

        Args:
            document: with the members of `content_of`, and others.
            name: of the record, for the error.

        Raises:
            SelectionError: the condition cannot be applied, such as a function to a value of the wrong type.
        """
        try:
            return bool(self._expression.search(document))
        except (JMESPathError, RecursionError) as error:
            raise SelectionError(f"--where cannot be applied to {name}: {error}") from error


class Matcher:
    """Decides which failures a selection means.

    Raises:
        SelectionError: `where` is not a JMESPath.
    """

    def __init__(self, selection: Selection) -> None:
        self._selection = selection
        self._where = Where(selection.where) if selection.where else None
        self._errors = [re.compile(fnmatch.translate(error), re.IGNORECASE) for error in selection.errors]

    @property
    def needs_data(self) -> bool:
        """Whether the decision depends on the bytes of the failures."""
        return self._where is not None

    def matches(self, failed: FailedRecord) -> bool:
        """Whether a failure is meant.

        Raises:
            SelectionError: `where` cannot be applied to it, such as a function to a value of the wrong type.
        """
        if not self._selection.start <= failed.failed_at < self._selection.end:
            return False
        if self._selection.stages and failed.stage not in self._selection.stages:
            return False
        if self._errors and not any(error.fullmatch(failed.error.type) for error in self._errors):
            return False
        return self._where is None or self._where.holds(document_of(failed), failed.name)


def document_of(failed: FailedRecord) -> dict[str, Any]:
    """A failure as JSON, for JMESPath and for programs; `event` where the bytes are one, else their `text`."""
    return {
        "name": failed.name,
        "stage": failed.stage,
        "error": {"type": failed.error.type, "message": failed.error.message},
        "failed_at": failed.failed_at.isoformat(),
        "arrived_at": failed.arrived_at,
        "attempts": failed.attempts,
        "replays": failed.replays,
        "bound": failed.bound,
        "source": None if failed.source is None else place_of(failed.source),
        **content_of(failed.data),
    }


def place_of(source: Source) -> dict[str, Any]:
    """A place on the stream as JSON."""
    return {
        "stream": source.stream,
        "shard_id": source.shard_id,
        "sequence_number": source.sequence_number,
        "subsequence_number": source.subsequence_number,
        "partition_key": source.partition_key,
    }


def content_of(data: bytes | None) -> dict[str, Any]:
    """A user record's bytes as JSON: their number, the `event` where they are one, else their `text`."""
    content: dict[str, Any] = {"bytes": None if data is None else len(data), "event": None, "text": None}
    if data is None:
        return content
    try:
        decode(data)
        content["event"] = json.loads(data)
    except (PoisonEvent, ValueError, RecursionError):  # json.loads: such as an integer of 5,000 digits
        content["text"] = data.decode("utf-8", "replace")
    return content


def parse_time(text: str, now: datetime) -> datetime:
    """A time as an operator writes it: ISO 8601, a date, `02:30` (today), `90m` or `3h` (ago), `now`; UTC.

    Raises:
        SelectionError: the text is not in one of these forms.
    """
    text = text.strip()
    if text == "now":
        return now
    if ago := _AGO.fullmatch(text):
        return now - timedelta(**{_UNITS[ago[2]]: int(ago[1])})
    try:
        if _TIME_OF_DAY.fullmatch(text):
            text = f"{now:%Y-%m-%d}T{text}"
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise SelectionError(
            f"{text!r} is not a time; write 2026-11-23T02:30, 2026-11-23, 02:30 (today), 90m or 3h (ago), or now; UTC"
        ) from None
    return moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)
