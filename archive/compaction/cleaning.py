"""Cleans up after compaction: deletes replaced generations, and marks empty hours.

Queries return correct results without it. But replaced generations cost storage, and an hour without a marker counts
as not compacted, so queries list its landing objects.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

from archive.lake.hours import Hour, hours_between
from archive.lake.layout import DATA, HOURS, LANDING, SOURCES, CompactedHours, generation_of
from archive.lake.listing import ListedObject, list_folders, list_objects
from producers.clock import SYSTEM_CLOCK, Clock

if TYPE_CHECKING:
    from types_boto3_s3 import S3Client

# Longer than any reader of an older manifest runs: a query (30 minutes, at most 4 hours by quota, Athena 2026), or a
# rebuild of the table.
KEPT: Final = timedelta(hours=24)
# For how long after compaction stops visiting an hour the replaced files of that hour are still searched for.
LOOKED_FOR: Final = 2 * KEPT
_DELETE_KEYS: Final = 1000  # S3 DeleteObjects


@dataclass(frozen=True, slots=True)
class Cleaned:
    """Result of a clean-up.

    Args:
        deleted: number of deleted objects of replaced generations.
        marked: number of empty hours that queries no longer list.
    """

    deleted: int
    marked: int


class Cleaning:
    """Cleans up hours of one lake.

    Args:
        s3: a client.
        bucket: of the lake.
        clock: clock that gives the time.
    """

    def __init__(self, s3: "S3Client", bucket: str, clock: Clock = SYSTEM_CLOCK) -> None:
        self._s3 = s3
        self._bucket = bucket
        self._hours = CompactedHours(s3, bucket)
        self._clock = clock

    def run(self, start: datetime, end: datetime) -> Cleaned:
        """Clean up after the compaction of the hours between two times.

        Args:
            start: start of the period that compaction visits. Replaced files are searched for from `LOOKED_FOR`
                before it, and empty hours before it are marked.
            end: end of that period.
        """
        deleted = 0
        for day in _days(start - LOOKED_FOR, end):
            stale = list(self._stale(day))
            for at in range(0, len(stale), _DELETE_KEYS):
                keys: Any = [{"Key": key} for key in stale[at : at + _DELETE_KEYS]]
                self._s3.delete_objects(Bucket=self._bucket, Delete={"Objects": keys, "Quiet": True})
            deleted += len(stale)
        empty = self._empty_hours(start - LOOKED_FOR, start)
        for hour in empty:
            self._hours.mark_visible(hour, self._now())
        return Cleaned(deleted, len(empty))

    def _stale(self, day: str) -> Iterator[str]:
        """The objects of a day's generations that were replaced longer ago than any reader runs."""
        oldest = self._now() - KEPT
        generations: dict[Hour, dict[str, list[ListedObject]]] = {}
        for prefix in (DATA, SOURCES):
            for found in list_objects(self._s3, self._bucket, f"{prefix}/dt={day}/"):
                if (hour := Hour.of_key(found.key)) is not None:
                    generations.setdefault(hour, {}).setdefault(generation_of(found.key), []).append(found)
        for hour, of_hour in generations.items():
            if len(of_hour) == 1:
                continue  # the manifest names this generation, or it is the first, which a run may be writing
            committed = self._hours.committed(hour)
            if committed.at is None or committed.at > oldest:
                continue  # a reader of a replaced generation began before its manifest was replaced
            for generation, objects in of_hour.items():
                if generation != committed.generation:
                    yield from (found.key for found in objects if found.written_at < oldest)

    def _empty_hours(self, start: datetime, end: datetime) -> list[Hour]:
        """The complete hours between two times that have neither landing objects nor a marker."""
        known = {
            Hour.of_key(folder)
            for day in _days(start, end)
            for prefix in (LANDING, HOURS)
            for folder in list_folders(self._s3, self._bucket, f"{prefix}/dt={day}/")
        }
        return [hour for hour in hours_between(start, end) if hour.end <= end and hour not in known]

    def _now(self) -> datetime:
        return datetime.fromtimestamp(self._clock.time(), UTC)


def _days(start: datetime, end: datetime) -> Iterator[str]:
    day = start.astimezone(UTC).date()
    while day <= end.astimezone(UTC).date():
        yield f"{day:%Y-%m-%d}"
        day += timedelta(days=1)
