"""Results of queries for programs: JSON, CSV and Parquet, streamed and whole."""

import re
from collections.abc import Iterable
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any, Final, Protocol, TextIO

import pyarrow.parquet as pq

from infra.querying.result import Result
from infra.value_text import json_text, text_of

_NEEDS_QUOTES: Final = re.compile(r'[",\r\n]')
_FORMULA: Final = re.compile(r"[=+\-@\t\r]")  # what spreadsheets take for the start of one


class Writable(Protocol):
    """What CSV is written to."""

    def write(self, text: str, /) -> int:
        """Write a text."""

    def writelines(self, lines: Iterable[str], /) -> None:
        """Write texts."""


def write_json(result: Result, out: TextIO) -> None:
    """Write a JSON list of objects, one a line; decimals and times as text, so that no digit is lost."""
    names = _unique(result.names)
    out.write("[")
    for number, row in enumerate(result.rows()):
        out.write(",\n " if number else "")
        out.write(json_text(dict(zip(names, row, strict=True))))
    out.write("]\n")


def write_csv(result: Result, out: Writable, *, formulas: bool = True) -> None:
    """Write CSV with a line of headings: RFC 4180, but lines end in a line feed. Null is empty, an empty text `""`.

    Args:
        result: the rows.
        out: where to.
        formulas: leave texts that a spreadsheet would run as they are; else an apostrophe stands before them.
    """
    out.write(",".join(_csv_field(name, formulas=formulas) for name in result.names) + "\n")
    out.writelines(",".join(_csv_field(value, formulas=formulas) for value in row) + "\n" for row in result.rows())


def write_parquet(result: Result, path: Path) -> None:
    """Write a Parquet file, ZSTD."""
    with pq.ParquetWriter(path, result.schema, compression="zstd") as writer:
        for batch in result.batches():
            writer.write_batch(batch)


def _csv_field(value: Any, *, formulas: bool) -> str:
    text = text_of(value)
    if not formulas and not isinstance(value, int | float | Decimal | date) and _FORMULA.match(text):
        text = "'" + text
    if value == "" or _NEEDS_QUOTES.search(text):
        return '"' + text.replace('"', '""') + '"'
    return text


def _unique(names: list[str]) -> list[str]:
    """Names of columns, so that each of several with one name keeps its value."""
    return [name if names.index(name) == at else f"{name}_{at + 1}" for at, name in enumerate(names)]
