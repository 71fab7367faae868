"""Compacted files that are gone while their manifest stands."""

import pytest

from archive.lake.hours import Hour
from tests.archive.compaction.compacting import AFTER, BUCKET, compact, compaction, ids
from tests.archive.lake.lakes import HOUR, a_row

ROWS = [a_row(number, payload=f'"{number * 7919:08d}{"x" * 3000}"') for number in range(200)]


def lose(lake, keys: list[str]) -> None:
    for key in keys:
        lake.s3.delete_object(Bucket=BUCKET, Key=key)


@pytest.mark.parametrize("share", ["one", "all"])
def test_they_are_written_again_from_what_landed(lake, share):
    lake.land(ROWS[:120])
    lake.land(ROWS[100:])
    assert compact(lake, file_bytes=1).files > 0
    files = lake.keys("events_compacted/data/")
    lose(lake, files if share == "all" else files[:1])
    outcome = compact(lake)
    assert (outcome.what, outcome.rows, outcome.sources) == ("restored", 200, 2)
    assert lake.events() == ids(*range(200))
    assert compact(lake).what == "unchanged"


def test_where_what_landed_is_gone_too_the_hour_stays_as_it_is_and_the_message_says_what_to_bring_back(lake):
    landing = [lake.land(ROWS[:100]), lake.land(ROWS[100:])]
    compact(lake)
    (file,) = lake.keys("events_compacted/data/")
    lose(lake, [file, landing[0]])
    before = lake.keys()
    outcome = compact(lake)
    assert outcome.what == "failed"
    assert f"1 of its 1 compacted files are gone (the first is {file})" in outcome.error
    assert f"1 of the landing objects that were merged into them (the first is {landing[0]})" in outcome.error
    assert "disaster-recovery.md" in outcome.error
    assert lake.keys() == before


def test_late_arrivals_do_not_replace_lost_files_by_less(lake):
    key = lake.land(ROWS[:100])
    compact(lake)
    lose(lake, [key, *lake.keys("events_compacted/data/")])
    lake.land(ROWS[100:])
    assert compact(lake).what == "failed"


def test_the_hour_after_is_compacted_all_the_same(lake):
    following = Hour(HOUR.end)
    key = lake.land(ROWS[:10])
    compact(lake)
    lose(lake, [key, *lake.keys("events_compacted/data/")])
    lake.land(ROWS[5:20], following)
    run = compaction(lake, AFTER.replace(hour=AFTER.hour + 1))
    assert [outcome.what for outcome in run.run([HOUR, following])] == ["failed", "compacted"]
