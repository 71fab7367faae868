"""Files of events: NDJSON, a JSON array, CSV, each plain or gzip, read as a stream."""

import contextlib
import csv
import gzip
import io
import json
import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, BinaryIO, Final, Literal, TextIO, cast

from producers.explained import Explained

MAX_ENTRY_CHARACTERS: Final = 4_000_000  # ten times the largest event; what is longer is no line of events

Format = Literal["ndjson", "array", "csv"]

_GZIP_MAGIC = b"\x1f\x8b"
_CHUNK_CHARACTERS = 1 << 20
_JSON_NUMBER = re.compile(r"-?(0|[1-9]\d*)(\.\d+)?([eE][+-]?\d+)?")
_decoder = json.JSONDecoder(parse_int=str, parse_float=str)


class UnreadableFile(Explained):
    """A file cannot be read on; the message says which, where, and why."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One event to be in a file.

    Args:
        number: of its line (of its element in an array, of its row in CSV), from 1.
        text: JSON, on one line, or what stands in the place of it.
    """

    number: int
    text: str


def read_entries(file: BinaryIO, name: str, file_format: Format | None = None) -> Iterator[Entry]:
    """Yield what a file holds, in order; memory is bounded by the longest entry.

    Args:
        file: open for reading, plain or gzip.
        name: of the file.
        file_format: told from the name (`.csv`, `.json`, with `.gz` behind) and the first character if left out.

    Raises:
        UnreadableFile: it cannot be read, is damaged, or an entry is longer than any event may be.
    """
    try:
        text = _as_text(file)
        match file_format or _format_of(name, text):
            case "csv":
                yield from _csv(text)
            case "array":
                yield from _array(text)
            case _:
                yield from _ndjson(text)
    except (OSError, EOFError, csv.Error, ValueError) as error:
        raise UnreadableFile(f"{name}: {error}") from error


def _as_text(file: BinaryIO) -> TextIO:
    readable: Any = io.BufferedReader(cast("Any", file))  # a file that shows its progress is as good as a raw one
    if readable.peek(2).startswith(_GZIP_MAGIC):
        readable = io.BufferedReader(cast("Any", gzip.GzipFile(fileobj=readable)))
    # What is not UTF-8 passes through as it is, for the API to refuse, line by line.
    return io.TextIOWrapper(readable, encoding="utf-8", errors="surrogateescape", newline="")


def _format_of(name: str, text: TextIO) -> Format:
    plain_name = name.removesuffix(".gz")
    if plain_name.endswith(".csv"):
        return "csv"
    if plain_name.endswith(".json") and cast("io.BufferedReader", text.buffer).peek(64).lstrip().startswith(b"["):
        return "array"
    return "ndjson"


def _ndjson(file: TextIO) -> Iterator[Entry]:
    lines = iter(lambda: file.readline(MAX_ENTRY_CHARACTERS + 1), "")
    for number, line in enumerate(lines, 1):
        if len(line) > MAX_ENTRY_CHARACTERS:
            raise ValueError(f"line {number} is over {MAX_ENTRY_CHARACTERS:,} characters; is it NDJSON?")
        if text := line.strip():
            yield Entry(number, text)


def _csv(file: TextIO) -> Iterator[Entry]:
    """Rows as objects under the names of the first row: JSON numbers as numbers, nothing as null, the rest as text."""
    rows = csv.reader(file, strict=True)
    names = next(rows, None)
    if not names:
        raise ValueError("the first row has no names of columns")
    for number, row in enumerate(rows, 2):
        if not row:
            continue
        if len(row) != len(names):
            raise ValueError(f"row {number} has {len(row)} values under {len(names)} names")
        members = (f"{json.dumps(name)}:{_csv_value(value)}" for name, value in zip(names, row, strict=True))
        yield Entry(number, "{" + ",".join(members) + "}")


def _csv_value(value: str) -> str:
    if not value:
        return "null"
    return value if _JSON_NUMBER.fullmatch(value) else json.dumps(value)


def _array(file: TextIO) -> Iterator[Entry]:
    """The elements of one JSON array, each as the text it has in the file, on one line."""
    buffer = _Buffer(file)
    buffer.expect("[")
    if buffer.next_character() == "]":
        return
    for number in range(1, sys.maxsize):
        yield Entry(number, buffer.take_value(number).replace("\r", " ").replace("\n", " "))
        if buffer.next_character() == "]":
            return
        buffer.expect(",")


class _Buffer:
    """The part of a file that was read and not yet taken."""

    def __init__(self, file: TextIO) -> None:
        self._file = file
        self._text = ""
        self._at_end = False

    def next_character(self) -> str:
        """The next character that is no white space; empty at the end of the file."""
        self._text = self._text.lstrip()
        while not self._text and not self._at_end:
            self._read_on()
            self._text = self._text.lstrip()
        return self._text[:1]

    def expect(self, character: str) -> None:
        """Take one character."""
        if self.next_character() != character:
            raise ValueError(f"expected {character!r} in the array, found {self._text[:20]!r}")
        self._text = self._text[1:]

    def take_value(self, number: int) -> str:
        """Take one JSON value, reading on until it is whole."""
        self.next_character()
        while True:
            with contextlib.suppress(ValueError):
                _, end = _decoder.raw_decode(self._text)
                rest = self._text[end:]
                if self._at_end or rest.strip("0123456789.eE+-"):  # else a number may go on in what is not read yet
                    value, self._text = self._text[:end], rest
                    return value
            if self._at_end or len(self._text) > MAX_ENTRY_CHARACTERS:
                raise ValueError(f"element {number} is not JSON, or over {MAX_ENTRY_CHARACTERS:,} characters")
            self._read_on()

    def _read_on(self) -> None:
        chunk = self._file.read(_CHUNK_CHARACTERS)
        self._at_end = not chunk
        self._text += chunk
