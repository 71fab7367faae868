"""Turns the stream's bytes into rows of the lake: the JSON that Firehose converts. Each event is parsed once.

msgspec reads an ordinary event: one that is not a replay, and whose values fit their columns. `producers.event.decode`
reads everything else, such as a replayed event, an escaped surrogate or invalid bytes. `decode` defines what an event
is; a property test compares the two readers.
"""

import functools
from collections.abc import Callable
from typing import Annotated, Any, Final

import msgspec

from archive.lake.columns import REPLAYS_MEMBER, Column, Kind
from archive.lake.typed_values import Fit, fit_for
from producers.envelope import Envelope, micros_of_second, read_envelope
from producers.event import Event, decode
from producers.replay_mark import LAKE

# Kinds whose values msgspec reads and writes in the form that the converter takes. Integers may have any size. Dates
# are excluded, because msgspec rounds fractions finer than a microsecond.
_PLAIN: Final[dict[Kind, Any]] = {
    Kind.TEXT: str | None,
    Kind.INTEGER: Annotated[int, msgspec.Meta(ge=-(1 << 63), le=(1 << 63) - 1)] | None,
    Kind.NUMBER: float | None,
    Kind.BOOLEAN: bool | None,
}
_UNFIT: Final = object()
_ABSENT: Final = msgspec.Raw(b"null")


_write_json: Final = msgspec.json.Encoder().encode


class RowWriter:
    """Writes rows with the given columns.

    A payload is parsed directly into a row, so its properties fill the row's typed columns. The event's own columns are
    set afterwards; they replace properties of the same name.

    Args:
        columns: columns of the lake, both the envelope's and the payload's.
    """

    def __init__(self, columns: tuple[Column, ...]) -> None:
        own = [column.name for column in columns if column.property is None]
        typed = [(f"p{index}", column) for index, column in enumerate(columns) if column.property is not None]
        fields = [(attribute, _PLAIN.get(column.kind, msgspec.Raw), None) for attribute, column in typed]
        self._row = msgspec.defstruct(
            "Row",
            [*((name, Any, None) for name in (*own, REPLAYS_MEMBER)), *fields],
            rename={attribute: column.name for attribute, column in typed},
            omit_defaults=True,  # the defaults are nulls
        )
        self._read_row = msgspec.json.Decoder(self._row).decode
        self._is_direct = all(column.name == column.property for _, column in typed)
        self._checked = [(attribute, _cell_of(column)) for attribute, column in typed if column.kind not in _PLAIN]
        self._cells = [(attribute, fit_for(column), str(column.property)) for attribute, column in typed]
        properties = msgspec.defstruct(
            "Properties",
            [(attribute, msgspec.Raw, _ABSENT) for attribute, *_ in self._cells],
            rename={attribute: name for attribute, _, name in self._cells},
        )
        self._read_properties = msgspec.json.Decoder(properties).decode

    def row(self, data: bytes) -> bytes | None:
        """Return the row of an event as one JSON object; None for an event that was replayed only to the table.

        Raises:
            producers.event.PoisonEvent: the bytes are not an event.
        """
        row = self._row_of_accepted(data)
        if row is None:
            event = decode(data)
            row = self.row_of(event) if event.is_bound_for(LAKE) else None
        return row

    def row_of(self, event: Event) -> bytes:
        """Return the row of an event, even when it was replayed only to the table."""
        # If Firehose cannot convert the row, replay reads the count of replays back from the error object.
        replays = None if event.replay is None else event.replay.count
        return self._write(event, event.payload.text.encode(), event.payload.text, replays)

    def _row_of_accepted(self, data: bytes) -> bytes | None:
        """Return the row of an ordinary event; None when the bytes might be anything else."""
        envelope = read_envelope(data)
        if envelope is None:
            return None
        payload = bytes(envelope.payload)
        try:
            return self._write(envelope, payload, payload.decode(), None)
        except (msgspec.DecodeError, ValueError, RecursionError):
            return None

    def _write(self, event: Event | Envelope, payload: bytes, text: str, replays: int | None) -> bytes:
        row: Any = self._read_typed(payload) if text[0] == "{" else self._row()
        at = event.timestamp
        row.timestamp = f"{at[:-4]}Z"
        row.timestamp_micros = micros_of_second(at[:19]) + int(at[20:26])
        row.request_id = event.request_id
        row.source_ip = event.source_ip
        row.user_agent = event.user_agent
        row.payload = text
        row.spillway_replays = replays
        return _write_json(row)

    def _read_typed(self, payload: bytes) -> Any:
        """Return a row with its typed columns filled, and with `_mismatches` if some values do not fit."""
        if not self._is_direct:
            return self._read_carefully(payload)
        try:
            row: Any = self._read_row(payload)
        except msgspec.DecodeError:
            return self._read_carefully(payload)  # a value does not fit, or has an unusual notation
        for attribute, cell_of in self._checked:
            value = getattr(row, attribute)
            if value is not None:
                cell = cell_of(value)
                if cell is _UNFIT:
                    return self._read_carefully(payload)
                if cell is not value:
                    setattr(row, attribute, cell)
        row._mismatches = None  # noqa: SLF001 (the name of a column)
        return row

    def _read_carefully(self, payload: bytes) -> Any:
        """Do the work of `_read_typed` one column at a time, from the text of each value."""
        row: Any = self._row()
        properties, mismatches = self._read_properties(payload), []
        for attribute, fit, name in self._cells:
            value = str(getattr(properties, attribute), "utf-8")
            if value != "null":
                cell = fit(value)
                if cell is None:
                    mismatches.append(name)
                else:
                    setattr(row, attribute, msgspec.Raw(cell.encode()))
        if mismatches:
            row._mismatches = _write_json(mismatches).decode()  # noqa: SLF001 (the name of a column)
        return row


def _cell_of(column: Column) -> Callable[[Any], Any]:
    """Return the function from a value that msgspec read to a row's cell; `_UNFIT` asks for `_read_carefully`."""
    if column.kind in (Kind.OBJECT, Kind.ARRAY):
        return functools.partial(_json_text, "{" if column.kind is Kind.OBJECT else "[")
    return functools.partial(_fitted, fit_for(column))


def _json_text(opening: str, raw: msgspec.Raw) -> Any:
    text = str(raw, "utf-8")
    if text[0] == opening:
        return text
    return None if text == "null" else _UNFIT


def _fitted(fit: Fit, raw: msgspec.Raw) -> Any:
    text = str(raw, "utf-8")
    if text == "null":
        return None
    cell = fit(text)
    if cell is text:
        return raw
    return _UNFIT if cell is None else msgspec.Raw(cell.encode())


@functools.cache
def writer_for(columns: tuple[Column, ...]) -> RowWriter:
    """The writer of these columns; every call returns the same one."""
    return RowWriter(columns)


def row_of(event: Event, columns: tuple[Column, ...]) -> str:
    """Return an event as a row of the lake: one JSON object, with a member for each column that has a value."""
    return writer_for(columns).row_of(event).decode()
