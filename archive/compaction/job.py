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

import json
import secrets
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final, Literal, Protocol

from botocore.exceptions import ClientError

from archive.lake.hours import Hour
from producers.clock import SYSTEM_CLOCK, Clock
from producers.explained import Explained
from producers.retry import error_code

if TYPE_CHECKING:
    from types_boto3_s3 import S3Client

LANDING: Final = "events"
DATA: Final = "events_compacted/data"
SOURCES: Final = "events_compacted/sources"
MANIFESTS: Final = "events_compacted/manifests"
HOURS: Final = "events_compacted/hours"
MANIFEST_NAME: Final = "files"
# Longer than any query runs that may still read replaced files (Athena DML time-out: 30 minutes, quota 2026).
KEPT: Final = timedelta(hours=24)
_DELETE_KEYS: Final = 1000  # S3 DeleteObjects
_CONFLICTS: Final = ("PreconditionFailed", "ConditionalRequestConflict")

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


@dataclass(frozen=True, slots=True)
class Committed:
    """What an hour's manifest says.

    Args:
        files: keys, none where the hour is not compacted.
        sources: landing objects that are in them.
        etag: of the manifest, None where there is none.
    """

    files: list[str]
    sources: frozenset[str]
    etag: str | None


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
        landing = self._keys(f"{LANDING}/{hour.path}/")
        before = self._committed(hour)
        new = [key for key in landing if key not in before.sources]
        if not new:
            if before.files:
                self._make_visible(hour)
                self._clean_up(hour, before)
            return Outcome(hour, "unchanged" if before.files else "empty", files=len(before.files))
        generation = f"{self._now():%Y%m%dT%H%M%SZ}-{self._token()}"
        prefix = f"{DATA}/{hour.path}/{generation}/"
        written = self._engine.write(hour, before.files, new, prefix)
        if not written.files:
            return Outcome(hour, "empty", len(new), rows=0)
        self._put(f"{SOURCES}/{hour.path}/{generation}.json", json.dumps(sorted(before.sources.union(new))))
        manifest = "".join(f"s3://{self._bucket}/{key}\n" for key in written.files)
        if not self._put_in_place_of(_manifest_key(hour), manifest, before.etag):
            return Outcome(hour, "overtaken", len(new))
        self._make_visible(hour)
        after = Committed(written.files, frozenset(), None)
        self._clean_up(hour, after)
        what: What = "extended" if before.files else "compacted"
        return Outcome(hour, what, len(new), len(written.files), written.rows, written.duplicates)

    def _committed(self, hour: Hour) -> Committed:
        """What the manifest says, and the sources of the generation that it names."""
        found = self._get(_manifest_key(hour))
        if found is None:
            return Committed([], frozenset(), None)
        manifest, etag = found
        files = [line.partition(f"s3://{self._bucket}/")[2] for line in manifest.splitlines()]
        sources = self._get(f"{SOURCES}/{hour.path}/{_generation(files[0])}.json")
        return Committed(files, frozenset(json.loads(sources[0]) if sources else ()), etag)

    def _make_visible(self, hour: Hour) -> None:
        """Say from when the hour is read compacted, unless that is said already."""
        visible_from = (self._now() + self._visible_after).isoformat(timespec="milliseconds")[:-6] + "Z"
        line = json.dumps({"visible_from": visible_from}) + "\n"
        self._put_in_place_of(f"{HOURS}/{hour.path}/hour.json", line, None)

    def _clean_up(self, hour: Hour, committed: Committed) -> None:
        """Delete generations that no manifest names and no query can read any more."""
        kept = {_generation(key) for key in committed.files}
        oldest = self._now() - KEPT
        stale = [
            found["Key"]
            for prefix in (DATA, SOURCES)
            for found in self._objects(f"{prefix}/{hour.path}/")
            if found["LastModified"] < oldest and _generation(found["Key"]) not in kept
        ]
        for start in range(0, len(stale), _DELETE_KEYS):
            keys: Any = [{"Key": key} for key in stale[start : start + _DELETE_KEYS]]
            self._s3.delete_objects(Bucket=self._bucket, Delete={"Objects": keys, "Quiet": True})

    def _now(self) -> datetime:
        return datetime.fromtimestamp(self._clock.time(), UTC)

    def _objects(self, prefix: str) -> Iterator[Any]:
        for page in self._s3.get_paginator("list_objects_v2").paginate(Bucket=self._bucket, Prefix=prefix):
            yield from page.get("Contents", [])

    def _keys(self, prefix: str) -> list[str]:
        return [found["Key"] for found in self._objects(prefix)]

    def _get(self, key: str) -> tuple[str, str] | None:
        """An object's text and ETag."""
        try:
            answer = self._s3.get_object(Bucket=self._bucket, Key=key)
        except ClientError as error:
            if error_code(error) == "NoSuchKey":
                return None
            raise
        return answer["Body"].read().decode(), answer["ETag"]

    def _put(self, key: str, text: str) -> None:
        self._s3.put_object(Bucket=self._bucket, Key=key, Body=text.encode())

    def _put_in_place_of(self, key: str, text: str, etag: str | None) -> bool:
        """Put an object where there still is what was read, that ETag or nothing; gives whether it was put."""
        condition: Any = {"IfNoneMatch": "*"} if etag is None else {"IfMatch": etag}
        try:
            self._s3.put_object(Bucket=self._bucket, Key=key, Body=text.encode(), **condition)
        except ClientError as error:
            if error_code(error) in _CONFLICTS:
                return False
            raise
        return True


def landed_hours(s3: "S3Client", bucket: str, start: datetime, end: datetime) -> list[Hour]:
    """The hours between two times in which something landed, in order; found by listing a day's hours at once."""
    paginator = s3.get_paginator("list_objects_v2")
    found = set()
    day = start.astimezone(UTC).date()
    while day <= end.astimezone(UTC).date():
        for page in paginator.paginate(Bucket=bucket, Prefix=f"{LANDING}/dt={day}/", Delimiter="/"):
            for prefix in page.get("CommonPrefixes", []):
                hour = Hour.of_key(prefix["Prefix"])
                if hour is not None and hour.start < end and hour.end > start:
                    found.add(hour)
        day += timedelta(days=1)
    return sorted(found)


def _manifest_key(hour: Hour) -> str:
    return f"{MANIFESTS}/{hour.path}/{MANIFEST_NAME}"


def _generation(key: str) -> str:
    """The generation in the key of a file of data or sources."""
    return key.partition("/hour=")[2].split("/")[1].removesuffix(".json")
