"""Events on their way into the lake, landed and compacted."""

from pathlib import Path

import pyarrow.parquet as pq

from archive.compaction.merging import Merge
from archive.compaction.parquet_files import FileWriter, read_unit, times_of, units_of
from archive.lake.columns import Column, arrow_schema, glue_columns
from archive.lake.rows import RowWriter
from infra.local.firehose.parquet_conversion import RecordConverter, parquet_file
from infra.openx.glue_types import read_columns
from infra.openx.json_rows import OpenXRules
from producers.event import encode
from tests.events import an_event


def landed(payloads: list[str], columns: tuple[Column, ...]) -> bytes:
    """The Parquet that the transform and Firehose's conversion make of events."""
    writer = RowWriter(columns)
    rows = [writer.row(encode(an_event(payload, number))) for number, payload in enumerate(payloads)]
    conversion = RecordConverter(read_columns(glue_columns(columns)), OpenXRules()).convert(
        [row for row in rows if row is not None]
    )
    assert conversion.failed == []
    return parquet_file(conversion.table).to_pybytes()


def compacted(data: bytes, columns: tuple[Column, ...], folder: Path) -> bytes:
    source = folder / "source.parquet"
    source.write_bytes(data)
    schema, files = arrow_schema(columns), []
    writer = FileWriter(folder, schema, lambda path: files.append(path.read_bytes()))
    file = pq.ParquetFile(source)
    Merge(lambda unit: read_unit(file, unit, schema), lambda unit: times_of(file, unit), folder).run(
        units_of("source", file.metadata), writer.write
    )
    writer.close()
    (whole,) = files
    return whole
