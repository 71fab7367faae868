"""Reads Parquet files of events, old or new, in one set of columns, and writes them for Athena."""

from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any, Final

import pyarrow as pa
import pyarrow.parquet as pq

from archive.compaction.copies import Origin
from archive.compaction.key import KEY
from archive.compaction.merging import Unit
from producers.explained import Explained

BATCH_ROWS: Final = 64 * 1024
WHOLE_BYTES: Final = 8 * 1024 * 1024  # row groups up to this size, uncompressed, are read at once: twice as quick
FILE_BYTES: Final = 256 * 1024 * 1024  # a file ends with the row group that reaches this size; the last file is smaller
ROW_GROUP_BYTES: Final = 32 * 1024 * 1024  # of rows in memory; one Athena worker reads a row group
# Values of these columns never repeat, so a dictionary would not pay.
_UNIQUE: Final = frozenset({"timestamp", "timestamp_micros", "request_id", "payload"})


class UnreadableFile(Explained):
    """A file of the lake cannot be read as events; the message says which column."""


def units_of(source: str, metadata: pq.FileMetaData, origin: Origin = Origin.LANDING) -> list[Unit]:
    """Return the row groups of a file, with their spans of time from its statistics."""
    column = metadata.schema.names.index(KEY[0]) if KEY[0] in metadata.schema.names else None
    if column is None:
        raise UnreadableFile(f"{source} has no column {KEY[0]}")
    units = []
    for number in range(metadata.num_row_groups):
        row_group = metadata.row_group(number)
        statistics = row_group.column(column).statistics
        known = statistics is not None and statistics.has_min_max
        first, last = (statistics.min, statistics.max) if known and statistics else (None, None)
        units.append(Unit(source, number, row_group.num_rows, first, last, origin))
    return units


def widened(schema: pa.Schema, files: Iterable[tuple[str, pa.Schema]]) -> pa.Schema:
    """Return a schema plus every column that only the files have, so that a merge loses no column.

    A file has such a column if it was written before the property was removed from the event schema.

    Args:
        schema: the lake's current schema.
        files: name and schema of each file.

    Raises:
        UnreadableFile: two files have a column of the same name with different types.
    """
    found: dict[str, tuple[str, pa.DataType]] = {}
    for source, held in files:
        for column in held:
            if column.name not in schema.names:
                first, kind = found.setdefault(column.name, (source, column.type))
                if kind != column.type:
                    raise UnreadableFile(f"column {column.name} is {kind} in {first}, and {column.type} in {source}")
    return pa.schema([*schema, *(pa.field(name, kind) for name, (_, kind) in found.items())])


def read_unit(file: pq.ParquetFile, unit: Unit, schema: pa.Schema) -> Iterator[pa.Table]:
    """Read the rows of a unit in the columns of a schema. Columns that the file lacks are null.

    From another hour's files it reads only the key.

    Raises:
        UnreadableFile: a column has values of a type that cannot become the schema's.
    """
    held = set(file.schema_arrow.names)
    wanted = schema.names if unit.origin.is_of_the_hour else KEY
    names = [name for name in wanted if name in held]
    if file.metadata.row_group(unit.row_group).total_byte_size <= WHOLE_BYTES:
        yield conform(file.read_row_group(unit.row_group, names, use_threads=False), schema, unit.source)
        return
    for batch in file.iter_batches(BATCH_ROWS, row_groups=[unit.row_group], columns=names):
        yield conform(pa.Table.from_batches([batch]), schema, unit.source)


def times_of(file: pq.ParquetFile, unit: Unit) -> "Iterator[pa.ChunkedArray[Any]]":
    """Read the times of a unit's events, in microseconds."""
    for batch in file.iter_batches(BATCH_ROWS, row_groups=[unit.row_group], columns=[KEY[0]]):
        yield pa.chunked_array([batch.column(0)])


def conform(table: pa.Table, schema: pa.Schema, source: str) -> pa.Table:
    """Convert rows to the columns of a schema."""
    if table.schema.equals(schema):
        return table
    arrays = []
    for column in schema:
        if column.name not in table.column_names:
            arrays.append(pa.chunked_array([pa.nulls(table.num_rows, column.type)]))
            continue
        values = table[column.name]
        try:
            # Timestamps of a finer unit, as in INT96, are truncated. Every other conversion must be exact.
            arrays.append(values.cast(column.type, safe=not pa.types.is_timestamp(column.type)))
        except (pa.ArrowInvalid, pa.ArrowNotImplementedError) as error:
            raise UnreadableFile(
                f"{source}: column {column.name} is {values.type}, the lake's is {column.type}: {error}"
            ) from error
    return pa.Table.from_arrays(arrays, schema=schema)


class FileWriter:
    """Writes sorted tables to one file after another.

    Args:
        folder: where files are written.
        schema: schema of the tables.
        finished: called with each complete file.
        file_bytes: size at which a file ends.
        row_group_bytes: least size of a row group, as rows in memory.
    """

    def __init__(
        self,
        folder: Path,
        schema: pa.Schema,
        finished: Callable[[Path], None],
        *,
        file_bytes: int = FILE_BYTES,
        row_group_bytes: int = ROW_GROUP_BYTES,
    ) -> None:
        self._folder = folder
        self._schema = schema
        self._finished = finished
        self._file_bytes = file_bytes
        self._row_group_bytes = row_group_bytes
        self._tables: list[pa.Table] = []
        self._held_bytes = 0
        self._files = 0
        self._path: Path | None = None
        self._sink: Any = None
        self._writer: pq.ParquetWriter | None = None

    def write(self, table: pa.Table) -> None:
        """Write rows that sort after all rows written before."""
        self._tables.append(table)
        self._held_bytes += table.nbytes
        if self._held_bytes >= self._row_group_bytes:
            self._write_row_group()

    def close(self) -> None:
        """Write the rows that are still held, and end the last file."""
        if self._tables:
            self._write_row_group()
        if self._writer is not None:
            self._end_file()

    def _write_row_group(self) -> None:
        table = pa.concat_tables(self._tables)
        self._tables, self._held_bytes = [], 0
        writer = self._writer or self._begin_file()
        writer.write_table(table, row_group_size=max(table.num_rows, 1))
        if self._sink.tell() >= self._file_bytes:
            self._end_file()

    def _begin_file(self) -> pq.ParquetWriter:
        self._path = self._folder / f"part-{self._files:05d}.parquet"
        self._files += 1
        self._sink = pa.OSFile(str(self._path), "wb")
        self._writer = pq.ParquetWriter(
            self._sink,
            self._schema,
            compression="zstd",
            use_dictionary=[  # type: ignore[arg-type] # the stubs know only bool; pyarrow takes names
                name for name in self._schema.names if name not in _UNIQUE
            ],
            write_statistics=True,
            write_page_index=True,
            sorting_columns=[pq.SortingColumn(self._schema.names.index(KEY[0]))],
        )
        return self._writer

    def _end_file(self) -> None:
        assert self._writer is not None  # noqa: S101 (called with a file begun)
        assert self._path is not None  # noqa: S101
        self._writer.close()
        self._sink.close()
        self._finished(self._path)
        self._writer, self._path = None, None
