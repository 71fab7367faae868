"""Results in every form."""

import csv
import io
import json
from datetime import UTC, datetime
from decimal import Decimal

import pyarrow as pa
import pyarrow.parquet as pq
from hypothesis import given
from hypothesis import strategies as st

from infra.querying.output import print_csv, print_json, print_result, write_parquet

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
    print_result(table, out, width)
    return out.getvalue()


def test_a_table_has_numbers_to_the_right_and_without_separators():
    assert printed(RESULT.select(["name", "n", "fare", "flag", "ratio"])) == (
        "name        n   fare  flag    ratio\n"
        "────  ───────  ─────  ─────  ──────\n"
        "é     1234567  12.50  true      0.1\n"
        "           -1         false  1e+300\n"
    )


def test_times_are_told_as_athena_tells_them():
    lines = printed(RESULT.select(["at", "zoned"])).splitlines()
    assert lines[2] == "2026-11-23 02:34:56.789  2026-11-23 02:34:56.789"


def test_what_is_wider_than_the_terminal_is_told_record_by_record():
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
    print_json(table, out)
    assert json.loads(out.getvalue()) == [{"a": 1, "a_2": 2}]
    assert printed(table).splitlines()[2] == "1  2"


def test_json_and_csv_keep_every_digit():
    out = io.StringIO()
    print_json(RESULT, out)
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
    print_csv(RESULT, out)
    rows = list(csv.reader(io.StringIO(out.getvalue())))
    assert rows[0] == RESULT.column_names
    assert rows[1][:2] == ["é", "1234567"]


@given(st.lists(st.text(st.characters(codec="utf-8")), max_size=5))
def test_whatever_is_in_json_and_csv_comes_out(texts):
    table = pa.table({"a": pa.array(texts, pa.string())})
    out = io.StringIO()
    print_json(table, out)
    assert [row["a"] for row in json.loads(out.getvalue())] == texts
    out = io.StringIO(newline="")
    print_csv(table, out)
    out.seek(0)
    assert [(row or [""])[0] for row in csv.reader(out)][1:] == texts


def test_parquet_is_the_result(tmp_path):
    write_parquet(RESULT, tmp_path / "x.parquet")
    assert pq.read_table(tmp_path / "x.parquet").equals(RESULT)
