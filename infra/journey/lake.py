"""Looking for an event in the lake: the files of some hours, two columns of them, within a bound."""

from datetime import datetime
from itertools import islice
from typing import TYPE_CHECKING, Final

import pyarrow.dataset as ds

from archive.lake.filesystem import filesystem_of
from archive.lake.hours import Hour, hours_between
from archive.lake.layout import LANDING, CompactedHours
from archive.lake.listing import list_objects
from infra.journey.steps import Search, Step
from infra.value_text import count_of

if TYPE_CHECKING:
    from types_boto3_s3 import S3Client

MAX_FILES: Final = 500
MAX_HOURS: Final = 72  # whose compacted files are looked up, a call each


def in_lake(
    s3: "S3Client", bucket: str, request_id: str, *, start: datetime, end: datetime, micros: int | None
) -> tuple[list[Step], Search, int | None]:
    """The files that hold an event: those that landed, and the compacted ones.

    Args:
        s3: a boto3 client.
        bucket: of the lake.
        request_id: of the event.
        start: the first hour of arrival.
        end: the last one.
        micros: the event's timestamp in microseconds, where it is known: most of a file is then not read.

    Returns:
        A step for each file, what was searched, and the event's timestamp in microseconds.
    """
    beyond = f"{LANDING}/{Hour.of(end).path}0"  # after every key of the last hour
    listed = list_objects(s3, bucket, f"{LANDING}/", f"{LANDING}/{Hour.of(start).path}")
    written = {}
    missed = ""
    for found in islice(listed, MAX_FILES + 1):
        if found.key >= beyond:
            break
        written[found.key] = found.written_at
    if len(written) > MAX_FILES:
        written.popitem()
        missed = f"ended after {MAX_FILES} files: give --at, or a shorter --from and --to"
    manifests = CompactedHours(s3, bucket)
    hours = list(islice(hours_between(start, end), MAX_HOURS))
    for hour in hours:
        committed = manifests.committed(hour)
        if committed.at is not None:
            written |= dict.fromkeys(manifests.present(hour, committed), committed.at)
    steps, known = _in_files(s3, bucket, request_id, written, micros)
    looked_at = f"{count_of(len(written), 'file')} of s3://{bucket}, {Hour.of(start)} to {Hour.of(end)} UTC"
    return steps, Search("lake", looked_at, len(steps), missed), known


def _in_files(
    s3: "S3Client", bucket: str, request_id: str, written: dict[str, datetime], micros: int | None
) -> tuple[list[Step], int | None]:
    if not written:
        return [], micros
    meant = ds.field("request_id") == request_id
    if micros is not None:
        meant &= ds.field("timestamp_micros") == micros
    paths = [f"{bucket}/{key}" for key in written]
    batches = ds.dataset(paths, format="parquet", filesystem=filesystem_of(s3)).to_batches(
        columns=["timestamp_micros", "__filename"],  # the second is pyarrow's own: the file of a row
        filter=meant,
        batch_readahead=2,
        fragment_readahead=4,
    )
    copies: dict[str, int] = {}
    for batch in batches:
        for row in batch.to_pylist():
            key = str(row["__filename"]).removeprefix(f"{bucket}/")
            copies[key] = copies.get(key, 0) + 1
            micros = row["timestamp_micros"]
    return [_step(bucket, key, written[key], number) for key, number in copies.items()], micros


def _step(bucket: str, key: str, written_at: datetime, copies: int) -> Step:
    landed = key.startswith(f"{LANDING}/")
    what = f"{'landed in' if landed else 'compacted into'} s3://{bucket}/{key}"
    more = f", {copies} times" if copies > 1 else ""
    return Step(
        "lake", written_at, what + more, {"bucket": bucket, "key": key, "compacted": not landed, "copies": copies}
    )
