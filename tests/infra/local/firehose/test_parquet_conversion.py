"""Whole batches to Parquet: the quick way gives what the careful way gives, and a bad record harms no other."""

import json

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from infra.local.firehose.columnar_json import BatchReader, NotUniform
from infra.local.firehose.parquet_conversion import Compression, RecordConverter, parquet_file
from infra.openx.glue_types import read_columns
from infra.openx.json_rows import OpenXRules, RowReader, UnconvertibleRecord

TYPES = {
    "text": "string",
    "big": "bigint",
    "small": "int",
    "ratio": "double",
    "flag": "boolean",
    "at": "timestamp",
}
COLUMNS = read_columns([{"Name": name, "Type": kind} for name, kind in TYPES.items()])
RULES = OpenXRules()

two_digits = st.integers(0, 61).map("{:02d}".format)
iso_timestamps = st.builds(
    "{}-{}-{}T{}:{}:{}{}{}".format,
    st.sampled_from(["0000", "0001", "1600", "1969", "2026", "9999"]),
    st.integers(0, 13).map("{:02d}".format),
    two_digits,
    st.integers(0, 25).map("{:02d}".format),
    two_digits,
    two_digits,
    st.one_of(st.just(""), st.text("0123456789", min_size=1, max_size=9).map(".{}".format)),
    st.sampled_from(["Z", "Z", "Z", "", "+00:00"]),
)
scalars = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(2**64), 2**64),
    st.integers(-130, 130),
    st.floats(allow_nan=False, allow_infinity=False),
    st.text(),
    iso_timestamps,
    iso_timestamps.map(lambda text: text[:10]),
)
fitting = st.fixed_dictionaries(
    {},
    optional={
        "text": st.none() | st.text(),
        "big": st.integers(-(2**63), 2**63 - 1),
        "small": st.integers(-(2**31), 2**31 - 1),
        "ratio": st.floats(allow_nan=False, allow_infinity=False) | st.integers(-(2**70), 2**70),
        "flag": st.booleans(),
        "at": st.datetimes().map(lambda at: at.isoformat() + "Z"),
        "other": scalars | st.lists(scalars, max_size=2),
    },
)
keys = st.sampled_from([*TYPES, "Text", "BIG", "other", "", "a.b"]) | st.text(max_size=3)
anything = st.recursive(scalars, lambda inner: st.lists(inner, max_size=2) | st.dictionaries(keys, inner, max_size=2))
objects = fitting | st.dictionaries(keys, anything, max_size=4)
written = st.builds(
    lambda value, ascii_only, spaced: json.dumps(
        value, ensure_ascii=ascii_only, separators=(", ", ": ") if spaced else (",", ":")
    ).encode("utf-8", "surrogatepass"),
    objects,
    st.booleans(),
    st.booleans(),
)
odd_records = st.sampled_from([
    b'{"big":1}{"big":2}', b'{"big":1}\n{"big":2}', b'{"big":', b'1,"text":"x"}', b'{"text":"}', b'{"}', b'{"text":{}',
    b'{"big":1}\n', b"", b" ", b"[]", b"null", b'{"ratio":NaN}', b'{"other":NaN}', b'{"ratio":-Infinity}',
    b'{"big":1}\0{"big":2}', b'{"text":"\xff"}', b'{"text":"\\ud83d\\ude00"}', b'{"text":"\\udc00"}', b'{"big":-0}',
    b'{"text":"a","text":"b"}', b'{"text":"a","TEXT":"b"}', b'{"other":1,"other":2}', b'{"big":1e2}',
    b'{"ratio":1E400}', b'{"text":"\\u0000"}', b'{"at":"2026-11-23T02:34:56.1234567Z"}', b'{"at":1518033528}', b"{\n}",
    b'\xef\xbb\xbf{"big":1}', b'{"at":"1969-12-31T23:59:59.9999Z"}', b'{"ratio":1.}', b'{"ratio":+1}', b'{"text":null}',
    b'{"te\\u0078t":"x"}',
])  # fmt: skip
records = written | odd_records | written.map(lambda record: record + b"\n")


def carefully(batch: list[bytes]) -> tuple[pa.Table, list[tuple[int, str, str]]]:
    """The reference: each record by itself."""
    reader = RowReader(COLUMNS, RULES)
    rows, failed = [], []
    for index, record in enumerate(batch):
        try:
            rows.extend(reader.rows(record))
        except UnconvertibleRecord as error:
            failed.append((index, error.code, error.message))
    return reader.table(rows), failed


@settings(deadline=None)
@given(st.lists(records, min_size=1, max_size=6))
def test_a_batch_gives_what_its_records_give_one_by_one(batch: list[bytes]) -> None:
    table, failed = carefully(batch)
    converted = RecordConverter(COLUMNS, RULES).convert(batch)
    assert converted.table.combine_chunks().equals(table.combine_chunks())
    assert [(each.index, each.code, each.message) for each in converted.failed] == failed


@settings(deadline=None)
@given(st.lists(fitting, min_size=1, max_size=6))
def test_the_quick_way_alone_gives_the_same_wherever_it_answers(rows: list[dict[str, object]]) -> None:
    batch = [json.dumps(row).encode() for row in rows]
    try:
        quick = BatchReader(COLUMNS, RULES).table(batch)
    except NotUniform:
        return
    table, failed = carefully(batch)
    assert quick.combine_chunks().equals(table.combine_chunks())
    assert failed == []


def test_the_quick_way_takes_plain_rows() -> None:
    row = b'{"text":"x","big":1,"small":2,"ratio":3,"flag":true,"at":"2026-11-23T02:34:56.123Z"}'
    assert BatchReader(COLUMNS, RULES).table([row] * 5).num_rows == 5


def test_keys_nobody_asked_for_do_not_slow_a_batch_down() -> None:
    assert BatchReader(COLUMNS, RULES).table([b'{"big":1,"other":{"x":[1]}}', b'{"more":"y"}']).num_rows == 2


def test_bad_records_leave_the_rest_of_a_large_batch_converted_in_order() -> None:
    batch = [b'{"big":%d,"text":"%s"}' % (number, b"x" * 500) for number in range(5_000)]
    bad = [0, 17, 2_500, 4_999]
    for index in bad:
        batch[index] = b'{"big":"oops"}'
    converted = RecordConverter(COLUMNS, RULES).convert(batch)
    assert [each.index for each in converted.failed] == bad
    assert converted.table.column("big").to_pylist() == [number for number in range(5_000) if number not in bad]


def test_nested_columns_are_converted_too() -> None:
    columns = read_columns([{"Name": "tags", "Type": "struct<a:string>"}, {"Name": "price", "Type": "decimal(10,2)"}])
    converted = RecordConverter(columns, RULES).convert([b'{"tags":{"A":1},"price":1.5}', b'{"tags":{}}'])
    assert converted.table.num_rows == 2
    assert converted.failed == []


@pytest.mark.parametrize(("compression", "codec"), [("snappy", "SNAPPY"), ("gzip", "GZIP"), ("none", "UNCOMPRESSED")])
def test_a_parquet_file_holds_the_table_under_the_codec_asked_for(compression: Compression, codec: str) -> None:
    table = RecordConverter(COLUMNS, RULES).convert([b'{"big":1,"at":"2026-11-23T02:34:56.123Z"}']).table
    file = pq.ParquetFile(pa.BufferReader(parquet_file(table, compression)))
    assert file.metadata.row_group(0).column(1).compression == codec
    assert file.read().equals(table)


def test_timestamps_are_int64_milliseconds_in_the_file() -> None:
    table = RecordConverter(COLUMNS, RULES).convert([b'{"at":"2026-11-23T02:34:56.123Z"}']).table
    column = pq.ParquetFile(pa.BufferReader(parquet_file(table))).schema.column(list(TYPES).index("at"))
    assert (column.physical_type, json.loads(column.logical_type.to_json())["timeUnit"]) == ("INT64", "milliseconds")
