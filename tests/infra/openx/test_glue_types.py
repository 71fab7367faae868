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
        ("double", pa.float64()),
        ("boolean", pa.bool_()),
        ("timestamp", pa.timestamp("ms")),
        ("decimal(38, 9)", pa.decimal128(38, 9)),
        (
            "struct<Id:bigint, tag:string>",
            pa.struct([("id", pa.int64()), ("tag", pa.string())]),
        ),
    ],
)
def test_a_hive_type_has_its_arrow_type(text: str, expected: pa.DataType) -> None:
    assert parse_type(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        "", "binary", "array<int>", "map<string,int>", "float", "date", "tinyint", "decimal", "decimal(39,1)",
        "decimal(0,0)", "decimal(2,3)", "int(4)", "int)", "struct<>", "struct<a>", "struct<a:int", "struct<a:float>",
    ],
)  # fmt: skip
def test_a_type_that_is_not_supported_is_refused_by_its_column(text: str) -> None:
    with pytest.raises(UnsupportedSchema, match="column picture"):
        read_columns([{"Name": "picture", "Type": text}])


def test_a_table_without_columns_is_refused() -> None:
    with pytest.raises(UnsupportedSchema, match="no columns"):
        read_columns([])
