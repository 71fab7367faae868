"""What the lake holds of a period, as columns that never become objects of Python."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.dataset as ds

from archive.lake.filesystem import filesystem_of
from archive.lake.hours import Hour
from archive.lake.layout import LANDING, CompactedHours
from archive.lake.listing import list_objects
from infra.audit.sightings import SIGHTINGS, Period, Place

if TYPE_CHECKING:
    from types_boto3_s3 import S3Client


def in_lake(s3: "S3Client", bucket: str, period: Period) -> Iterator[pa.Table]:
    """What the lake holds of a period; events arrive late in later hours, so every hour from its start on is read."""
    first = Hour.of(period.start)
    landing = list_objects(s3, bucket, f"{LANDING}/", f"{LANDING}/{first.path}")
    yield from _in_parquet(s3, [f"{bucket}/{found.key}" for found in landing], "landing", period)
    compacted = [f"{bucket}/{key}" for _, files in CompactedHours(s3, bucket).files(first) for key in files]
    yield from _in_parquet(s3, compacted, "compacted", period)


def _in_parquet(s3: "S3Client", paths: list[str], place: Place, period: Period) -> Iterator[pa.Table]:
    if not paths:
        return
    micros, identity = ds.field("timestamp_micros"), ds.field("request_id")
    batches = ds.dataset(paths, format="parquet", filesystem=filesystem_of(s3)).to_batches(
        columns={  # type: ignore[arg-type] # the stubs know names only
            "place": pc.scalar(place),
            "micros": micros,
            "identity": identity,
            "is_event": pc.scalar(True),  # noqa: FBT003 (a value)
        },
        filter=(micros >= period.start_micros) & (micros < period.end_micros) & identity.is_valid(),
        batch_readahead=2,
        fragment_readahead=2,
    )
    for batch in batches:
        if batch.num_rows:
            yield pa.Table.from_batches([batch]).cast(SIGHTINGS)
