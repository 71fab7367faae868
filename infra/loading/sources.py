"""Files of events: NDJSON, a JSON array, CSV and TSV, each plain or gzip, and Parquet, read as a stream."""

import csv
import gzip
import io
import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, BinaryIO, Final, Literal, TextIO, cast

from infra.loading.json_array import elements
from infra.loading.recognising import refuse_encoding, refuse_one_column, refuse_pretty_json
from producers.explained import Explained

MAX_ENTRY_CHARACTERS: Final = 4_000_000  # ten times the largest event; a longer line is not an event
BATCH_ENTRIES: Final = 500
BATCH_CHARACTERS: Final = 1_000_000  # of a request, before compression; 6 MB is what the API takes

Format = Literal["ndjson", "array", "csv", "tsv", "parquet"]

_GZIP_MAGIC = b"\x1f\x8b"
_PARQUET_MAGIC = b"PAR1"
_JSON_NUMBER = re.compile(r"-?(0|[1-9]\d*)(\.\d+)?([eE][+-]?\d+)?")


class UnreadableFile(Explained):
    """A file cannot be read on; the message says which, where, why, and what to do."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One event to be in a file.

    Args:
        number: of its line (of its element in an array, of its row in a table), from 1.
        text: JSON, on one line, or what stands in the place of it.
        problem: why it cannot be an event, as an error of the API; None where it is sent.
    """

    number: int
    text: str
    problem: dict[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class Batch:
    """Consecutive entries of a file that are one request."""

    entries: tuple[Entry, ...]

    @property
    def first(self) -> int:
        """The number of the first entry."""
        return self.entries[0].number

    @property
    def last(self) -> int:
        """The number of the last entry."""
        return self.entries[-1].number


@dataclass(frozen=True, slots=True)
class Reading:
    """How a file is read; what is None is found out from the file.

    Args:
        format: of the file.
        delimiter: between the values of a row.
        encoding: of the text, such as `latin-1`.
    """

    format: Format | None = None
    delimiter: str | None = None
    encoding: str | None = None


def read_batches(entries: Iterable[Entry]) -> Iterator[Batch]:
    """Cut a file's entries into requests: by position and size alone, so that the cuts are the same every time."""
    batch: list[Entry] = []
    size = 0
    for entry in entries:
        if batch and (len(batch) == BATCH_ENTRIES or size + len(entry.text) > BATCH_CHARACTERS):
            yield Batch(tuple(batch))
            batch, size = [], 0
        batch.append(entry)
        size += len(entry.text) + 1
    if batch:
        yield Batch(tuple(batch))


def read_entries(file: BinaryIO, name: str, reading: Reading = Reading()) -> Iterator[Entry]:
    """Yield what a file holds, in order; memory is bounded by the longest entry.

    Args:
        file: open for reading, plain or gzip.
        name: of the file.
        reading: how; what is left open follows from the name (`.csv`, `.tsv`, `.json`, with `.gz` behind) and the
            first bytes.

    Raises:
        UnreadableFile: it cannot be read, is damaged, or an entry is longer than any event may be.
    """
    try:
        readable: Any = io.BufferedReader(cast("Any", file))  # a file that shows its progress is as good as a raw one
        if reading.format == "parquet" or (reading.format is None and readable.peek(4)[:4] == _PARQUET_MAGIC):
            from infra.loading.parquet import parquet_rows  # noqa: PLC0415 (pyarrow takes 0.4 s; most files need none)

            yield from (Entry(number, text) for number, text in enumerate(parquet_rows(file), 1))
            return
        if readable.peek(2).startswith(_GZIP_MAGIC):
            readable = io.BufferedReader(cast("Any", gzip.GzipFile(fileobj=readable)))
        yield from _text_entries(readable, name, reading)
    except (OSError, EOFError, csv.Error, ValueError) as error:
        raise UnreadableFile(f"{name}: {error}") from error


def _text_entries(readable: Any, name: str, reading: Reading) -> Iterator[Entry]:
    file_format = reading.format or _format_of(name, readable)
    head = readable.peek(64)
    refuse_encoding(head, file_format, reading.encoding)
    # What is not UTF-8 passes through as it is, and is refused line by line.
    encoding = reading.encoding or "utf-8-sig"
    errors = "surrogateescape" if reading.encoding is None else "strict"
    text = io.TextIOWrapper(readable, encoding=encoding, errors=errors, newline="")
    match file_format:
        case "csv" | "tsv":
            yield from _rows(text, reading.delimiter or ("\t" if file_format == "tsv" else ","))
        case "array":
            yield from (Entry(number, text) for number, text in elements(text, MAX_ENTRY_CHARACTERS))
        case _:
            refuse_pretty_json(head)
            yield from _ndjson(text)


def _format_of(name: str, readable: io.BufferedReader) -> Format:
    plain_name = name.removesuffix(".gz").lower()
    if plain_name.endswith((".csv", ".tsv")):
        return "csv" if plain_name.endswith(".csv") else "tsv"
    if plain_name.endswith(".json") and readable.peek(64).removeprefix(b"\xef\xbb\xbf").lstrip().startswith(b"["):
        return "array"
    return "ndjson"


def _ndjson(file: TextIO) -> Iterator[Entry]:
    lines = iter(lambda: file.readline(MAX_ENTRY_CHARACTERS + 1), "")
    for number, line in enumerate(lines, 1):
        if len(line) > MAX_ENTRY_CHARACTERS:
            raise ValueError(f"line {number} is over {MAX_ENTRY_CHARACTERS:,} characters; is it NDJSON?")
        if text := line.strip():
            yield Entry(number, text)


def _rows(file: TextIO, delimiter: str) -> Iterator[Entry]:
    """Rows as objects under the names of the first row: JSON numbers as numbers, nothing as null, the rest as text."""
    rows = csv.reader(file, strict=True, delimiter=delimiter)
    names = next(rows, None)
    if not names:
        raise ValueError("the first row has no names of columns")
    refuse_one_column(names, delimiter)
    quoted = [json.dumps(name, ensure_ascii=False) for name in names]
    for number, row in enumerate(rows, 2):
        if not row:
            continue
        if len(row) != len(names):
            message = f"row {number} has {len(row)} values under {len(names)} names"
            yield Entry(number, delimiter.join(row), {"code": "ragged_row", "message": message, "path": ""})
            continue
        members = (f"{name}:{_csv_value(value)}" for name, value in zip(quoted, row, strict=True))
        yield Entry(number, "{" + ",".join(members) + "}")


def _csv_value(value: str) -> str:
    if not value:
        return "null"
    return value if _JSON_NUMBER.fullmatch(value) else json.dumps(value, ensure_ascii=False)
