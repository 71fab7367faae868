"""From events to Parquet and back, by readers that share no code: pyarrow, DuckDB, polars, and Spark where it is there.

Spark reads with the Java library that Hive and the tables of Athena stand on. It is large, so `make test` does without:
`.venv/bin/pip install --require-hashes -r requirements/spark.txt`, and a JRE of 17 or later, add it.
"""

import functools
import gzip
import importlib.util
import io
import json
import shutil
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import polars
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from archive.lake.columns import ENVELOPE, payload_columns
from tests.archive.lake.read_back import compacted, landed

COLUMNS = ENVELOPE + payload_columns(
    {
        "properties": {
            "text": {"type": "string"},
            "count": {"type": "integer"},
            "ratio": {"type": "number"},
            "flag": {"type": "boolean"},
            "at": {"type": "string", "format": "date-time"},
            "fare": {"type": "number", "format": "decimal(20,4)"},
            "big": {"type": "string", "format": "decimal(38,0)"},
            "route": {"type": "object"},
        }
    }
)
PAYLOADS = [
    (
        '{"text":"naïve 日本 \U0001f6eb","count":9223372036854775807,"ratio":0.1,"flag":true,'
        '"at":"2026-11-23T02:34:56.789Z","fare":1234567890123456.7890,"big":"99999999999999999999999999999999999999",'
        '"route":{"from":"LGA","price":1.10}}'
    ),
    (
        '{"text":"","count":-9223372036854775808,"ratio":-1.7976931348623157e308,"flag":false,'
        '"at":"1969-12-31T23:59:59.999Z","fare":-0.0001,"big":"-1","route":{}}'
    ),
    '{"text":null,"count":"many","ratio":5e-324,"at":"0001-01-01T00:00:00Z","fare":1}',
    '{"text":"\\u0000\\n\\"quoted\\"","at":"9999-12-31T23:59:59.999Z"}',
    "null",
]
EXPECTED: list[dict[str, Any]] = [
    {
        "text": "naïve 日本 \U0001f6eb",
        "count": (1 << 63) - 1,
        "ratio": 0.1,
        "flag": True,
        "at": datetime(2026, 11, 23, 2, 34, 56, 789_000),  # noqa: DTZ001 (Athena's timestamps have no zone)
        "fare": Decimal("1234567890123456.7890"),
        "big": Decimal("9" * 38),
        "route": '{"from":"LGA","price":1.10}',
        "_mismatches": None,
    },
    {
        "text": "",
        "count": -(1 << 63),
        "ratio": -1.7976931348623157e308,
        "flag": False,
        "at": datetime(1969, 12, 31, 23, 59, 59, 999_000),  # noqa: DTZ001
        "fare": Decimal("-0.0001"),
        "big": Decimal(-1),
        "route": "{}",
        "_mismatches": None,
    },
    {
        "text": None,
        "count": None,
        "ratio": 5e-324,
        "flag": None,
        "at": datetime(1, 1, 1),  # noqa: DTZ001
        "fare": Decimal("1.0000"),
        "big": None,
        "route": None,
        "_mismatches": '["count"]',
    },
    {
        **dict.fromkeys(["count", "ratio", "flag", "fare", "big", "route", "_mismatches"]),
        "text": '\x00\n"quoted"',
        "at": datetime(9999, 12, 31, 23, 59, 59, 999_000),  # noqa: DTZ001
    },
    dict.fromkeys(["text", "count", "ratio", "flag", "at", "fare", "big", "route", "_mismatches"]),
]


def by_pyarrow(path: Path) -> list[dict[str, Any]]:
    return pq.read_table(path).to_pylist()


def by_duckdb(path: Path) -> list[dict[str, Any]]:
    result = duckdb.connect().execute("SELECT * FROM read_parquet(?)", [str(path)])
    names = [column[0] for column in result.description]
    return [dict(zip(names, row, strict=True)) for row in result.fetchall()]


def by_polars(path: Path) -> list[dict[str, Any]]:
    return polars.read_parquet(path, use_pyarrow=False).to_dicts()


@functools.cache
def spark() -> Any:
    """A Spark of this process, on one core and without its web page."""
    from pyspark.sql import SparkSession  # noqa: PLC0415 (large, and rarely there)

    builder = SparkSession.builder.master("local[1]").config("spark.ui.enabled", "false")
    return (
        builder.config("spark.driver.bindAddress", "127.0.0.1").config("spark.driver.host", "127.0.0.1").getOrCreate()
    )


def by_spark(path: Path) -> list[dict[str, Any]]:
    return [row.asDict() for row in spark().read.parquet(str(path)).collect()]


HAS_SPARK = importlib.util.find_spec("pyspark") is not None and shutil.which("java") is not None
READERS = [by_pyarrow, by_duckdb, by_polars, *([by_spark] if HAS_SPARK else [])]


@pytest.mark.parametrize("read", READERS)
@pytest.mark.parametrize("stage", ["landing", "compacted"])
def test_values_come_back_equal(read, stage, tmp_path):
    data = landed(PAYLOADS, COLUMNS)
    if stage == "compacted":
        data = compacted(data, COLUMNS, tmp_path)
    path = tmp_path / "events.parquet"
    path.write_bytes(data)
    rows = read(path)
    assert [{name: row[name] for name in EXPECTED[0]} for row in rows] == EXPECTED
    assert [row["payload"] for row in rows] == PAYLOADS
    assert [row["timestamp_micros"] for row in rows] == [1_795_401_296_000_000 + number for number in range(5)]
    assert {row["timestamp"] for row in rows} == {datetime(2026, 11, 23, 2, 34, 56)}  # noqa: DTZ001


@pytest.mark.parametrize("read", READERS)
def test_twenty_thousand_flights_come_back_equal(read, tmp_path):
    data = Path("tests/data")
    columns = ENVELOPE + payload_columns(json.loads((data / "flights.schema.json").read_text()))
    lines = gzip.decompress((data / "flights-20k.ndjson.gz").read_bytes()).decode().splitlines()
    path = tmp_path / "events.parquet"
    path.write_bytes(compacted(landed(lines, columns), columns, tmp_path))
    rows = read(path)
    assert len(rows) == len(lines) == 20_000
    for row, line in zip(rows, lines, strict=True):
        flight = json.loads(line)
        assert row["payload"] == line
        assert row["_mismatches"] is None
        assert row["scheduled"] == datetime.fromisoformat(flight.pop("scheduled")).replace(tzinfo=None)
        assert json.loads(row["route"]) == flight.pop("route")
        assert {name: row[name] for name in flight} == flight


def test_files_are_plain_to_athena():
    """Timestamps are INT64 of milliseconds, which Athena reads surely."""
    file = pq.ParquetFile(io.BytesIO(landed(PAYLOADS[:1], COLUMNS)))
    column = file.metadata.row_group(0).column(file.schema.names.index("at"))
    assert column.physical_type == "INT64"
    assert file.schema_arrow.field("at").type == pa.timestamp("ms")
