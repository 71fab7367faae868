"""Where everything is stored in the buckets: each key prefix, and the objects that list a compacted hour's files.

For the hour `dt=…/hour=…`, the lake's bucket holds:

| object | what it is |
|---|---|
| `events/<hour>/…` | landing objects: the files that Firehose delivers |
| `events_compacted/data/<hour>/<generation>/…` | Parquet of one compaction run; readable once a manifest lists it |
| `events_compacted/sources/<hour>/<generation>.json` | keys of the landing objects whose events that generation holds |
| `events_compacted/manifests/<hour>/files` | the hour's files, one URI a line. Writing this object is the commit |
| `events_compacted/hours/<hour>/hour.json` | the time from which queries read the compacted files |
| `firehose-errors/<error type>/<hour>/…` | records that Firehose could not transform or convert |

The bucket of dead letters holds `dead-letters/<hour>/…`.
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

# Firehose's notation for prefixes. The time is the arrival of the oldest record in the object.
_FIREHOSE_HOUR: Final = "dt=!{timestamp:yyyy-MM-dd}/hour=!{timestamp:HH}/"
FIREHOSE_PREFIX: Final = f"{LANDING}/{_FIREHOSE_HOUR}"
FIREHOSE_ERROR_PREFIX: Final = f"{FIREHOSE_ERRORS}/!{{firehose:error-output-type}}/{_FIREHOSE_HOUR}"

NO_FILES: Final = "none"  # the generation of an hour when the hour before holds all its events
_CONFLICTS: Final = ("PreconditionFailed", "ConditionalRequestConflict")


def landing_prefix(hour: Hour) -> str:
    """The prefix of an hour's landing objects."""
    return f"{LANDING}/{hour.path}/"


def data_prefix(hour: Hour, generation: str = "") -> str:
    """The prefix of an hour's compacted files, of one generation or of all."""
    return f"{DATA}/{hour.path}/" + (f"{generation}/" if generation else "")


def sources_key(hour: Hour, generation: str) -> str:
    """The key of the object that lists the landing objects of a generation."""
    return f"{SOURCES}/{hour.path}/{generation}.json"


def manifest_key(hour: Hour) -> str:
    """The key of an hour's manifest, which lists the hour's files."""
    return f"{MANIFESTS}/{hour.path}/files"


def marker_key(hour: Hour) -> str:
    """The key of the object that says when queries begin to read an hour's compacted files."""
    return f"{HOURS}/{hour.path}/hour.json"


def generation_of(key: str) -> str:
    """The generation named in the key of a compacted file, at any depth, or of a list of sources."""
    return key.partition("/hour=")[2].split("/")[1].removesuffix(".json")


@dataclass(frozen=True, slots=True)
class Committed:
    """What an hour's manifest and its list of sources say.

    Args:
        files: keys of the hour's compacted files; empty where the hour is not compacted.
        sources: keys of the landing objects whose events are in these files.
        etag: the manifest's ETag; None if the hour has no manifest.
        at: when the manifest was written, by S3's clock; None if the hour has no manifest.
    """

    files: list[str]
    sources: frozenset[str]
    etag: str | None = None
    at: datetime | None = None

    @property
    def is_compacted(self) -> bool:
        """Whether the hour has a manifest. The manifest is empty if other hours hold all of the hour's events."""
        return self.etag is not None

    @property
    def generation(self) -> str | None:
        """The generation to which the files belong; None if the hour is not compacted."""
        return _generation(self.files) if self.is_compacted else None


class CompactedHours:
    """Reads and writes the manifests of one lake.

    Args:
        s3: a client.
        bucket: of the lake.
    """

    def __init__(self, s3: "S3Client", bucket: str) -> None:
        self._s3 = s3
        self._bucket = bucket

    def committed(self, hour: Hour) -> Committed:
        """Read an hour's manifest, and the list of sources of the generation that it names."""
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
            since: the first hour; None lists every hour.
        """
        after = f"{MANIFESTS}/{since.path}" if since else ""
        for listed in list_objects(self._s3, self._bucket, f"{MANIFESTS}/", after):
            hour = Hour.of_key(listed.key)
            if hour is not None and listed.key == manifest_key(hour) and (found := self._get(listed.key)):
                yield hour, self._files_in(found["Body"].read().decode())

    def present(self, hour: Hour, committed: Committed) -> list[str]:
        """List the files of a manifest that still exist; some may have been deleted since."""
        if not committed.files:
            return []
        stored = {found.key for found in list_objects(self._s3, self._bucket, data_prefix(hour))}
        return [key for key in committed.files if key in stored]

    def commit(self, hour: Hour, files: list[str], sources: Iterable[str], before: Committed) -> bool:
        """Commit an hour's files: write the list of their sources, then the manifest.

        Args:
            hour: the hour.
            files: keys of the files, all of one generation.
            sources: keys of the landing objects whose events are in the files.
            before: the manifest that this one replaces.

        Returns:
            Whether the manifest was written: False if another run has replaced `before` meanwhile.
        """
        self._put(sources_key(hour, _generation(files)), json.dumps(sorted(sources)))
        manifest = "".join(f"s3://{self._bucket}/{key}\n" for key in files)
        return self._put_in_place_of(manifest_key(hour), manifest, before.etag)

    def mark_visible(self, hour: Hour, visible_from: datetime) -> None:
        """Record when queries begin to read an hour's compacted files; keep a time that is already recorded."""
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
        """Write an object if its ETag is still `etag` (None: if it does not exist). Return whether it was written."""
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
