"""What compaction leaves behind goes when nobody reads it any more, and not before."""

from dataclasses import replace
from datetime import timedelta
from functools import partial

from archive.compaction.cleaning import KEPT, LOOKED_FOR, Cleaned, Cleaning
from archive.lake.hours import Hour
from tests.archive.compaction.compacting import BUCKET, compact, ids, machine_now
from tests.archive.lake.lakes import a_row
from tests.clock import FakeClock

SECOND = timedelta(seconds=1)
LONG_AGO = Hour.of(machine_now() - timedelta(hours=40))


def clean(lake, at, start=LONG_AGO.start, end=None) -> Cleaned:
    return Cleaning(lake.s3, BUCKET, FakeClock(at.timestamp())).run(start, end or at)


def replaced(lake):
    """An hour compacted twice; when its second manifest was written, by S3's clock."""
    lake.land([a_row(1, LONG_AGO)], LONG_AGO)
    compact(lake, machine_now(), LONG_AGO)
    lake.land([a_row(2, LONG_AGO)], LONG_AGO)
    compact(lake, machine_now(), LONG_AGO)
    (manifest,) = lake.keys("events_compacted/manifests/")
    return lake.s3.head_object(Bucket=BUCKET, Key=manifest)["LastModified"]


def test_replaced_files_are_deleted_a_day_after_the_manifest_was_replaced_and_no_second_before(lake):
    at = replaced(lake)
    assert clean(lake, at + KEPT - SECOND).deleted == 0
    assert len(lake.keys("events_compacted/data/")) == 2
    assert clean(lake, at + KEPT + SECOND).deleted == 2  # a file and a list of sources
    assert len(lake.keys("events_compacted/data/")) == len(lake.keys("events_compacted/sources/")) == 1
    assert lake.events() == ids(1, 2)


def test_files_that_were_a_day_old_when_they_were_replaced_stay_for_queries_that_read_them(lake):
    """The age that counts is that of the manifest which no longer names them, not their own."""
    later = replaced(lake) + KEPT + timedelta(hours=1)
    before = lake.keys("events_compacted/data/")
    cleaning = Cleaning(lake.s3, BUCKET, FakeClock(later.timestamp()))
    committed = cleaning._hours.committed
    # S3's clock here is the machine's, so the manifest gets its time by hand.
    just_replaced = partial(replace, at=later - timedelta(minutes=1))
    cleaning._hours.committed = lambda hour: just_replaced(committed(hour))  # type: ignore[method-assign]
    assert cleaning.run(LONG_AGO.start, later).deleted == 0
    assert lake.keys("events_compacted/data/") == before


def test_a_generation_that_a_run_is_writing_stays(lake):
    at = replaced(lake)
    lake.put(f"events_compacted/data/{LONG_AGO.path}/19700101T000000Z-dead/slice-00000/x", b"")
    assert clean(lake, at + timedelta(hours=1)).deleted == 0
    assert clean(lake, at + KEPT + timedelta(minutes=5)).deleted == 3


def test_replaced_files_are_found_for_two_days_after_compaction_has_left_the_hour(lake):
    at = replaced(lake)
    start = LONG_AGO.end + LOOKED_FOR
    assert clean(lake, at + KEPT + SECOND, start + timedelta(hours=24), start + timedelta(hours=25)).deleted == 0
    assert clean(lake, at + KEPT + SECOND, start, start + timedelta(hours=1)).deleted == 2


def test_hours_that_stay_empty_are_marked_once_and_hours_with_events_are_not(lake):
    now = machine_now()
    start = Hour.of(now).start - timedelta(hours=48)
    with_events = Hour.of(start - timedelta(hours=2))
    lake.land([a_row(1, with_events)], with_events)
    hours = int(LOOKED_FOR / timedelta(hours=1))
    assert clean(lake, now, start).marked == hours - 1
    assert clean(lake, now, start).marked == 0
    assert lake.events() == ids(1)
    marked = {Hour.of_key(key) for key in lake.keys("events_compacted/hours/")}
    assert with_events not in marked
    assert Hour.of(start) not in marked
    assert Hour(start - timedelta(hours=1)) in marked


def test_events_that_land_in_a_marked_hour_show_with_its_compaction(lake):
    now = machine_now()
    start = Hour.of(now).start
    hour = Hour(start - timedelta(hours=1))
    clean(lake, now, start)
    lake.land([a_row(1, hour)], hour)
    assert lake.events() == []
    assert compact(lake, now + timedelta(hours=2), hour).what == "compacted"
    assert lake.events() == ids(1)
