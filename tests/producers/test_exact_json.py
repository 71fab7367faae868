"""JSON read without losing a digit."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from producers.exact_json import InvalidJson, Number, checked, parse, parse_array
from tests.json_values import JSON_VALUES

LAYOUTS = st.sampled_from([{"separators": (",", ":")}, {}, {"indent": 2}, {"ensure_ascii": False}])


def as_python(value: object) -> object:
    """A parsed value with Python's own numbers."""
    match value:
        case Number():
            return json.loads(value)
        case list():
            return [as_python(element) for element in value]
        case dict():
            return {key: as_python(member) for key, member in value.items()}
        case _:
            return value


@given(JSON_VALUES, LAYOUTS)
def test_whatever_is_sent_parses_to_its_value_and_keeps_its_text_but_for_white_space(value, layout):
    parsed = parse(json.dumps(value, **layout))
    assert as_python(parsed.value) == value
    assert json.loads(parsed.text) == value
    assert parsed.text == json.dumps(value, **{**layout, "indent": None, "separators": (",", ":")})


@given(st.lists(JSON_VALUES), LAYOUTS)
def test_an_array_yields_each_element_as_it_parses_alone(values, layout):
    assert [checked(*pair) for pair in parse_array(json.dumps(values, **layout))] == [
        parse(json.dumps(value, **layout)) for value in values
    ]


@pytest.mark.parametrize(
    "number", ["1.10", "-0", "1E400", "9" * 400, "0.1000000000000000055511151231257827021181583404541015625"]
)
def test_a_number_keeps_every_digit(number):
    assert parse(f'{{"n":{number}}}').text == f'{{"n":{number}}}'
    assert parse(f'{{"n":{number}}}').value == {"n": number}
    assert type(parse(number).value) is Number


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "Expecting value at character 0"),
        ("{", "at character 1"),
        ("[1,]", "at character"),
        ("NaN", "NaN is not JSON"),
        ('{"a":-Infinity}', "-Infinity is not JSON"),
        ("1 2", "more after the JSON value, at character 1"),
        ('"\\ud800"', "surrogate"),
        ('{"\\udfff":1}', "surrogate"),
        ("[" * 100_000, "nested too deeply"),
        ("{'a':1}", "at character 1"),
    ],
)
def test_what_is_not_json_is_refused_with_the_reason_and_the_place(text, reason):
    with pytest.raises(InvalidJson, match=reason):
        parse(text)


@pytest.mark.parametrize("text", ["[1 2]", "[1,2", "[1,]", "[1]x", "[,1]", "[NaN]"])
def test_an_array_that_is_not_json_is_refused(text):
    with pytest.raises(InvalidJson):
        list(parse_array(text))


def test_a_surrogate_pair_is_a_character_like_any_other():
    assert parse('"\\ud83d\\ude00"').value == "\N{GRINNING FACE}"


@pytest.mark.parametrize("text", ["[]", " [ ] ", "[\n]"])
def test_an_empty_array_yields_nothing(text):
    assert list(parse_array(text)) == []
