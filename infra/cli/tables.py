"""Tables for people, JSON for programs."""

import shutil
import sys
from collections.abc import Iterable, Sequence
from dataclasses import asdict
from typing import Any, Final

import click
from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from infra.status import HopStatus
from infra.terminal import shown
from infra.value_text import json_text

PIPED_WIDTH: Final = 10_000  # characters: in a pipe nothing is folded
MAX_CELL_CHARACTERS: Final = 500
MAX_WORD: Final = 30  # a longer one, such as a name of AWS, may be broken
GAP: Final = 3  # between two columns


def print_table(headings: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    """Print rows under headings, numbers to the right with thousands separated.

    On a terminal that is too narrow for the longest words, each row stands as a record.
    """
    rows = [list(row) for row in rows]
    cells = [[_cell(value) for value in row] for row in rows]
    if sys.stdout.isatty() and _least_width(headings, cells) > shutil.get_terminal_size().columns:
        _print_records(headings, cells)
        return
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    kept = [list(row) for row in rows]
    for column, heading in enumerate(headings):
        numeric = bool(kept) and all(isinstance(row[column], int | float | None) for row in kept)
        table.add_column(heading, justify="right" if numeric else "left", overflow="fold", no_wrap=numeric)
    for row in kept:
        table.add_row(*(Text(_cell(value)) for value in row))
    console = Console(width=None if sys.stdout.isatty() else PIPED_WIDTH)
    console.print(table)


def _least_width(headings: Sequence[str], cells: list[list[str]]) -> int:
    """The width of a table in which no word is broken, though long texts are folded."""
    columns = [[heading, *(row[at] for row in cells)] for at, heading in enumerate(headings)]
    words = (
        min(max((len(word) for cell in column for word in cell.split()), default=0), MAX_WORD) for column in columns
    )
    return sum(words) + GAP * len(columns)


def _print_records(headings: Sequence[str], cells: list[list[str]]) -> None:
    size = max(map(len, headings))
    for row in cells:
        click.echo(row[0])
        for heading, cell in zip(headings[1:], row[1:], strict=True):
            click.echo(f"  {heading:<{size}}  {cell}")


def print_json(value: Any) -> None:
    """Print a value as JSON, for programs."""
    click.echo(json_text(value))


def print_hops(hops: Iterable[HopStatus]) -> None:
    """Print how much went through each part of the pipeline, and below it what holds a part up."""
    hops = list(hops)
    columns = ("hop", "unit", "in", "out", "waiting", "failed", "retried")
    print_table(columns, [list(asdict(hop).values())[: len(columns)] for hop in hops])
    for hop in hops:
        if hop.cause:
            say(f"{hop.hop}: {' '.join(hop.cause.split())}", most=MAX_CELL_CHARACTERS)


def say(text: str, *, most: int | None = None, err: bool = False) -> None:
    """Print text in which an event, or another program, may have its say: shown, never obeyed.

    Args:
        text: one line or several.
        most: characters of a line; the rest is counted in its place. None for all.
        err: to standard error.
    """
    lines = shown(text, keep="\n").split("\n")
    click.echo("\n".join(line if most is None else _cut(line, most) for line in lines), err=err)


def _cut(line: str, most: int) -> str:
    return line if len(line) <= most else f"{line[:most]}… ({len(line):,} characters)"


def _cell(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, bool) or not isinstance(value, int | float):
        text = shown(str(value), keep="\n")
        return text if len(text) <= MAX_CELL_CHARACTERS else f"{text[:MAX_CELL_CHARACTERS]}…"
    return f"{value:,}"
