"""A result of two columns as a chart: in the terminal, or as a PNG."""

import itertools
import math
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, TextIO

from infra.querying.output import text_of
from producers.explained import Explained

if TYPE_CHECKING:
    import pyarrow as pa

MAX_BARS: Final = 40  # more rows are drawn as columns side by side
HEIGHT: Final = 12  # lines of a chart of columns
_SCALE_WIDTH: Final = 12  # characters, left of the columns
_EIGHTHS: Final = " ▏▎▍▌▋▊▉█"
_LEVELS: Final = " ▁▂▃▄▅▆▇█"


class NotDrawable(Explained, ValueError):
    """The result cannot be drawn; the message says what can."""


@dataclass(frozen=True, slots=True)
class Series:
    """What is drawn.

    Args:
        label: name of the first column.
        value: name of the second.
        labels: values of the first.
        values: numbers of the second.
    """

    label: str
    value: str
    labels: list[Any]
    values: list[float]


def series_of(table: "pa.Table") -> Series:
    """Read a result of two columns, the second of numbers; rows without a number are left out.

    Raises:
        NotDrawable: it is another.
    """
    if table.num_columns != 2:
        raise NotDrawable(f"a chart takes two columns, a label and a number; the result has {table.num_columns}")
    label, value = table.column_names
    rows = [(row[0], row[1]) for row in zip(table[0].to_pylist(), table[1].to_pylist(), strict=True)]
    try:
        kept = [(name, float(number)) for name, number in rows if number is not None]
        kept = [(name, number) for name, number in kept if math.isfinite(number)]
    except (TypeError, ValueError):
        raise NotDrawable(f"a chart takes a label and a number; column {value!r} has no numbers") from None
    if not kept:
        raise NotDrawable("the result has no rows to draw")
    return Series(label, value, [name for name, _ in kept], [number for _, number in kept])


def draw(series: Series, out: TextIO, width: int) -> None:
    """Draw in the terminal: a bar for each row, or, of many rows, columns side by side.

    Args:
        series: what to draw.
        out: where to.
        width: of the terminal in characters.
    """
    if len(series.values) <= MAX_BARS:
        _draw_bars(series, out, width)
    else:
        _draw_columns(series, out, width)


def _draw_bars(series: Series, out: TextIO, width: int) -> None:
    labels = [text_of(label) for label in series.labels]
    numbers = [_number(value) for value in series.values]
    label_width = min(max(map(len, [*labels, series.label])), width // 3)
    number_width = max(map(len, [*numbers, series.value]))
    room = max(width - label_width - number_width - 4, 8)
    most, least = max(0, *series.values), min(0, *series.values)
    span = (most - least) or 1
    zero = -least / span * room
    print(f"{series.label[:label_width]:<{label_width}}  {series.value:>{number_width}}", file=out)
    for label, number, value in zip(labels, numbers, series.values, strict=True):
        if value >= 0:
            bar = " " * round(zero) + _bar(value / span * room)
        else:
            start = round(zero + value / span * room)
            bar = " " * start + "█" * max(round(zero) - start, 1)
        short = label if len(label) <= label_width else label[: label_width - 1] + "…"
        print(f"{short:<{label_width}}  {number:>{number_width}}  {bar}".rstrip(), file=out)


def _bar(length: float) -> str:
    whole = int(length)
    rest = _EIGHTHS[round((length - whole) * 8)].strip()
    return ("█" * whole + rest) or "▏"


def _draw_columns(series: Series, out: TextIO, width: int) -> None:
    count = len(series.values)
    room = min(width - _SCALE_WIDTH, count)
    edges = [at * count // room for at in range(room + 1)]
    means = [math.fsum(series.values[a:b]) / (b - a) for a, b in itertools.pairwise(edges)]
    most, least = max(0, *means), min(0, *means)
    margin = max(len(_number(most)), len(_number(least))) + 1
    per_column = count / room
    note = "" if per_column <= 1 else f", mean of {per_column:.0f} rows to a column"
    print(f"{series.value} by {series.label}{note}", file=out)
    span = (most - least) or 1
    eighths = [round((value - least) / span * HEIGHT * 8) for value in means]
    for line in range(HEIGHT - 1, -1, -1):
        edge = {HEIGHT - 1: _number(most), 0: _number(least)}.get(line, "")
        cells = "".join(_LEVELS[min(max(level - line * 8, 0), 8)] for level in eighths)
        print(f"{edge:>{margin - 1}} ┤{cells}".rstrip(), file=out)
    first, last = text_of(series.labels[0]), text_of(series.labels[-1])
    print(f"{'':>{margin - 1}} └{'─' * room}", file=out)
    print(f"{'':>{margin}} {first}{last:>{max(room - len(first), len(last) + 2)}}", file=out)


def write_png(series: Series, path: Path) -> None:
    """Write a PNG: a line over times or numbers, bars over anything else. Needs matplotlib."""
    import matplotlib as mpl  # noqa: PLC0415 (an extra, and takes a second)

    mpl.use("Agg")
    from matplotlib import pyplot as plt  # noqa: PLC0415

    is_line = all(isinstance(label, datetime | date | int | float) for label in series.labels)
    figure, axes = plt.subplots(figsize=(10, 5 if is_line else max(2.5, 0.32 * len(series.values) + 1.2)))
    if is_line:
        axes.plot(series.labels, series.values, color="#2563a8", linewidth=1.6)
        axes.set_xlabel(series.label)
        axes.set_ylabel(series.value)
        axes.set_ylim(bottom=min(0, *series.values))
        figure.autofmt_xdate()
    else:
        names = [text_of(label) for label in series.labels]
        bars = axes.barh(range(len(names)), series.values, color="#2563a8", height=0.7)
        axes.bar_label(bars, labels=[_number(value) for value in series.values], padding=4, fontsize=9)
        axes.set_yticks(range(len(names)), names)
        axes.invert_yaxis()
        axes.set_xlabel(series.value)
        axes.set_ylabel(series.label)
        axes.margins(x=0.12)
    axes.spines[["top", "right"]].set_visible(False)
    axes.grid(axis="y" if is_line else "x", color="#dddddd", linewidth=0.6)
    axes.set_axisbelow(True)
    figure.tight_layout()
    figure.savefig(path, dpi=130)
    plt.close(figure)


def _number(value: float) -> str:
    return str(int(value)) if value == int(value) and abs(value) < 1e15 else f"{value:.4g}"
