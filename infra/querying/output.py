"""Results of queries: a table or records for people, JSON, CSV and Parquet for programs."""

import json
import re
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, TextIO

if TYPE_CHECKING:
    import pyarrow as pa

GAP: Final = 2  # spaces between two columns
_LEAST_WIDTH: Final = 20
_NEEDS_QUOTES: Final = re.compile(r'[",\r\n]')


def text_of(value: Any) -> str:
    """A value as people read it, and as Athena writes it: numbers without separators, nothing for null."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return repr(value)
    if isinstance(value, datetime):
        return value.isoformat(sep=" ", timespec="milliseconds").removesuffix("+00:00")
    if isinstance(value, dict | list):
        return json.dumps(value, default=text_of, ensure_ascii=False)
    return str(value)


def print_result(table: "pa.Table", out: TextIO, width: int | None) -> None:
    """Print rows under their headings; one below the other as records where they are wider than the terminal.

    Args:
        table: the result.
        out: where to.
        width: of the terminal in characters, None where there is none.
    """
    names = table.column_names
    rows = [[_one_line(text_of(value)) for value in row.values()] for row in _records(table)]
    widths = [max([len(name), *(len(row[at]) for row in rows)]) for at, name in enumerate(names)]
    if width is not None and rows and sum(widths) + GAP * (len(widths) - 1) > width:
        _print_records(names, rows, out, width)
        return
    numeric = [_is_number(field.type) for field in table.schema]

    def line(cells: Sequence[str]) -> str:
        padded = (
            cell.rjust(size) if right else cell.ljust(size)
            for cell, size, right in zip(cells, widths, numeric, strict=True)
        )
        return (" " * GAP).join(padded).rstrip()

    print(line(names), file=out)
    print((" " * GAP).join("─" * size for size in widths), file=out)
    for row in rows:
        print(line(row), file=out)


def _print_records(names: list[str], rows: list[list[str]], out: TextIO, width: int) -> None:
    size = max(map(len, names))
    room = max(width - size - GAP, _LEAST_WIDTH)
    for number, row in enumerate(rows, 1):
        print(f"── {number} ".ljust(min(width, size + GAP + room), "─"), file=out)
        for name, cell in zip(names, row, strict=True):
            pieces = [cell[at : at + room] for at in range(0, len(cell), room)] or [""]
            for at, piece in enumerate(pieces):
                print(f"{name if at == 0 else '':<{size}}  {piece}".rstrip(), file=out)


def print_json(table: "pa.Table", out: TextIO) -> None:
    """Print a JSON list of objects; decimals and times as text, so that no digit is lost."""
    out.write("[")
    for number, record in enumerate(_records(table)):
        out.write(",\n " if number else "")
        json.dump(record, out, default=text_of, ensure_ascii=False)
    out.write("]\n")


def print_csv(table: "pa.Table", out: TextIO) -> None:
    """Print CSV with a line of headings: RFC 4180, but lines end in a line feed. Null is empty, an empty text `""`."""
    print(",".join(map(_csv_field, table.column_names)), file=out)
    for record in _records(table):
        print(",".join(map(_csv_field, record.values())), file=out)


def _csv_field(value: Any) -> str:
    text = text_of(value)
    if value == "" or _NEEDS_QUOTES.search(text):
        return '"' + text.replace('"', '""') + '"'
    return text


def write_parquet(table: "pa.Table", path: Path) -> None:
    """Write a Parquet file, ZSTD."""
    import pyarrow.parquet as pq  # noqa: PLC0415 (only where it is asked for)

    pq.write_table(table, path, compression="zstd")


def _records(table: "pa.Table") -> "list[dict[str, Any]]":
    """Rows as dicts; of columns of one name each keeps its values."""
    names = table.column_names
    unique = [name if names.index(name) == at else f"{name}_{at + 1}" for at, name in enumerate(names)]
    return table.rename_columns(unique).to_pylist()


def _one_line(text: str) -> str:
    return text.replace("\n", "⏎").replace("\r", "").replace("\t", " ")


def _is_number(kind: "pa.DataType") -> bool:
    import pyarrow as pa  # noqa: PLC0415 (loaded already, by who made the table)

    return bool(pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_decimal(kind))
