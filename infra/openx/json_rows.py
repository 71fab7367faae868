"""The OpenX JSON SerDe as Firehose runs it: a record's JSON to rows of typed values, one record at a time.

This is the reference for what a value becomes, and it names the reason of a failure. Whole batches go
through `columnar_json`, which must give the same and is a hundred times as fast. Sources: "Convert input data
format" (Firehose developer guide) for the input, and observations of the service for coercions.

Where AWS documents nothing, this is the choice: of keys that are the same in lower case the first counts; a number in
a string column keeps its text; a timestamp is cut, not rounded, to the millisecond, and lies in the years 1 to 9999.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import pyarrow as pa

from infra.openx.glue_types import Column
from infra.openx.values import BadValue, JsonNumber, converter_for

PARSE_ERROR: Final = "DataFormatConversion.ParseError"
MALFORMED_DATA: Final = "DataFormatConversion.MalformedData"
_WHITESPACE: Final = " \t\r\n"  # of JSON (RFC 8259)


@dataclass(frozen=True, slots=True)
class OpenXRules:
    """The options of Firehose's `OpenXJsonSerDe`.

    Args:
        case_insensitive: keys are lower-cased at every depth before anything else.
        dots_to_underscores: a dot in a key counts as an underscore.
        column_keys: for columns whose JSON key has another name, column name to key.
    """

    case_insensitive: bool = True
    dots_to_underscores: bool = False
    column_keys: Mapping[str, str] = field(default_factory=dict)

    def key(self, key: str) -> str:
        """The key by which a value is looked up, for a key as it stands in a record."""
        if self.case_insensitive:
            key = key.lower()
        return key.replace(".", "_") if self.dots_to_underscores else key

    def column_key(self, column: str) -> str:
        """The key of a column's values, as `key` gives it."""
        return self.key(self.column_keys.get(column, column))


class UnconvertibleRecord(ValueError):
    """A record that cannot become rows.

    Args:
        code: as in the error object, such as `DataFormatConversion.ParseError`.
        message: what is wrong with it.
    """

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message


class RowReader:
    """Reads records into rows, in the order of the columns.

    Args:
        columns: of the table.
        rules: the SerDe's options.
    """

    def __init__(self, columns: Sequence[Column], rules: OpenXRules) -> None:
        self._columns = [(rules.column_key(column.name), converter_for(column.type)) for column in columns]
        self._arrow_types = [column.type for column in columns]
        self._names = [column.name for column in columns]
        self._scan = _scanner(rules.key)

    def rows(self, record: bytes) -> list[list[Any]]:
        """The rows of one record: one for each of the JSON objects in it, which may follow each other directly.

        Raises:
            UnconvertibleRecord: one of the objects is not JSON or does not fit the columns; then none becomes a row.
        """
        try:
            text = record.decode("utf-8")
        except UnicodeDecodeError as error:
            message = f"Encountered malformed JSON. Invalid UTF-8 at byte {error.start}."
            raise UnconvertibleRecord(PARSE_ERROR, message) from None
        text = text.strip(_WHITESPACE)
        if not text:
            raise UnconvertibleRecord(MALFORMED_DATA, "The record was empty or contained only whitespace.")
        rows = []
        while text:
            value, end = self._parse(text)
            rows.append(self._row(value))
            text = text[end:].lstrip(_WHITESPACE)
        return rows

    def table(self, rows: Sequence[list[Any]]) -> pa.Table:
        """Rows as an Arrow table."""
        values = zip(*rows, strict=True) if rows else ([] for _ in self._columns)
        arrays = [pa.array(list(column), kind) for column, kind in zip(values, self._arrow_types, strict=True)]
        return pa.table(arrays, names=self._names)

    def _parse(self, text: str) -> tuple[Any, int]:
        try:
            return self._scan(text)
        except json.JSONDecodeError as error:
            message = f"Encountered malformed JSON. {error.msg} at character {error.pos}."
            raise UnconvertibleRecord(PARSE_ERROR, message) from None
        except RecursionError:
            message = "Encountered malformed JSON. It is nested too deeply."
            raise UnconvertibleRecord(PARSE_ERROR, message) from None

    def _row(self, value: Any) -> list[Any]:
        if not isinstance(value, dict):
            raise UnconvertibleRecord(MALFORMED_DATA, "Data does not match the schema. A JSON object is required.")
        try:
            return [None if (cell := value.get(key)) is None else convert(cell) for key, convert in self._columns]
        except BadValue as error:
            raise UnconvertibleRecord(MALFORMED_DATA, f"Data does not match the schema. {error}") from None


def _scanner(fold: Callable[[str], str]) -> Callable[[str], tuple[Any, int]]:
    """A parser of the first JSON value in a text, giving it and where it ends."""

    def first_of_each_key(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        members: dict[str, Any] = {}
        for key, value in pairs:
            members.setdefault(fold(key), value)
        return members

    def refuse(constant: str) -> Any:
        raise json.JSONDecodeError(f"{constant} is not JSON", constant, 0)

    return json.JSONDecoder(
        object_pairs_hook=first_of_each_key, parse_float=JsonNumber, parse_int=JsonNumber, parse_constant=refuse
    ).raw_decode
