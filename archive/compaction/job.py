"""Compaction: the many small files of a closed hour become few large ones, each event once.

What readers see changes by the replacement of single objects, so at any moment an hour is as it was or as it will be
(docs/decisions/compaction.md). For the hour `dt=…/hour=…` of the lake's bucket:

| object | what it is |
|---|---|
| `events/<hour>/…` | landing: what Firehose delivers; compaction reads it and leaves it |
| `events_compacted/data/<hour>/<generation>/…` | Parquet of one run; nobody reads it until a manifest names it |
| `events_compacted/sources/<hour>/<generation>.json` | the landing objects that are in that generation |
| `events_compacted/manifests/<hour>/files` | the files of the hour: Athena reads what it lists. Putting it commits |
| `events_compacted/hours/<hour>/hour.json` | from when queries read the hour compacted; put once, after a commit |

A run that dies leaves a generation that no manifest names, and the next run begins anew. What arrived after a commit is
merged with the files of that commit by the next run, so landing objects may expire once they are compacted.
"""

import secrets
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final, Literal, Protocol

from archive.lake.hours import Hour
from archive.lake.layout import (
    DATA,
    LANDING,
    SOURCES,
    CompactedHours,
    data_prefix,
    generation_of,
    landing_prefix,
)
from archive.lake.listing import list_folders, list_objects
from producers.clock import SYSTEM_CLOCK, Clock
from producers.explained import Explained

if TYPE_CHECKING:
    from types_boto3_s3 import S3Client

# Longer than any query runs that may still read replaced files (Athena DML time-out: 30 minutes, quota 2026).
KEPT: Final = timedelta(hours=24)
_DELETE_KEYS: Final = 1000  # S3 DeleteObjects

What = Literal["compacted", "extended", "unchanged", "empty", "open", "overtaken"]


class CompactionFailed(Explained):
    """An hour cannot be compacted; the message says why. It stays as it was."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one hour.

    Args:
        hour: which.
        what: `compacted` for the first time; `extended` by late arrivals; `unchanged`, nothing new; `empty`, no event;
            `open`, not over long enough; `overtaken`, another run committed meanwhile.
        sources: landing objects that were new.
        files: of the hour now.
        rows: in them, where known.
        duplicates: rows left out, where known.
    """

    hour: Hour
    what: What
    sources: int = 0
    files: int = 0
    rows: int | None = None
    duplicates: int | None = None


@dataclass(frozen=True, slots=True)
class Written:
    """What an engine wrote: keys of the files in order of time, and counts where it knows them."""

    files: list[str]
    rows: int | None = None
    duplicates: int | None = None


class Engine(Protocol):
    """What merges the files of an hour."""

    def write(self, hour: Hour, compacted: list[str], landing: list[str], prefix: str) -> Written:
        """Write the events of these objects as Parquet under a prefix: each once, sorted by time.

        Args:
            hour: that they are of.
            compacted: keys of the hour's files so far.
            landing: keys of landing objects.
            prefix: of the keys to write, new and with a slash at its end.

        Raises:
            CompactionFailed: it cannot.
        """


class Compaction:
    """Compacts hours of one lake.

    Args:
        s3: a client.
        bucket: of the lake.
        engine: merges files.
        closed_after: an hour is closed so long after its end; Firehose writes objects of an hour after it.
        visible_after: queries read an hour compacted from so long after its first commit; longer than clocks differ.
        clock: the time.
        token: names a generation besides its time.
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
        """Compact hours, one after the other; may be stopped anywhere, and repeated."""
        for hour in hours:
            yield self._compact(hour)

    def _compact(self, hour: Hour) -> Outcome:
        if self._now() < hour.end + self._closed_after:
            return Outcome(hour, "open")
        landing = [found.key for found in list_objects(self._s3, self._bucket, landing_prefix(hour))]
        before = self._hours.committed(hour)
        new = [key for key in landing if key not in before.sources]
        if not new:
            if before.files:
                self._make_visible(hour)
                self._clean_up(hour, before.generation)
            return Outcome(hour, "unchanged" if before.files else "empty", files=len(before.files))
        generation = f"{self._now():%Y%m%dT%H%M%SZ}-{self._token()}"
        written = self._engine.write(hour, before.files, new, data_prefix(hour, generation))
        if not written.files:
            return Outcome(hour, "empty", len(new), rows=0)
        if not self._hours.commit(hour, generation, written.files, before.sources.union(new), before):
            return Outcome(hour, "overtaken", len(new))
        self._make_visible(hour)
        self._clean_up(hour, generation)
        what: What = "extended" if before.files else "compacted"
        return Outcome(hour, what, len(new), len(written.files), written.rows, written.duplicates)

    def _make_visible(self, hour: Hour) -> None:
        self._hours.mark_visible(hour, self._now() + self._visible_after)

    def _clean_up(self, hour: Hour, committed: str | None) -> None:
        """Delete generations that no manifest names and no query can read any more."""
        oldest = self._now() - KEPT
        stale = [
            found.key
            for prefix in (DATA, SOURCES)
            for found in list_objects(self._s3, self._bucket, f"{prefix}/{hour.path}/")
            if found.written_at < oldest and generation_of(found.key) != committed
        ]
        for start in range(0, len(stale), _DELETE_KEYS):
            keys: Any = [{"Key": key} for key in stale[start : start + _DELETE_KEYS]]
            self._s3.delete_objects(Bucket=self._bucket, Delete={"Objects": keys, "Quiet": True})

    def _now(self) -> datetime:
        return datetime.fromtimestamp(self._clock.time(), UTC)


def landed_hours(s3: "S3Client", bucket: str, start: datetime, end: datetime) -> list[Hour]:
    """The hours between two times in which something landed, in order; found by listing a day's hours at once."""
    found = set()
    day = start.astimezone(UTC).date()
    while day <= end.astimezone(UTC).date():
        for folder in list_folders(s3, bucket, f"{LANDING}/dt={day}/"):
            hour = Hour.of_key(folder)
            if hour is not None and hour.start < end and hour.end > start:
                found.add(hour)
        day += timedelta(days=1)
    return sorted(found)
