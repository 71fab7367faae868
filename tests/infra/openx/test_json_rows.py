"""What a JSON record becomes by the OpenX JSON SerDe: the reference, one record at a time."""

from datetime import datetime
from decimal import Decimal
from typing import Any

import pytest

from infra.openx.glue_types import read_columns
from infra.openx.json_rows import OpenXRules, RowReader, UnconvertibleRecord

DEFAULTS = OpenXRules()


def reader(rules: OpenXRules = DEFAULTS, /, **types: str) -> RowReader:
    columns = read_columns([{"Name": name, "Type": kind} for name, kind in types.items()])
    return RowReader(columns, rules)


def value(kind: str, json_text: str) -> Any:
    """The one value that a column `a` of a type gets from `{"a":<json_text>}`."""
    rows = reader(a=kind)
    (found,) = rows.table(rows.rows(f'{{"a":{json_text}}}'.encode())).column("a").to_pylist()
    return found


def code_of(record: bytes, **types: str) -> tuple[str, str]:
    with pytest.raises(UnconvertibleRecord) as raised:
        reader(**types).rows(record)
    return raised.value.code.removeprefix("DataFormatConversion."), raised.value.message


@pytest.mark.parametrize(
    ("kind", "json_text", "expected"),
    [
        ("string", '"x"', "x"),
        ("string", "1.10", "1.10"),
        ("string", "true", "true"),
        ("string", '{"B":[1.0,"é",null,{"C":false}]}', '{"b":[1.0,"é",null,{"c":false}]}'),
        ("string", '"\\ud800"', "?"),
        ("bigint", "9223372036854775807", 2**63 - 1),
        ("int", '" 42 "', 42),
        ("double", "5", 5.0),
        ("double", '"1e3"', 1000.0),
        ("boolean", "false", False),
        ("boolean", '"TRUE"', True),
        ("decimal(5,2)", "1.005", Decimal("1.01")),
        ("decimal(38,0)", "12345678901234567890123456789012345678", Decimal(12345678901234567890123456789012345678)),
        ("struct<id:int,tag:string>", '{"ID":"7","other":1}', {"id": 7, "tag": None}),
        ("string", "null", None),
        ("struct<id:int>", "null", None),
    ],
)
def test_a_value_is_coerced_to_its_column(kind: str, json_text: str, expected: Any) -> None:
    assert value(kind, json_text) == expected


@pytest.mark.parametrize(
    "json_text",
    [
        '"2018-02-07T19:58:48.123Z"',
        '"2018-02-07T19:58:48.123999999Z"',
        '"2018-02-07 19:58:48.123"',
        '"2018-2-7 19:58:48.123"',
        "1518033528123",
        "1518033528.123",
        '"1518033528123"',
    ],
)
def test_every_documented_timestamp_is_the_same_instant_cut_to_the_millisecond(json_text: str) -> None:
    assert value("timestamp", json_text) == datetime(2018, 2, 7, 19, 58, 48, 123000)  # noqa: DTZ001 (columns are naive)


def test_an_epoch_below_ten_to_the_twelve_counts_seconds() -> None:
    assert value("timestamp", "1518033528") == datetime(2018, 2, 7, 19, 58, 48)  # noqa: DTZ001
    assert value("timestamp", "0") == datetime(1970, 1, 1)  # noqa: DTZ001


@pytest.mark.parametrize(
    ("kind", "json_text"),
    [
        ("timestamp", '"2018-02-07T19:58:48+00:00"'),
        ("timestamp", '"2018-2-7T19:58:48Z"'),
        ("timestamp", '"2018-02-30T00:00:00Z"'),
        ("timestamp", "1e30"),
        ("timestamp", "true"),
        ("int", "2147483648"),
        ("int", "1.0"),
        ("int", '""'),
        ("int", "true"),
        ("int", "[1]"),
        ("double", '"NaN"'),
        ("double", "1e400"),
        ("boolean", "1"),
        ("decimal(3,1)", "100"),
        ("struct<a:int>", "1"),
    ],
)
def test_a_value_that_does_not_fit_is_malformed_data(kind: str, json_text: str) -> None:
    code, message = code_of(f'{{"a":{json_text}}}'.encode(), a=kind)
    assert code == "MalformedData"
    assert message.startswith('Data does not match the schema. For input string: "')


def test_the_message_names_the_value_as_the_service_does() -> None:
    assert code_of(b'{"a":"oops"}', a="int")[1] == 'Data does not match the schema. For input string: "oops"'


def test_keys_match_in_any_case_unknown_ones_are_dropped_and_missing_ones_are_null() -> None:
    assert reader(a="int", b="int").rows(b'{"A":1,"unknown":{"B":2}}') == [[1, None]]


def test_case_counts_where_case_insensitive_is_off() -> None:
    assert reader(OpenXRules(case_insensitive=False), a="int").rows(b'{"A":1}') == [[None]]


def test_a_mapped_column_reads_its_key() -> None:
    assert reader(OpenXRules(column_keys={"ts": "Timestamp"}), ts="int").rows(b'{"timestamp":1,"ts":2}') == [[1]]


def test_dots_become_underscores_on_request() -> None:
    assert reader(OpenXRules(dots_to_underscores=True), a_b="int").rows(b'{"a.b":1}') == [[1]]


def test_objects_may_follow_each_other_directly() -> None:
    assert reader(a="int").rows(b'{"a":1}{"a":2}\n {"a":3} ') == [[1], [2], [3]]


@pytest.mark.parametrize(
    "record", [b"{", b'{"a":1}x', b'{"a":NaN}', b'{"a":01}', b"\xff", b'{"a":"\xff"}', b'{"a":"\n"}', b"[" * 100_000]
)
def test_what_is_not_json_is_a_parse_error(record: bytes) -> None:
    code, message = code_of(record, a="string")
    assert code == "ParseError"
    assert message.startswith("Encountered malformed JSON. ")


@pytest.mark.parametrize("record", [b"", b" \n\t"])
def test_an_empty_record_is_malformed_data(record: bytes) -> None:
    assert code_of(record, a="int") == ("MalformedData", "The record was empty or contained only whitespace.")


@pytest.mark.parametrize("record", [b'[{"a":1}]', b"1", b'"a"', b"null", b'{"a":1}[{"a":2}]'])
def test_only_objects_are_rows(record: bytes) -> None:
    assert code_of(record, a="int")[0] == "MalformedData"
