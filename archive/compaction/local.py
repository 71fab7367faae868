"""Compaction on one machine: streams objects through pyarrow in bounded memory."""

import io
import shutil
import tempfile
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import pyarrow as pa
import pyarrow.parquet as pq

from archive.compaction.copies import Origin
from archive.compaction.job import CompactionFailed, Task, Written
from archive.compaction.merging import SLICE_BYTES, Merge, Unit
from archive.compaction.parquet_files import (
    FILE_BYTES,
    ROW_GROUP_BYTES,
    FileWriter,
    UnreadableFile,
    read_unit,
    times_of,
    units_of,
    widened,
)
from archive.compaction.parquet_footer import TAIL_BYTES, NotParquet, footer_bytes

if TYPE_CHECKING:
    from types_boto3_s3 import S3Client

FILES_PER_SLICE: Final = 2  # in one folder, as Athena writes several files for a statement


class LocalEngine:
    """Merges the files of an hour in this process.

    The disk holds the files being read, one file being written, and the merge's waiting rows. For memory see
    `archive.compaction.merging`.

    Args:
        s3: a client.
        bucket: the lake's bucket.
        schema: the lake's current schema.
        folder: folder for temporary files; None uses the system's.
        file_bytes: size at which a file ends.
        name: returns the name of a new file: a random name without extension, as Athena's are.
    """

    def __init__(
        self,
        s3: "S3Client",
        bucket: str,
        schema: pa.Schema,
        *,
        folder: Path | None = None,
        file_bytes: int = FILE_BYTES,
        name: Callable[[], str] = lambda: str(uuid.uuid4()),
    ) -> None:
        self._s3 = s3
        self._bucket = bucket
        self._schema = schema
        self._folder = folder
        self._file_bytes = file_bytes
        self._name = name

    def write(self, task: Task) -> Written:
        """See `archive.compaction.job.Engine`."""
        files: list[str] = []

        def upload(path: Path) -> None:
            key = f"{task.prefix}slice-{len(files) // FILES_PER_SLICE:05d}/{self._name()}"
            with path.open("rb") as body:
                self._s3.put_object(Bucket=self._bucket, Key=key, Body=body)
            path.unlink()
            files.append(key)

        with tempfile.TemporaryDirectory(prefix="spillway-compact-", dir=self._folder) as name:
            folder = Path(name)
            try:
                units, schema = self._plan(task)
                writer = FileWriter(
                    folder,
                    schema,
                    upload,
                    file_bytes=self._file_bytes,
                    row_group_bytes=min(ROW_GROUP_BYTES, self._file_bytes),
                )
                opened = _Files(self._s3, self._bucket, folder, units)
                merged = Merge(
                    lambda unit: _rows(opened, unit, schema),
                    lambda unit: _times(opened, unit),
                    folder,
                    slice_bytes=min(SLICE_BYTES, self._file_bytes),
                ).run(units, writer.write)
                writer.close()
            except (UnreadableFile, pa.ArrowException) as error:
                raise CompactionFailed(f"{task.hour}: {error}") from error
        return Written(files, merged.rows, merged.duplicates)

    def _plan(self, task: Task) -> tuple[list[Unit], pa.Schema]:
        """Return the units to read, and the columns to write."""
        own, schemas = [], []
        for origin, keys in ((Origin.COMPACTED, task.compacted), (Origin.LANDING, task.landing)):
            for key in keys:
                metadata = self._metadata(key)
                own += units_of(key, metadata, origin)
                schemas.append((key, metadata.schema.to_arrow_schema()))
        others = [
            unit
            for origin, keys in ((Origin.EARLIER, task.earlier), (Origin.LATER, task.later))
            for key in keys
            for unit in units_of(key, self._metadata(key), origin)
            if _may_share_events(unit, own)
        ]
        return own + others, widened(self._schema, schemas)

    def _metadata(self, key: str) -> pq.FileMetaData:
        """Read only the footer of a file."""
        tail = self._tail(key, TAIL_BYTES)
        try:
            if len(tail) < (footer := footer_bytes(tail)):
                tail = self._tail(key, footer)
            return pq.read_metadata(io.BytesIO(tail))
        except (NotParquet, pa.ArrowException) as error:
            raise UnreadableFile(f"{key} is not a Parquet file: {error}") from error

    def _tail(self, key: str, length: int) -> bytes:
        return self._s3.get_object(Bucket=self._bucket, Key=key, Range=f"bytes=-{length}")["Body"].read()


def _may_share_events(unit: Unit, own: list[Unit]) -> bool:
    """Whether a row group of another hour may hold an event of this hour, by their spans of time."""
    first, last = unit.first, unit.last
    return (
        first is None
        or last is None
        or any(each.first is None or each.last is None or (first <= each.last and each.first <= last) for each in own)
    )


def _rows(opened: "_Files", unit: Unit, schema: pa.Schema) -> Iterator[pa.Table]:
    yield from read_unit(opened.file(unit), unit, schema)
    opened.done(unit)


def _times(opened: "_Files", unit: Unit) -> "Iterator[pa.ChunkedArray[Any]]":
    yield from times_of(opened.file(unit), unit)
    opened.close(unit.source)  # the merge reads it again later; keeping every file open until then would take too many


class _Files:
    """Local copies of the lake's files. Each is kept until its last row group is read."""

    def __init__(self, s3: "S3Client", bucket: str, folder: Path, units: list[Unit]) -> None:
        self._s3 = s3
        self._bucket = bucket
        self._folder = folder
        self._open: dict[str, tuple[Path, pq.ParquetFile]] = {}
        self._remaining: dict[str, int] = {}
        for unit in units:
            self._remaining[unit.source] = self._remaining.get(unit.source, 0) + 1
        self._copies = 0

    def file(self, unit: Unit) -> pq.ParquetFile:
        """Open the file that contains a unit."""
        if unit.source not in self._open:
            path = self._folder / f"source-{self._copies}.parquet"
            self._copies += 1
            body: Any = self._s3.get_object(Bucket=self._bucket, Key=unit.source)["Body"]
            with path.open("wb") as copy:
                shutil.copyfileobj(body, copy, 1024 * 1024)
            self._open[unit.source] = (path, pq.ParquetFile(str(path)))
        return self._open[unit.source][1]

    def done(self, unit: Unit) -> None:
        """Delete the local copy of a unit's file after its last unit is read."""
        self._remaining[unit.source] -= 1
        if not self._remaining[unit.source]:
            self.close(unit.source)

    def close(self, source: str) -> None:
        """Delete the local copy of a file; `file` can fetch it again."""
        path, file = self._open.pop(source)
        file.close()
        path.unlink()
