"""Athena's results, which are text, as columns of their types."""

import re
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any, Final

import pyarrow as pa
import pyarrow.csv as pc

from infra.querying.sql_error import QueryFailed

BLOCK_BYTES: Final = 16 * 1024 * 1024  # of a result object, read at once; a row is smaller
_DECIMAL: Final = re.compile(r"decimal\((\d+), ?(\d+)\)")


def from_pages(pages: Iterable[Any], columns: Sequence[dict[str, Any]]) -> pa.Table:
    """A result as GetQueryResults returns it.

    Args:
        pages: the ResultSets.
        columns: the ColumnInfo of the first.

    Raises:
        QueryFailed: a value is not of its column's type.
    """
    names = [column["Name"] for column in columns]
    rows = [[cell.get("VarCharValue") for cell in row.get("Data", [])] for page in pages for row in page["Rows"]]
    if rows and rows[0] == names:
        del rows[0]  # a SELECT's first row holds the headings
    cells = [[row[at] if at < len(row) else None for row in rows] for at in range(len(columns))]
    return _typed(columns, [pa.chunked_array([pa.array(each, pa.string())]) for each in cells])


def from_csv(body: Any, columns: Sequence[dict[str, Any]]) -> pa.Table:
    """A result as Athena writes it to S3: every value in quotes, NULL as nothing, the headings first.

    Args:
        body: of the object, read as a stream.
        columns: the ColumnInfo of the result.

    Raises:
        QueryFailed: a value is not of its column's type.
    """
    names = [f"c{number}" for number in range(len(columns))]  # a query may give two columns one name
    text = pc.read_csv(
        body,
        read_options=pc.ReadOptions(column_names=names, skip_rows=1, block_size=BLOCK_BYTES),
        parse_options=pc.ParseOptions(newlines_in_values=True),
        convert_options=pc.ConvertOptions(
            column_types=dict.fromkeys(names, pa.string()),
            null_values=[""],
            strings_can_be_null=True,
            quoted_strings_can_be_null=False,
        ),
    )
    return _typed(columns, text.columns)


def _typed(columns: Sequence[dict[str, Any]], texts: "Sequence[pa.ChunkedArray[Any]]") -> pa.Table:
    arrays = [_column(column, text) for column, text in zip(columns, texts, strict=True)]
    return pa.Table.from_arrays(arrays, names=[column["Name"] for column in columns])


def _column(column: dict[str, Any], text: "pa.ChunkedArray[Any]") -> "pa.ChunkedArray[Any]":
    """Athena's text for a column's values, as values of its type; types not listed stay text."""
    name = column["Type"]
    if name == "decimal":
        name = f"decimal({column['Precision']},{column['Scale']})"
    if digits := _DECIMAL.fullmatch(name):
        kind: pa.DataType = pa.decimal128(int(digits[1]), int(digits[2]))
        read: Callable[[str], Any] = Decimal
    else:
        kind, read = _TYPES.get(name, (pa.string(), str))
    if read is str or (read is _zoned and not _is_utc(text)):
        return text  # a zone other than UTC keeps its name
    try:
        values = [[None if each is None else read(each) for each in chunk.to_pylist()] for chunk in text.chunks]
        arrays: list[pa.Array[Any]] = [pa.array(each, kind) for each in values]
        return pa.chunked_array(arrays or [pa.array([], kind)])
    except (ValueError, ArithmeticError, pa.ArrowInvalid) as error:
        raise QueryFailed(f"column {column['Name']}: Athena's {name} cannot be read: {error}") from error


def _is_utc(text: "pa.ChunkedArray[Any]") -> bool:
    return all(value is None or value.endswith(" UTC") for chunk in text.chunks for value in chunk.to_pylist())


def _zoned(text: str) -> datetime:
    """A timestamp in UTC; Athena writes the name of the zone behind it."""
    return datetime.fromisoformat(text.removesuffix(" UTC")).replace(tzinfo=UTC)


_TYPES: Final[dict[str, tuple[pa.DataType, Callable[[str], Any]]]] = {
    "boolean": (pa.bool_(), lambda text: text == "true"),
    "tinyint": (pa.int8(), int),
    "smallint": (pa.int16(), int),
    "integer": (pa.int32(), int),
    "bigint": (pa.int64(), int),
    "float": (pa.float32(), float),
    "real": (pa.float32(), float),
    "double": (pa.float64(), float),
    "date": (pa.date32(), date.fromisoformat),
    "timestamp": (pa.timestamp("ms"), datetime.fromisoformat),
    "timestamp with time zone": (pa.timestamp("ms", "UTC"), _zoned),
}
