"""Compaction: what readers see, whatever happens."""

import io
import json
from datetime import UTC, datetime, timedelta

import boto3
import pyarrow.parquet as pq
import pytest
import sqlglot
from botocore.exceptions import ClientError

from archive.compaction.athena import statement
from archive.compaction.job import Compaction, CompactionFailed, Outcome, landed_hours
from archive.compaction.local import LocalEngine
from archive.lake.columns import arrow_schema, columns
from archive.lake.hours import Hour, hours_between
from infra.querying.local_lake import LocalLake
from infra.querying.local_query import run_local
from tests.archive.lake.lakes import HOUR, NAMES, a_row
from tests.clock import FakeClock

AFTER = HOUR.end + timedelta(hours=1)
BUCKET = NAMES.lake_bucket


class Killed(BaseException):
    """The process ends here."""


def compaction(lake, at: datetime = AFTER, **options) -> Compaction:
    return Compaction(
        lake.s3,
        BUCKET,
        LocalEngine(lake.s3, BUCKET, arrow_schema(columns()), file_bytes=options.pop("file_bytes", 1 << 20)),
        closed_after=timedelta(minutes=30),
        visible_after=timedelta(0),
        clock=FakeClock(at.timestamp()),
        **options,
    )


def compact(lake, at: datetime = AFTER, **options) -> Outcome:
    (outcome,) = compaction(lake, at, **options).run([HOUR])
    return outcome


def ids(*numbers: int) -> list[str]:
    return [f"r{number:05d}" for number in sorted(numbers)]


def test_small_files_become_one_sorted_and_each_event_once(lake):
    lake.land([a_row(5), a_row(1), a_row(3)])
    lake.land([a_row(2), a_row(3), a_row(4)])
    assert lake.events() == ids(1, 2, 3, 4, 5)
    assert compact(lake) == Outcome(HOUR, "compacted", sources=2, files=1, rows=5, duplicates=1)
    assert lake.events() == ids(1, 2, 3, 4, 5)
    (key,) = lake.keys("events_compacted/data/")
    body = lake.s3.get_object(Bucket=BUCKET, Key=key)["Body"].read()
    read = pq.read_table(io.BytesIO(body))
    assert read["request_id"].to_pylist() == ids(1, 2, 3, 4, 5)
    assert lake.query("SELECT count(*) FROM events_compacted WHERE hour = '02'") == [(5,)]
    assert lake.query("SELECT dt, hour FROM compacted_hours") == [("2026-11-23", "02")]


def test_an_hour_is_left_alone_until_it_is_closed(lake):
    lake.land([a_row(1)])
    assert compact(lake, HOUR.end + timedelta(minutes=29)).what == "open"
    assert lake.keys("events_compacted/") == []


def test_an_hour_without_events_stays_empty(lake):
    assert compact(lake) == Outcome(HOUR, "empty")
    assert lake.keys() == []


def test_a_second_run_changes_nothing(lake):
    lake.land([a_row(1)])
    compact(lake)
    before = lake.keys()
    assert compact(lake) == Outcome(HOUR, "unchanged", files=1)
    assert lake.keys() == before


def test_late_arrivals_are_merged_by_the_next_run_even_when_landing_objects_are_gone(lake):
    first = lake.land([a_row(1), a_row(3)])
    compact(lake)
    lake.s3.delete_object(Bucket=BUCKET, Key=first)
    lake.land([a_row(2), a_row(3)])
    assert compact(lake) == Outcome(HOUR, "extended", sources=1, files=1, rows=3, duplicates=1)
    assert lake.events() == ids(1, 2, 3)


def test_replaced_files_are_deleted_when_no_query_can_read_them_any_more(lake):
    real = datetime.now(UTC)  # the objects' own times are the machine's
    lake.land([a_row(1)])
    compact(lake, real)
    lake.land([a_row(2)])
    compact(lake, real)
    assert len(lake.keys("events_compacted/data/")) == 2
    compact(lake, real + timedelta(hours=23))
    assert len(lake.keys("events_compacted/data/")) == 2
    compact(lake, real + timedelta(hours=25))
    assert len(lake.keys("events_compacted/data/")) == len(lake.keys("events_compacted/sources/")) == 1
    assert lake.events() == ids(1, 2)


def test_a_query_that_began_before_the_hour_was_visible_reads_what_landed(lake):
    """Also where it looks at the manifest after it was put."""
    lake.land([a_row(1), a_row(2)])
    future = datetime.now(UTC) + timedelta(hours=1)
    compact(lake, future)
    assert lake.query("SELECT count(*) FROM events_compacted") == [(2,)]
    assert lake.events() == ids(1, 2)
    (plan,) = lake.query("SELECT visible_from FROM compacted_hours") or [("not yet",)]
    assert plan == ("not yet",)


def test_large_hours_become_several_files_in_order(lake):
    for start in range(4):
        lake.land([a_row(n, payload=json.dumps({"text": f"{n * 7919:08d}" * 400})) for n in range(start, 800, 4)])
    outcome = compact(lake, file_bytes=100_000)
    assert outcome.rows == 800
    assert outcome.files >= 1
    assert lake.events() == ids(*range(800))


class _Interrupter:
    """Ends the process before or after its nth request to S3, as botocore's events tell them."""

    def __init__(self, s3, at: int, *, after: bool) -> None:
        self._s3, self._at = s3, at
        self.requests = 0
        self._event = "after-call.s3" if after else "before-call.s3"

    def __enter__(self) -> "_Interrupter":
        self._s3.meta.events.register_last(self._event, self._count, "interrupter")
        return self

    def __exit__(self, *_: object) -> None:
        self._s3.meta.events.unregister(self._event, self._count, "interrupter")

    def _count(self, **_: object) -> None:
        self.requests += 1
        if self.requests == self._at:
            raise Killed


@pytest.mark.slow
@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("late", [False, True], ids=["first", "again"])
def test_killed_at_any_step_it_leaves_the_view_as_it_was_and_the_next_run_ends_it(lake, late, after):
    """A loop over every request to S3: the view has each event once before, after the kill, and after the next run."""
    at, steps = 0, 0
    while True:
        at += 1
        for key in lake.keys(""):
            lake.s3.delete_object(Bucket=BUCKET, Key=key)
        lake.land([a_row(1), a_row(2)])
        lake.land([a_row(2), a_row(3)])
        expected = {tuple(ids(1, 2, 3))}
        if late:
            compact(lake)
            lake.land([a_row(3), a_row(4)])
            expected.add(tuple(ids(1, 2, 3, 4)))  # late arrivals are seen from the commit on
        before = lake.events()
        assert tuple(before) in expected
        with _Interrupter(lake.s3, at, after=after) as interrupter:
            try:
                compact(lake)
                killed = False
            except Killed:
                killed = True
        assert tuple(lake.events()) in expected, f"killed at step {at}"
        compact(lake)
        final = ids(1, 2, 3, 4) if late else ids(1, 2, 3)
        assert lake.events() == final, f"after step {at}"
        assert [row[0] for row in lake.query("SELECT request_id FROM events_compacted ORDER BY 1")] == final
        if not killed:
            steps = interrupter.requests
            break
    assert steps >= 10  # there were that many places to die in


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
def test_while_it_runs_the_view_is_whole_at_every_step(lake, after):
    """Another reader looks between any two requests of a first run, and of one that adds late arrivals."""
    reader = boto3.client(
        "s3",
        endpoint_url=lake.s3.meta.endpoint_url,
        region_name="eu-west-2",
        aws_access_key_id="local",
        aws_secret_access_key="local",  # noqa: S106 (the local endpoint takes any)
    )
    seen: list[list[str]] = []

    def look(**_: object) -> None:
        table = run_local(LocalLake(reader, NAMES), "SELECT request_id FROM events ORDER BY 1")
        seen.append([str(name) for name in table["request_id"].to_pylist()])

    def watched() -> list[list[str]]:
        seen.clear()
        lake.s3.meta.events.register_last("after-call.s3" if after else "before-call.s3", look, "look")
        compact(lake)
        lake.s3.meta.events.unregister("after-call.s3" if after else "before-call.s3", look, "look")
        return seen

    lake.land([a_row(1), a_row(2)])
    lake.land([a_row(2), a_row(3)])
    first = watched()
    assert len(first) >= 10
    assert all(each == ids(1, 2, 3) for each in first)
    lake.land([a_row(3), a_row(4)])
    late = watched()
    commit = late.index(ids(1, 2, 3, 4))
    assert all(each == ids(1, 2, 3) for each in late[:commit])
    assert all(each == ids(1, 2, 3, 4) for each in late[commit:])


def test_while_one_run_writes_another_may_commit_and_is_not_undone(lake):
    lake.land([a_row(1)])

    class Slow(LocalEngine):
        def write(self, hour, compacted, landing, prefix):
            written = super().write(hour, compacted, landing, prefix)
            lake.land([a_row(2)])
            assert compact(lake).what == "compacted"
            return written

    slow = compaction(lake)
    slow._engine = Slow(lake.s3, BUCKET, arrow_schema(columns()))
    assert [outcome.what for outcome in slow.run([HOUR])] == ["overtaken"]
    assert lake.events() == ids(1, 2)


def test_what_is_no_parquet_file_of_events_stops_the_hour_and_is_named(lake):
    lake.land([a_row(1)])
    lake.put(f"events/{HOUR.path}/other.parquet", b"not a file of events at all")
    with pytest.raises(CompactionFailed, match=r"2026-11-23 02:00: events/.*other\.parquet is not a Parquet file"):
        compact(lake)
    assert lake.keys("events_compacted/") == []


def test_other_errors_of_s3_are_not_taken_for_an_answer(lake):
    lake.land([a_row(1)])
    run = compaction(lake)
    run._bucket = "spillway-none"
    with pytest.raises(ClientError, match="NoSuchBucket"):
        list(run.run([HOUR]))


def test_the_hours_in_which_something_landed_are_found(lake):
    hours = [Hour(HOUR.start + timedelta(hours=each)) for each in (0, 1, 26)]
    for hour in hours:
        lake.land([a_row(1, hour)], hour)
    lake.put("events/dt=other/hour=00/x", b"")
    assert landed_hours(lake.s3, BUCKET, HOUR.start, HOUR.start + timedelta(hours=30)) == hours
    assert landed_hours(lake.s3, BUCKET, HOUR.start, HOUR.start + timedelta(hours=1)) == hours[:1]
    assert (
        landed_hours(lake.s3, BUCKET, HOUR.start + timedelta(minutes=90), HOUR.end + timedelta(hours=5)) == hours[1:2]
    )


def test_the_hours_between_two_times():
    assert [str(hour) for hour in hours_between(HOUR.start, HOUR.start + timedelta(minutes=90))] == [
        "2026-11-23 02:00",
        "2026-11-23 03:00",
    ]


def test_athenas_statement_gives_the_rows_that_the_local_engine_writes(lake):
    lake.land([a_row(5), a_row(1), a_row(3, user_agent="é")])
    lake.land([a_row(2), a_row(3, user_agent="é"), a_row(4)])
    compact(lake)
    lake.land([a_row(4), a_row(6)])
    names = ", ".join(f'"{column.name}"' for column in columns())
    bounds = [(-(1 << 63), a_row(3)["timestamp_micros"]), (a_row(3)["timestamp_micros"], (1 << 63) - 1)]
    by_athena = []
    for first, end in bounds:
        sql = sqlglot.transpile(statement(HOUR, first, end), read="athena", write="duckdb")[0]
        by_athena += lake.sql().execute(sql).fetchall()
    assert compact(lake).what == "extended"
    by_pyarrow = lake.sql().execute(f"SELECT {names} FROM events_compacted ORDER BY timestamp_micros").fetchall()  # noqa: S608 (our own columns)
    assert by_athena == by_pyarrow
    assert len(by_athena) == 6
