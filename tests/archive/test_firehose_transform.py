"""The transform from events to rows of the lake."""

import base64
import json

from hypothesis import given

from archive.firehose_transform import handler
from archive.lake.columns import ENVELOPE, payload_columns
from archive.lake.rows import row_of
from producers.event import encode
from tests.events import Context, an_event
from tests.json_values import JSON_VALUES

COLUMNS = ENVELOPE + payload_columns(
    {"properties": {"carrier": {"type": "string"}, "Delay": {"type": "number"}, "late": {"type": "boolean"}}}
)


def transform(*datas: bytes) -> list[dict]:
    records = [{"recordId": str(n), "data": base64.b64encode(data).decode()} for n, data in enumerate(datas)]
    return handler({"records": records}, Context())["records"]


def test_an_event_becomes_a_row():
    (answer,) = transform(encode(an_event('{"n": 1.10, "s": "é"}', 123456)))
    assert (answer["recordId"], answer["result"]) == ("0", "Ok")
    assert json.loads(base64.b64decode(answer["data"])) == {
        "timestamp": "2026-11-23T02:34:56.123Z",
        "timestamp_micros": 1795401296123456,
        "request_id": "8f1c7d5e-0000-4000-8000-000000123456",
        "source_ip": "203.0.113.9",
        "user_agent": "curl/8.5",
        "payload": '{"n":1.10,"s":"é"}',
    }


def test_bytes_that_are_not_an_event_come_back_failed_and_unchanged_and_the_others_are_rows():
    answers = transform(encode(an_event()), b"poison", encode(an_event("2")))
    assert [answer["result"] for answer in answers] == ["Ok", "ProcessingFailed", "Ok"]
    assert base64.b64decode(answers[1]["data"]) == b"poison"


def test_properties_with_a_column_are_written_beside_the_payload():
    row = json.loads(row_of(an_event('{"carrier":"B6","Delay":-1.50,"late":false,"other":1}'), COLUMNS))
    assert (row["carrier"], row["delay"], row["late"]) == ("B6", -1.5, False)
    assert "other" not in row


def test_a_property_that_is_null_or_missing_has_no_member():
    row = json.loads(row_of(an_event('{"carrier":null}'), COLUMNS))
    assert set(row) == {column.name for column in ENVELOPE} - {"_mismatches"}


@given(JSON_VALUES)
def test_every_payload_is_written_whole(payload):
    event = an_event(json.dumps(payload))
    assert json.loads(row_of(event, COLUMNS))["payload"] == event.payload.text
