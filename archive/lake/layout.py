"""Where everything lies in the buckets: each key prefix, and the objects that say which files a compacted hour has.

For the hour `dt=…/hour=…` of the lake's bucket:

| object | what it is |
|---|---|
| `events/<hour>/…` | landing: what Firehose delivers |
| `events_compacted/data/<hour>/<generation>/…` | Parquet of one run of compaction; a manifest makes it readable |
| `events_compacted/sources/<hour>/<generation>.json` | the landing objects whose events that generation has |
| `events_compacted/manifests/<hour>/files` | the files of the hour, one URI a line. Writing it is the commit |
| `events_compacted/hours/<hour>/hour.json` | the time from which queries read the compacted files |
| `firehose-errors/<error type>/<hour>/…` | records that Firehose could not transform or convert |

`dead-letters/<hour>/…` lies in the bucket of dead letters.
"""

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final

from botocore.exceptions import ClientError

from archive.lake.hours import Hour
from archive.lake.listing import list_objects
from producers.retry import error_code

if TYPE_CHECKING:
    from types_boto3_s3 import S3Client

LANDING: Final = "events"
DATA: Final = "events_compacted/data"
SOURCES: Final = "events_compacted/sources"
MANIFESTS: Final = "events_compacted/manifests"
HOURS: Final = "events_compacted/hours"
FIREHOSE_ERRORS: Final = "firehose-errors"
DEAD_LETTERS: Final = "dead-letters"

# Firehose's own language of prefixes; the time is the arrival of the oldest record in the object.
_FIREHOSE_HOUR: Final = "dt=!{timestamp:yyyy-MM-dd}/hour=!{timestamp:HH}/"
FIREHOSE_PREFIX: Final = f"{LANDING}/{_FIREHOSE_HOUR}"
FIREHOSE_ERROR_PREFIX: Final = f"{FIREHOSE_ERRORS}/!{{firehose:error-output-type}}/{_FIREHOSE_HOUR}"

NO_FILES: Final = "none"  # the generation of an hour whose events are all in the hour before
_CONFLICTS: Final = ("PreconditionFailed", "ConditionalRequestConflict")


def landing_prefix(hour: Hour) -> str:
    """The prefix of an hour's landing objects."""
    return f"{LANDING}/{hour.path}/"


def data_prefix(hour: Hour, generation: str = "") -> str:
    """The prefix of an hour's compacted files: of one generation, or of all."""
    return f"{DATA}/{hour.path}/" + (f"{generation}/" if generation else "")


def sources_key(hour: Hour, generation: str) -> str:
    """The object that lists the landing objects of a generation."""
    return f"{SOURCES}/{hour.path}/{generation}.json"


def manifest_key(hour: Hour) -> str:
    """The object that lists the files of an hour."""
    return f"{MANIFESTS}/{hour.path}/files"


def marker_key(hour: Hour) -> str:
    """The object that says from when queries read an hour's compacted files."""
    return f"{HOURS}/{hour.path}/hour.json"


def generation_of(key: str) -> str:
    """The generation in the key of a compacted file, in whatever folder below it, or of a list of sources."""
    return key.partition("/hour=")[2].split("/")[1].removesuffix(".json")


@dataclass(frozen=True, slots=True)
class Committed:
    """What an hour's manifest says.

    Args:
        files: keys of the hour's compacted files; empty where the hour is not compacted.
        sources: keys of the landing objects whose events are in these files.
        etag: of the manifest, None where there is none.
        at: when the manifest was written, by S3's clock; None where there is none.
    """

    files: list[str]
    sources: frozenset[str]
    etag: str | None = None
    at: datetime | None = None

    @property
    def is_compacted(self) -> bool:
        """Whether the hour has a manifest. It may name no file, where other hours have all of the hour's events."""
        return self.etag is not None

    @property
    def generation(self) -> str | None:
        """The generation that the files are of; None where the hour is not compacted."""
        return _generation(self.files) if self.is_compacted else None


class CompactedHours:
    """The manifests of one lake.

    Args:
        s3: a client.
        bucket: of the lake.
    """

    def __init__(self, s3: "S3Client", bucket: str) -> None:
        self._s3 = s3
        self._bucket = bucket

    def committed(self, hour: Hour) -> Committed:
        """Read an hour's manifest, and the sources of the generation that it names."""
        found = self._get(manifest_key(hour))
        if found is None:
            return Committed([], frozenset())
        files = self._files_in(found["Body"].read().decode())
        sources = self._get(sources_key(hour, _generation(files)))
        listed = json.loads(sources["Body"].read()) if sources else ()
        return Committed(files, frozenset(listed), found["ETag"], found["LastModified"])

    def files(self, since: Hour | None = None) -> Iterator[tuple[Hour, list[str]]]:
        """List the compacted files of every hour that has a manifest, in the order of the hours.

        Args:
            since: the first hour; None for all.
        """
        after = f"{MANIFESTS}/{since.path}" if since else ""
        for listed in list_objects(self._s3, self._bucket, f"{MANIFESTS}/", after):
            hour = Hour.of_key(listed.key)
            if hour is not None and listed.key == manifest_key(hour) and (found := self._get(listed.key)):
                yield hour, self._files_in(found["Body"].read().decode())

    def present(self, hour: Hour, committed: Committed) -> list[str]:
        """The files of a manifest that are there; files may be lost while the manifest stands."""
        if not committed.files:
            return []
        stored = {found.key for found in list_objects(self._s3, self._bucket, data_prefix(hour))}
        return [key for key in committed.files if key in stored]

    def commit(self, hour: Hour, files: list[str], sources: Iterable[str], before: Committed) -> bool:
        """Make files the hour's: write the list of their sources, then the manifest.

        Args:
            hour: which.
            files: keys, all of one generation.
            sources: keys of the landing objects that are in them.
            before: the manifest that this one replaces.

        Returns:
            Whether it was written: False where another run has written a manifest since.
        """
        self._put(sources_key(hour, _generation(files)), json.dumps(sorted(sources)))
        manifest = "".join(f"s3://{self._bucket}/{key}\n" for key in files)
        return self._put_in_place_of(manifest_key(hour), manifest, before.etag)

    def mark_visible(self, hour: Hour, visible_from: datetime) -> None:
        """Say from when queries read an hour's compacted files, unless that is said already."""
        text = visible_from.isoformat(timespec="milliseconds")[:-6] + "Z"
        self._put_in_place_of(marker_key(hour), json.dumps({"visible_from": text}) + "\n", None)

    def _files_in(self, manifest: str) -> list[str]:
        return [line.removeprefix(f"s3://{self._bucket}/") for line in manifest.splitlines()]

    def _get(self, key: str) -> Any:
        try:
            return self._s3.get_object(Bucket=self._bucket, Key=key)
        except ClientError as error:
            if error_code(error) == "NoSuchKey":
                return None
            raise

    def _put(self, key: str, text: str) -> None:
        self._s3.put_object(Bucket=self._bucket, Key=key, Body=text.encode())

    def _put_in_place_of(self, key: str, text: str, etag: str | None) -> bool:
        """Write an object if the one that was read is still there (None: if there is none); whether it was written."""
        condition: Any = {"IfNoneMatch": "*"} if etag is None else {"IfMatch": etag}
        try:
            self._s3.put_object(Bucket=self._bucket, Key=key, Body=text.encode(), **condition)
        except ClientError as error:
            if error_code(error) in _CONFLICTS:
                return False
            raise
        return True


def _generation(files: list[str]) -> str:
    return generation_of(files[0]) if files else NO_FILES
