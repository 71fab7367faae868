"""Payloads against the event schema, and schemas that cannot be used."""

import json
from decimal import Decimal

import pytest

from producers import validation
from producers.validation import InvalidSchema, PayloadSchema, load_schema


def problem(schema, payload) -> tuple | None:
    found = PayloadSchema(schema).problem_with(json.dumps(payload))
    return None if found is None else (found.status, found.code, found.message, found.path)


@pytest.mark.parametrize(
    "schema",
    [
        True,
        {},
        {"title": "Anything"},
        dict.fromkeys(
            ["$id", "$anchor", "$comment", "$schema", "title", "description", "default", "examples", "deprecated"]
        ),
        dict.fromkeys(validation._ANNOTATIONS),
    ],
)
def test_a_schema_that_restricts_nothing_has_no_validator(schema):
    assert PayloadSchema(schema)._validator is None
    assert problem(schema, {"n": 1}) is None


def test_the_schema_false_takes_nothing():
    assert problem(False, {}) is not None  # noqa: FBT003 (the schema)


def test_a_problem_names_the_place_and_the_rule_and_not_the_value():
    schema = {"properties": {"a/b~c": {"type": "integer"}}}
    assert problem(schema, {"a/b~c": 1}) is None
    assert problem(schema, {"a/b~c": "secret"}) == (
        422,
        "schema_violation",
        'the value is not of type "integer" (rule properties/a/b~c/type)',
        "/a~1b~0c",
    )


def test_formats_are_checked():
    assert problem({"format": "date"}, "2026-11-23") is None
    assert problem({"format": "date"}, "23.11.2026") is not None


def test_a_schema_is_fetched_from_nowhere():
    with pytest.raises(InvalidSchema, match=r"^event\.schema\.json is not a JSON Schema: .*example\.com"):
        PayloadSchema({"$ref": "https://example.com/other.json"})


def test_an_invalid_schema_is_refused_with_its_place():
    with pytest.raises(InvalidSchema, match=r"^event\.schema\.json is not a JSON Schema: at /properties/n/type: "):
        PayloadSchema({"properties": {"n": {"type": "strin"}}})
    with pytest.raises(InvalidSchema, match=r"^event\.schema\.json is not a JSON Schema: at its top: "):
        PayloadSchema(1)


def test_messages_are_cut_at_300_characters():
    with pytest.raises(InvalidSchema) as raised:
        PayloadSchema({"properties": {"n" * 400: {"type": 1}}})
    assert len(str(raised.value)) == 300
    name = "n" * 301
    found = problem({"required": [name], "properties": {"r": {"properties": {name: False}}}}, {"r": {}})
    assert found is not None
    assert found[2] == f'"{name[:299]} (rule required)'
    found = problem({"properties": {name: {"maximum": 1}}}, {name: 2})
    assert found is not None
    assert found[2].endswith(f" (rule {f'properties/{name}'[:300]})")


@pytest.mark.parametrize(
    ("digits", "kind"), [(1, int), (validation.MAX_INT_DIGITS, int), (validation.MAX_INT_DIGITS + 1, Decimal)]
)
def test_a_number_of_any_length_is_read(digits, kind):
    number = validation._integer("9" * digits)
    assert type(number) is kind
    assert number == Decimal("9" * digits)


def test_a_schema_file_that_cannot_be_read_is_named(tmp_path):
    with pytest.raises(InvalidSchema, match=r"^none\.json cannot be read: .*No such file"):
        load_schema(tmp_path / "none.json")
    file = tmp_path / "cut.json"
    file.write_text('{"type"')
    with pytest.raises(InvalidSchema, match=r"^cut\.json cannot be read: Expecting"):
        load_schema(file)
    file.write_text('{"type":"object"}')
    assert load_schema(file).problem_with("[]") is not None
