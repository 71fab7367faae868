"""Reads the names of a Parquet file's columns without pyarrow, which is too large for a Lambda function's package.

A file ends with its metadata (FileMetaData of parquet.thrift in Thrift's compact protocol), the metadata's length in
four bytes, and `PAR1`. The schema is the second field of FileMetaData. The name is the fourth field of each schema
element.
"""

from collections.abc import Iterator
from typing import Final

TAIL_BYTES: Final = 64 * 1024  # most footers are shorter
MAGIC: Final = b"PAR1"
LENGTH_AND_MAGIC_BYTES: Final = 8

_SCHEMA_FIELD: Final = 2
_NAME_FIELD: Final = 4
_CHILDREN_FIELD: Final = 5
_TRUE, _FALSE, _BYTE, _I16, _I32, _I64, _DOUBLE, _BINARY, _LIST, _SET, _, _STRUCT = range(1, 13)
_FIXED_BYTES: Final = {_TRUE: 0, _FALSE: 0, _BYTE: 1, _DOUBLE: 8}
_LONG_LIST: Final = 15


class NotParquet(ValueError):
    """The bytes are not the end of a Parquet file; the message says why."""


def footer_bytes(tail: bytes) -> int:
    """Return how many bytes at the end of a file hold its metadata.

    Args:
        tail: the file's last bytes, at least 8.

    Raises:
        NotParquet: the bytes do not end as a Parquet file does.
    """
    if len(tail) < LENGTH_AND_MAGIC_BYTES or tail[-len(MAGIC) :] != MAGIC:
        raise NotParquet("it does not end in PAR1")
    return int.from_bytes(tail[-LENGTH_AND_MAGIC_BYTES : -len(MAGIC)], "little") + LENGTH_AND_MAGIC_BYTES


def column_names(tail: bytes) -> list[str]:
    """Return the names of a file's top-level columns.

    Args:
        tail: the file's last bytes, at least `footer_bytes` of them.

    Raises:
        NotParquet: the metadata cannot be read.
    """
    reader = _Reader(tail, len(tail) - footer_bytes(tail))
    try:
        for field, kind in reader.fields():
            if field == _SCHEMA_FIELD:
                return _top_level([reader.element() for _ in range(reader.list_size())])
            reader.skip(kind)
    except (IndexError, UnicodeDecodeError) as error:
        raise NotParquet(f"its metadata cannot be read: {error}") from error
    raise NotParquet("its metadata have no schema")


def _top_level(elements: list[tuple[str, int]]) -> list[str]:
    """Return the names of the root's children. The elements are a tree in depth-first order, root first."""
    names, at = [], 1
    while at < len(elements):
        names.append(elements[at][0])
        below = elements[at][1]
        at += 1
        while below:
            below += elements[at][1] - 1
            at += 1
    return names


class _Reader:
    """Reads the parts of Thrift's compact protocol that the schema uses."""

    def __init__(self, data: bytes, at: int) -> None:
        self._data = data
        self._at = max(at, 0)

    def fields(self) -> Iterator[tuple[int, int]]:
        """Yield the number and kind of each field of the struct that begins here. Read or skip each before the next."""
        number = 0
        while header := self.byte():
            number = number + (header >> 4) if header >> 4 else self._zigzag()
            yield number, header & 0x0F

    def element(self) -> tuple[str, int]:
        """Read a schema element: its name, and how many children it has."""
        name, children = "", 0
        for field, kind in self.fields():
            if field == _NAME_FIELD:
                name = self._binary().decode()
            elif field == _CHILDREN_FIELD:
                children = self._zigzag()
            else:
                self.skip(kind)
        return name, children

    def list_size(self) -> int:
        """Read the number of elements of the list that begins here."""
        size = self.byte() >> 4
        return self.varint() if size == _LONG_LIST else size

    def skip(self, kind: int) -> None:
        """Skip a value."""
        if kind in _FIXED_BYTES:
            self._at += _FIXED_BYTES[kind]
        elif kind in (_I16, _I32, _I64):
            self.varint()
        elif kind == _BINARY:
            self._binary()
        elif kind == _STRUCT:
            for _, each in self.fields():
                self.skip(each)
        elif kind in (_LIST, _SET):
            element = self._data[self._at] & 0x0F
            for _ in range(self.list_size()):
                self._skip_element(element)
        else:
            raise NotParquet(f"its metadata have a value of kind {kind}, which FileMetaData does not have")

    def _skip_element(self, kind: int) -> None:
        """Skip an element of a list, where a boolean takes one byte."""
        self.skip(_BYTE if kind in (_TRUE, _FALSE) else kind)

    def _binary(self) -> bytes:
        length = self.varint()
        self._at += length
        if self._at > len(self._data):
            raise IndexError("a text is longer than the remaining bytes")
        return self._data[self._at - length : self._at]

    def _zigzag(self) -> int:
        number = self.varint()
        return (number >> 1) ^ -(number & 1)

    def varint(self) -> int:
        """Read a number stored as seven bits a byte, least significant first."""
        number = shift = 0
        while (byte := self.byte()) & 0x80:
            number |= (byte & 0x7F) << shift
            shift += 7
        return number | byte << shift

    def byte(self) -> int:
        """Read the next byte."""
        self._at += 1
        return self._data[self._at - 1]
