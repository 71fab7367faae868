"""Compaction on one machine: objects through pyarrow, streaming, in bounded memory."""

import io
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import pyarrow as pa
import pyarrow.parquet as pq

from archive.compaction.job import CompactionFailed, Written
from archive.compaction.merging import Merge, Unit
from archive.compaction.parquet_files import FILE_BYTES, FileWriter, UnreadableFile, read_unit, times_of, units_of
from archive.lake.hours import Hour

if TYPE_CHECKING:
    from types_boto3_s3 import S3Client

TAIL_BYTES: Final = 64 * 1024  # of a Parquet file hold its footer, mostly
_LENGTH_AND_MAGIC: Final = 8  # at a Parquet file's end: the footer's length, "PAR1"


class LocalEngine:
    """Merges the files of an hour in this process.

    Disk: the files being read, one file being written, and what the merge lets wait. Memory: see
    `archive.compaction.merging`.

    Args:
        s3: a client.
        bucket: of the lake.
        schema: of the files to write.
        folder: for temporary files; None takes the system's.
        file_bytes: at which a file ends.
    """

    def __init__(
        self, s3: "S3Client", bucket: str, schema: pa.Schema, folder: Path | None = None, file_bytes: int = FILE_BYTES
    ) -> None:
        self._s3 = s3
        self._bucket = bucket
        self._schema = schema
        self._folder = folder
        self._file_bytes = file_bytes

    def write(self, hour: Hour, compacted: list[str], landing: list[str], prefix: str) -> Written:
        """See `archive.compaction.job.Engine`."""
        files: list[str] = []

        def upload(path: Path) -> None:
            key = f"{prefix}{path.name}"
            with path.open("rb") as body:
                self._s3.put_object(Bucket=self._bucket, Key=key, Body=body)
            path.unlink()
            files.append(key)

        with tempfile.TemporaryDirectory(prefix="spillway-compact-", dir=self._folder) as name:
            folder = Path(name)
            writer = FileWriter(folder, self._schema, upload, file_bytes=self._file_bytes)
            try:
                units = [unit for key in (*compacted, *landing) for unit in units_of(key, self._metadata(key))]
                opened = _Files(self._s3, self._bucket, folder, units)
                merged = Merge(lambda unit: self._rows(opened, unit), lambda unit: _times(opened, unit), folder).run(
                    units, writer.write
                )
                writer.close()
            except (UnreadableFile, pa.ArrowException) as error:
                raise CompactionFailed(f"{hour}: {error}") from error
        return Written(files, merged.rows, merged.duplicates)

    def _rows(self, opened: "_Files", unit: Unit) -> Iterator[pa.Table]:
        yield from read_unit(opened.file(unit), unit, self._schema)
        opened.done(unit)

    def _metadata(self, key: str) -> pq.FileMetaData:
        """A file's footer, without the rest of it."""
        tail = self._tail(key, TAIL_BYTES)
        footer = int.from_bytes(tail[-_LENGTH_AND_MAGIC:][:4], "little") + _LENGTH_AND_MAGIC
        if len(tail) < footer:
            tail = self._tail(key, footer)
        try:
            return pq.read_metadata(io.BytesIO(tail))
        except pa.ArrowException as error:
            raise UnreadableFile(f"{key} is not a Parquet file: {error}") from error

    def _tail(self, key: str, length: int) -> bytes:
        return self._s3.get_object(Bucket=self._bucket, Key=key, Range=f"bytes=-{length}")["Body"].read()


def _times(opened: "_Files", unit: Unit) -> "Iterator[pa.ChunkedArray[Any]]":
    yield from times_of(opened.file(unit), unit)
    opened.close(unit.source)  # it is read again when its turn comes; until then there may be many


class _Files:
    """Files of the lake as local copies, each while row groups of it are still to be read."""

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
        """The file that a unit is in."""
        if unit.source not in self._open:
            path = self._folder / f"source-{self._copies}.parquet"
            self._copies += 1
            body: Any = self._s3.get_object(Bucket=self._bucket, Key=unit.source)["Body"]
            with path.open("wb") as copy:
                shutil.copyfileobj(body, copy, 1024 * 1024)
            self._open[unit.source] = (path, pq.ParquetFile(str(path)))
        return self._open[unit.source][1]

    def done(self, unit: Unit) -> None:
        """Let a file go once all its units were read."""
        self._remaining[unit.source] -= 1
        if not self._remaining[unit.source]:
            self.close(unit.source)

    def close(self, source: str) -> None:
        """Let a file go; it can be opened again."""
        path, file = self._open.pop(source)
        file.close()
        path.unlink()
