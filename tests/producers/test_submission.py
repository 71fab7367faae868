"""What a client posts, from the proxy event to values."""

import base64
import dataclasses
import gzip
import json
import time

import pytest

from producers.exact_json import JsonValue
from producers.problem import Problem, RefusedRequest
from producers.request import Request
from producers.submission import JSON, NDJSON, Rules, Submission, read_body, read_submission
from producers.validation import InvalidSchema, PayloadSchema, load_schema

RULES = Rules(event_bytes=400_000, batch_events=1000, schema=PayloadSchema({}))


def request(body: str | bytes, encoding: str | None = None) -> Request:
    """A request with a body as the gateway hands it over: bytes in base64, text as it is."""
    is_base64 = isinstance(body, bytes)
    text = base64.b64encode(body).decode() if isinstance(body, bytes) else body
    headers = {"content-encoding": encoding} if encoding else {}
    return Request("/app", "POST", headers, text, is_base64, "dev", "8f1c", None, None, "anyone")


def submit(body, content_type: str | None = JSON, encoding: str | None = None, rules: Rules = RULES) -> Submission:
    return read_submission(read_body(request(body, encoding), rules.body_bytes), content_type, rules)


def values(submission: Submission) -> list[object]:
    return [event.text if isinstance(event, JsonValue) else event.code for event in submission.events]


@pytest.mark.parametrize("body", ['{"a":1}', '"text"', "1.10", "true", "null", ' {"a": 1}\n'])
def test_one_json_value_is_one_event(body):
    submission = submit(body)
    assert values(submission) == [body.strip().replace(": ", ":")]
    assert not submission.is_batch


@pytest.mark.parametrize("body", ["", "  \n", b""])
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


@pytest.mark.parametrize("encoding", ["gzip", "identity", None])
def test_the_bytes_say_whether_a_body_is_gzip_and_not_the_header(encoding):
    plain = '[1,"é"]'
    assert values(submit(plain, encoding=encoding)) == ["1", '"é"']  # a REST API inflates, and keeps the header
    assert values(submit(plain.encode(), encoding=encoding)) == ["1", '"é"']
    assert values(submit(gzip.compress(plain.encode(), mtime=0), encoding=encoding)) == ["1", '"é"']


def test_every_member_of_a_gzip_body_is_read():
    body = b"".join(gzip.compress(b"%d\n" % n, mtime=0) for n in range(3))
    assert values(submit(body, NDJSON, "gzip")) == ["0", "1", "2"]


@pytest.mark.parametrize("damage", [b"\0", b"trailing", gzip.compress(b"2", mtime=0)[:-1], b"\x1f\x8b"])
def test_a_gzip_body_with_other_bytes_after_it_is_refused(damage):
    with pytest.raises(RefusedRequest) as refused:
        submit(gzip.compress(b"1", mtime=0) + damage, encoding="gzip")
    assert (refused.value.problem.status, refused.value.problem.code) == (400, "not_gzip")


@pytest.mark.parametrize(("size", "is_taken"), [(99, True), (100, True), (101, False)])
@pytest.mark.parametrize("members", [1, 2, 5])
def test_the_limit_on_the_inflated_body_counts_all_its_members(size, is_taken, members):
    pieces = [b" " * (size // members)] * (members - 1)
    pieces.append(b" " * (size - sum(map(len, pieces))))
    body = b"".join(gzip.compress(piece, mtime=0) for piece in pieces)
    rules = Rules(400_000, 1000, PayloadSchema({}), body_bytes=100)
    if is_taken:
        assert values(submit(body, encoding="gzip", rules=rules)) == ["null"]
        assert values(submit(" " * size, rules=rules)) == ["null"]
        return
    for sent in (body, b" " * size):
        with pytest.raises(RefusedRequest) as refused:
            submit(sent, encoding="gzip", rules=rules)
        assert (refused.value.problem.status, refused.value.problem.code) == (413, "body_too_large")


def test_a_body_of_very_many_gzip_members_is_read_without_copying_it_for_each():
    body = gzip.compress(b"", mtime=0) * 50_000  # copied for each member it would be 25 GB
    started = time.process_time()
    assert values(submit(body, encoding="gzip")) == ["null"]
    assert time.process_time() - started < 5


def test_text_that_the_gateway_may_have_altered_is_refused():
    latin_1 = '{"name":"Zoé"}'.encode("latin-1")
    with pytest.raises(RefusedRequest) as refused:
        submit(latin_1.decode("utf-8", "replace"))  # what a gateway makes of it that reads bodies as text
    assert (refused.value.problem.status, refused.value.problem.code) == (400, "not_utf8")
    assert values(submit('"\\ufffd"')) == ['"\\ufffd"']
    assert values(submit('"\ufffd"'.encode())) == ['"\ufffd"']  # the bytes arrived, so nothing was replaced


@pytest.mark.parametrize("media_type", ["application/cloudevents+json", "Application/VND.Example+JSON; charset=utf-8"])
def test_types_that_are_written_in_json_are_json(media_type):
    assert values(submit('[1,{"a":2}]', media_type)) == ["1", '{"a":2}']


@pytest.mark.parametrize("media_type", ["text/x+json", "application/+jsonp", "+json", "application/json+xml"])
def test_types_that_only_look_like_json_are_refused(media_type):
    with pytest.raises(RefusedRequest, match="content type"):
        submit("1", media_type)


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
        ((b"not gzip", JSON, "gzip"), 400, "not_json"),
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


def test_a_body_that_is_wrongly_marked_as_base64_is_refused():
    wrong = dataclasses.replace(request("!!"), is_base64=True)
    with pytest.raises(RefusedRequest, match="base64"):
        read_body(wrong, RULES.body_bytes)


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


@pytest.mark.parametrize(
    ("schema", "place"),
    [
        ({"type": "strin"}, "/type"),
        ({"properties": {"a/b": {"type": "strin"}}}, "/properties/a~1b/type"),
        ({"minimum": "1"}, "/minimum"),
        ({"pattern": "("}, "/pattern"),
        ({"$ref": "https://example.com/other.json"}, "its top"),
        (5, "its top"),
    ],
)
def test_an_invalid_schema_is_reported_with_its_place(schema, place):
    with pytest.raises(InvalidSchema, match=f"event.schema.json is not a JSON Schema: at {place}: "):
        PayloadSchema(schema)


def test_the_schema_as_it_stands_takes_anything():
    assert load_schema().problem_with("[1]") is None
