"""What the pipeline would do now with what failed."""

import pytest

from archive.dead_letters import outlook
from archive.dead_letters.failures import read_dead_letter, read_processing_failed
from archive.dead_letters.outlook import LOST, NOTHING_TO_DO, READY, STILL_FAILS, outlook_of, schema_problem
from producers.event import encode
from producers.replay_mark import ReplayMark
from producers.validation import PayloadSchema
from tests.archive.dead_letters.error_objects import processing_failed
from tests.consumers.letters import a_letter
from tests.events import an_event

LARGE = f'"{"x" * 410_000}"'


def of_the_table(data: bytes | None):
    return outlook_of(read_dead_letter("k", 0, a_letter(data).to_json().encode()))


def of_the_lake(data: bytes):
    return outlook_of(read_processing_failed("k", 0, processing_failed(data)))


def test_an_event_that_fits_is_ready():
    assert of_the_table(encode(an_event())).verdict == READY
    assert of_the_lake(encode(an_event())).verdict == READY


def test_the_table_and_the_lake_have_limits_of_their_own():
    assert of_the_table(encode(an_event(LARGE))).verdict == STILL_FAILS
    assert of_the_lake(encode(an_event(LARGE))).verdict == READY
    assert of_the_lake(encode(an_event(f'"{"x" * 1_100_000}"'))).verdict == STILL_FAILS


def test_bytes_that_are_no_event_still_fail_and_it_says_why():
    found = of_the_table(b"poison")
    assert (found.verdict, found.event) == (STILL_FAILS, None)
    assert "not an event" in found.reason


def test_what_is_gone_is_lost():
    assert of_the_table(None).verdict == LOST


@pytest.mark.parametrize(("bound", "table", "lake"), [("lake", NOTHING_TO_DO, READY), ("table", READY, NOTHING_TO_DO)])
def test_what_was_put_back_for_the_other_way_alone_has_nothing_to_do_here(bound, table, lake):
    data = encode(an_event(replay=ReplayMark(bound, 1, "id/0")))
    assert (of_the_table(data).verdict, of_the_lake(data).verdict) == (table, lake)


def test_an_edited_payload_is_checked_against_the_event_schema(monkeypatch):
    schema = PayloadSchema({"properties": {"n": {"type": "integer"}}})
    monkeypatch.setattr(outlook, "_schema", lambda: schema)
    assert schema_problem(an_event('{"n":1}')) == ""
    assert schema_problem(an_event('{"n":"x"}')).startswith("payload/n: ")
