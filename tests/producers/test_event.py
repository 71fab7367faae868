"""The event and its bytes on the stream."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from producers.event import (
    MAX_REQUEST_ID_BYTES,
    Event,
    PoisonEvent,
    decode,
    decode_exactly,
    encode,
    format_timestamp,
    timestamp_micros,
)
from producers.exact_json import parse
from tests.events import an_event
from tests.json_values import JSON_VALUES

TEXTS = st.none() | st.text()


@given(
    st.integers(0, 4_000_000_000_000_000),
    st.text(min_size=1, max_size=200).filter(lambda text: len(text.encode()) <= 1024),
    TEXTS,
    TEXTS,
    TEXTS,
    JSON_VALUES,
)
def test_whatever_is_encoded_is_decoded_the_same(micros, request_id, source_ip, user_agent, trace, payload):
    event = Event(format_timestamp(micros), request_id, source_ip, user_agent, trace, parse(json.dumps(payload)))
    assert decode(encode(event)) == event
    assert timestamp_micros(event.timestamp) == micros


def test_the_bytes_are_one_compact_json_object_with_the_payload_last():
    assert (
        encode(an_event('{"n": 1.10, "s": "é"}'))
        == (
            '{"version":1,"timestamp":"2026-11-23T02:34:56.000000Z",'
            '"request_id":"8f1c7d5e-0000-4000-8000-000000000000","source_ip":"203.0.113.9","user_agent":"curl/8.5",'
            '"trace":null,"payload":{"n":1.10,"s":"é"}}'
        ).encode()
    )


def test_text_that_looks_like_the_payload_member_does_not_confuse_it():
    event = an_event('{"a":",\\"payload\\":","payload":1}', user_agent=',"payload":{}}')
    assert decode(encode(event)) == event


GOOD = encode(an_event()).decode()


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "payload"),
        (b"hello", "payload"),
        (b"\xff\xfe", "not UTF-8 at byte 0"),
        (b'{"payload":1}', "payload"),
        (b"[1]", "payload"),
        (GOOD[:-1].encode(), "delimiter"),
        (GOOD.replace('"version":1', '"version":2').encode(), "version 1"),
        (GOOD.replace("56.000000Z", "56Z").encode(), "timestamp"),
        (GOOD.replace("000000Z", "000000+00:00").encode(), "timestamp"),
        (GOOD.replace("2026-11-23", "2026-02-30").encode(), "day is out of range"),
        (GOOD.replace("8f1c7d5e-0000-4000-8000-000000000000", "").encode(), "request_id"),
        (GOOD.replace("8f1c7d5e", "x" * 1024).encode(), "request_id"),
        (GOOD.replace('"curl/8.5"', "8.5").encode(), "user_agent"),
        (GOOD.replace('{"hello":"world"}', "NaN").encode(), "NaN"),
        (GOOD.replace('{"hello":"world"}', '"\\ud800"').encode(), "surrogate"),
        (GOOD.replace('{"hello":"world"}', '1,"more":2').encode(), "more after"),
    ],
)
def test_bytes_that_are_no_event_are_poison_with_the_reason(data, reason):
    with pytest.raises(PoisonEvent, match=reason):
        decode(data)


@given(st.binary())
def test_no_bytes_make_decoding_fail_in_any_other_way(data):
    with pytest.raises(PoisonEvent):
        decode(data)


def read_by(reader, data):
    try:
        return reader(data)
    except PoisonEvent as error:
        return str(error)


SPACES = st.sampled_from(["", "", "", " ", "\n", "\xa0"])
MEMBERS = st.sampled_from(
    [
        '"a"',
        "null",
        '""',
        '"\\u00e9"',
        '"\\ud800"',
        '"\u00e9"',
        "1",
        '"a\x00"',
        '"' + "x" * 257 + '"',
        '"' + "\u00e9" * 600 + '"',
    ]
)
TIMES = st.sampled_from(
    [
        "2026-11-23T02:34:56.123456Z",
        "2026-02-30T02:34:56.123456Z",
        "2026-11-23T24:34:56.123456Z",
        "2026-11-23 02:34:56.123456Z",
        "",
    ]
)
PAYLOADS = st.sampled_from(
    [
        "1",
        '{"a": 1}',
        '{"a":1.10}',
        "NaN",
        '"\\ud800"',
        "[1,]",
        '1,"x":2',
        '{"a":1},"payload":2',
        "-0",
        "",
        "[" * 900 + "]" * 900,
    ]
)


@given(
    st.sampled_from(["1", "2", "1.0", '"1"']),
    TIMES,
    st.lists(MEMBERS, min_size=4, max_size=4),
    PAYLOADS,
    st.lists(SPACES, min_size=3, max_size=3),
    st.sampled_from(["", ',"more":1', ',"replay":null', ',"trace":"b"']),
)
def test_msgspec_and_the_exact_parser_read_the_same_event_or_neither_reads_one(
    version, time, texts, payload, spaces, more
):
    request_id, source_ip, user_agent, trace = texts
    data = (
        f'{spaces[0]}{{"version":{version},"timestamp":"{time}","request_id":{request_id},"source_ip":{source_ip},'
        f'"user_agent":{user_agent},"trace":{trace}{more},"payload":{spaces[1]}{payload}}}{spaces[2]}'
    ).encode()
    assert read_by(decode, data) == read_by(decode_exactly, data)


@pytest.mark.parametrize("payload", ["12", '"a"', "[]", "{}"])
def test_an_event_without_its_last_brace_is_poison(payload):
    """Its payload would otherwise lose its last character."""
    with pytest.raises(PoisonEvent) as raised:
        decode(encode(an_event(payload)).removesuffix(b"}"))
    assert str(raised.value).startswith("not an event: ")
    if payload != "{}":
        assert str(raised.value) == 'not an event: no member "payload" at the end of a JSON object'


@pytest.mark.parametrize("timestamp", ["2026-11-23T02:34:56Z", ""])
def test_another_form_of_timestamp_is_poison(timestamp):
    data = encode(an_event()).replace(b"2026-11-23T02:34:56.000000Z", timestamp.encode())
    with pytest.raises(PoisonEvent) as raised:
        decode(data)
    assert str(raised.value) == "not an event: timestamp is not like 2026-11-23T02:34:56.123456Z"


@pytest.mark.parametrize(("size", "is_taken"), [(1, True), (1023, True), (1024, True), (1025, False), (0, False)])
def test_a_request_id_has_1_to_1024_bytes(size, is_taken):
    assert MAX_REQUEST_ID_BYTES == 1024
    data = encode(an_event()).replace(b"8f1c7d5e-0000-4000-8000-000000000000", b"x" * size)
    if is_taken:
        assert decode(data).request_id == "x" * size
        return
    with pytest.raises(PoisonEvent, match="request_id is not a text of 1 to 1024 bytes"):
        decode(data)


def test_a_timestamps_microseconds_are_a_whole_number():
    assert type(timestamp_micros("2026-11-23T02:34:56.123456Z")) is int
