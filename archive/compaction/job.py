"""Compaction: merges the many small files of a closed hour into a few large ones that hold each event once.

A run commits by replacing one object, so readers see an hour either before or after the change, never in between
(docs/decisions/compaction.md; `archive.lake.layout` lists the objects). A run that dies leaves a generation that no
manifest names, and the next run starts again. Objects that arrive after a commit are merged with the committed files
by the next run.
"""

import secrets
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final, Literal, Protocol

from archive.lake.hours import ONE_HOUR, Hour
from archive.lake.layout import LANDING, MANIFESTS, Committed, CompactedHours, data_prefix, landing_prefix
from archive.lake.listing import list_folders, list_objects
from producers.clock import SYSTEM_CLOCK, Clock
from producers.explained import Explained
from producers.retry import AWS_ERRORS

if TYPE_CHECKING:
    from types_boto3_s3 import S3Client

What = Literal["compacted", "extended", "restored", "unchanged", "empty", "open", "overtaken", "failed"]
CHANGED: Final = ("compacted", "extended", "restored")


class CompactionFailed(Explained):
    """An hour cannot be compacted; the message says why. The hour stays as it was."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """Result of compacting one hour.

    Args:
        hour: the hour.
        what: `compacted`, for the first time; `extended`, by late arrivals; `restored`, lost files were written again
            from landing; `unchanged`, nothing new arrived; `empty`, no events; `open`, it ended too recently;
            `overtaken`, another run committed meanwhile; `failed`, the hour was not changed.
        sources: number of new landing objects.
        files: number of the hour's files after the run.
        rows: number of rows in the files, if known.
        duplicates: number of rows left out, if known.
        error: why it failed, and what to do.
    """

    hour: Hour
    what: What
    sources: int = 0
    files: int = 0
    rows: int | None = None
    duplicates: int | None = None
    error: str = ""


@dataclass(frozen=True, slots=True)
class Written:
    """What an engine wrote: keys of the files, and the counts that it knows."""

    files: list[str]
    rows: int | None = None
    duplicates: int | None = None


@dataclass(frozen=True, slots=True)
class Task:
    """Keys of the objects whose events an engine merges.

    Args:
        hour: the hour to compact.
        compacted: the hour's current compacted files.
        landing: the hour's new landing objects.
        earlier: compacted files of the hour before.
        later: compacted files of the hour after.
        prefix: prefix of the keys to write. It is not used yet, and ends in a slash.
    """

    hour: Hour
    compacted: list[str]
    landing: list[str]
    earlier: list[str]
    later: list[str]
    prefix: str


class Engine(Protocol):
    """Merges the files of an hour."""

    def write(self, task: Task) -> Written:
        """Write the events of an hour as Parquet: each key once, sorted by time, with every value that any copy has.

        An event is left out if the hour before has it. It is also left out if the hour after has it, unless the hour's
        own compacted files have it too. So if two hours both hold a copy, only the later hour ever drops its copy.

        Raises:
            CompactionFailed: the events cannot be merged or written.
        """


class Compaction:
    """Compacts hours of one lake.

    Args:
        s3: a client.
        bucket: the lake's bucket.
        engine: what merges the files.
        closed_after: how long after its end an hour is closed; Firehose may write an hour's objects after its end.
        visible_after: how long after an hour's first commit queries begin to read its compacted files. It is longer
            than the clocks of two machines differ.
        clock: clock that gives the time.
        token: returns a text that makes the name of a generation unique.
    """

    def __init__(
        self,
        s3: "S3Client",
        bucket: str,
        engine: Engine,
        *,
        closed_after: timedelta,
        visible_after: timedelta,
        clock: Clock = SYSTEM_CLOCK,
        token: Callable[[], str] = lambda: secrets.token_hex(4),
    ) -> None:
        self._s3 = s3
        self._bucket = bucket
        self._hours = CompactedHours(s3, bucket)
        self._engine = engine
        self._closed_after = closed_after
        self._visible_after = visible_after
        self._clock = clock
        self._token = token

    def run(self, hours: Iterable[Hour]) -> Iterator[Outcome]:
        """Compact hours one after the other, and yield each outcome. A run may be stopped at any point and repeated.

        An hour that fails stays as it was, whether the reason is S3, Athena or a file. The others are compacted.
        """
        for hour in hours:
            try:
                yield self._compact(hour)
            except (CompactionFailed, OSError, *AWS_ERRORS) as error:
                yield Outcome(hour, "failed", error=str(error))

    def _compact(self, hour: Hour) -> Outcome:
        if self._now() < hour.end + self._closed_after:
            return Outcome(hour, "open")
        landing = self._keys(landing_prefix(hour))
        before = self._hours.committed(hour)
        compacted = self._hours.present(hour, before)
        is_whole = len(compacted) == len(before.files)
        if not is_whole:
            _check_restorable(before, compacted, landing)
        new = [key for key in landing if key not in before.sources or not is_whole]
        if not new:
            if before.is_compacted:
                self._make_visible(hour)  # the run that committed may have died before this step
            return Outcome(hour, "unchanged" if before.is_compacted else "empty", files=len(before.files))
        generation = f"{self._now():%Y%m%dT%H%M%SZ}-{self._token()}"
        earlier, later = (self._neighbour(hour, by) for by in (-ONE_HOUR, ONE_HOUR))
        task = Task(hour, compacted, new, earlier, later, data_prefix(hour, generation))
        written = self._engine.write(task)
        if not self._hours.commit(hour, written.files, before.sources.union(new), before):
            return Outcome(hour, "overtaken", len(new))
        self._make_visible(hour)
        what: What = "restored" if not is_whole else "extended" if before.is_compacted else "compacted"
        return Outcome(hour, what, len(new), len(written.files), written.rows, written.duplicates)

    def _neighbour(self, hour: Hour, by: timedelta) -> list[str]:
        neighbour = Hour(hour.start + by)
        return self._hours.present(neighbour, self._hours.committed(neighbour))

    def _make_visible(self, hour: Hour) -> None:
        self._hours.mark_visible(hour, self._now() + self._visible_after)

    def _keys(self, prefix: str) -> list[str]:
        return [found.key for found in list_objects(self._s3, self._bucket, prefix)]

    def _now(self) -> datetime:
        return datetime.fromtimestamp(self._clock.time(), UTC)


def _check_restorable(before: Committed, compacted: list[str], landing: list[str]) -> None:
    """Check that lost compacted files can be written again.

    Raises:
        CompactionFailed: landing objects that were merged into the lost files are gone as well.
    """
    gone = before.sources.difference(landing)
    if gone:
        lost = sorted(set(before.files).difference(compacted))
        raise CompactionFailed(
            f"{len(lost)} of its {len(before.files)} compacted files are gone (the first is {lost[0]}), and so are "
            f"{len(gone)} of the landing objects that were merged into them (the first is {min(gone)}). Bring either "
            "back from the versions of the bucket, then run compact again; see docs/runbooks/disaster-recovery.md"
        )


def hours_with_events(s3: "S3Client", bucket: str, start: datetime, end: datetime) -> list[Hour]:
    """The hours between two times that have landing objects or a manifest, in order. It lists one day at a time."""
    found = set()
    day = start.astimezone(UTC).date()
    while day <= end.astimezone(UTC).date():
        for prefix in (LANDING, MANIFESTS):
            for folder in list_folders(s3, bucket, f"{prefix}/dt={day}/"):
                hour = Hour.of_key(folder)
                if hour is not None and hour.start < end and hour.end > start:
                    found.add(hour)
        day += timedelta(days=1)
    return sorted(found)
