"""An event as a row of the table."""

import json
from decimal import Context, Decimal
from unittest.mock import patch

import boto3
import pytest
from hypothesis import given
from hypothesis import strategies as st

from consumers.row import MAX_ITEM_BYTES, Row, row_of, text_row_of
from tests.events import an_event
from tests.json_values import JSON_VALUES


def item_of(row: Row) -> dict:
    return json.loads(row.item)


def test_a_row_has_the_key_the_origin_and_the_payload_as_native_values():
    row = row_of(an_event('{"s":"é","n":1.15,"b":true,"z":null,"l":[1,"x"],"m":{"k":2}}'))
    assert item_of(row) == {
        "timestamp": {"S": "2026-11-23T02:34:56.000000Z"},
        "request_id": {"S": "8f1c7d5e-0000-4000-8000-000000000000"},
        "source_ip": {"S": "203.0.113.9"},
        "user_agent": {"S": "curl/8.5"},
        "payload": {
            "M": {
                "s": {"S": "é"},
                "n": {"N": "1.15"},
                "b": {"BOOL": True},
                "z": {"NULL": True},
                "l": {"L": [{"N": "1"}, {"S": "x"}]},
                "m": {"M": {"k": {"N": "2"}}},
            }
        },
    }


def test_what_is_not_known_of_the_origin_is_left_out():
    assert set(item_of(row_of(an_event(source_ip=None, user_agent=None)))) == {"timestamp", "request_id", "payload"}


def test_a_row_expires_so_many_seconds_after_acceptance():
    assert item_of(row_of(an_event(), ttl_seconds=86_400))["expires_at"] == {"N": "1795487696"}


NESTED = '{"a":' * 39 + "[1]" + "}" * 39


@pytest.mark.parametrize(
    "payload",
    [
        "9" * 400,
        "9" * 39,
        "-" + "9" * 39,
        "1.23456789012345678901234567890123456789",
        "1" + "0" * 100,
        "1e3",
        "1.5E2",
        "1E126",
        "1e-131",
        "1e99999999999999999999",
        "0e999",
        "1.10",
        "1.0",
        "0.0",
        "-0",
        "-0.0",
        "-1.50",
        "0.0000001",
        "-0.0000001",
        "[[1.0]]",
        '{"a":{"b":-0}}',
        '{"":1}',
        '{"a":[{"":1}]}',
        NESTED,
        "[" + ",".join(["0"] * 150_000) + "]",
    ],
    ids=lambda payload: payload[:30],
)
def test_what_dynamodb_would_return_in_another_form_is_kept_as_text(payload):
    row = row_of(an_event(payload))
    assert not row.is_native
    assert item_of(row)["payload_json"] == {"S": payload}
    assert row.size <= MAX_ITEM_BYTES


@pytest.mark.parametrize(
    "payload",
    [
        "9" * 38,
        "-" + "9" * 38,
        "-1." + "2" * 37,
        "1.2345678901234567890123456789012345678",
        "0",
        "-1",
        "1.1",
        "-0.5",
        "10.01",
        "1.0000001",
        "0.000001",
        "-0.000001",
        "100",
        "{}",
        "[]",
        '""',
        '"\\u0000"',
    ],
    ids=lambda payload: payload[:30],
)
def test_what_dynamodb_returns_as_it_was_sent_is_native(payload):
    assert row_of(an_event(payload)).is_native


@given(st.from_regex(r"-?(0|[1-9][0-9]{0,41})(\.[0-9]{1,41})?", fullmatch=True))
def test_a_number_is_native_only_where_its_canonical_form_is_its_text(number):
    decimal = Decimal(number)
    canonical = "0" if decimal == 0 else str(Context(prec=200).normalize(decimal) if "." in number else decimal)
    if row_of(an_event(number)).is_native:
        assert canonical == number
    else:
        assert (
            canonical != number or len(decimal.as_tuple().digits) > 38 or len(number.lstrip("-").replace(".", "")) > 38
        )


def test_thirty_two_levels_are_native_and_thirty_three_are_text():
    assert row_of(an_event("[" * 32 + "]" * 32)).is_native
    assert not row_of(an_event("[" * 33 + "]" * 33)).is_native


@given(JSON_VALUES)
def test_whatever_the_payload_the_row_holds_its_value(payload):
    event = an_event(json.dumps(payload))
    row = row_of(event)
    if row.is_native:
        assert value_of(item_of(row)["payload"]) == event.payload.value
    else:
        assert item_of(row)["payload_json"]["S"] == event.payload.text


def value_of(attribute: dict) -> object:
    """A typed attribute as the parser would have read it, numbers as text."""
    ((kind, value),) = attribute.items()
    match kind:
        case "L":
            return [value_of(element) for element in value]
        case "M":
            return {key: value_of(member) for key, member in value.items()}
        case "NULL":
            return None
        case _:
            return value


def test_the_table_takes_every_kind_of_row(events_table):
    dynamodb = boto3.client("dynamodb")
    for number, payload in enumerate(["null", NESTED, '"\\u0000"', "9" * 400, '{"":{}}', "[[],{}]"]):
        for row in (row_of(an_event(payload, number)), text_row_of(an_event(payload, number))):
            item = item_of(row)
            dynamodb.put_item(TableName=events_table, Item=item)
            key = {name: item[name] for name in ("timestamp", "request_id")}
            assert dynamodb.get_item(TableName=events_table, Key=key)["Item"] == item


@pytest.mark.parametrize(("characters", "is_native"), [(409_400, True), (409_600, False)])
def test_the_size_of_a_row_counts_names_and_values(characters, is_native):
    assert row_of(an_event(f'"{"x" * characters}"')).is_native == is_native


SIZES = {
    '"abc"': 3,
    '"é"': 2,
    "1": 2,
    "12": 3,
    "9" * 38: 21,
    "null": 1,
    "true": 1,
    "[]": 3,
    "{}": 3,
    '["a","b"]': 3 + 2 * (1 + 1),
    '{"é":"a"}': 3 + 2 + 1 + 1,
}


@pytest.mark.parametrize("payload", SIZES)
def test_each_kind_of_value_has_the_size_that_dynamodb_documents(payload):
    empty = row_of(an_event('""')).size
    assert row_of(an_event(payload)).size - empty == SIZES[payload]


def test_the_members_of_a_row_count_with_their_names():
    bare = row_of(an_event('""', source_ip=None, user_agent=None)).size
    assert bare == len("timestamp") + 27 + len("request_id") + 36 + len("payload")
    assert row_of(an_event('""', source_ip="é", user_agent=None)).size == bare + len("source_ip") + 2
    assert row_of(an_event('""', source_ip=None, user_agent="abc")).size == bare + len("user_agent") + 3
    assert row_of(an_event('""', source_ip=None, user_agent=None), 60).size == bare + len("expires_at") + 21
    text = text_row_of(an_event('"é"', source_ip=None, user_agent=None)).size
    assert text == bare - len("payload") + len("payload_json") + 4


NUMBERS = st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.integers(-(10**40), 10**40)
NUMBER_TEXTS = NUMBERS.map(json.dumps) | st.sampled_from(
    ["-0", "-0.0", "0", "-0e1", "1E5", "1.10", "9" * 38, "9" * 39, "9" * 5000, "-" + "9" * 38]
)


@given(st.lists(NUMBER_TEXTS | JSON_VALUES.map(json.dumps)).map(lambda texts: f"[{','.join(texts)}]"))
def test_the_row_is_the_same_whether_msgspec_or_the_exact_parser_reads_the_payload(text):
    event = an_event(text)
    with patch("consumers.row._tree_of", lambda payload: payload.value):
        exact = row_of(event)
    assert row_of(event) == exact
