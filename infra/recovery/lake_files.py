"""The lake's files that hold the events of a period: of each hour the compacted ones, and what landed since."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import timedelta
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

if TYPE_CHECKING:
    from types_boto3_s3 import S3Client

BATCH_ROWS: Final = 5_000
LATEST_ARRIVAL: Final = timedelta(hours=2)  # of Firehose's own buffering and retries, on top of the stream's retention
_COLUMNS: Final = ["timestamp_micros", "request_id", "source_ip", "user_agent", "payload"]


@dataclass(frozen=True, slots=True)
class LakeFile:
    """One file of events."""

    key: str
    hour: Hour


def files_of(s3: "S3Client", bucket: str, period: Period, retention: timedelta) -> list[LakeFile]:
    """The files in which events accepted in a period may lie, by the hour of their arrival.

    Args:
        s3: the client.
        bucket: of the lake.
        period: of acceptance.
        retention: of the stream, by which an event may arrive later than it was accepted.
    """
    first, last = Hour.of(period.start), Hour.of(period.end + retention + LATEST_ARRIVAL)
    hours = CompactedHours(s3, bucket)
    landed: dict[Hour, list[str]] = {}
    for listed in list_objects(s3, bucket, f"{LANDING}/", f"{LANDING}/{first.path}"):
        if (hour := Hour.of_key(listed.key)) is not None:
            landed.setdefault(hour, []).append(listed.key)
    compacted = {hour for hour, _ in hours.files(first)}
    found: list[LakeFile] = []
    for hour in sorted(hour for hour in {*landed, *compacted} if hour <= last):
        committed = hours.committed(hour)
        landing = [key for key in landed.get(hour, ()) if key not in committed.sources]
        found += [LakeFile(key, hour) for key in (*committed.files, *landing)]
    return found


def events_in(s3: "S3Client", bucket: str, file: LakeFile, period: Period) -> Iterator[list[Event]]:
    """The events of a file that were accepted in a period, in batches, as the table writer would have had them.

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
        trace=None,  # the lake does not hold it, nor does a row of the table
        payload=parse(row["payload"]),
    )
