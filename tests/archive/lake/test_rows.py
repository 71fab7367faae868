"""Rows of the lake: the quick reading gives what the careful one gives, and every property its place."""

import json
from collections.abc import Callable
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from archive.lake.columns import ENVELOPE, Column, payload_columns
from archive.lake.rows import RowWriter
from producers.event import PoisonEvent, decode, encode
from producers.exact_json import parse
from tests.events import an_event
from tests.json_values import JSON_VALUES

SCHEMA = {
    "properties": {
        "text": {"type": "string"},
        "count": {"type": "integer"},
        "ratio": {"type": "number"},
        "flag": {"type": "boolean"},
        "at": {"type": "string", "format": "date-time"},
        "fare": {"type": "number", "format": "decimal(12,2)"},
        "route": {"type": "object"},
        "stops": {"type": "array"},
        "Other-Name": {"type": "integer"},
    }
}
COLUMNS = ENVELOPE + payload_columns(SCHEMA)
WRITER = RowWriter(COLUMNS)
QUICK, CAREFUL = (RowWriter(tuple(column for column in COLUMNS if column.property != "Other-Name")) for _ in range(2))
CAREFUL._is_direct = False
PAYLOAD = (
    '{"text":"é","count":3,"ratio":1.5,"flag":true,"at":"2026-11-23T02:34:56Z","fare":12.5,"route":{"a":1.5},'
    '"stops":["x"],"Other-Name":7,"more":1}'
)
TYPED = {
    "text": "é",
    "count": 3,
    "ratio": 1.5,
    "flag": True,
    "at": "2026-11-23T02:34:56Z",
    "fare": "12.50",
    "route": '{"a":1.5}',
    "stops": '["x"]',
    "other_name": 7,
}
values = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(1 << 66), 1 << 66),
    st.floats(allow_nan=False, allow_infinity=False),
    st.text(),
    st.sampled_from(["2026-11-23T02:34:56Z", "2026-11-23T02:34:56+02:00", "2026-13-01T00:00:00Z", "12.50"]),
    st.lists(st.integers(), max_size=2),
    st.dictionaries(st.text(max_size=3), st.integers(), max_size=2),
)
date_times = st.builds(
    "{}{}{}{}{}".format,
    st.sampled_from(["2026-11-23", "0001-01-01", "9999-12-31", "0000-01-01", "2026-02-29", "2026-13-01", "1969-12-31"]),
    st.sampled_from(["T", "t", " ", "_", ""]),
    st.sampled_from(["02:34:56", "23:59:59", "24:00:00", "23:59:60", "02:34", "023456", "2:34:56"]),
    st.sampled_from(["", ".", ".7", ".789", ".789123", ".7899999", ".9999999", ".123456789", ",5"]),
    st.sampled_from(["Z", "z", "+00:00", "-00:00", "+02:00", "-23:59", "+24:00", "+0200", "+02", ""]),
)
payloads = st.dictionaries(st.sampled_from([*SCHEMA["properties"], "more"]), values)


def row(payload: str, columns: tuple[Column, ...] = COLUMNS) -> dict:
    text = RowWriter(columns).row(encode(an_event(payload)))
    assert text is not None
    return json.loads(text)


def typed(payload: str) -> dict:
    return {name: value for name, value in row(payload).items() if name not in {each.name for each in ENVELOPE[:-1]}}


def row_or_reason(read: Callable[[], bytes | None]) -> Any:
    """The row, or why the event has no row."""
    try:
        row = read()
    except PoisonEvent as error:
        return str(error)
    return row and json.loads(row)


def test_every_property_stands_in_its_column_as_well_as_in_the_payload():
    assert typed(PAYLOAD) == TYPED
    assert row(PAYLOAD)["payload"] == PAYLOAD


@pytest.mark.parametrize(
    ("property_", "value"),
    [
        ("text", 1),
        ("count", 1.5),
        ("count", 1 << 63),
        ("ratio", "1.5"),
        ("flag", "yes"),
        ("at", "yesterday"),
        ("fare", 1.234),
        ("route", []),
        ("stops", "x"),
        ("Other-Name", "7"),
    ],
)
def test_a_value_that_does_not_fit_leaves_its_column_null_and_is_named_and_the_others_stand(property_, value):
    payload = json.dumps({**json.loads(PAYLOAD), property_: value}, ensure_ascii=False, separators=(",", ":"))
    found = typed(payload)
    assert json.loads(found.pop("_mismatches")) == [property_]
    assert found == {name: cell for name, cell in TYPED.items() if name != property_.lower().replace("-", "_")}
    assert row(payload)["payload"] == payload


@pytest.mark.parametrize("payload", ["null", "1", '"x"', "[]", "{}", '[{"count":"x"}]'])
def test_a_payload_without_properties_has_no_typed_columns_and_no_mismatch(payload):
    assert typed(payload) == {}


@given(payloads)
def test_the_quick_and_the_careful_reading_give_the_same_row(payload):
    data = encode(an_event(json.dumps(payload)))
    assert row_or_reason(lambda: QUICK.row(data)) == row_or_reason(lambda: CAREFUL.row(data))


@settings(max_examples=500)
@given(date_times)
def test_the_quick_and_the_careful_reading_give_the_same_date_time(text):
    data = encode(an_event(json.dumps({"at": text})))
    quick: Any = row_or_reason(partial(QUICK.row, data))
    careful: Any = row_or_reason(partial(CAREFUL.row, data))
    for row_ in (quick, careful):
        if "at" in row_:  # written with or without a fraction of zero
            row_["at"] = datetime.fromisoformat(row_["at"])
    assert quick == careful


@pytest.mark.parametrize("name", ["timestamp", "payload", "_mismatches", "request_id", "spillway_replays", "dt"])
@pytest.mark.parametrize("value", ["1", '"x"', "[]", "1e999", "null"])
def test_a_property_of_the_name_of_a_column_is_not_taken_for_it(name, value):
    payload = f'{{"{name}":{value}}}'
    assert QUICK.row(encode(an_event(payload))) == QUICK.row(encode(an_event("{}"))).replace(  # type: ignore[union-attr]
        b'"payload":"{}"', b'"payload":' + json.dumps(payload).encode()
    )


@given(JSON_VALUES, st.text(max_size=5), st.sampled_from(["", " ", "\n"]))
def test_any_payload_is_written_whole(payload, user_agent, space):
    text = json.dumps(payload, ensure_ascii=bool(space)).replace(", ", f",{space}")
    try:
        event = an_event(text, user_agent=user_agent)
    except ValueError:
        return  # half of a surrogate pair: refused at the door
    found = row_or_reason(lambda: WRITER.row(encode(event)))
    assert (found["payload"], found["user_agent"]) == (event.payload.text, user_agent)


EVENT = encode(an_event('{"count":1}')).decode()


@pytest.mark.parametrize(
    "data",
    [
        EVENT,
        EVENT.replace('"version":1', '"version":1.0'),
        EVENT.replace('"version":1', '"version":2'),
        EVENT.replace('"payload"', '"unknown":1,"payload"'),
        EVENT.replace('"trace":null,', ""),
        EVENT.replace('"trace":null', '"trace":1'),
        EVENT.replace("2026-11-23", "2026-11-33"),
        EVENT.replace("02:34:56.", "02:34:56,"),
        EVENT[:-1] + ',"more":1}',
        EVENT[:-1] + ',"payload":2}',
        EVENT[:-1],
        EVENT + " ",
        EVENT + "}",
        EVENT.replace('{"count":1}', '{"count":01}'),
        EVENT.replace('{"count":1}', "{'count':1}"),
        EVENT.replace('{"count":1}', '{"text":"\\ud800"}'),
        EVENT.replace('{"count":1}', '{"text":"\\ud83d\\ude00"}'),
        EVENT.replace('{"count":1}', '{"text":"\\u0000"}'),
        EVENT.replace('{"count":1}', '"' + "x" * 1000 + '"'),
        EVENT.replace('{"count":1}', "NaN"),
        EVENT.replace('{"count":1}', "[" * 100_000 + "]" * 100_000),
        EVENT.replace("8f1c7d5e", "x" * 1100),
        EVENT.replace("8f1c7d5e", "é" * 400),
        EVENT.replace('"request_id":"8f1c7d5e-0000-4000-8000-000000000000"', '"request_id":""'),
        "",
        "null",
        "é",
        EVENT.replace('"trace":null,', '"trace":null,"replay":{"to":null,"count":2,"token":"a/1"},'),
    ],
)
def test_what_an_event_is_is_the_same_here_as_for_the_table(data):
    assert row_or_reason(lambda: WRITER.row(data.encode())) == row_or_reason(
        lambda: WRITER.row_of(decode(data.encode()))
    )


@pytest.mark.parametrize("data", [b"\xff", EVENT.encode().replace(b"curl", b"\xff\xfe")])
def test_what_is_not_utf_8_is_not_an_event(data):
    with pytest.raises(PoisonEvent):
        WRITER.row(data)


def test_an_event_put_back_for_the_table_alone_has_no_row():
    data = EVENT.replace('"trace":null,', '"trace":null,"replay":{"to":"table","count":1,"token":"a/1"},')
    assert WRITER.row(data.encode()) is None


def test_a_replay_is_counted_beside_the_columns():
    data = EVENT.replace('"trace":null,', '"trace":null,"replay":{"to":"lake","count":3,"token":"a/1"},')
    assert row_or_reason(lambda: WRITER.row(data.encode()))["spillway_replays"] == 3


def test_the_flights_fit_the_flights_schema():
    columns = ENVELOPE + payload_columns(json.loads(Path("tests/data/flights.schema.json").read_text()))
    flight = (
        '{"type":"flight","carrier":"B6","flight":371,"tailnum":"N595JB","origin":"LGA","dest":"FLL",'
        '"scheduled":"2013-01-01T11:00:00Z","dep_delay":0,"arr_delay":null,"air_time":152,"distance":1076,'
        '"route":{"from":"LGA","to":"FLL"}}'
    )
    found = row(flight, columns)
    assert "_mismatches" not in found
    assert (found["flight"], found["route"]) == (371, '{"from":"LGA","to":"FLL"}')
    assert "arr_delay" not in found
    assert parse(found["payload"]).value["flight"] == "371"
