"""Many files into sorted rows without duplicates."""

from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from archive.compaction.merging import NARROW, Merge, Merged, Unit
from archive.compaction.parquet_files import FileWriter, UnreadableFile, conform, read_unit, times_of, units_of
from archive.lake.columns import ENVELOPE, arrow_schema

SCHEMA = arrow_schema(ENVELOPE)
KEYS = ["timestamp_micros", "request_id"]


def a_table(keys: list[tuple[int, str]], width: int = 1) -> pa.Table:
    rows = [
        {"timestamp": at // 1000, "timestamp_micros": at, "request_id": name, "payload": f'"{at}{"x" * width}"'}
        for at, name in keys
    ]
    return pa.Table.from_pylist(rows, SCHEMA)


class Files:
    """Row groups in memory, as a merge sees them."""

    def __init__(self, tables: list[pa.Table], *, statistics: bool = True, batch_rows: int = 3) -> None:
        self._tables = tables
        self._batch_rows = batch_rows
        self.units = []
        for number, table in enumerate(tables):
            times: list[Any] = table["timestamp_micros"].to_pylist()
            known = statistics and bool(times)
            first, last = (min(times), max(times)) if known else (None, None)
            self.units.append(Unit(str(number), 0, table.num_rows, first, last))

    def read(self, unit: Unit):
        table = self._tables[int(unit.source)]
        for start in range(0, table.num_rows, self._batch_rows):
            yield table.slice(start, self._batch_rows)

    def times(self, unit: Unit):
        for batch in self.read(unit):
            yield batch["timestamp_micros"]


def merged(files: Files, folder: Path, **sizes: int) -> tuple[Merged, list[tuple[int, str]], list[pa.Table]]:
    tables: list[pa.Table] = []
    result = Merge(files.read, files.times, folder, **sizes).run(files.units, tables.append)
    keys = [tuple(row.values()) for table in tables for row in table.select(KEYS).to_pylist()]
    return result, keys, tables


keys = st.lists(st.tuples(st.integers(-5, 20).map(lambda n: n * 700_000), st.sampled_from("abc")), max_size=12)


@settings(max_examples=150, deadline=None)
@given(st.lists(keys, max_size=6), st.booleans(), st.sampled_from([1, 200, 100_000]), st.sampled_from([0, 500, 10**9]))
def test_every_key_comes_out_once_and_in_order(tmp_path_factory, tables, statistics, slice_bytes, waiting_bytes):
    files = Files([a_table(each) for each in tables], statistics=statistics)
    result, found, _ = merged(
        files, tmp_path_factory.mktemp("merge"), slice_bytes=slice_bytes, waiting_bytes=waiting_bytes
    )
    every = [key for table in tables for key in table]
    assert found == sorted(set(every))
    assert result == Merged(len(found), len(every) - len(found))


def test_slices_are_about_as_large_as_asked(tmp_path):
    hour = [(second * 1_000_000, f"{second:04d}-{n}") for second in range(600) for n in range(5)]
    files = Files([a_table(hour[start::7], 100) for start in range(7)], batch_rows=100)
    size = a_table(hour[:300], 100).nbytes
    _, found, tables = merged(files, tmp_path, slice_bytes=size)
    assert len(found) == 3000
    assert max(table.nbytes for table in tables) < 2 * size
    assert 8 <= len(tables) <= 12


def test_late_events_do_not_make_the_slices_of_the_rest_larger(tmp_path):
    """A file from yesterday to now is not taken to be spread over the day."""
    hour = [(NARROW * 50 + second * 1_000_000, f"{second:04d}-{n}") for second in range(600) for n in range(5)]
    late = [(0, "late"), *hour[::3]]
    files = Files([a_table(late, 100), a_table(hour, 100)], batch_rows=100)
    size = a_table(hour[:300], 100).nbytes
    _, found, tables = merged(files, tmp_path, slice_bytes=size)
    assert found == sorted({*late, *hour})
    assert max(table.nbytes for table in tables) < 3 * size


def test_what_waits_too_long_waits_on_disk_and_leaves_nothing_there(tmp_path):
    hour = [(second * 1_000_000, f"{second:04d}") for second in range(1000)]
    files = Files([a_table(hour[start::4], 200) for start in range(4)], batch_rows=50)
    most = []
    merge = Merge(files.read, files.times, tmp_path, slice_bytes=20_000, waiting_bytes=40_000)
    hold = merge._hold

    def watched(number, rows):
        hold(number, rows)
        most.append(merge._waiting)

    merge._hold = watched  # type: ignore[method-assign] # to see what it holds
    found: list[pa.Table] = []
    merge.run(files.units, found.append)
    assert sum(table.num_rows for table in found) == 1000
    assert merge._spills > 0
    assert max(most) <= 40_000
    assert list(tmp_path.iterdir()) == []


def test_an_error_of_the_writer_ends_the_merge(tmp_path):
    files = Files([a_table([(n, "a")]) for n in range(0, 50_000_000, 1_000_000)])

    def full(_: pa.Table) -> None:
        raise OSError("no space left")

    with pytest.raises(OSError, match="no space left"):
        Merge(files.read, files.times, tmp_path, slice_bytes=1).run(files.units, full)


def test_files_end_where_they_are_large_enough_and_hold_everything(tmp_path):
    paths: list[Path] = []
    writer = FileWriter(tmp_path, SCHEMA, paths.append, file_bytes=6_000, row_group_bytes=4_000)
    for start in range(0, 1000, 50):
        writer.write(a_table([(n * 1_000_003, f"{n * 7919:08d}") for n in range(start, start + 50)], 20))
    writer.close()
    assert len(paths) > 2
    assert all(6_000 <= path.stat().st_size <= 20_000 for path in paths[:-1])
    read = [key for path in paths for key in pq.read_table(path)["timestamp_micros"].to_pylist()]
    assert read == [n * 1_000_003 for n in range(1000)]
    metadata = pq.read_metadata(paths[0])
    assert metadata.row_group(0).column(0).compression == "ZSTD"
    units = units_of("x", metadata)
    assert [unit.first for unit in units] == sorted(unit.first or 0 for unit in units)
    assert units[0].first == 0


def test_a_file_of_an_older_schema_is_read_in_the_present_columns(tmp_path):
    path = tmp_path / "old.parquet"
    pq.write_table(a_table([(1, "a")]).drop_columns(["_mismatches", "user_agent"]), path)
    file = pq.ParquetFile(path)
    (unit,) = units_of("old", file.metadata)
    (read,) = read_unit(file, unit, SCHEMA)
    assert read.schema == SCHEMA
    assert read["user_agent"].to_pylist() == [None]
    assert [list(times.to_pylist()) for times in times_of(file, unit)] == [[1]]


def test_a_timestamp_of_a_finer_unit_is_cut_to_milliseconds():
    table = pa.table({"timestamp": pa.array([1_234_567_891], pa.timestamp("ns"))})
    read = conform(table, pa.schema([("timestamp", pa.timestamp("ms"))]), "file")
    assert read["timestamp"].cast(pa.int64()).to_pylist() == [1234]


def test_a_column_of_another_type_is_refused_by_name():
    table = pa.table({"flight": ["x"]})
    with pytest.raises(UnreadableFile, match="file: column flight is string, the lake's is int64"):
        conform(table, pa.schema([("flight", pa.int64())]), "file")


def test_a_file_without_the_key_is_refused():
    sink = pa.BufferOutputStream()
    pq.write_table(pa.table({"a": [1]}), sink)
    with pytest.raises(UnreadableFile, match="no column timestamp_micros"):
        units_of("file", pq.read_metadata(pa.BufferReader(sink.getvalue())))
