"""A result of two columns as a chart in the terminal."""

import itertools
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, TextIO

from infra.terminal import shown
from infra.value_text import NULL, text_of
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
        values: numbers of the second; None where it is null, or not finite.
    """

    label: str
    value: str
    labels: list[Any]
    values: list[float | None]

    @property
    def title(self) -> str:
        """What the chart shows."""
        return f"{shown(self.value)} by {shown(self.label)}"

    @property
    def numbers(self) -> list[float]:
        """The values that are numbers."""
        return [value for value in self.values if value is not None]


def series_of(table: "pa.Table") -> Series:
    """Read a result of two columns, the second of numbers.

    Raises:
        NotDrawable: it has other columns, or no number.
    """
    if table.num_columns != 2:
        raise NotDrawable(f"a chart takes two columns, a label and a number; the result has {table.num_columns}")
    label, value = table.column_names
    rows = [(row[0], row[1]) for row in zip(table[0].to_pylist(), table[1].to_pylist(), strict=True)]
    try:
        values = [None if number is None else float(number) for _, number in rows]
    except (TypeError, ValueError):
        raise NotDrawable(f"a chart takes a label and a number; column {value!r} has no numbers") from None
    series = Series(
        label,
        value,
        [name for name, _ in rows],
        [None if number is None or not math.isfinite(number) else number for number in values],
    )
    if not series.numbers:
        raise NotDrawable("the result has no rows to draw")
    return series


def label_text(label: Any) -> str:
    """A label as people read it."""
    return NULL if label is None else shown(text_of(label))


def number_text(value: float | None) -> str:
    """A number as people read it, with thousands separated."""
    if value is None:
        return NULL
    return f"{int(value):,}" if value == int(value) and abs(value) < 1e15 else f"{value:,.4g}"


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
    labels = [label_text(label) for label in series.labels]
    numbers = [number_text(value) for value in series.values]
    label_width = min(max(map(len, labels)), width // 3)
    number_width = max(map(len, numbers))
    room = max(width - label_width - number_width - 4, 8)
    most, least = max(0, *series.numbers), min(0, *series.numbers)
    span = (most - least) or 1
    zero = -least / span * room
    print(series.title, file=out)
    for label, number, value in zip(labels, numbers, series.values, strict=True):
        if value is None:
            bar = ""
        elif value >= 0:
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
    means = [_mean(series.values[a:b]) for a, b in itertools.pairwise(edges)]
    known = [mean for mean in means if mean is not None]
    most, least = max(0, *known), min(0, *known)
    margin = max(len(number_text(most)), len(number_text(least))) + 1
    per_column = count / room
    note = "" if per_column <= 1 else f", mean of {per_column:.0f} rows to a column"
    print(series.title + note, file=out)
    span = (most - least) or 1
    eighths = [0 if value is None else round((value - least) / span * HEIGHT * 8) for value in means]
    for line in range(HEIGHT - 1, -1, -1):
        edge = {HEIGHT - 1: number_text(most), 0: number_text(least)}.get(line, "")
        cells = "".join(_LEVELS[min(max(level - line * 8, 0), 8)] for level in eighths)
        print(f"{edge:>{margin - 1}} ┤{cells}".rstrip(), file=out)
    first, last = _short(label_text(series.labels[0]), room), _short(label_text(series.labels[-1]), room)
    print(f"{'':>{margin - 1}} └{'─' * room}", file=out)
    print(f"{'':>{margin}} {first}{last:>{max(room - len(first), len(last) + 2)}}", file=out)


def _mean(values: list[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return math.fsum(known) / len(known) if known else None


def _short(text: str, room: int) -> str:
    """A text that leaves room for another beside it."""
    most = max(room // 2 - 2, 8)
    return text if len(text) <= most else text[: most - 1] + "…"
