"""Firehose's record format conversion: JSON records to one Parquet file and a list of failed records.

A batch is read in slices of about a megabyte. A slice that cannot be read as a whole is read in pieces, and a piece
that cannot is read record by record: so a bad record fails alone, and costs its slice a second reading.
"""

import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Final, Literal, TypeAlias

import pyarrow as pa
import pyarrow.parquet as pq

from infra.local.firehose.columnar_json import BatchReader, NotUniform
from infra.openx.glue_types import Column
from infra.openx.json_rows import OpenXRules, RowReader, UnconvertibleRecord

Compression: TypeAlias = Literal["snappy", "gzip", "none"]

SLICE_BYTES: Final = 1024 * 1024  # stays within a core's cache, and is large beside the cost of a call
THREADS: Final = min(os.cpu_count() or 1, 4)  # Arrow reads JSON outside of the interpreter's lock
PIECES: Final = 16  # of a slice that was not read as a whole
# A buffer of 128 MiB makes one row group, as with the service's default block of 256 MiB (ParquetSerDe).
ROW_GROUP_ROWS: Final = 1024 * 1024


@dataclass(frozen=True, slots=True)
class FailedConversion:
    """A record that could not be converted.

    Args:
        index: its position in the batch, from 0.
        code: such as `DataFormatConversion.MalformedData`.
        message: what is wrong with it.
    """

    index: int
    code: str
    message: str


@dataclass(frozen=True, slots=True)
class Conversion:
    """What became of a batch: every record is in `table`, as one row or more, or in `failed`.

    Args:
        table: the rows, in the order of the records.
        failed: the other records, in order.
    """

    table: pa.Table
    failed: list[FailedConversion]


class RecordConverter:
    """Converts batches of JSON records for one table.

    Args:
        columns: of the table.
        rules: the options of the SerDe.
    """

    def __init__(self, columns: Sequence[Column], rules: OpenXRules) -> None:
        self._batches = BatchReader(columns, rules)
        self._rows = RowReader(columns, rules)

    def convert(self, records: Sequence[bytes]) -> Conversion:
        """Convert a batch, of any size; several slices at once where there are cores for it."""
        average = sum(map(len, records)) // max(len(records), 1)
        slice_records = SLICE_BYTES // max(average, 1) + 1
        starts = range(0, len(records), slice_records)
        with ThreadPoolExecutor(THREADS, thread_name_prefix="firehose conversion") as threads:
            slices = list(threads.map(lambda start: self._slice(records, start, slice_records), starts))
        tables = [table for converted, _ in slices for table in converted]
        return Conversion(
            pa.concat_tables([self._rows.table([]), *tables]), [each for _, failed in slices for each in failed]
        )

    def _slice(
        self, records: Sequence[bytes], start: int, slice_records: int
    ) -> tuple[list[pa.Table], list[FailedConversion]]:
        """Convert the records from `start` on."""
        tables: list[pa.Table] = []
        failed: list[FailedConversion] = []
        end = min(start + slice_records, len(records))
        piece_records = slice_records // PIECES + 1
        try:
            tables.append(self._batches.table(records[start:end]))
        except NotUniform:
            for piece in range(start, end, piece_records):
                self._convert_piece(records, piece, min(piece + piece_records, end), tables, failed)
        return tables, failed

    def _convert_piece(
        self, records: Sequence[bytes], start: int, end: int, tables: list[pa.Table], failed: list[FailedConversion]
    ) -> None:
        try:
            tables.append(self._batches.table(records[start:end]))
        except NotUniform:
            self._convert_singly(records, start, end, tables, failed)

    def _convert_singly(
        self, records: Sequence[bytes], start: int, end: int, tables: list[pa.Table], failed: list[FailedConversion]
    ) -> None:
        rows = []
        for index in range(start, end):
            try:
                rows.extend(self._rows.rows(records[index]))
            except UnconvertibleRecord as error:
                failed.append(FailedConversion(index, error.code, error.message))
        tables.append(self._rows.table(rows))


def parquet_file(table: pa.Table, compression: Compression = "snappy") -> pa.Buffer:
    """A table as the bytes of a Parquet file: timestamps as INT64 TIMESTAMP_MILLIS, dictionaries, statistics."""
    sink = pa.BufferOutputStream()
    pq.write_table(table, sink, compression=compression, row_group_size=ROW_GROUP_ROWS)
    return sink.getvalue()
