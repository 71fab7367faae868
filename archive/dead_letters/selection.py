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


class Matcher:
    """Decides which failures a selection means.

    Raises:
        SelectionError: `where` is not a JMESPath.
    """

    def __init__(self, selection: Selection) -> None:
        self._selection = selection
        try:
            self._where = jmespath.compile(selection.where) if selection.where else None
        except JMESPathError as error:
            raise SelectionError(f"--where is not a JMESPath: {str(error).splitlines()[0]}") from error
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
        if self._where is None:
            return True
        try:
            found = self._where.search(document_of(failed))
        except (JMESPathError, RecursionError) as error:
            raise SelectionError(f"--where cannot be applied to {failed.name}: {error}") from error
        return bool(found)


def document_of(failed: FailedRecord) -> dict[str, Any]:
    """A failure as JSON, for JMESPath and for programs; `event` where the bytes are one, else their `text`."""
    document: dict[str, Any] = {
        "name": failed.name,
        "stage": failed.stage,
        "error": {"type": failed.error.type, "message": failed.error.message},
        "failed_at": failed.failed_at.isoformat(),
        "arrived_at": failed.arrived_at,
        "attempts": failed.attempts,
        "replays": failed.replays,
        "bound": failed.bound,
        "source": None
        if failed.source is None
        else {
            "stream": failed.source.stream,
            "shard_id": failed.source.shard_id,
            "sequence_number": failed.source.sequence_number,
            "subsequence_number": failed.source.subsequence_number,
            "partition_key": failed.source.partition_key,
        },
        "bytes": None if failed.data is None else len(failed.data),
        "event": None,
        "text": None,
    }
    if failed.data is None:
        return document
    try:
        decode(failed.data)
        document["event"] = json.loads(failed.data)
    except (PoisonEvent, ValueError, RecursionError):  # json.loads: such as an integer of 5,000 digits
        document["text"] = failed.data.decode("utf-8", "replace")
    return document


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
