"""Column types of the Glue catalogue, as Hive writes them, and the Arrow types that stand for them.

Not supported, and refused by name: `binary`, `uniontype`, `interval`, and types with a time zone.
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
    "tinyint": pa.int8(),
    "smallint": pa.int16(),
    "int": pa.int32(),
    "integer": pa.int32(),
    "bigint": pa.int64(),
    "float": pa.float32(),
    "double": pa.float64(),
    "date": pa.date32(),
    # INT64 TIMESTAMP_MILLIS in Parquet: what Athena reads safely. Whether Firehose's own writer stores INT96 is
    # not documented; readers see the same timestamp either way.
    "timestamp": pa.timestamp("ms"),
    "decimal": pa.decimal128(10, 0),  # Hive's default precision and scale
}
_TOKEN = re.compile(r"\s*([A-Za-z_][\w ]*\w|[\w$.\-]+|[<>(),:])\s*")


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
        UnsupportedSchema: there is none, or one has a type that is not supported.
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
    """The Arrow type for a Hive type such as `array<struct<a:int,b:decimal(10,2)>>`.

    Raises:
        UnsupportedSchema: the type is unknown, not supported, or not well-formed.
    """
    tokens = _TypeTokens(text)
    parsed = tokens.type()
    tokens.end()
    return parsed


class _TypeTokens:
    """A recursive descent through the text of a type."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._tokens = _TOKEN.findall(text.lower())
        self._next = 0
        if "".join(self._tokens).replace(" ", "") != re.sub(r"\s", "", text.lower()):
            raise self._unsupported()

    def type(self) -> pa.DataType:
        name = self._take()
        if name == "array":
            self._take("<")
            parsed: pa.DataType = pa.list_(self.type())
        elif name == "map":
            self._take("<")
            key = self.type()
            self._take(",")
            parsed = pa.map_(key, self.type())
        elif name == "struct":
            return self._struct()
        else:
            return self._scalar(name)
        self._take(">")
        return parsed

    def end(self) -> None:
        if self._next != len(self._tokens):
            raise self._unsupported()

    def _struct(self) -> pa.DataType:
        fields = []
        separator = self._take("<")
        while separator != ">":
            name = self._take()
            self._take(":")
            fields.append(pa.field(name, self.type()))
            separator = self._take(",", ">")
        return pa.struct(fields)

    def _scalar(self, name: str) -> pa.DataType:
        sizes = self._sizes()
        if name == "decimal" and len(sizes) in (1, 2):
            return self._decimal(sizes[0], sizes[1] if len(sizes) > 1 else 0)
        # Whether AWS cuts a longer text to the length of a char or varchar is not documented; here it stays whole.
        if name in ("varchar", "char") and len(sizes) == 1:
            return pa.string()
        if sizes or name not in _PLAIN:
            raise self._unsupported()
        return _PLAIN[name]

    def _decimal(self, precision: int, scale: int) -> pa.DataType:
        if not (1 <= precision <= MAX_DECIMAL_PRECISION and scale <= precision):
            raise self._unsupported()
        return pa.decimal128(precision, scale)

    def _sizes(self) -> list[int]:
        sizes: list[int] = []
        if self._peek() != "(":
            return sizes
        separator = self._take("(")
        while separator != ")":
            digits = self._take()
            if not digits.isdecimal():
                raise self._unsupported()
            sizes.append(int(digits))
            separator = self._take(",", ")")
        return sizes

    def _peek(self) -> str:
        return self._tokens[self._next] if self._next < len(self._tokens) else ""

    def _take(self, *expected: str) -> str:
        token = self._peek()
        if not token or (expected and token not in expected):
            raise self._unsupported()
        self._next += 1
        return token

    def _unsupported(self) -> UnsupportedSchema:
        return UnsupportedSchema(f"type {self._text!r} is not one that can be converted to Parquet here")
