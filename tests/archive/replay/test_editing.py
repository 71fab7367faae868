"""Editing events before they are put back."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from archive.dead_letters.failures import FailedRecord, read_dead_letter, read_processing_failed
from archive.replay.document import InvalidEdit, document_text, dumps, event_of_document, pretty
from archive.replay.editing import EditError, edit_of
from producers.event import Event, decode, encode
from producers.exact_json import parse
from producers.replay_mark import ReplayMark
from tests.archive.dead_letters.error_objects import processing_failed
from tests.consumers.letters import a_letter
from tests.events import an_event
from tests.json_values import JSON_VALUES

DIGITS = '{"n":1.10,"long":123456789012345678901234567890.5,"far":1E400,"list":[0.10,{"x":-0}]}'


def failed(data: bytes) -> FailedRecord:
    return read_dead_letter("dead-letters/dt=2026-11-23/hour=02/m.json", 0, a_letter(data).to_json().encode())


def edited(data: bytes, *sets: str, jq: str | None = None, python: str | None = None) -> Event | None:
    found = edit_of(sets, jq, python)
    assert found is not None
    return found.apply(failed(data))


def payload(event: Event | None) -> str:
    assert event is not None
    return event.payload.text


def doubled(event: dict) -> dict:
    """For --python."""
    event["payload"]["n"] *= 2
    return event


def nothing(event: dict) -> None:
    """For --python."""


def unchanged(event: dict) -> dict:
    """For --python."""
    return event


HERE = "tests.archive.replay.test_editing"


def test_without_an_option_there_is_no_edit():
    assert edit_of() is None


@pytest.mark.parametrize(
    ("sets", "expected"),
    [
        (["/payload/user_id=42"], '{"a":{"b":[1,2]},"user_id":42}'),
        (["/payload/user_id=abc"], '{"a":{"b":[1,2]},"user_id":"abc"}'),
        (['/payload/user_id="42"'], '{"a":{"b":[1,2]},"user_id":"42"}'),
        (["/payload/a/b/1=1.10"], '{"a":{"b":[1,1.10]}}'),
        (["/payload/a/x~1y=null", "/payload/z=[]"], '{"a":{"b":[1,2],"x/y":null},"z":[]}'),
        (["/payload=7"], "7"),
    ],
)
def test_members_are_set(sets, expected):
    assert payload(edited(encode(an_event('{"a":{"b":[1,2]}}')), *sets)) == expected


@pytest.mark.parametrize("pointer", ["/payload/x/y", "/payload/a/b/2", "/payload/a/b/c", "/payload/a/b/0/c"])
def test_a_set_that_fails_names_the_event(pointer):
    with pytest.raises(InvalidEdit, match="--set"):
        edited(encode(an_event('{"a":{"b":[1,2]}}')), f"{pointer}=1")


def test_a_member_that_no_event_has_is_not_silently_lost():
    with pytest.raises(InvalidEdit, match="/payload/user_id"):
        edited(encode(an_event()), "/user_id=1")


def test_an_invalid_key_is_refused():
    with pytest.raises(InvalidEdit, match="timestamp"):
        edited(encode(an_event()), "/timestamp=yesterday")


@pytest.mark.parametrize("text", ["payload=1", "/payload", "", "=1"])
def test_an_unreadable_set_is_reported(text):
    with pytest.raises(EditError, match="such as /payload/user_id=42"):
        edit_of([text])


@pytest.mark.parametrize(
    "how", [{"sets": ["/source_ip=::1"]}, {"jq": '.source_ip = "::1"'}, {"python": f"{HERE}:unchanged"}]
)
def test_no_digit_is_lost_by_editing(how):
    if "jq" in how:
        pytest.importorskip("jq")
    found = edit_of(how.get("sets", ()), how.get("jq"), how.get("python"))
    assert found is not None
    event = found.apply(failed(encode(an_event(DIGITS))))
    shown, sent = parse(payload(event)), parse(DIGITS)
    if "python" in how:  # a Decimal's own way of writing the same number
        shown = parse(shown.text.replace("1E+400", "1E400").replace('"x":0', '"x":-0'))
    assert shown.value == sent.value


def test_jq_gives_the_event_and_no_output_discards_it():
    pytest.importorskip("jq")
    event = encode(an_event('{"old":1}'))
    assert payload(edited(event, jq=".payload = {new: .payload.old}")) == '{"new":1}'
    assert edited(event, jq="empty") is None
    assert edited(event, jq="select(.payload.old > 5)") is None
    with pytest.raises(InvalidEdit, match="2 results"):
        edited(event, jq="., .")
    with pytest.raises(InvalidEdit, match="object"):
        edited(event, jq=".payload.old")
    with pytest.raises(EditError, match="--jq"):
        edit_of(jq=".[")


def test_a_python_function_gives_the_event_and_none_discards_it():
    event = encode(an_event('{"n":1.10}'))
    assert payload(edited(event, python=f"{HERE}:doubled")) == '{"n":2.20}'
    assert edited(event, python=f"{HERE}:nothing") is None
    with pytest.raises(InvalidEdit, match="KeyError"):
        edited(encode(an_event("{}")), python=f"{HERE}:doubled")


@pytest.mark.parametrize("name", ["doubled", "no.such.module:f", f"{HERE}:no_such", f"{HERE}:HERE"])
def test_a_missing_function_is_reported(name):
    with pytest.raises(EditError, match="--python"):
        edit_of(python=name)


def test_ways_of_editing_follow_each_other():
    assert payload(edited(encode(an_event("{}")), "/payload/n=4", python=f"{HERE}:doubled")) == '{"n":8}'


@given(st.builds(an_event, JSON_VALUES.map(lambda value: dumps(_exact(value)))))
def test_an_event_and_its_document_are_the_same(event):
    assert event_of_document(document_text(failed(encode(event)))) == event


def _exact(value: object) -> object:
    import json  # noqa: PLC0415

    return parse(json.dumps(value)).value


def test_the_mark_of_an_earlier_replay_is_no_part_of_the_document():
    marked = an_event(replay=ReplayMark("table", 1, "id/0"))
    assert decode(encode(event_of_document(document_text(failed(encode(marked)))))) == an_event()


@pytest.mark.parametrize(
    ("data", "expected"), [(b"hello", '"hello"'), (b'{"a": 1.10}', '{"a":1.10}'), (b"\xff\x00", '"/wA="')]
)
def test_bytes_that_are_no_event_get_one_made_up_for_them(data, expected):
    event = event_of_document(document_text(failed(data)))
    assert event.payload.text == expected
    assert event.timestamp.startswith("2026-11-23T02:34:56.987")
    assert event.request_id.startswith("edited-")


def test_the_dead_letter_and_the_firehose_error_of_the_same_bytes_become_the_same_event():
    in_firehose = read_processing_failed("k", 0, processing_failed(b"hello"))
    assert document_text(in_firehose) == document_text(failed(b"hello"))
    assert document_text(failed(b"hello")) != document_text(failed(b"hullo"))


def test_an_object_that_is_nearly_an_event_is_edited_as_it_is():
    nearly = encode(an_event("1")).replace(b"56.000000Z", b"56+00:00")
    event = edited(nearly, "/timestamp=2026-11-23T02:34:56.000000Z")
    assert event == an_event("1")


def test_the_difference_is_shown():
    found = edit_of(["/payload/n=2"])
    assert found is not None
    diff = "\n".join(found.diff(failed(encode(an_event('{"n":1.10}')))))
    assert '-    "n": 1.10' in diff
    assert '+    "n": 2' in diff


@given(JSON_VALUES)
def test_what_is_shown_is_the_document(value):
    text = dumps(_exact(value))
    assert parse("\n".join(pretty(text))).value == parse(text).value


def test_decimals_that_are_not_json_are_reported():
    assert Decimal("NaN").is_nan()
    with pytest.raises(InvalidEdit, match="not JSON"):
        edited(encode(an_event('{"n":1.5}')), python=f"{HERE}:not_a_number")


def not_a_number(event: dict) -> dict:
    """For --python."""
    event["payload"]["n"] = Decimal("NaN")
    return event
