"""Tables for people, JSON for programs."""

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


def print_table(headings: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    """Print rows under headings, numbers to the right with thousands separated."""
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    kept = [list(row) for row in rows]
    for column, heading in enumerate(headings):
        numeric = bool(kept) and all(isinstance(row[column], int | float | None) for row in kept)
        table.add_column(heading, justify="right" if numeric else "left", overflow="fold", no_wrap=numeric)
    for row in kept:
        table.add_row(*(Text(_cell(value)) for value in row))
    console = Console(width=None if sys.stdout.isatty() else PIPED_WIDTH)
    console.print(table)


def print_json(value: Any) -> None:
    """Print a value as JSON, for programs."""
    click.echo(json_text(value))


def print_hops(hops: Iterable[HopStatus]) -> None:
    """Print how much went through each part of the pipeline."""
    rows = [list(asdict(hop).values()) for hop in hops]
    print_table(("hop", "unit", "in", "out", "waiting", "failed"), rows)


def count_of(number: int, thing: str, things: str | None = None) -> str:
    """A number of things, such as `1 entry` and `2,000 entries`."""
    return f"{number:,} {thing if number == 1 else things or thing + 's'}"


def _cell(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, bool) or not isinstance(value, int | float):
        text = shown(str(value), keep="\n")
        return text if len(text) <= MAX_CELL_CHARACTERS else f"{text[:MAX_CELL_CHARACTERS]}…"
    return f"{value:,}"
