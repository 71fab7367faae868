"""Files of events, in every form that `spillway load` reads."""

import gzip
import io
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from infra.loading.sources import UnreadableFile, read_entries
from tests.producers.test_exact_json import JSON_VALUES


def read(data: bytes, name: str = "events.ndjson", file_format=None) -> list[tuple[int, str]]:
    return [(entry.number, entry.text) for entry in read_entries(io.BytesIO(data), name, file_format)]


def test_ndjson_is_an_entry_a_line_and_blank_lines_do_not_count():
    assert read(b'{"a":1}\r\n\n 2 \n"x"') == [(1, '{"a":1}'), (3, "2"), (4, '"x"')]


def test_what_is_no_json_is_left_for_the_api_to_refuse():
    assert read(b"not json\n\xff\n") == [(1, "not json"), (2, "\udcff")]


@given(st.lists(JSON_VALUES), st.sampled_from([{}, {"indent": 2}, {"separators": (",", ":")}]), st.integers(3, 200))
def test_an_array_is_an_entry_an_element_whatever_its_layout(values, layout, chunk):
    with pytest.MonkeyPatch.context() as monkeypatch:
        monkeypatch.setattr("infra.loading.sources._CHUNK_CHARACTERS", chunk)
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
def test_gzip_is_told_by_its_content(data, name, count):
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
        (b"a,b\n1\n", "e.csv", "row 2 has 1 values under 2 names"),
        (b"", "e.csv", "no names"),
        (gzip.compress(b"1\n" * 1000, mtime=0)[:-9], "e.ndjson.gz", "e.ndjson.gz"),
        (b'"' + b"x" * 4_000_001, "e.ndjson", "line 1 is over"),
    ],
)
def test_a_file_that_can_not_be_read_on_is_told_with_the_place(data, name, reason):
    with pytest.raises(UnreadableFile, match=reason):
        read(data, name)


def test_an_empty_file_holds_nothing():
    assert read(b"") == []
    assert read(b"[]", "e.json") == []
