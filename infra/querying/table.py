"""Results of queries for people: a table, or records where a row is wider than the terminal."""

import itertools
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Final, TextIO

import pyarrow as pa

from infra.querying.result import Result
from infra.terminal import shown
from infra.value_text import NULL, text_of

GAP: Final = 2  # spaces between two columns
MAX_CELL_CHARACTERS: Final = 200  # in a table
MAX_RECORD_CHARACTERS: Final = 2_000  # of a value that stands by itself
ROWS_THAT_SET_WIDTHS: Final = 1_000
_LEAST_WIDTH: Final = 20
_LINE_BREAKS: Final = str.maketrans({"\n": "⏎", "\r": None, "\t": " "})


@dataclass(slots=True)
class Cut:
    """How many values were shown in part."""

    cells: int = 0

    def cell(self, value: Any, most: int) -> str:
        """A value on one line: null as NULL, nothing that a terminal obeys, cut with a mark where it is long."""
        if value is None:
            return NULL
        text = text_of(value)
        size = len(text)
        text = shown(text[: most + 1].translate(_LINE_BREAKS))
        if len(text) <= most and size <= most:
            return text
        self.cells += 1
        return f"{text[:most]}… ({size:,} characters)"


def print_result(result: Result, out: TextIO, width: int | None = None) -> Cut:
    """Print rows under their headings; one below the other as records where they are wider than the terminal.

    Args:
        result: the rows; they are read as they are printed.
        out: where to.
        width: of the terminal in characters; None where the output is not a terminal.
    """
    cut, rows = Cut(), result.rows()
    first = list(itertools.islice(rows, ROWS_THAT_SET_WIDTHS))
    names = [shown(name) for name in result.names]
    probe = Cut()  # these rows are cut again as they are printed
    cells = [[probe.cell(value, MAX_CELL_CHARACTERS) for value in row] for row in first]
    widths = [max([len(name), *(len(row[at]) for row in cells)]) for at, name in enumerate(names)]
    everything = itertools.chain(first, rows)
    if width is not None and first and sum(widths) + GAP * (len(widths) - 1) > width:
        _print_records(names, everything, out, width, cut)
    else:
        numeric = [_is_number(field.type) for field in result.schema]
        for line in _lines(names, widths, numeric, everything, cut):
            print(line, file=out)
    return cut


def _lines(
    names: list[str], widths: list[int], numeric: list[bool], rows: Iterable[list[Any]], cut: Cut
) -> Iterator[str]:
    def line(cells: Iterable[str]) -> str:
        padded = (
            cell.rjust(size) if right else cell.ljust(size)
            for cell, size, right in zip(cells, widths, numeric, strict=True)
        )
        return (" " * GAP).join(padded).rstrip()

    yield line(names)
    yield (" " * GAP).join("─" * size for size in widths)
    for row in rows:
        yield line(cut.cell(value, MAX_CELL_CHARACTERS) for value in row)


def _print_records(names: list[str], rows: Iterable[list[Any]], out: TextIO, width: int, cut: Cut) -> None:
    size = max(map(len, names))
    room = max(width - size - GAP, _LEAST_WIDTH)
    for number, row in enumerate(rows, 1):
        print(f"── {number} ".ljust(min(width, size + GAP + room), "─"), file=out)
        for name, value in zip(names, row, strict=True):
            cell = cut.cell(value, MAX_RECORD_CHARACTERS)
            pieces = [cell[at : at + room] for at in range(0, len(cell), room)] or [""]
            for at, piece in enumerate(pieces):
                print(f"{name if at == 0 else '':<{size}}  {piece}".rstrip(), file=out)


def _is_number(kind: pa.DataType) -> bool:
    return bool(pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_decimal(kind))
