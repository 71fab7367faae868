"""msgspec reads JSON at the door, and the exact parser decides what it refuses: the two never disagree unnoticed.

The differences, each with a test here: bytes that are not UTF-8, which the door refuses before; the depth at which each
gives up; and what an error says, which is always the exact parser's.
"""

import json

import msgspec
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from producers import exact_json
from producers.exact_json import (
    MAX_CACHED_CHARACTERS,
    MAX_SIMPLE_DEPTH,
    MAX_SPLIT_COMMAS,
    InvalidJson,
    Number,
    checked,
    elements,
    parse,
    parse_array,
    parse_exactly,
)
from tests.json_values import JSON_VALUES

# Tokens and half tokens, right and wrong ones: strung together they are JSON often, and nearly JSON more often.
TOKENS = st.sampled_from(
    [
        "[", "]", "{", "}", ",", ":", " ", "\n", "\t", "\r", "\x0b", "\x0c", "\xa0", "\ufeff",
        "\u2028", "\x00", "\x7f",
        '"', '"a"', '"a":', '""', '"":1', '"\\u0061"', '"\\ud83d\\ude00"', '"\\ud800"',
        '"\\udc00\\ud800"', '"\\uD8"',
        '"\\x"', '"\\/"', '"\\b\\f\\n\\r\\t"', '"\t"', '"\x1f"', '"\u20ac"', "'a'", '"\\u00zz"',
        '"\\', "\\u0022",
        "0", "-0", "1", "01", "-", "-1", "+1", "1.", ".5", "1.10", "1e5", "1E+05", "1e", "1e999",
        "1e-999", "0x10", "1_0",
        "9" * 400, "0." + "1" * 60, "null", "nul", "true", "false", "True", "NaN", "Infinity",
        "-Infinity", "// x", "/**/",
    ]
)  # fmt: skip
NEARLY_JSON = st.lists(TOKENS, max_size=12).map("".join) | st.text(max_size=20)

# One of each kind of the well-known suites of invalid and unusual JSON, written for this test.
VALID = [
    "[]", "[[]]", "{}", '{"a":{}}', "[1]", "[-0]", "[-0.0]", "[0e1]", "[0E+1]", "[1e-2]",
    "[123.456e78]", '[""]', '["\\u0000"]',
    '["\\"\\\\\\/\\b\\f\\n\\r\\t"]', '["\\ud83d\\ude00"]', '["\x7f"]', '["\u2028\u2029"]', '["\U0010ffff"]',
    '["\\uFFFF"]',
    '{"":0}', '{"a":1,"a":2}', '{"\\u0061":1,"a":2}', ' [ 1 , 2 ] ', "\n\t\r[]", "3", '"x"', "null",
    "true", "[null,true,false]",
    "[1,null,,2]".replace(",,", ","), "[1E400]", "[-1e+9999]", "[100000000000000000000000000000000000000000]",
]  # fmt: skip
INVALID = [
    "", " ", "[", "]", "{", "}", "[1", "[1,", "[,1]", "[1,]", "[1,,2]", "[1 2]", "[1;2]", '{"a"}',
    '{"a":}', '{"a":1,}', "{,}",
    '{a:1}', "{'a':1}", '{"a" 1}', '{1:1}', '{null:1}', '{"a":1 "b":2}', "[01]", "[-01]", "[1.]",
    "[.1]", "[-]", "[+1]", "[1e]",
    "[1e+]", "[1.e1]", "[0x1]", "[1_000]", "[\uff11]", "[NaN]", "[Infinity]", "[-Infinity]", "[nan]",
    "[True]", "[nul]", "[truth]",
    '["]', '["a', '["\\"]', '["\\x41"]', '["\\u00A"]', '["\\u{41}"]', '["\\\n"]', '["a\nb"]', '["\t"]',
    '["\x00"]', '["\\ud800"]',
    '["\\udc00"]', '["\\ud800\\u0041"]', '["\\ud800\\ud800"]', "\ufeff[]", "[]\x00", "[\x0c]",
    "[\xa0]", "[\u2003]", "[]]", "[] []",
    "[]/*x*/", "[]//x", "#", "undefined", "\u00e9", "[\\u0020]",
]  # fmt: skip


def verdict(read, text):
    """What a reader makes of a text: the value's text and the value, or the error's message."""
    try:
        value = read(text)
    except InvalidJson as error:
        return str(error)
    return value.text, repr(value.value)


@given(NEARLY_JSON | JSON_VALUES.map(lambda value: json.dumps(value, indent=1)))
@example('["\\ud800"]')
@example("[1E400]")
@example("1\x00")
def test_a_text_is_read_or_refused_as_by_the_exact_parser_alone(text):
    assert verdict(parse, text) == verdict(parse_exactly, text)


@pytest.mark.parametrize("text", VALID)
def test_unusual_json_is_read_by_both(text):
    assert msgspec.json.format(text, indent=-1) == parse_exactly(text).text == parse(text).text


@pytest.mark.parametrize("text", INVALID)
def test_invalid_json_is_refused_by_both(text):
    with pytest.raises(msgspec.DecodeError):
        msgspec.json.format(text, indent=-1)
    with pytest.raises(InvalidJson):
        parse_exactly(text)


def test_msgspec_lets_bytes_through_that_are_not_utf8_so_it_is_given_text():
    assert (
        msgspec.json.format(b'"\xff"', indent=-1) == b'"\xff"'
    )  # the door decodes a body before: tests/producers/test_submission.py


@given(st.lists(NEARLY_JSON | JSON_VALUES.map(json.dumps), max_size=4).map(lambda parts: f"[{','.join(parts)}]"))
def test_an_array_is_split_as_the_exact_parser_splits_it(text):
    split = elements(text)
    if split is not None:
        assert split == [checked(*pair) for pair in parse_array(text)]
        return
    with pytest.raises(InvalidJson):
        [checked(*pair) for pair in parse_array(text)]


def nested(levels: int) -> str:
    return "[" * levels + "]" * levels


@pytest.mark.parametrize("levels", [MAX_SIMPLE_DEPTH - 1, MAX_SIMPLE_DEPTH, MAX_SIMPLE_DEPTH + 1, 900])
def test_a_deep_value_is_read_and_a_deeper_one_is_parsed_at_once(levels):
    value = parse(nested(levels))
    assert value.text == nested(levels)
    assert (value._value is exact_json._UNREAD) == (levels <= MAX_SIMPLE_DEPTH)
    assert (elements(f"[{nested(levels)}]") is None) == (levels > MAX_SIMPLE_DEPTH)


@pytest.mark.parametrize("levels", [1_100, 100_000])
def test_what_is_too_deep_is_refused_by_both(levels):
    with pytest.raises(RecursionError):
        msgspec.json.format(nested(levels), indent=-1)
    with pytest.raises(InvalidJson, match="nested too deeply"):
        parse(nested(levels))


@pytest.mark.parametrize(("commas", "is_split"), [(MAX_SPLIT_COMMAS, True), (MAX_SPLIT_COMMAS + 1, False)])
def test_an_array_of_too_many_elements_is_read_one_by_one(commas, is_split):
    assert (elements(f"[{'0,' * commas}0]") is not None) == is_split


@pytest.mark.parametrize(
    ("digits", "is_kept"),
    [(MAX_CACHED_CHARACTERS - 1, True), (MAX_CACHED_CHARACTERS, True), (MAX_CACHED_CHARACTERS + 1, False)],
)
def test_a_number_with_a_long_text_is_not_kept_in_memory(digits, is_kept):
    exact_json._cached_number.cache_clear()
    first, second = parse("9" * digits).value, parse("9" * digits).value
    assert type(first) is Number
    assert (first is second) == is_kept
    assert exact_json._cached_number.cache_info().currsize == is_kept
