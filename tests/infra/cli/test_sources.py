"""Files of events, in every form that `spillway load` reads."""

import gzip
import io
import json
from datetime import UTC, datetime
from decimal import Decimal

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from infra.loading.sources import (
    BATCH_CHARACTERS,
    BATCH_ENTRIES,
    Entry,
    Reading,
    UnreadableFile,
    read_batches,
    read_entries,
)
from tests.json_values import JSON_VALUES


def read(data: bytes, name: str = "events.ndjson", file_format=None, **reading) -> list[tuple[int, str]]:
    entries = read_entries(io.BytesIO(data), name, Reading(file_format, **reading))
    return [(entry.number, entry.text) for entry in entries]


def test_ndjson_is_an_entry_a_line_and_blank_lines_do_not_count():
    assert read(b'{"a":1}\r\n\n 2 \n"x"') == [(1, '{"a":1}'), (3, "2"), (4, '"x"')]


def test_what_is_no_json_is_left_for_the_api_to_refuse():
    assert read(b"not json\n\xff\n") == [(1, "not json"), (2, "\udcff")]


@given(st.lists(JSON_VALUES), st.sampled_from([{}, {"indent": 2}, {"separators": (",", ":")}]), st.integers(3, 200))
def test_an_array_is_an_entry_an_element_whatever_its_layout(values, layout, chunk):
    with pytest.MonkeyPatch.context() as monkeypatch:
        monkeypatch.setattr("infra.loading.json_array._CHUNK_CHARACTERS", chunk)
        entries = read(json.dumps(values, **layout).encode(), "events.json")
    assert [number for number, _ in entries] == list(range(1, len(values) + 1))
    assert [json.loads(text) for _, text in entries] == values
    assert all("\n" not in text for _, text in entries)


def test_an_array_keeps_every_digit():
    assert read(b"[1.10, 9" + b"9" * 400 + b"]", "events.json")[0] == (1, "1.10")
    assert len(read(b"[1.10, 9" + b"9" * 400 + b"]", "events.json")[1][1]) == 401


def test_csv_is_an_object_a_row():
    data = b'carrier,flight,note\nB6,371,"late, again"\nAA,007,\n"",1e3,true\n'
    assert [json.loads(text) for _, text in read(data, "flights.csv")] == [
        {"carrier": "B6", "flight": 371, "note": "late, again"},
        {"carrier": "AA", "flight": "007", "note": None},
        {"carrier": None, "flight": 1000.0, "note": "true"},
    ]


@pytest.mark.parametrize(
    ("data", "name", "count"),
    [(b"1\n2\n", "events.ndjson.gz", 2), (b"[1,2]", "events.json.gz", 2), (b"a\n1\n", "e.csv.gz", 1)],
)
def test_gzip_is_recognised_by_its_content(data, name, count):
    assert len(read(gzip.compress(data, mtime=0), name)) == count


def test_a_json_file_that_is_no_array_is_ndjson():
    assert read(b"1\n2\n", "events.json") == [(1, "1"), (2, "2")]


def test_the_format_can_be_given():
    assert read(b"[1,2]", "events.txt", "array") == [(1, "1"), (2, "2")]


@pytest.mark.parametrize(
    ("data", "name", "reason"),
    [
        (b"[1,2", "e.json", "expected"),
        (b"[1 2]", "e.json", "expected"),
        (b"[1,}]", "e.json", "element 2 is not JSON"),
        (b"", "e.csv", "no names"),
        (gzip.compress(b"1\n" * 1000, mtime=0)[:-9], "e.ndjson.gz", "e.ndjson.gz"),
        (b'"' + b"x" * 4_000_001, "e.ndjson", "line 1 is over"),
    ],
)
def test_an_unreadable_file_is_reported_with_the_place(data, name, reason):
    with pytest.raises(UnreadableFile, match=reason):
        read(data, name)


def test_an_empty_file_holds_nothing():
    assert read(b"") == []
    assert read(b"[]", "e.json") == []


def test_a_byte_order_mark_is_dropped():
    mark = b"\xef\xbb\xbf"
    assert read(mark + b'{"a":1}\n') == [(1, '{"a":1}')]
    assert read(mark + b"a\n1\n", "e.csv") == [(2, '{"a":1}')]
    assert read(mark + b"[1]", "e.json") == [(1, "1")]
    assert read(gzip.compress(mark + b"1\n", mtime=0)) == [(1, "1")]


def test_a_ragged_row_is_a_reject_among_others():
    entries = list(read_entries(io.BytesIO(b"a,b\n1,2\n3\n4,5,6\n7,8\n"), "e.csv"))
    assert [entry.problem is None for entry in entries] == [True, False, False, True]
    assert entries[1].problem is not None
    assert entries[1].problem["message"] == "row 3 has 1 values under 2 names"
    assert entries[2].text == "4,5,6"


@pytest.mark.parametrize(
    ("data", "name", "reading"),
    [
        (b"a;b\n1;2\n", "e.csv", {"delimiter": ";"}),
        (b"a\tb\n1\t2\n", "e.tsv", {}),
        (b"a\tb\n1\t2\n", "e.txt", {"file_format": "tsv"}),
        (b"a\tb\n1\t2\n", "e.csv", {"delimiter": "\t"}),
        ("a,b\n1,2\n".encode("utf-16"), "e.csv", {"encoding": "utf-16"}),
    ],
)
def test_other_delimiters_and_encodings(data, name, reading):
    assert read(data, name, **reading) == [(2, '{"a":1,"b":2}')]


def test_latin_1_is_read_where_it_is_named():
    assert read("name\nZoë\n".encode("latin-1"), "e.csv", encoding="latin-1") == [(2, '{"name":"Zoë"}')]


@pytest.mark.parametrize(
    ("data", "name", "reason"),
    [
        ("name\nZoë\n".encode("latin-1"), "e.csv", "looks like Latin-1 .*: give --encoding latin-1"),
        ("a\n1\n".encode("utf-16"), "e.csv", "UTF-16, not UTF-8: give --encoding utf-16"),
        ("1\n".encode("utf-16"), "e.ndjson", "UTF-16, not UTF-8: give --encoding utf-16"),
        (b"a;b;c\n1;2;3\n", "e.csv", "not separated by ',' but by semicolons: give --delimiter ';'"),
        (b"a\tb\n1\t2\n", "e.csv", "by tabs: give --delimiter"),
        (b"a,b\n1,2\n", "e.tsv", "by commas: give --delimiter ','"),
        (b'{\n  "a": 1\n}\n', "e.ndjson", "JSON over several lines, .*: jq -c . FILE"),
        (b'{"a": [1,\n 2]}\n', "e.json", "JSON over several lines"),
        (b"[\n 1,\n 2\n]\n", "e.ndjson", "give --format array"),
        (b"PAR1 and then nothing", "e.parquet", "not a whole Parquet file"),
    ],
)
def test_what_a_file_is_instead_is_named_with_the_remedy(data, name, reason):
    with pytest.raises(UnreadableFile, match=reason):
        read(data, name)


def test_parquet_is_an_object_a_row_with_every_digit():
    table = pa.table(
        {
            "n": [1, None],
            "d": pa.array([Decimal("12345678901234567890.10"), None], pa.decimal128(38, 2)),
            "t": pa.array([datetime(2026, 11, 23, 2, tzinfo=UTC), None], pa.timestamp("ms", "UTC")),
            "l": [["é"], []],
            "b": [b"\x00", None],
            "f": [float("nan"), 0.5],
        }
    )
    pq.write_table(table, out := io.BytesIO())
    (first, text), (second, other) = read(out.getvalue(), "e.bin")
    assert (first, second) == (1, 2)
    assert text == (
        '{"n":1,"d":12345678901234567890.10,"t":"2026-11-23T02:00:00+00:00","l":["é"],"b":"AA==","f":"nan"}'
    )
    assert json.loads(other) == {"n": None, "d": None, "t": None, "l": [], "b": None, "f": 0.5}


@pytest.mark.parametrize("count", [BATCH_ENTRIES - 1, BATCH_ENTRIES, BATCH_ENTRIES + 1])
def test_a_batch_ends_at_its_number_of_entries(count):
    sizes = [len(batch.entries) for batch in read_batches(Entry(number, "1") for number in range(count))]
    assert sizes == ([count] if count <= BATCH_ENTRIES else [BATCH_ENTRIES, count - BATCH_ENTRIES])


@pytest.mark.parametrize(("second", "batches"), [(-1, 1), (0, 1), (1, 2)])
def test_a_batch_ends_at_its_number_of_characters(second, batches):
    first = Entry(1, "x" * 100)
    other = Entry(2, "x" * (BATCH_CHARACTERS - len(first.text) - 1 + second))
    assert len(list(read_batches([first, other]))) == batches
