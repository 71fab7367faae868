"""What a query of the view events reads, as DuckDB counts it: of compacted hours the compacted files, and no others.

DuckDB prunes the files of one side of a join by the rows of the other, as Trino does (docs/decisions/compaction.md).
"""

import json
import random
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import sqlglot

from archive.lake.columns import arrow_schema, columns
from archive.lake.hours import Hour
from archive.lake.tables import view_sql
from tests.archive.lake.lakes import a_row

DAY = datetime(2026, 11, 22, tzinfo=UTC)
HOURS = [Hour(DAY + timedelta(hours=number)) for number in range(24)]
COMPACTED, OPEN = HOURS[:22], HOURS[22:]
ROWS = 2_000


def write(folder: Path, hour: Hour, numbers: range) -> None:
    path = folder / hour.path
    path.mkdir(parents=True, exist_ok=True)
    rows = [a_row(number, hour, payload=random.Random(number).randbytes(100).hex()) for number in numbers]
    table = pa.Table.from_pylist(rows, arrow_schema(columns()))
    pq.write_table(table, path / f"{numbers.start}.parquet", row_group_size=200)


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    """Every hour landed in two files; all but the last two are compacted to one."""
    here = tmp_path_factory.mktemp("lake")
    for hour in HOURS:
        write(here / "landing", hour, range(ROWS // 2))
        write(here / "landing", hour, range(ROWS // 2, ROWS))
    for hour in COMPACTED:
        write(here / "compacted", hour, range(ROWS))
    return here


@pytest.fixture
def lake(folder):
    connection = duckdb.connect(config={"threads": 1})
    connection.execute("SET TimeZone = 'UTC'")
    for table, name in (("events_landing", "landing"), ("events_compacted", "compacted")):
        connection.execute(
            f"CREATE VIEW {table} AS SELECT * FROM read_parquet('{folder}/{name}/*/*/*.parquet', "  # noqa: S608
            "hive_partitioning = true, hive_types = {'dt': VARCHAR, 'hour': VARCHAR})"
        )
    connection.execute("CREATE TABLE compacted_hours (visible_from VARCHAR, dt VARCHAR, hour VARCHAR)")
    for hour in COMPACTED:
        connection.execute(
            "INSERT INTO compacted_hours VALUES ('2026-11-23T00:00:00.000Z', ?, ?)", [hour.dt, hour.hour]
        )
    connection.execute(f"CREATE VIEW events AS {sqlglot.transpile(view_sql(), read='athena', write='duckdb')[0]}")
    return connection


def profile(lake: Any, sql: str) -> Any:
    return json.loads(lake.execute(f"EXPLAIN (ANALYZE, FORMAT JSON) {sql}").fetchall()[0][1])


def bytes_read(lake: Any, sql: str) -> int:
    return int(profile(lake, sql)["io"]["total_bytes_read"])


SELECT = "SELECT count(*), min(payload), max(payload) FROM {table} WHERE dt = '2026-11-22' AND {condition}"
PERIODS = {
    "one hour": "hour = '05'",
    "some hours": "hour BETWEEN '03' AND '07'",
    "the compacted day": "hour < '22'",
    "ten minutes": "hour = '05' AND timestamp < TIMESTAMP '2026-11-22 05:10:00'",
}


def scans(node: Any) -> list[Any]:
    """The scans of files in a profile: the compacted files', then the landing files'."""
    own = [node["extra_info"]] if node.get("type") == "TABLE_SCAN" and "Total Files Read" in node["extra_info"] else []
    return own + [each for child in node.get("children", []) for each in scans(child)]


@pytest.mark.parametrize("condition", PERIODS.values(), ids=PERIODS)
def test_a_query_of_a_compacted_period_reads_its_compacted_files_and_no_others(lake, folder, condition):
    """DuckDB opens the landing side before it knows that no hour is open, and then stops: a bound for every period."""
    of_files = bytes_read(lake, SELECT.format(table="events_compacted", condition=condition))
    of_view = bytes_read(lake, SELECT.format(table="events", condition=condition))
    one_file = max(path.stat().st_size for path in (folder / "landing").rglob("*.parquet"))
    assert of_files <= of_view <= of_files + 2 * one_file
    rows = lake.execute(SELECT.format(table="events", condition=condition)).fetchall()
    assert rows == lake.execute(SELECT.format(table="events_compacted", condition=condition)).fetchall()


def test_a_compacted_day_costs_its_compacted_files_and_not_what_landed_as_well(lake):
    """As a share: landing files would double it."""
    of_files = bytes_read(lake, SELECT.format(table="events_compacted", condition="hour < '22'"))
    landed = bytes_read(lake, SELECT.format(table="events_landing", condition="hour < '22'"))
    of_view = bytes_read(lake, SELECT.format(table="events", condition="hour < '22'"))
    assert landed > 0.9 * of_files
    assert of_view < 1.05 * of_files


def test_of_a_day_with_open_hours_the_landing_files_of_these_are_read_and_no_others(lake):
    (operator,) = profile(lake, SELECT.format(table="events", condition="true"))["operator"]
    compacted, landing = sorted(scans(operator), key=lambda scan: "landing" in scan["Filename(s)"])
    assert compacted["Total Files Read"] == str(len(COMPACTED))
    assert int(landing["Total Files Read"]) - 2 * len(OPEN) in (0, 1)  # one may be open before the hours are known


def test_a_condition_on_the_time_reaches_the_files_that_landed(lake):
    every = bytes_read(lake, SELECT.format(table="events", condition="hour = '23'"))
    minute = bytes_read(
        lake, SELECT.format(table="events", condition="hour = '23' AND timestamp < TIMESTAMP '2026-11-22 23:01:00'")
    )
    assert minute < every / 2


def test_without_a_condition_on_the_day_every_event_is_there_once(lake):
    counts = [lake.execute(f"SELECT count(*) FROM {table}").fetchall() for table in ("events", "events_landing")]  # noqa: S608
    assert counts[0] == counts[1] == [(ROWS * len(HOURS),)]
