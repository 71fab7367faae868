"""Which of the lake's files may hold the events of a period."""

from datetime import timedelta

import pytest

from archive.lake.hours import Hour
from infra.audit.sightings import Period
from infra.recovery.lake_files import FilesLost, events_in, files_of
from tests.archive.compaction.compacting import compact
from tests.archive.lake.lakes import HOUR, NAMES, a_row


def test_events_that_a_replay_brought_weeks_later_are_found(lake):
    """Wherever they lie after their acceptance: the hour of arrival has no bound."""
    weeks_later = Hour(HOUR.start + timedelta(days=40))
    late = lake.land([a_row(1), a_row(2)], weeks_later)
    lake.land([a_row(3)], Hour(HOUR.start - timedelta(hours=1)))
    period = Period(HOUR.start, HOUR.end)
    files = files_of(lake.s3, NAMES.lake_bucket, period)
    assert [file.key for file in files] == [late]
    (events,) = events_in(lake.s3, NAMES.lake_bucket, files[0], period)
    assert [event.request_id for event in events] == ["r00001", "r00002"]


def test_a_late_file_without_events_of_the_period_gives_none(lake):
    later = Hour(HOUR.start + timedelta(days=1))
    lake.land([a_row(1, later)], later)
    period = Period(HOUR.start, HOUR.end)
    (file,) = files_of(lake.s3, NAMES.lake_bucket, period)
    assert list(events_in(lake.s3, NAMES.lake_bucket, file, period)) == []


def test_compacted_files_in_slices_and_what_landed_since_are_read_and_lost_files_stop_it(lake):
    """As Athena writes them: `<generation>/slice-00000/<a name>`."""
    first = lake.land([a_row(1)])
    assert compact(lake).what == "compacted"
    second = lake.land([a_row(2)])
    period = Period(HOUR.start, HOUR.end)
    keys = [file.key for file in files_of(lake.s3, NAMES.lake_bucket, period)]
    assert len(keys) == 2
    assert "/slice-00000/" in keys[0]
    assert keys[1] == second
    assert first not in keys
    lake.s3.delete_object(Bucket=NAMES.lake_bucket, Key=keys[0])
    with pytest.raises(FilesLost, match="spillway compact --from 2026-11-23T02 writes them again"):
        files_of(lake.s3, NAMES.lake_bucket, period)
    assert compact(lake).what == "restored"
    assert len(files_of(lake.s3, NAMES.lake_bucket, period)) == 1
