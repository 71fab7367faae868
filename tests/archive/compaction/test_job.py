"""Compaction: what readers see while it runs, fails and runs again."""

import io
import json
import random
import re
from datetime import UTC, datetime, timedelta

import boto3
import pyarrow.parquet as pq
import pytest
from botocore.exceptions import ClientError

from archive.compaction.job import Outcome, hours_with_events
from archive.compaction.local import LocalEngine
from archive.lake.columns import arrow_schema, columns
from archive.lake.hours import Hour, hours_between
from infra.querying.local_lake import LocalLake
from infra.querying.local_query import run_local
from tests.archive.compaction.compacting import AFTER, BUCKET, compact, compaction, ids, rows_by_athena
from tests.archive.lake.lakes import HOUR, NAMES, a_row


class Killed(BaseException):
    """The process ends here."""


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
        lake.land([a_row(n, payload=json.dumps(random_text(n))) for n in range(start, 800, 4)])
    outcome = compact(lake, file_bytes=100_000)
    keys = lake.keys("events_compacted/data/")
    assert (outcome.rows, outcome.files) == (800, len(keys))
    assert len(keys) > 2
    assert lake.events() == ids(*range(800))


def test_files_lie_in_folders_under_names_without_meaning_or_extension_as_athena_writes_them(lake):
    lake.land([a_row(n, payload=json.dumps(random_text(n))) for n in range(800)])
    compact(lake, file_bytes=100_000)
    names = [key.partition(f"{HOUR.path}/")[2].split("/")[1:] for key in lake.keys("events_compacted/data/")]
    assert {len(parts) for parts in names} == {2}
    assert sorted({folder for folder, _ in names})[:2] == ["slice-00000", "slice-00001"]
    assert [folder for folder, _ in names].count("slice-00000") == 2
    assert all(re.fullmatch(r"[0-9a-f-]{36}", name) for _, name in names)


def random_text(seed: int) -> str:
    """A text of a thousand characters that no codec makes much smaller."""
    return random.Random(seed).randbytes(500).hex()


class _Interrupter:
    """Ends the process before or after its nth request to S3, counted by botocore's events."""

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
        def write(self, task):
            written = super().write(task)
            lake.land([a_row(2)])
            assert compact(lake).what == "compacted"
            return written

    slow = compaction(lake)
    slow._engine = Slow(lake.s3, BUCKET, arrow_schema(columns()))
    assert [outcome.what for outcome in slow.run([HOUR])] == ["overtaken"]
    assert lake.events() == ids(1, 2)


def test_a_file_that_is_not_parquet_stops_the_hour_and_is_named(lake):
    lake.land([a_row(1)])
    lake.put(f"events/{HOUR.path}/other.parquet", b"not a file of events at all")
    outcome = compact(lake)
    assert outcome.what == "failed"
    assert re.search(r"2026-11-23 02:00: events/.*other\.parquet is not a Parquet file", outcome.error)
    assert lake.keys("events_compacted/") == []


@pytest.mark.parametrize("error", [ClientError({"Error": {"Code": "SlowDown"}}, "PutObject"), OSError("disk full")])
def test_an_hour_that_fails_does_not_keep_the_others(lake, error):
    hours = [HOUR, Hour(HOUR.end)]
    for hour in hours:
        lake.land([a_row(1, hour)], hour)
    run = compaction(lake, AFTER + timedelta(hours=1))

    class FailsOnce(LocalEngine):
        def write(self, task):
            if task.hour == HOUR:
                raise error
            return super().write(task)

    run._engine = FailsOnce(lake.s3, BUCKET, arrow_schema(columns()))
    assert [(outcome.what, outcome.error) for outcome in run.run(hours)] == [("failed", str(error)), ("compacted", "")]


def test_two_events_of_one_microsecond_are_two_events(lake):
    """The key is time and request id: the time alone says nothing of who they are."""
    same = a_row(1)["timestamp_micros"]
    lake.land([a_row(1), a_row(2, timestamp_micros=same), a_row(1)])
    assert lake.events() == ids(1, 2)
    assert compact(lake).duplicates == 1
    assert lake.events() == ids(1, 2)


def test_one_request_id_at_two_times_is_two_events(lake):
    lake.land([a_row(1), a_row(2, request_id="r00001"), a_row(1)])
    assert lake.events() == ids(1, 1)
    assert compact(lake).duplicates == 1
    assert lake.events() == ids(1, 1)


def test_the_hours_in_which_something_landed_are_found(lake):
    hours = [Hour(HOUR.start + timedelta(hours=each)) for each in (0, 1, 26)]
    for hour in hours:
        lake.land([a_row(1, hour)], hour)
    lake.put("events/dt=other/hour=00/x", b"")
    assert hours_with_events(lake.s3, BUCKET, HOUR.start, HOUR.start + timedelta(hours=30)) == hours
    assert hours_with_events(lake.s3, BUCKET, HOUR.start, HOUR.start + timedelta(hours=1)) == hours[:1]
    assert (
        hours_with_events(lake.s3, BUCKET, HOUR.start + timedelta(minutes=90), HOUR.end + timedelta(hours=5))
        == hours[1:2]
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
    by_athena = [row for first, end in bounds for row in rows_by_athena(lake, HOUR, first, end)]
    assert compact(lake).what == "extended"
    by_pyarrow = lake.sql().execute(f"SELECT {names} FROM events_compacted ORDER BY timestamp_micros").fetchall()  # noqa: S608 (our own columns)
    assert by_athena == by_pyarrow
    assert len(by_athena) == 6
