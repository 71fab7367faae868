"""What a client posts, from the proxy event to values."""

import base64
import gzip
import json

import pytest

from producers.exact_json import JsonValue
from producers.problem import Problem, RefusedRequest
from producers.submission import JSON, NDJSON, Rules, Submission, read_submission
from producers.validation import InvalidSchema, PayloadSchema, load_schema

RULES = Rules(event_bytes=400_000, batch_events=1000, schema=PayloadSchema({}))


def submit(body, content_type: str | None = JSON, encoding: str | None = None, rules: Rules = RULES) -> Submission:
    headers = {"Content-TYPE": content_type, "content-Encoding": encoding}
    event = {"headers": {name: value for name, value in headers.items() if value is not None}}
    if isinstance(body, bytes):
        return read_submission({**event, "body": base64.b64encode(body).decode(), "isBase64Encoded": True}, rules)
    return read_submission({**event, "body": body, "isBase64Encoded": False}, rules)


def values(submission: Submission) -> list[object]:
    return [event.text if isinstance(event, JsonValue) else event.code for event in submission.events]


@pytest.mark.parametrize("body", ['{"a":1}', '"text"', "1.10", "true", "null", ' {"a": 1}\n'])
def test_one_json_value_is_one_event(body):
    submission = submit(body)
    assert values(submission) == [body.strip().replace(": ", ":")]
    assert not submission.is_batch


@pytest.mark.parametrize("body", [None, "", "  \n", b""])
def test_an_empty_body_is_an_event_of_null(body):
    assert values(submit(body, content_type=None)) == ["null"]


def test_an_array_is_a_batch_of_its_elements():
    submission = submit('[{"a":1}, 2, [3], null]')
    assert values(submission) == ['{"a":1}', "2", "[3]", "null"]
    assert submission.is_batch


def test_ndjson_is_a_batch_of_its_lines_and_blank_ones_do_not_count():
    submission = submit('{"a":1}\r\n\n2\n', NDJSON)
    assert values(submission) == ['{"a":1}', "2"]
    assert submission.is_batch


def test_a_bad_line_of_ndjson_leaves_the_others():
    assert values(submit('1\nnot json\n"\\ud800"\n4', NDJSON)) == ["1", "not_json", "not_json", "4"]


def test_an_element_with_half_a_surrogate_pair_leaves_the_others():
    assert values(submit('[1,"\\ud800",3]')) == ["1", "not_json", "3"]


@pytest.mark.parametrize("content_type", ["application/json; charset=utf-8", 'Application/JSON;charset="UTF-8"', None])
def test_json_may_be_named_in_any_usual_way(content_type):
    assert values(submit("1", content_type)) == ["1"]


def test_gzip_is_inflated():
    assert values(submit(gzip.compress(b'[1,"\xc3\xa9"]', mtime=0), encoding="gzip")) == ["1", '"é"']


@pytest.mark.parametrize(
    ("arguments", "status", "code"),
    [
        (("{",), 400, "not_json"),
        (("NaN",), 400, "not_json"),
        (('"\\ud800"',), 400, "not_json"),
        (("[1,",), 400, "not_json"),
        (("[" * 5000,), 400, "not_json"),
        ((b"\xff\xfe1",), 400, "not_utf8"),
        ((b'{"a":"\xed\xa0\x80"}',), 400, "not_utf8"),
        (("[]",), 400, "empty_batch"),
        (("\n\n", NDJSON), 400, "empty_batch"),
        (("{}", "text/plain"), 415, "unsupported_media_type"),
        (("a=1", "application/x-www-form-urlencoded"), 415, "unsupported_media_type"),
        (("1", "application/json; charset=latin-1"), 415, "unsupported_charset"),
        (("1", JSON, "br"), 415, "unsupported_encoding"),
        ((b"not gzip", JSON, "gzip"), 400, "not_gzip"),
        ((gzip.compress(b"123456", mtime=0)[:-4], JSON, "gzip"), 400, "not_gzip"),
        (("1" * 400_001,), 413, "event_too_large"),
        (('"' + "é" * 200_000 + '"',), 413, "event_too_large"),
        ((json.dumps(list(range(1001))),), 413, "too_many_events"),
        (("1\n" * 1001, NDJSON), 413, "too_many_events"),
        (("1" * 7_000_000,), 413, "body_too_large"),
        ((gzip.compress(bytes(100_000_000), mtime=0), JSON, "gzip"), 413, "body_too_large"),
    ],
    ids=lambda value: str(value)[:40] if not isinstance(value, tuple) else repr(value)[:40],
)
def test_what_can_not_be_read_is_refused_with_status_and_code(arguments, status, code):
    with pytest.raises(RefusedRequest) as refused:
        submit(*arguments)
    assert (refused.value.problem.status, refused.value.problem.code) == (status, code)
    assert len(refused.value.problem.message) < 300


def test_a_body_marked_as_base64_that_is_none_is_refused():
    with pytest.raises(RefusedRequest, match="base64"):
        read_submission({"headers": {}, "body": "!!", "isBase64Encoded": True}, RULES)


def test_an_event_of_a_batch_that_is_too_large_leaves_the_others():
    submission = submit('[1,"' + "x" * 400_000 + '",3]')
    assert values(submission) == ["1", "event_too_large", "3"]
    assert isinstance(submission.events[1], Problem)
    assert submission.events[1].message == "the event has 400,002 bytes; 400,000 are the limit"


FLIGHT = PayloadSchema(
    {
        "type": "object",
        "properties": {
            "carrier": {"type": "string", "maxLength": 2},
            "delay": {"type": "integer", "minimum": -60},
            "a/b": {"type": "object", "properties": {"~": {"type": "boolean"}}},
            "price": {"type": "number", "multipleOf": 0.01},
        },
        "required": ["carrier"],
    }
)


@pytest.mark.parametrize(
    ("payload", "path", "rule"),
    [
        ('{"carrier":5}', "/carrier", "properties/carrier/type"),
        ('{"carrier":"secret"}', "/carrier", "properties/carrier/maxLength"),
        ('{"carrier":"B6","delay":-61}', "/delay", "properties/delay/minimum"),
        ('{"carrier":"B6","delay":1.5}', "/delay", "properties/delay/type"),
        ('{"carrier":"B6","a/b":{"~":1}}', "/a~1b/~0", "properties/a/b/properties/~/type"),
        ('{"carrier":"B6","price":0.015}', "/price", "properties/price/multipleOf"),
        ("{}", "", "required"),
        ("[1]", None, None),
        ("", "", "type"),
    ],
)
def test_a_payload_that_breaks_the_schema_is_refused_with_the_place_and_the_rule(payload, path, rule):
    rules = Rules(400_000, 1000, FLIGHT)
    if payload.startswith("["):
        (problem,) = submit(payload, rules=rules).events
    else:
        with pytest.raises(RefusedRequest) as refused:
            submit(payload, rules=rules)
        problem = refused.value.problem
    assert isinstance(problem, Problem)
    assert (problem.status, problem.code) == (422, "schema_violation")
    assert "secret" not in problem.message
    if rule is not None:
        assert problem.path == path
        assert problem.message.endswith(f"(rule {rule})")


@pytest.mark.parametrize("payload", ['{"carrier":"B6","price":0.07}', '{"carrier":"B6","delay":' + "9" * 5000 + "}"])
def test_a_payload_is_checked_with_every_digit(payload):
    assert values(submit(payload, rules=Rules(400_000, 1000, FLIGHT))) == [payload]


def test_an_event_of_a_list_that_breaks_the_schema_leaves_the_others():
    submission = submit('[{"carrier":"B6"},{},{"carrier":"AA"}]', rules=Rules(400_000, 1000, FLIGHT))
    assert values(submission) == ['{"carrier":"B6"}', "schema_violation", '{"carrier":"AA"}']


@pytest.mark.parametrize("schema", [{"type": "nonsense"}, {"$ref": "https://example.com/other.json"}, {"minimum": "1"}])
def test_a_schema_that_is_none_is_told(schema):
    with pytest.raises(InvalidSchema, match="no JSON Schema"):
        PayloadSchema(schema)


def test_the_schema_as_it_stands_takes_anything():
    assert load_schema().problem_with("[1]") is None
