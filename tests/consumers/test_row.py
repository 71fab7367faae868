"""An event as a row of the table."""

import json

import boto3
import pytest
from hypothesis import given

from consumers.row import MAX_ITEM_BYTES, Row, row_of, text_row_of
from tests.events import an_event
from tests.producers.test_exact_json import JSON_VALUES


def item_of(row: Row) -> dict:
    return json.loads(row.item)


def test_a_row_has_the_key_the_origin_and_the_payload_as_native_values():
    row = row_of(an_event('{"s":"é","n":1.10,"b":true,"z":null,"l":[1,"x"],"m":{"k":2}}'))
    assert item_of(row) == {
        "timestamp": {"S": "2026-11-23T02:34:56.000000Z"},
        "request_id": {"S": "8f1c7d5e-0000-4000-8000-000000000000"},
        "source_ip": {"S": "203.0.113.9"},
        "user_agent": {"S": "curl/8.5"},
        "payload": {
            "M": {
                "s": {"S": "é"},
                "n": {"N": "1.10"},
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
        "1E126",
        "1e-131",
        "1e99999999999999999999",
        "1.23456789012345678901234567890123456789",
        '{"":1}',
        '{"a":[{"":1}]}',
        NESTED,
        "[" + ",".join(["0"] * 150_000) + "]",
    ],
    ids=lambda payload: payload[:30],
)
def test_what_dynamodb_can_not_tell_natively_is_kept_as_text(payload):
    row = row_of(an_event(payload))
    assert not row.is_native
    assert item_of(row)["payload_json"] == {"S": payload}
    assert row.size <= MAX_ITEM_BYTES


@pytest.mark.parametrize(
    "payload",
    [
        "9" * 38,
        "9.99E+125",
        "1e-130",
        "0e999",
        "-0",
        "0." + "0" * 60 + "1",
        "1" + "0" * 100,
        "{}",
        "[]",
        '""',
        '"\\u0000"',
    ],
    ids=lambda payload: payload[:30],
)
def test_what_dynamodb_can_tell_is_native(payload):
    assert row_of(an_event(payload)).is_native


def test_thirty_two_levels_are_native_and_thirty_three_are_text():
    assert row_of(an_event("[" * 32 + "]" * 32)).is_native
    assert not row_of(an_event("[" * 33 + "]" * 33)).is_native


@given(JSON_VALUES)
def test_whatever_the_payload_the_row_holds_its_value(payload):
    event = an_event(json.dumps(payload))
    row = row_of(event)
    if row.is_native:
        assert told(item_of(row)["payload"]) == event.payload.value
    else:
        assert item_of(row)["payload_json"]["S"] == event.payload.text


def told(attribute: dict) -> object:
    """A typed attribute as the parser would have read it, numbers as text."""
    ((kind, value),) = attribute.items()
    match kind:
        case "L":
            return [told(element) for element in value]
        case "M":
            return {key: told(member) for key, member in value.items()}
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
