"""Which failures a selection means."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from archive.dead_letters.failures import FailedRecord, read_dead_letter
from archive.dead_letters.selection import Matcher, Selection, SelectionError, document_of, parse_time
from producers.event import encode
from tests.consumers.letters import a_letter
from tests.events import an_event

FAILED_AT = datetime(2026, 11, 23, 2, 35, tzinfo=UTC)
HOUR = timedelta(hours=1)


def failed(data: bytes = b"poison") -> FailedRecord:
    return read_dead_letter("dead-letters/dt=2026-11-23/hour=02/m.json", 0, a_letter(data).to_json().encode())


def matches(record: FailedRecord, **parts: Any) -> bool:
    selection = Selection(**{"start": FAILED_AT - HOUR, "end": FAILED_AT + HOUR, **parts})
    assert Selection.from_description(selection.describe()) == selection
    return Matcher(selection).matches(record)


def test_the_span_holds_its_start_and_not_its_end():
    assert matches(failed(), start=FAILED_AT)
    assert not matches(failed(), end=FAILED_AT)


@pytest.mark.parametrize(
    ("parts", "matched"),
    [
        ({"stages": ("table_writer",)}, True),
        ({"stages": ("unknown",)}, False),
        ({"stages": ("unknown", "table_writer")}, True),
        ({"errors": ("PoisonEvent",)}, True),
        ({"errors": ("poison*",)}, True),
        ({"errors": ("Poison",)}, False),
        ({"where": "replays == `0`"}, True),
        ({"where": "source.partition_key == 'user-1'"}, True),
        ({"where": "contains(text, 'oison')"}, True),
        ({"where": "event.payload.user_id == 'x'"}, False),
        ({"where": "event"}, False),
    ],
)
def test_a_failure_must_fit_every_part(parts, matched):
    assert matches(failed(), **parts) is matched


def test_the_payload_is_looked_into():
    event = failed(encode(an_event('{"user_id":"x","amount":3.5}')))
    assert matches(event, where="event.payload.user_id == 'x' && event.payload.amount > `3`")
    assert document_of(event)["event"]["payload"] == {"user_id": "x", "amount": 3.5}


def test_a_number_that_python_can_not_read_hides_only_its_own_event():
    huge = failed(encode(an_event("9" * 5000)))
    assert document_of(huge)["event"] is None
    assert not matches(huge, where="event.payload")


def test_a_where_that_is_not_jmespath_is_reported():
    with pytest.raises(SelectionError, match="--where"):
        matches(failed(), where="a ==")
    with pytest.raises(SelectionError, match=r"m\.json#0"):
        matches(failed(), where="length(attempts)")


NOW = datetime(2026, 11, 23, 3, 30, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("now", NOW),
        ("90m", NOW - timedelta(minutes=90)),
        ("3h ago", NOW - 3 * HOUR),
        ("2d", NOW - timedelta(days=2)),
        ("02:30", datetime(2026, 11, 23, 2, 30, tzinfo=UTC)),
        ("2026-11-22", datetime(2026, 11, 22, tzinfo=UTC)),
        ("2026-11-22T05:00:01", datetime(2026, 11, 22, 5, 0, 1, tzinfo=UTC)),
        ("2026-11-22T05:00Z", datetime(2026, 11, 22, 5, tzinfo=UTC)),
        ("2026-11-22T05:00+02:00", datetime(2026, 11, 22, 3, tzinfo=UTC)),
    ],
)
def test_times_are_read_as_operators_write_them(text, moment):
    assert parse_time(text, NOW) == moment


@pytest.mark.parametrize("text", ["", "yesterday", "25:00", "3", "2026-13-01", "h"])
def test_an_invalid_time_is_reported_with_a_valid_one(text):
    with pytest.raises(SelectionError, match="write 2026-11-23T02:30"):
        parse_time(text, NOW)
