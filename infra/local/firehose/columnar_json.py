"""The OpenX JSON SerDe for whole batches: Arrow reads many records at once, without the interpreter.

It reads a batch only where every value has its column's own JSON type, under the column's own key, so that no value
needs a coercion. It then returns exactly the values of `infra.openx.json_rows` (a property test compares the two).
Otherwise it refuses the batch. The caller divides it, and reads single records by `infra.openx.json_rows`.
"""

from collections.abc import Sequence
from typing import IO, Any, Final, cast

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.json

from infra.openx.glue_types import Column
from infra.openx.json_rows import OpenXRules

_ISO_TIMESTAMP: Final = r"^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]{1,6})?Z$"
_PLAIN_DECIMAL: Final = r"^-?[0-9]{1,38}(\.[0-9]{1,38})?$"
# 0001-01-01: Arrow reads a year 0, the service and Python do not.
_YEAR_ONE_US: Final = pa.scalar(-62_135_596_800_000_000, pa.int64())
_YEAR_ONE_MS: Final = pa.scalar(-62_135_596_800_000, pa.int64())
_THOUSAND: Final = pa.scalar(1000, pa.int64())
# How a column is read where it is not read as its own type.
_READ_AS: Final[dict[pa.DataType, pa.DataType]] = {
    pa.timestamp("ms"): pa.string(),
}
_READ_DIRECTLY: Final = frozenset({
    pa.string(), pa.bool_(), pa.float64(), pa.int32(), pa.int64(),
})  # fmt: skip


class NotUniform(Exception):
    """A batch that asks for a closer look: a coercion, an unusual key, or a record that is not JSON."""


class BatchReader:
    """Reads batches of records into Arrow tables.

    Args:
        columns: of the table.
        rules: the SerDe's options.
    """

    def __init__(self, columns: Sequence[Column], rules: OpenXRules) -> None:
        self._columns = columns
        self._rules = rules
        self._keys = [rules.column_key(column.name) for column in columns]
        # Nested types are left to infra.openx.json_rows: Arrow nests by rules of its own.
        self.suits = len(set(self._keys)) == len(columns) and all(
            column.type in _READ_DIRECTLY or _read_as(column.type) != column.type for column in columns
        )
        if self.suits:
            self._parse_options = pyarrow.json.ParseOptions(
                explicit_schema=pa.schema(
                    [(key, _read_as(column.type)) for key, column in zip(self._keys, columns, strict=True)]
                ),
                unexpected_field_behavior="infer",
            )

    def table(self, records: Sequence[bytes]) -> pa.Table:
        """The rows of these records, in their order.

        Raises:
            NotUniform: not every record is plain enough.
        """
        if not self.suits or not records:
            raise NotUniform
        text = _lines(records)
        try:
            read = pyarrow.json.read_json(
                cast("IO[bytes]", pa.BufferReader(text)),  # the stubs know files only
                read_options=pyarrow.json.ReadOptions(use_threads=False, block_size=len(text) + 1),
                parse_options=self._parse_options,
            )
            self._check_other_keys(read.column_names, text)
            read.validate(full=True)  # half of a surrogate pair, escaped, would be invalid UTF-8
            arrays = [_finish(read.column(key), column.type) for key, column in self._with_keys()]
        except pa.ArrowException:
            raise NotUniform from None
        return pa.table(arrays, names=[column.name for column in self._columns])

    def _with_keys(self) -> list[tuple[str, Column]]:
        return list(zip(self._keys, self._columns, strict=True))

    def _check_other_keys(self, found: list[str], text: bytes) -> None:
        """Keys that are no column's are dropped, unless they could be a column's in other letters."""
        others = set(found).difference(self._keys)
        if any(self._rules.key(key) in self._keys for key in others):
            raise NotUniform
        if others and (b"NaN" in text or b"Inf" in text):  # Arrow takes them for numbers; JSON does not have them
            raise NotUniform


def _read_as(kind: pa.DataType) -> pa.DataType:
    """Decimals are read as strings, which keep their digits, or left to infra.openx.json_rows."""
    return pa.string() if pa.types.is_decimal(kind) else _READ_AS.get(kind, kind)


def _lines(records: Sequence[bytes]) -> bytes:
    """The records as lines; with a check that each is a sequence of whole objects if all of it together is.

    A line feed inside a JSON string is refused by the parser, and an object cannot begin inside another one where the
    text before ended in a brace. So where every record begins and ends in a brace, no object spans two of them.
    """
    if records[0].endswith(b"\n"):
        records = [record.strip(b" \t\r\n") for record in records]
    if {record[:1] for record in records} != {b"{"} or {record[-1:] for record in records} != {b"}"}:
        raise NotUniform
    text = b"\n".join(records)
    if b"\0" in text:  # ends the text for Arrow's parser
        raise NotUniform
    if not text.isascii():
        try:
            text.decode("utf-8")
        except UnicodeDecodeError:
            raise NotUniform from None
    return text


def _finish(values: "pa.ChunkedArray[Any]", kind: pa.DataType) -> "pa.ChunkedArray[Any]":
    """Turn a column as it was read into the column's own type."""
    if kind == pa.timestamp("ms"):
        return _timestamps(values)
    if pa.types.is_decimal(kind):
        _require(pc.match_substring_regex(values, _PLAIN_DECIMAL))
        return values.cast(kind)  # what would lose a digit raises, and is rounded by infra.openx.json_rows
    if pa.types.is_floating(kind):
        _require(pc.is_finite(values))
    return values


def _timestamps(values: "pa.ChunkedArray[Any]") -> "pa.ChunkedArray[Any]":
    _require(pc.match_substring_regex(values, _ISO_TIMESTAMP))
    microseconds = values.cast(pa.timestamp("us", "UTC")).cast(pa.int64())
    _require(pc.greater_equal(microseconds, _YEAR_ONE_US))
    # Counted from year one, so that cutting goes the same way before 1970 as after.
    milliseconds = pc.divide(pc.subtract(microseconds, _YEAR_ONE_US), _THOUSAND)
    return pc.add(milliseconds, _YEAR_ONE_MS).cast(pa.timestamp("ms"))


def _require(holds: "pa.Array[Any] | pa.ChunkedArray[Any]") -> None:
    """Go on only where it holds for every value; nulls pass."""
    if pc.all(holds).as_py() is False:
        raise NotUniform
