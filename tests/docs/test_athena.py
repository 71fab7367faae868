"""The analyst's page: its answers are what the queries give, its tables what the lake has."""

import gzip
import io
import json
import re
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from archive.lake import ENVELOPE, PARTITIONS, columns, payload_columns
from archive.tables import EVENTS, tables
from infra.local.lake_reader import LocalLake
from infra.querying.local_query import run_local
from infra.querying.output import print_result
from tests.archive.lakes import HOUR, NAMES, Lake
from tests.archive.test_read_back import compacted, landed

PAGE = Path("docs/athena.md").read_text(encoding="utf-8")
FLIGHTS = gzip.decompress(Path("tests/data/flights-20k.ndjson.gz").read_bytes()).decode().splitlines()
QUESTIONS = re.findall(r"\*\*(\d+)\. .*?\*\*\n\n```sql\n(.*?)```\n```text\n(.*?)```", PAGE, re.DOTALL)


def test_every_answer_is_what_the_query_gives(lake: Lake):
    assert [number for number, *_ in QUESTIONS] == [str(number) for number in range(1, 11)]
    lake.put(f"events/{HOUR.path}/flights.parquet", landed(FLIGHTS, columns()))
    for number, sql, answer in QUESTIONS:
        printed = io.StringIO()
        print_result(run_local(LocalLake(lake.s3, NAMES), sql), printed, None)
        assert printed.getvalue() == answer, f"question {number}"


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
    told = [int(kilobytes) * 1000 for kilobytes in re.findall(r"\| (\d+) KB", PAGE)]
    measured = [weights["carrier"] + weights["dep_delay"], weights["payload"], len(body)]
    assert told == pytest.approx(measured, rel=0.05)
