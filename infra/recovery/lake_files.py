"""The lake's files that may hold events of a period: of each hour the compacted ones, and what landed since."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import pyarrow as pa
import pyarrow.dataset as ds

from archive.lake.filesystem import filesystem_of
from archive.lake.hours import Hour
from archive.lake.layout import LANDING, CompactedHours
from archive.lake.listing import list_objects
from infra.audit.sightings import Period
from producers.event import Event, format_timestamp
from producers.exact_json import parse
from producers.explained import Explained

if TYPE_CHECKING:
    from types_boto3_s3 import S3Client

BATCH_ROWS: Final = 5_000
_COLUMNS: Final = ["timestamp_micros", "request_id", "source_ip", "user_agent", "payload"]


class FilesLost(Explained):
    """Compacted files that a manifest names are gone; the message says which, and what to do."""


@dataclass(frozen=True, slots=True)
class LakeFile:
    """One file of events."""

    key: str
    hour: Hour


def files_of(s3: "S3Client", bucket: str, period: Period) -> list[LakeFile]:
    """The files in which events accepted in a period may lie, by the hour of their arrival.

    An event never arrives before it is accepted, and may arrive any time after: a replay brings one back weeks later.
    So every hour from the period's first on is listed. Of a later file only the end is read, whose statistics of time
    say that the file holds nothing of the period.

    Args:
        s3: the client.
        bucket: of the lake.
        period: of acceptance.

    Raises:
        FilesLost: a manifest names files that are not there.
    """
    first = Hour.of(period.start)
    hours = CompactedHours(s3, bucket)
    landed: dict[Hour, list[str]] = {}
    for listed in list_objects(s3, bucket, f"{LANDING}/", f"{LANDING}/{first.path}"):
        if (hour := Hour.of_key(listed.key)) is not None:
            landed.setdefault(hour, []).append(listed.key)
    compacted = {hour for hour, _ in hours.files(first)}
    found: list[LakeFile] = []
    for hour in sorted({*landed, *compacted}):
        committed = hours.committed(hour)
        if lost := set(committed.files).difference(hours.present(hour, committed)):
            raise FilesLost(
                f"{len(lost)} compacted files of {hour} are gone, the first is {min(lost)}; "
                f"spillway compact --from {hour.start:%Y-%m-%dT%H} writes them again from what landed"
            )
        landing = [key for key in landed.get(hour, ()) if key not in committed.sources]
        found += [LakeFile(key, hour) for key in (*committed.files, *landing)]
    return found


def events_in(s3: "S3Client", bucket: str, file: LakeFile, period: Period) -> Iterator[list[Event]]:
    """The events of a file that were accepted in a period, in batches, as the table writer read them.

    Args:
        s3: the client; its endpoint and credentials are used.
        bucket: of the lake.
        file: to read, a batch at a time.
        period: of acceptance.
    """
    micros = ds.field("timestamp_micros")
    dataset = ds.dataset(f"{bucket}/{file.key}", format="parquet", filesystem=filesystem_of(s3))
    batches = dataset.to_batches(
        columns=_COLUMNS,
        filter=(micros >= period.start_micros) & (micros < period.end_micros),
        batch_size=BATCH_ROWS,
        batch_readahead=1,
        fragment_readahead=1,
    )
    for batch in batches:
        if batch.num_rows:
            yield [_event(row) for row in _rows(batch)]


def _rows(batch: pa.RecordBatch) -> Iterable[dict[str, Any]]:
    return batch.to_pylist()


def _event(row: dict[str, Any]) -> Event:
    return Event(
        timestamp=format_timestamp(row["timestamp_micros"]),
        request_id=row["request_id"],
        source_ip=row["source_ip"],
        user_agent=row["user_agent"],
        trace=None,  # neither the lake nor a row of the table holds it
        payload=parse(row["payload"]),
    )
