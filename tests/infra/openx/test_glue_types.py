"""Hive's type names, as Glue holds them."""

import pyarrow as pa
import pytest

from infra.openx.glue_types import UnsupportedSchema, parse_type, read_columns


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("string", pa.string()),
        ("BigInt", pa.int64()),
        ("int", pa.int32()),
        ("smallint", pa.int16()),
        ("tinyint", pa.int8()),
        ("float", pa.float32()),
        ("double", pa.float64()),
        ("boolean", pa.bool_()),
        ("date", pa.date32()),
        ("timestamp", pa.timestamp("ms")),
        ("decimal", pa.decimal128(10, 0)),
        ("decimal(12)", pa.decimal128(12, 0)),
        ("decimal(38, 9)", pa.decimal128(38, 9)),
        ("varchar(20)", pa.string()),
        ("array<int>", pa.list_(pa.int32())),
        ("map<string,array<double>>", pa.map_(pa.string(), pa.list_(pa.float64()))),
        (
            "struct<Id:bigint, at:struct<x:decimal(3,1)>>",
            pa.struct([("id", pa.int64()), ("at", pa.struct([("x", pa.decimal128(3, 1))]))]),
        ),
    ],
)
def test_a_hive_type_has_its_arrow_type(text: str, expected: pa.DataType) -> None:
    assert parse_type(text) == expected


@pytest.mark.parametrize(
    "text", ["", "binary", "uniontype<int>", "array<>", "array<int", "int)", "decimal(39,1)", "decimal(2,3)", "int(4)"]
)
def test_a_type_that_is_not_supported_is_refused_by_its_column(text: str) -> None:
    with pytest.raises(UnsupportedSchema, match="column picture"):
        read_columns([{"Name": "picture", "Type": text}])


def test_a_table_without_columns_is_refused() -> None:
    with pytest.raises(UnsupportedSchema, match="no columns"):
        read_columns([])
