"""Tables for people, JSON for programs."""

import json
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

PIPED_WIDTH: Final = 10_000  # characters: in a pipe nothing is folded


def print_table(headings: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    """Print rows under headings, numbers to the right with thousands separated."""
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    kept = [list(row) for row in rows]
    for column, heading in enumerate(headings):
        numeric = bool(kept) and all(isinstance(row[column], int | float | None) for row in kept)
        table.add_column(heading, justify="right" if numeric else "left", overflow="fold")
    for row in kept:
        table.add_row(*(Text(_cell(value)) for value in row))
    console = Console(width=None if sys.stdout.isatty() else PIPED_WIDTH)
    console.print(table)


def print_json(value: Any) -> None:
    """Print a value as JSON, for programs."""
    click.echo(json.dumps(value, default=str))


def print_hops(hops: Iterable[HopStatus]) -> None:
    """Print how much went through each part of the pipeline."""
    rows = [list(asdict(hop).values()) for hop in hops]
    print_table(("hop", "unit", "in", "out", "waiting", "failed"), rows)


def _cell(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return str(value)
    return f"{value:,}"
