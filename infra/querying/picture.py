"""A result of two columns as a PNG. Needs matplotlib, an extra that takes a second to import."""

import math
from datetime import date, datetime
from pathlib import Path
from typing import Any, Final

import matplotlib as mpl
from matplotlib import pyplot as plt
from matplotlib.ticker import FuncFormatter, MaxNLocator

from infra.querying.chart import Series, label_text, number_text

mpl.use("Agg")

MAX_BARS: Final = 60  # labels that can be read below each other
MAX_LABEL_CHARACTERS: Final = 40
_COLOUR: Final = "#2563a8"


def write_png(series: Series, path: Path) -> None:
    """Write a PNG: a line over times or numbers, else a bar for each label, of the first `MAX_BARS` labels."""
    is_line = all(isinstance(label, datetime | date | int | float) for label in series.labels)
    figure, axes = plt.subplots(figsize=(10, 5 if is_line else _height(series)))
    if is_line:
        _draw_line(series, axes)
        figure.autofmt_xdate()
    else:
        _draw_bars(series, axes)
    axes.spines[["top", "right"]].set_visible(False)
    axes.grid(axis="y" if is_line else "x", color="#dddddd", linewidth=0.6)
    axes.set_axisbelow(True)
    figure.tight_layout()
    try:
        figure.savefig(path, format="png", dpi=130)
    finally:
        plt.close(figure)


def _draw_line(series: Series, axes: Any) -> None:
    values = [math.nan if value is None else value for value in series.values]
    axes.plot(series.labels, values, color=_COLOUR, linewidth=1.6, marker="o" if len(values) == 1 else None)
    axes.set_title(_plain(series.title))
    axes.set_xlabel(_plain(series.label))
    axes.set_ylabel(_plain(series.value))
    axes.set_ylim(bottom=min(0, *series.numbers))
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: number_text(value)))
    if all(isinstance(label, int | float) for label in series.labels):
        axes.xaxis.set_major_locator(MaxNLocator(12, integer=all(isinstance(label, int) for label in series.labels)))


def _draw_bars(series: Series, axes: Any) -> None:
    names = [_plain(_cut(label_text(label))) for label in series.labels[:MAX_BARS]]
    values = series.values[:MAX_BARS]
    bars = axes.barh(range(len(names)), [value or 0.0 for value in values], color=_COLOUR, height=0.7)
    axes.bar_label(bars, labels=[number_text(value) for value in values], padding=4, fontsize=9)
    axes.set_yticks(range(len(names)), names)
    axes.invert_yaxis()
    left_out = len(series.labels) - len(names)
    note = f" (the first {len(names):,} of {len(series.labels):,} rows)" if left_out else ""
    axes.set_title(_plain(series.title) + note)
    axes.set_xlabel(_plain(series.value))
    axes.set_ylabel(_plain(series.label))
    axes.xaxis.set_major_locator(MaxNLocator(8))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: number_text(value)))
    axes.margins(x=0.12)


def _height(series: Series) -> float:
    """Inches for as many bars as are drawn."""
    return max(2.5, 0.32 * min(len(series.labels), MAX_BARS) + 1.2)


def _cut(text: str) -> str:
    return text if len(text) <= MAX_LABEL_CHARACTERS else text[: MAX_LABEL_CHARACTERS - 1] + "…"


def _plain(text: str) -> str:
    """A text in which matplotlib sees no formula."""
    return text.replace("$", r"\$")
