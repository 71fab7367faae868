"""Compaction of a lake in memory, for tests."""

from datetime import UTC, datetime, timedelta
from typing import Any, Final

import sqlglot

from archive.compaction.athena import statement
from archive.compaction.job import Compaction, Outcome
from archive.compaction.local import LocalEngine
from archive.lake.columns import arrow_schema, columns
from archive.lake.hours import Hour
from tests.archive.lake.lakes import HOUR, NAMES, Lake
from tests.clock import FakeClock

AFTER: Final = HOUR.end + timedelta(hours=1)
BUCKET: Final = NAMES.lake_bucket
ALL_OF_TIME: Final = (-(1 << 63), (1 << 63) - 1)


def compaction(lake: Lake, at: datetime = AFTER, **options: Any) -> Compaction:
    return Compaction(
        lake.s3,
        BUCKET,
        LocalEngine(lake.s3, BUCKET, arrow_schema(columns()), file_bytes=options.pop("file_bytes", 1 << 20)),
        closed_after=timedelta(minutes=30),
        visible_after=timedelta(0),
        clock=FakeClock(at.timestamp()),
        **options,
    )


def compact(lake: Lake, at: datetime = AFTER, hour: Hour = HOUR, **options: Any) -> Outcome:
    (outcome,) = compaction(lake, at, **options).run([hour])
    return outcome


def ids(*numbers: int) -> list[str]:
    return [f"r{number:05d}" for number in sorted(numbers)]


def rows_by_athena(lake: Lake, hour: Hour, first: int, end: int) -> list[tuple[Any, ...]]:
    """What Athena's statement gives for a slice of an hour, run by DuckDB."""
    sql = sqlglot.transpile(statement(hour, first, end), read="athena", write="duckdb")[0]
    return lake.sql().execute(sql).fetchall()


def machine_now() -> datetime:
    """The time that S3 here gives to objects."""
    return datetime.now(UTC)
