"""Results in every form."""

import csv
import io
import json
from datetime import UTC, datetime
from decimal import Decimal

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from infra.querying.output import write_csv, write_json, write_parquet
from infra.querying.result import Result
from infra.querying.table import MAX_CELL_CHARACTERS, MAX_RECORD_CHARACTERS, print_result

AT = datetime(2026, 11, 23, 2, 34, 56, 789_000)  # noqa: DTZ001 (Athena's timestamps have no zone)
RESULT = pa.table(
    {
        "name": ["é", None],
        "n": pa.array([1234567, -1], pa.int64()),
        "at": pa.array([AT, None], pa.timestamp("ms")),
        "zoned": pa.array([AT.replace(tzinfo=UTC), None], pa.timestamp("ms", "UTC")),
        "fare": pa.array([Decimal("12.50"), None]),
        "flag": [True, False],
        "ratio": [0.1, 1e300],
    }
)


def printed(table: pa.Table, width: int | None = None) -> str:
    out = io.StringIO()
    print_result(Result.of(table), out, width)
    return out.getvalue()


def test_a_table_has_numbers_to_the_right_and_without_separators():
    assert printed(RESULT.select(["name", "n", "fare", "flag", "ratio"])) == (
        "name        n   fare  flag    ratio\n"
        "────  ───────  ─────  ─────  ──────\n"
        "é     1234567  12.50  true      0.1\n"
        "NULL       -1   NULL  false  1e+300\n"
    )


def test_times_are_written_as_athena_writes_them():
    lines = printed(RESULT.select(["at", "zoned"])).splitlines()
    assert lines[2] == "2026-11-23 02:34:56.789  2026-11-23 02:34:56.789"


def test_a_table_wider_than_the_terminal_is_shown_record_by_record():
    table = pa.table({"id": ["r1", "r2"], "payload": ["x" * 70, "y"]})
    assert printed(table, 40) == (
        "── 1 ───────────────────────────────────\n"
        "id       r1\n"
        f"payload  {'x' * 31}\n"
        f"         {'x' * 31}\n"
        f"         {'x' * 8}\n"
        "── 2 ───────────────────────────────────\n"
        "id       r2\n"
        "payload  y\n"
    )
    assert all(len(line) <= 40 for line in printed(table, 40).splitlines())
    assert printed(table, 100) == printed(table, None)


def test_a_result_without_rows_has_its_headings():
    assert printed(RESULT.slice(0, 0).select(["name", "n"]), 3) == "name  n\n────  ─\n"


def test_a_line_break_does_not_break_the_table():
    assert len(printed(pa.table({"a": ["x\ny\tz"]})).splitlines()) == 3


def test_columns_of_one_name_keep_their_values():
    table = pa.Table.from_arrays([pa.array([1]), pa.array([2])], names=["a", "a"])
    out = io.StringIO()
    write_json(Result.of(table), out)
    assert json.loads(out.getvalue()) == [{"a": 1, "a_2": 2}]
    assert printed(table).splitlines()[2] == "1  2"


def test_json_and_csv_keep_every_digit():
    out = io.StringIO()
    write_json(Result.of(RESULT), out)
    first, second = json.loads(out.getvalue())
    assert first == {
        "name": "é",
        "n": 1234567,
        "at": "2026-11-23 02:34:56.789",
        "zoned": "2026-11-23 02:34:56.789",
        "fare": "12.50",
        "flag": True,
        "ratio": 0.1,
    }
    assert second["fare"] is None
    out = io.StringIO()
    write_csv(Result.of(RESULT), out)
    rows = list(csv.reader(io.StringIO(out.getvalue())))
    assert rows[0] == RESULT.column_names
    assert rows[1][:2] == ["é", "1234567"]


@given(st.lists(st.text(st.characters(codec="utf-8")), max_size=5))
def test_whatever_is_in_json_and_csv_comes_out(texts):
    table = pa.table({"a": pa.array(texts, pa.string())})
    out = io.StringIO()
    write_json(Result.of(table), out)
    assert [row["a"] for row in json.loads(out.getvalue())] == texts
    out = io.StringIO(newline="")
    write_csv(Result.of(table), out)
    out.seek(0)
    assert [(row or [""])[0] for row in csv.reader(out)][1:] == texts


def test_parquet_is_the_result(tmp_path):
    write_parquet(Result.of(RESULT), tmp_path / "x.parquet")
    assert pq.read_table(tmp_path / "x.parquet").equals(RESULT)


def test_json_is_json_whatever_the_values():
    table = pa.table(
        {
            "f": [float("inf"), float("-inf"), float("nan")],
            "b": [b"\x00\xff", None, b""],
            "l": pa.array([[float("nan")], [], None], pa.list_(pa.float64())),
            "t": ["\x1b[2J\x9b\u202e", "é", "\x00"],
        }
    )
    out = io.StringIO()
    write_json(Result.of(table), out)

    def refuse(constant: str) -> None:
        raise AssertionError(constant)

    first, second, third = json.loads(out.getvalue(), parse_constant=refuse)
    assert first == {"f": "Infinity", "b": "00 ff", "l": ["NaN"], "t": "\x1b[2J\x9b\u202e"}
    assert second == {"f": "-Infinity", "b": None, "l": [], "t": "é"}
    assert third == {"f": "NaN", "b": "", "l": None, "t": "\x00"}
    assert not set(out.getvalue()) & {"\x1b", "\x9b", "\u202e", "\x00"}


def test_a_table_shows_what_a_terminal_would_obey():
    assert printed(pa.table({"a\x1b": ["\x1b]0;x\x07\u202e", "\x9b2J"]})).splitlines() == [
        r"a\x1b",
        "──────────────────",
        r"\x1b]0;x\x07\u202e",
        r"\x9b2J",
    ]


def test_a_cell_is_cut_exactly_beyond_its_ceiling():
    for size, is_cut in (
        (MAX_CELL_CHARACTERS - 1, False),
        (MAX_CELL_CHARACTERS, False),
        (MAX_CELL_CHARACTERS + 1, True),
    ):
        out = io.StringIO()
        cut = print_result(Result.of(pa.table({"a": ["x" * size]})), out)
        last = out.getvalue().splitlines()[-1]
        assert cut.cells == is_cut
        assert last == ("x" * MAX_CELL_CHARACTERS + f"… ({size:,} characters)" if is_cut else "x" * size)


def test_one_large_event_does_not_widen_every_row():
    small = pa.table({"payload": ["x" * 400_000, *["y"] * 5_000], "dt": ["2026-11-23"] * 5_001})
    assert len(printed(small)) < 5_001 * 260
    assert len(printed(small, 80)) < 5_001 * 120 + MAX_RECORD_CHARACTERS * 2


def test_a_long_value_after_the_rows_that_set_the_widths_is_whole():
    lines = printed(pa.table({"a": ["x"] * 1_000 + ["y" * 50], "b": ["z"] * 1_001})).splitlines()
    assert lines[2] == "x  z"
    assert lines[-1] == "y" * 50 + "  z"


def test_formulas_are_taken_from_spreadsheets_where_that_is_asked_for():
    table = pa.table({"t": ["=1+1", "+x", "-x", "@x", "\tx", "1-1", "", None], "n": [-1, 2, 3, 4, 5, 6, 7, 8]})
    out = io.StringIO()
    write_csv(Result.of(table), out, formulas=False)
    assert [line.partition(",")[0] for line in out.getvalue().splitlines()[1:]] == [
        "'=1+1", "'+x", "'-x", "'@x", "'\tx", "1-1", '""', ""
    ]  # fmt: skip
    assert "-1" in out.getvalue().splitlines()[1]
    write_csv(Result.of(table), plain := io.StringIO())
    assert plain.getvalue().splitlines()[1] == "=1+1,-1"


@pytest.mark.parametrize(
    ("limit", "count", "has_more"), [(1, 1, True), (2, 2, True), (3, 3, False), (4, 3, False), (None, 3, False)]
)
def test_a_limit_ends_the_rows_and_says_whether_there_are_more(limit, count, has_more):
    table = pa.concat_tables([pa.table({"n": [1, 2]}), pa.table({"n": [3]})])
    result = Result.of(table, limit)
    assert [row[0] for row in result.rows()] == [1, 2, 3][:count]
    assert (result.count, result.has_more) == (count, has_more)
