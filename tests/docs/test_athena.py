"""The analyst's page: its answers are what the queries give, its tables what the lake has."""

import gzip
import io
import json
import re
import sys
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pyarrow.parquet as pq
import pytest

from archive.lake.columns import ENVELOPE, PARTITIONS, columns, payload_columns
from archive.lake.hours import Hour
from archive.lake.layout import manifest_key
from archive.lake.tables import EVENTS, tables
from infra.querying.local_lake import LocalLake
from infra.querying.local_query import run_local
from infra.querying.result import Result
from infra.querying.table import print_result
from tests.archive.lake.lakes import HOUR, NAMES, Lake, a_row
from tests.archive.lake.read_back import compacted, landed

PAGE = Path("docs/athena.md").read_text(encoding="utf-8")
FLIGHTS = gzip.decompress(Path("tests/data/flights-20k.ndjson.gz").read_bytes()).decode().splitlines()
QUESTIONS = re.findall(r"\*\*(\d+)\. .*?\*\*\n\n```sql\n(.*?)```\n```text\n(.*?)```", PAGE, re.DOTALL)


def test_every_answer_is_what_the_query_gives(lake: Lake):
    assert [number for number, *_ in QUESTIONS] == [str(number) for number in range(1, 11)]
    lake.put(f"events/{HOUR.path}/flights.parquet", landed(FLIGHTS, columns()))
    for number, sql, answer in QUESTIONS:
        printed = io.StringIO()
        print_result(Result.of(run_local(LocalLake(lake.s3, NAMES), sql)), printed, None)
        assert printed.getvalue() == answer, f"question {number}"


def test_the_question_with_typed_columns_gives_the_same_answer(lake: Lake, monkeypatch: pytest.MonkeyPatch):
    """What the page says of the fourth question once the schema names the flights' properties."""
    typed = ENVELOPE + payload_columns(json.loads(Path("tests/data/flights.schema.json").read_text()))
    for module in ("infra.querying.local_lake", "archive.lake.tables"):
        monkeypatch.setattr(f"{module}.columns", lambda: typed)
    lake.put(f"events/{HOUR.path}/flights.parquet", landed(FLIGHTS, typed))
    (short,) = re.findall(r"becomes `(SELECT .*?)`", PAGE)
    long = QUESTIONS[3][1]
    assert {(carrier, flights, round(late, 1)) for carrier, flights, late in lake.query(short)} >= set(lake.query(long))


def test_the_filter_that_the_page_advises_is_sql(lake: Lake):
    (clause,) = re.findall(r"^    (WHERE .*?)\n\n", PAGE, re.DOTALL | re.MULTILINE)
    day = Hour(datetime(2026, 11, 1, 5, tzinfo=UTC))
    replayed = Hour(datetime(2026, 11, 7, tzinfo=UTC))
    lake.land([a_row(1, day)], day)
    lake.land([a_row(2, day), a_row(3, replayed)], replayed)
    assert sorted(lake.query("SELECT request_id FROM events " + clause)) == [("r00001",), ("r00002",)]  # noqa: S608 (our own page)


def test_the_snippet_for_pandas_asks_for_the_flights(lake: Lake, monkeypatch: pytest.MonkeyPatch):
    """With Athena's place taken by the lake in memory; the arguments are awswrangler 3's."""

    def read_sql_query(sql: str, *, database: str, workgroup: str, ctas_approach: bool) -> list[tuple[object, ...]]:
        assert (database, workgroup, ctas_approach) == ("spillway_prod", "spillway-prod", False)
        return lake.query(sql)

    lake.put(f"events/{HOUR.path}/flights.parquet", landed(FLIGHTS, columns()))
    monkeypatch.setitem(
        sys.modules, "awswrangler", SimpleNamespace(athena=SimpleNamespace(read_sql_query=read_sql_query))
    )
    found = run_snippet("awswrangler")
    assert sorted(found["delays"])[:2] == [("9E", 1100), ("AA", 1968)]


def test_the_snippet_for_duckdb_reads_the_compacted_files(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    """On a folder in the bucket's place: httpfs is not on every machine that runs the tests."""
    data = tmp_path / "part-00000.parquet"
    data.write_bytes(compacted(landed(FLIGHTS, columns()), columns(), tmp_path))
    manifest = tmp_path / manifest_key(HOUR)
    manifest.parent.mkdir(parents=True)
    manifest.write_text(f"{data}\n")
    run_snippet(
        "duckdb",
        ("s3://spillway-prod-lake-123456789012", str(tmp_path)),
        ("INSTALL httpfs; LOAD httpfs; CREATE SECRET (TYPE s3, PROVIDER credential_chain)", "SELECT 1"),
    )
    printed = capsys.readouterr().out
    assert "1100" in printed
    assert printed.count("│") > 2 * 15


def run_snippet(library: str, *changes: tuple[str, str]) -> dict[str, Any]:
    """Run the page's Python that imports a library; what it has defined."""
    (code,) = (found for found in re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL) if f"import {library}" in found)
    for old, new in changes:
        assert old in code
        code = code.replace(old, new)
    found: dict[str, Any] = {}
    exec(code, found)  # noqa: S102 (our own page)
    return found


def test_the_tables_of_the_page_are_those_of_the_lake():
    section = PAGE.partition("## Tables")[2].partition("## Columns")[0]
    named = re.findall(r"^\| `(\w+)` \|", section, re.MULTILINE)
    assert sorted(named) == sorted([EVENTS, *(table.name for table in tables())])


def test_the_columns_of_the_page_are_those_of_the_view():
    section = PAGE.partition("## Columns of events")[2].partition("**`dt`")[0]
    named = [
        name for row in re.findall(r"^\| (`.*?`) \|", section, re.MULTILINE) for name in re.findall(r"`(.*?)`", row)
    ]
    assert named == [column.name for column in (*ENVELOPE, *PARTITIONS)]


def test_what_the_questions_cost_is_what_their_columns_weigh(tmp_path: Path):
    lake_columns = ENVELOPE + payload_columns(json.loads(Path("tests/data/flights.schema.json").read_text()))
    body = compacted(landed(FLIGHTS, lake_columns), lake_columns, tmp_path)
    row_group = pq.read_metadata(io.BytesIO(body)).row_group(0)
    weights = {
        row_group.column(at).path_in_schema: row_group.column(at).total_compressed_size
        for at in range(row_group.num_columns)
    }
    shown = [int(kilobytes) * 1000 for kilobytes in re.findall(r"\| (\d+) KB", PAGE)]
    measured = [weights["carrier"] + weights["dep_delay"], weights["payload"], len(body)]
    assert shown == pytest.approx(measured, rel=0.05)
