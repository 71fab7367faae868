"""Column types of the Glue catalogue, as Hive writes them, and the Arrow types that stand for them.

Supported are the types that an event schema and the dead-letter tables lead to. Others, such as `array`, `map`,
`float` and `date`, are refused by name.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import pyarrow as pa

MAX_DECIMAL_PRECISION: Final = 38
_PLAIN: Final[dict[str, pa.DataType]] = {
    "string": pa.string(),
    "boolean": pa.bool_(),
    "int": pa.int32(),
    "bigint": pa.int64(),
    "double": pa.float64(),
    # INT64 TIMESTAMP_MILLIS in Parquet: what Athena reads safely. Whether Firehose's own writer stores INT96 is
    # not documented; readers see the same timestamp either way.
    "timestamp": pa.timestamp("ms"),
}
_DECIMAL: Final = re.compile(r"decimal\(([0-9]+),([0-9]+)\)")
_STRUCT: Final = re.compile(r"struct<([a-z_0-9]+:[^<>():,]+(?:,[a-z_0-9]+:[^<>():,]+)*)>")


class UnsupportedSchema(ValueError):
    """A table whose columns cannot be converted; the message names the column and its type."""


@dataclass(frozen=True, slots=True)
class Column:
    """A column of the table.

    Args:
        name: as in the catalogue, which keeps it in lower case.
        type: of its values. Struct field names are in lower case.
    """

    name: str
    type: pa.DataType


def read_columns(descriptions: Sequence[Mapping[str, Any]]) -> tuple[Column, ...]:
    """Read the columns of a Glue table's storage descriptor (`[{"Name": …, "Type": …}]`).

    Raises:
        UnsupportedSchema: the table has no columns, or a column has a type that is not supported.
    """
    if not descriptions:
        raise UnsupportedSchema("the table has no columns")
    return tuple(_read_column(each) for each in descriptions)


def _read_column(description: Mapping[str, Any]) -> Column:
    name, text = str(description["Name"]), str(description.get("Type") or "")
    try:
        return Column(name, parse_type(text))
    except UnsupportedSchema as error:
        raise UnsupportedSchema(f"column {name}: {error}") from None


def parse_type(text: str) -> pa.DataType:
    """Return the Arrow type for a Hive type such as `decimal(10,2)` or `struct<id:bigint,tag:string>`.

    Raises:
        UnsupportedSchema: the type is unknown, not supported, or not well-formed.
    """
    compact = re.sub(r"\s", "", text.lower())
    if found := _STRUCT.fullmatch(compact):
        members = (member.partition(":") for member in found[1].split(","))
        return pa.struct([pa.field(name, _scalar(kind, text)) for name, _, kind in members])
    return _scalar(compact, text)


def _scalar(compact: str, text: str) -> pa.DataType:
    if found := _DECIMAL.fullmatch(compact):
        precision, scale = int(found[1]), int(found[2])
        if 1 <= precision <= MAX_DECIMAL_PRECISION and scale <= precision:
            return pa.decimal128(precision, scale)
    if compact not in _PLAIN:
        raise UnsupportedSchema(f"type {text!r} is not one that is converted to Parquet here")
    return _PLAIN[compact]
