"""Limits of what clients send and of what is put on the stream, each at the limit, one below and one above."""

import pytest

from producers.aggregation import pack
from producers.exact_json import JsonValue, parse
from producers.ingestion import MAX_KEY_CHARACTERS, partition_key, pointer_tokens
from producers.problem import Problem, RefusedRequest
from producers.submission import JSON, NDJSON, Rules, read_submission
from producers.validation import PayloadSchema

RULES = Rules(event_bytes=100, batch_events=3, schema=PayloadSchema({}))


@pytest.mark.parametrize(("size", "is_taken"), [(99, True), (100, True), (101, False)])
@pytest.mark.parametrize("character", ["x", "é"])
def test_an_event_may_have_as_many_bytes_as_the_rules_say(size, is_taken, character):
    text = '"' + character * ((size - 2) // len(character.encode()))
    text += "x" * (size - 1 - len(text.encode())) + '"'
    assert len(text.encode()) == size
    for body, content_type in ((text, JSON), (f"[{text}]", JSON), (f"{text}\n", NDJSON)):
        try:
            (event,) = read_submission(body.encode(), content_type, RULES).events
        except RefusedRequest as refused:  # a request of one event
            event = refused.problem
        if is_taken:
            assert isinstance(event, JsonValue)
            continue
        assert isinstance(event, Problem)
        assert (event.status, event.code) == (413, "event_too_large")
        assert event.message == "the event has 101 bytes; 100 are the limit"


@pytest.mark.parametrize("count", [1, 2, 3, 4])
@pytest.mark.parametrize(("content_type", "form"), [(JSON, "[{}]"), (NDJSON, "{}")])
def test_a_batch_may_have_as_many_events_as_the_rules_say(count, content_type, form):
    separator = "," if content_type == JSON else "\n"
    body = form.replace("{}", separator.join(["1"] * count)).encode()
    if count <= 3:
        assert len(read_submission(body, content_type, RULES).events) == count
        return
    with pytest.raises(RefusedRequest) as refused:
        read_submission(body, content_type, RULES)
    assert (refused.value.problem.status, refused.value.problem.code) == (413, "too_many_events")


@pytest.mark.parametrize(
    ("pointer", "tokens"),
    [
        ("/a", ("a",)),
        ("/a/b", ("a", "b")),
        ("/a~1b", ("a/b",)),
        ("/a~0b", ("a~b",)),
        ("/~01", ("~1",)),  # RFC 6901, section 4: ~1 is replaced first, so ~01 is ~1 and not /
        ("/~10", ("/0",)),
        ("/", ("",)),
    ],
)
def test_a_json_pointer_is_unescaped_in_the_order_of_the_standard(pointer, tokens):
    assert pointer_tokens(pointer) == tokens


@pytest.mark.parametrize(
    ("payload", "pointer", "key"),
    [
        ('{"~1":"x","/":"y"}', "/~01", "x"),
        ('{"a":["x","y"]}', "/a/1", "y"),
        ('{"a":["x"]}', "/a/0", "x"),
        ('{"a":["x"]}', "/a/1", None),
        ('{"a":["x"]}', "/a/-", None),
        ('{"a":7}', "/a", "7"),
        ('{"a":true}', "/a", None),
        ('{"a":""}', "/a", None),
        ('{"a":null}', "/a", None),
        ('{"a":"x"}', None, None),
    ],
)
def test_the_partition_key_is_the_text_or_number_at_the_pointer(payload, pointer, key):
    assert partition_key(parse(payload), pointer) == key


@pytest.mark.parametrize(("characters", "is_key"), [(255, True), (256, True), (257, False)])
def test_a_partition_key_has_256_characters_at_most(characters, is_key):
    assert MAX_KEY_CHARACTERS == 256
    text = "é" * characters
    assert partition_key(parse(f'{{"a":"{text}"}}'), "/a") == (text if is_key else None)


def test_an_aggregate_is_filled_to_the_very_limit_and_not_over_it():
    records = [("key", b"a" * 200), ("key", b"b" * 200)]
    (whole,) = pack(records, 10_000, by_key=False)
    assert [len(pack(records, whole.size + spare, by_key=False)) for spare in (1, 0, -1)] == [1, 1, 2]


def test_the_size_of_a_record_counts_the_bytes_of_its_partition_key():
    (record,) = pack([("é", b"12")], 1000, by_key=False)
    assert record.size == 4
