"""Results of two columns as charts."""

import importlib
import importlib.util
import io
from datetime import datetime, timedelta
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from infra.querying.chart import HEIGHT, NotDrawable, draw, series_of


def drawn(table: pa.Table, width: int = 60) -> list[str]:
    out = io.StringIO()
    draw(series_of(table), out, width)
    return out.getvalue().splitlines()


def test_bars_are_as_long_as_their_numbers():
    lines = drawn(pa.table({"origin": ["EWR", "JFK", "LGA"], "flights": [100, 50, 0]}), 41)
    assert lines[0] == "flights by origin"
    assert lines[1].startswith("EWR  100  ██")
    assert lines[1].count("█") == 2 * lines[2].count("█") + 1
    assert lines[3] == "LGA    0  ▏"


def test_bars_below_zero_go_to_the_left():
    lines = drawn(pa.table({"a": ["x", "y"], "n": [2.0, -2.0]}), 40)
    assert lines[1].index("█") == lines[2].rindex("█") + 1


def test_many_rows_are_columns_side_by_side():
    start = datetime(2026, 11, 1)  # noqa: DTZ001
    table = pa.table({"at": [start + timedelta(hours=n) for n in range(200)], "events": list(range(200))})
    lines = drawn(table)
    assert lines[0] == "events by at, mean of 4 rows to a column"
    assert len(lines) == HEIGHT + 3
    assert lines[1].endswith("█")
    assert lines[-1].split()[0] == "2026-11-01"


@given(st.lists(st.floats(-1e12, 1e12) | st.integers(-(10**9), 10**9), min_size=1, max_size=300), st.integers(30, 200))
def test_no_line_is_wider_than_the_terminal(values, width):
    lines = drawn(pa.table({"n": list(range(len(values))), "v": pa.array([float(value) for value in values])}), width)
    assert all(len(line) <= width + 1 for line in lines)


@pytest.mark.parametrize(
    ("table", "reason"),
    [
        (pa.table({"a": [1]}), "takes two columns, a label and a number; the result has 1"),
        (pa.table({"a": [1], "b": ["x"]}), "column 'b' has no numbers"),
        (pa.table({"a": [1], "b": pa.array([None], pa.int64())}), "no rows"),
    ],
)
def test_what_is_no_label_and_number_is_not_drawn(table, reason):
    with pytest.raises(NotDrawable, match=reason):
        series_of(table)


@pytest.mark.skipif(importlib.util.find_spec("matplotlib") is None, reason="matplotlib is an extra")
@pytest.mark.parametrize("labels", [["é", "b"], [1, 2], [datetime(2026, 1, 1), datetime(2026, 1, 2)]])  # noqa: DTZ001
def test_a_png_is_written(labels, tmp_path):
    picture = importlib.import_module("infra.querying.picture")
    picture.write_png(series_of(pa.table({"a": labels, "n": [1, -2]})), tmp_path / "x.png")
    assert (tmp_path / "x.png").read_bytes().startswith(b"\x89PNG")


@pytest.mark.skipif(importlib.util.find_spec("matplotlib") is None, reason="matplotlib is an extra")
def test_a_png_has_a_title_and_a_ceiling(tmp_path, monkeypatch):
    picture = importlib.import_module("infra.querying.picture")
    figures: list[Any] = []
    monkeypatch.setattr(picture.plt, "close", figures.append)
    labels = [f"label {number} $x$" + "y" * 100 for number in range(3_267)]
    picture.write_png(series_of(pa.table({"name": labels, "n": [None, *range(3_266)]})), tmp_path / "x.png")
    (figure,) = figures
    (axes,) = figure.axes
    assert axes.get_title() == "n by name (the first 60 of 3,267 rows)"
    assert len(axes.get_yticks()) == picture.MAX_BARS
    assert figure.get_size_inches()[1] <= 21
    assert all(len(label.get_text()) <= 45 for label in axes.get_yticklabels())
    assert [text.get_text() for text in axes.texts][:2] == ["NULL", "0"]


def test_null_is_shown_and_has_no_bar():
    lines = drawn(pa.table({"a": ["x", None, "\x1b"], "n": [1, None, 3]}), 40)
    assert lines[2] == "NULL  NULL"
    assert lines[3].startswith(r"\x1b")
    lines = drawn(pa.table({"a": list(range(100)), "n": [None, *range(99)]}), 140)
    assert len(lines) == HEIGHT + 3


def test_numbers_have_their_thousands_separated():
    assert "1,234,567" in drawn(pa.table({"a": ["x"], "n": [1_234_567]}))[1]


def test_an_axis_with_long_labels_fits():
    lines = drawn(pa.table({"a": ["x" * 500] * 100, "n": list(range(100))}), 80)
    assert len(lines[-1]) <= 81
