"""Compaction by Athena's statements, and the function that a schedule calls."""

from datetime import UTC, datetime, timedelta
from typing import Any

import boto3
import pytest

import producers.aws
from archive import compactor
from archive.compaction import athena as athena_compaction
from archive.compaction.athena import AthenaEngine
from archive.compaction.job import Compaction, CompactionFailed, Task
from archive.lake.columns import columns
from archive.lake.hours import Hour
from tests.archive.lake.lakes import HOUR, NAMES, Lake, a_row, parquet_of
from tests.clock import FakeClock
from tests.events import Context

PREFIX = f"events_compacted/data/{HOUR.path}/g/"


class Athena:
    """Athena as the engine uses it: it notes statements, and writes a file for each UNLOAD."""

    def __init__(self, s3: Any, states: tuple[str, ...] = ("SUCCEEDED",), quantiles: str = "") -> None:
        self._s3 = s3
        self._states = list(states)
        self._quantiles = quantiles
        self.statements: list[str] = []
        self.stopped: list[str] = []

    def start_query_execution(self, QueryString: str, QueryExecutionContext: dict, WorkGroup: str) -> dict:
        assert (QueryExecutionContext, WorkGroup) == ({"Database": "spillway_dev"}, "spillway-dev")
        self.statements.append(QueryString)
        if QueryString.startswith("UNLOAD"):
            to = QueryString.split("TO 's3://")[1].partition("'")[0].partition("/")[2]
            self._s3.put_object(Bucket=NAMES.lake_bucket, Key=f"{to}part-0", Body=b"PAR1")
        return {"QueryExecutionId": str(len(self.statements))}

    def get_query_execution(self, QueryExecutionId: str) -> dict:
        state = self._states.pop(0) if len(self._states) > 1 else self._states[0]
        return {"QueryExecution": {"Status": {"State": state, "StateChangeReason": "line 1:1: no"}}}

    def get_paginator(self, _name: str) -> "Athena":
        return self

    def paginate(self, QueryExecutionId: str) -> list[dict]:
        rows = [{"Data": [{"VarCharValue": "_col0"}]}, {"Data": [{"VarCharValue": self._quantiles}]}]
        return [{"ResultSet": {"ResultSetMetadata": {"ColumnInfo": [{"Name": "_col0"}]}, "Rows": rows}}]

    def stop_query_execution(self, QueryExecutionId: str) -> None:
        self.stopped.append(QueryExecutionId)


def task(landing: list[str], compacted: list[str] | None = None) -> Task:
    return Task(HOUR, compacted or [], landing, [], [], PREFIX)


def engine(lake: Lake, athena: Athena, **options: Any) -> AthenaEngine:
    return AthenaEngine(
        athena, lake.s3, NAMES.lake_bucket, workgroup="spillway-dev", database="spillway_dev", **options
    )


def test_a_small_hour_is_one_statement(lake):
    key = lake.land([a_row(1)])
    athena = Athena(lake.s3, ("QUEUED", "RUNNING", "SUCCEEDED"))
    written = engine(lake, athena, clock=FakeClock()).write(task([key]))
    assert written.files == [f"{PREFIX}slice-00000/part-0"]
    (statement,) = athena.statements
    assert statement.startswith("UNLOAD (-- One slice")
    assert "dt = '2026-11-23' AND hour = '02'" in statement
    assert statement.endswith(
        f"TO 's3://{NAMES.lake_bucket}/{PREFIX}slice-00000/' WITH (format = 'PARQUET', compression = 'ZSTD')"
    )


def test_a_large_hour_is_cut_at_quantiles_and_all_of_time_is_in_a_slice(lake, monkeypatch):
    keys = [lake.land([a_row(number)]) for number in range(3)]
    size = sum(lake.s3.head_object(Bucket=NAMES.lake_bucket, Key=key)["ContentLength"] for key in keys)
    monkeypatch.setattr(athena_compaction, "SLICE_BYTES", size // 3 + 1)
    athena = Athena(lake.s3, quantiles="1000,2000")
    written = engine(lake, athena).write(task(keys[1:], keys[:1]))
    assert len(written.files) == 3
    assert "ARRAY[0.333333, 0.666667]" in athena.statements[0]
    bounds = [
        (statement.split(">= ")[1].split()[0], statement.split("timestamp_micros < ")[1].split()[0])
        for statement in athena.statements[1:]
    ]
    assert bounds == [(str(-(1 << 63)), "1000"), ("1000", "2000"), ("2000", str((1 << 63) - 1))]
    ((quantiles,),) = lake.query(athena.statements[0])
    first, last = (a_row(number)["timestamp_micros"] for number in (0, 2))
    assert first < int(quantiles.split(",")[0]) < int(quantiles.split(",")[1]) < last


def test_a_statement_that_fails_fails_the_hour(lake):
    with pytest.raises(CompactionFailed, match="Athena: line 1:1: no"):
        engine(lake, Athena(lake.s3, ("FAILED",))).write(task([lake.land([a_row(1)])]))


def test_a_statement_that_takes_too_long_is_stopped(lake):
    athena, clock = Athena(lake.s3, ("RUNNING",)), FakeClock()
    late = engine(lake, athena, deadline=clock.monotonic() + 10, clock=clock)
    with pytest.raises(CompactionFailed, match="did not end in time"):
        late.write(task([lake.land([a_row(1)])]))
    assert athena.stopped == ["1"]


def test_the_hour_is_committed_with_what_athena_wrote(lake):
    lake.land([a_row(1)])
    run = Compaction(
        lake.s3,
        NAMES.lake_bucket,
        engine(lake, Athena(lake.s3)),
        closed_after=timedelta(0),
        visible_after=timedelta(0),
        clock=FakeClock(HOUR.end.timestamp()),
        token=lambda: "token",
    )
    (outcome,) = run.run([HOUR])
    assert (outcome.what, outcome.files, outcome.rows) == ("compacted", 1, None)
    manifest = lake.s3.get_object(Bucket=NAMES.lake_bucket, Key=f"events_compacted/manifests/{HOUR.path}/files")
    assert manifest["Body"].read().decode() == (
        f"s3://{NAMES.lake_bucket}/events_compacted/data/{HOUR.path}/20261123T030000Z-token/slice-00000/part-0\n"
    )


@pytest.fixture
def function(aws, monkeypatch):
    """The function from cold, with a lake in memory."""
    s3: Any = boto3.client("s3")
    s3.create_bucket(
        Bucket=NAMES.lake_bucket, CreateBucketConfiguration={"LocationConstraint": "eu-west-2"}
    )  # fmt: skip
    for name, value in {
        "LAKE_BUCKET": NAMES.lake_bucket,
        "ATHENA_WORKGROUP": "spillway-dev",
        "GLUE_DATABASE": "spillway_dev",
        "CLOSED_AFTER_MINUTES": "30",
        "VISIBLE_AFTER_SECONDS": "60",
        "LOOK_BACK_HOURS": "48",
    }.items():
        monkeypatch.setenv(name, value)
    producers.aws.client.cache_clear()
    athena = Athena(s3)
    monkeypatch.setattr(compactor, "client", lambda service: s3 if service == "s3" else athena)
    return s3, athena


def land(s3: Any, hour: Hour) -> None:
    s3.put_object(Bucket=NAMES.lake_bucket, Key=f"events/{hour.path}/a.parquet", Body=parquet_of([], columns()))


def test_the_function_compacts_the_closed_hours_of_the_last_days(function):
    s3, _ = function
    now = datetime.now(UTC)
    closed = [Hour.of(now - timedelta(hours=back)) for back in (5, 3)]
    for hour in [*closed, Hour.of(now), Hour.of(now - timedelta(hours=100))]:
        land(s3, hour)
    assert compactor.handler({}, Context(900)) == {"compacted": [str(hour) for hour in closed], "failed": []}
    assert compactor.handler({}, Context(900)) == {"compacted": [], "failed": []}


def test_the_function_takes_a_span_of_time(function):
    s3, _ = function
    land(s3, HOUR)
    event = {"from": "2026-11-23T02:00:00+00:00", "to": "2026-11-23T03:00:00+00:00"}
    found = compactor.handler(event, Context(900))
    assert found["failed"] == []
    assert len(found["compacted"]) == (datetime.now(UTC) > HOUR.end + timedelta(minutes=30))


def test_an_hour_that_fails_does_not_keep_the_others(function, monkeypatch):
    s3, athena = function
    hours = [Hour.of(datetime.now(UTC) - timedelta(hours=back)) for back in (5, 3)]
    for hour in hours:
        land(s3, hour)
    monkeypatch.setattr(athena, "_states", ["FAILED", "SUCCEEDED"])
    assert compactor.handler({}, Context(900)) == {"compacted": [str(hours[1])], "failed": [str(hours[0])]}


def test_the_function_stops_when_its_time_is_up(function):
    s3, _ = function
    land(s3, Hour.of(datetime.now(UTC) - timedelta(hours=5)))
    assert compactor.handler({}, Context(1)) == {"compacted": [], "failed": []}
