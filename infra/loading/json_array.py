"""The elements of one JSON array, each as the text that it has in the file."""

import contextlib
import json
import sys
from collections.abc import Iterator
from typing import TextIO

_CHUNK_CHARACTERS = 1 << 20
_decoder = json.JSONDecoder(parse_int=str, parse_float=str)


def elements(file: TextIO, most_characters: int) -> Iterator[tuple[int, str]]:
    """Each element's number, from 1, and its text on one line.

    Args:
        file: with one array.
        most_characters: of an element.

    Raises:
        ValueError: it is not an array, or an element is not JSON, or too long.
    """
    buffer = _Buffer(file, most_characters)
    buffer.expect("[")
    if buffer.next_character() == "]":
        return
    for number in range(1, sys.maxsize):
        yield number, buffer.take_value(number).replace("\r", " ").replace("\n", " ")
        if buffer.next_character() == "]":
            return
        buffer.expect(",")


class _Buffer:
    """The part of a file that was read and not yet taken."""

    def __init__(self, file: TextIO, most_characters: int) -> None:
        self._file = file
        self._most = most_characters
        self._text = ""
        self._at_end = False

    def next_character(self) -> str:
        """The next character that is not white space; empty at the end of the file."""
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
            if self._at_end or len(self._text) > self._most:
                raise ValueError(f"element {number} is not JSON, or over {self._most:,} characters")
            self._read_on()

    def _read_on(self) -> None:
        chunk = self._file.read(_CHUNK_CHARACTERS)
        self._at_end = not chunk
        self._text += chunk
