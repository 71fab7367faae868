"""The names of a file's columns, read from its end without pyarrow."""

import contextlib
import io
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from archive.compaction.parquet_footer import NotParquet, column_names, footer_bytes

TYPES = [
    pa.int8(), pa.int64(), pa.float64(), pa.bool_(), pa.string(), pa.binary(), pa.timestamp("ms"),
    pa.timestamp("us", "UTC"), pa.decimal128(38, 9), pa.date32(), pa.list_(pa.int32()),
    pa.struct([("x", pa.string()), ("y", pa.list_(pa.struct([("z", pa.int32())])))]), pa.map_(pa.string(), pa.int64()),
]  # fmt: skip


def a_file(schema: pa.Schema, **options) -> bytes:
    sink = io.BytesIO()
    pq.write_table(schema.empty_table(), sink, **options)
    return sink.getvalue()


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.text(min_size=1, max_size=20), st.sampled_from(TYPES)), unique_by=lambda each: each[0]))
def test_the_names_are_those_that_pyarrow_reads(fields):
    schema = pa.schema([pa.field(name, kind) for name, kind in fields if name.isprintable()])
    assert column_names(a_file(schema)) == schema.names


def test_a_file_with_rows_metadata_and_many_columns_is_read(tmp_path):
    schema = pa.schema([(f"c{number}", pa.string()) for number in range(400)], metadata={"a": "b" * 100_000})
    table = pa.Table.from_pylist([{"c0": "x"}] * 3, schema)
    pq.write_table(table, tmp_path / "x", row_group_size=1)
    body = (tmp_path / "x").read_bytes()
    tail = body[-footer_bytes(body[-8:]) :]
    assert column_names(tail) == schema.names


def test_the_footer_is_exactly_as_long_as_it_says():
    body = a_file(pa.schema([("a", pa.int32())]))
    length = footer_bytes(body)
    assert column_names(body[-length:]) == ["a"]
    assert length == footer_bytes(body[-length:])


@pytest.mark.parametrize(
    "body", [b"", b"PAR1", b"1234567", b"no Parquet file at all", b"\xff" * 40 + b"\x28\0\0\0PAR1"]
)
def test_other_bytes_are_refused(body):
    with pytest.raises(NotParquet):
        column_names(body)


@settings(max_examples=200, deadline=None)
@given(st.data())
def test_damaged_metadata_are_refused_or_read_and_never_crash(data):
    fields: dict[str, Any] = {"a": pa.int32(), "b": pa.string()}
    body = bytearray(a_file(pa.schema(list(fields.items()))))
    start = len(body) - footer_bytes(bytes(body))
    at = data.draw(st.integers(start, len(body) - 9))
    body[at] = data.draw(st.integers(0, 255))
    with contextlib.suppress(NotParquet):
        assert isinstance(column_names(bytes(body)), list)
