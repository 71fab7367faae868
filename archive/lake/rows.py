"""Events as rows of the lake, from the stream's bytes to the JSON that Firehose converts, each parsed once.

An event that was accepted in the ordinary way, with values that fit, is read by msgspec. Everything else (a replayed
event, an escaped surrogate, other bytes) is read by `producers.event.decode`, which alone says what an event is; a
property test compares the two.
"""

import functools
import re
from collections.abc import Callable
from typing import Annotated, Any, Final

import msgspec

from archive.lake.columns import REPLAYS_MEMBER, Column, Kind
from archive.lake.typed_values import Fit, fit_for
from producers.event import MAX_REQUEST_ID_BYTES, Event, decode, timestamp_micros
from producers.replay_mark import LAKE

# Kinds whose values msgspec reads and writes as the converter takes them; its own integers may be any. Dates are not
# among them: it rounds what is finer than a microsecond.
_PLAIN: Final[dict[Kind, Any]] = {
    Kind.TEXT: str | None,
    Kind.INTEGER: Annotated[int, msgspec.Meta(ge=-(1 << 63), le=(1 << 63) - 1)] | None,
    Kind.NUMBER: float | None,
    Kind.BOOLEAN: bool | None,
}
_UNFIT: Final = object()
_ABSENT: Final = msgspec.Raw(b"null")
_BEFORE_PAYLOAD: Final = b',"payload":'
_AFTER_PAYLOAD: Final = len("}")
_TIMESTAMP: Final = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z", re.ASCII)
_SURROGATE: Final = re.compile(rb"\\u[dD][89a-fA-F]")


class _Envelope(msgspec.Struct, forbid_unknown_fields=True):
    """The members that `producers.event.encode` writes for an event as accepted."""

    version: msgspec.Raw
    timestamp: str
    request_id: str
    source_ip: str | None
    user_agent: str | None
    trace: str | None
    payload: msgspec.Raw


_write_json: Final = msgspec.json.Encoder().encode
_read_envelope: Final = msgspec.json.Decoder(_Envelope).decode


class RowWriter:
    """Writes rows with the given columns.

    A payload is read into the row itself: what its properties give lies in the row's typed columns at once, and the
    event's own columns are set over whatever the payload has under their names.

    Args:
        columns: of the lake; those of payload properties are filled beside the envelope's.
    """

    def __init__(self, columns: tuple[Column, ...]) -> None:
        own = [column.name for column in columns if column.property is None]
        typed = [(f"p{index}", column) for index, column in enumerate(columns) if column.property is not None]
        fields = [(attribute, _PLAIN.get(column.kind, msgspec.Raw), None) for attribute, column in typed]
        self._row = msgspec.defstruct(
            "Row",
            [*((name, Any, None) for name in (*own, REPLAYS_MEMBER)), *fields],
            rename={attribute: column.name for attribute, column in typed},
            omit_defaults=True,  # which are nulls
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
        """The row of an event's bytes, one JSON object; None for an event put back for the table alone.

        Raises:
            producers.event.PoisonEvent: the bytes are not an event.
        """
        row = self._row_of_accepted(data)
        if row is None:
            event = decode(data)
            row = self.row_of(event) if event.is_bound_for(LAKE) else None
        return row

    def row_of(self, event: Event) -> bytes:
        """The row of an event, wherever it is bound."""
        # The count of replays is to be read again from the error object, where the row cannot be converted.
        replays = None if event.replay is None else event.replay.count
        return self._write(event, event.payload.text.encode(), event.payload.text, replays)

    def _row_of_accepted(self, data: bytes) -> bytes | None:
        """The row of bytes that are, beyond doubt, an event as accepted."""
        try:
            envelope = _read_envelope(data)
            payload = bytes(envelope.payload)
            if (
                data.find(_BEFORE_PAYLOAD) + len(_BEFORE_PAYLOAD) + len(payload) + _AFTER_PAYLOAD != len(data)
                or bytes(envelope.version) != b"1"
                or not _TIMESTAMP.fullmatch(envelope.timestamp)
                or not 1 <= len(envelope.request_id) <= MAX_REQUEST_ID_BYTES // 4  # characters of up to four bytes
                or (b"\\" in data and _SURROGATE.search(data))
            ):
                return None
            return self._write(envelope, payload, payload.decode(), None)
        except (msgspec.DecodeError, ValueError, RecursionError):
            return None

    def _write(self, event: Event | _Envelope, payload: bytes, text: str, replays: int | None) -> bytes:
        row: Any = self._read_typed(payload) if text[0] == "{" else self._row()
        at = event.timestamp
        row.timestamp = f"{at[:-4]}Z"
        row.timestamp_micros = _micros_of_second(at[:19]) + int(at[20:26])
        row.request_id = event.request_id
        row.source_ip = event.source_ip
        row.user_agent = event.user_agent
        row.payload = text
        row.spillway_replays = replays
        return _write_json(row)

    def _read_typed(self, payload: bytes) -> Any:
        """A row with the typed columns filled, and `_mismatches` where there are any."""
        if not self._is_direct:
            return self._read_carefully(payload)
        try:
            row: Any = self._read_row(payload)
        except msgspec.DecodeError:
            return self._read_carefully(payload)  # a value does not fit, or is written in an unusual way
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
        """The same, each column by itself from the text of its value."""
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
    """What stands in a row for a value that msgspec read; `_UNFIT` sends the payload to the careful reading."""
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


@functools.lru_cache(maxsize=4096)
def _micros_of_second(second: str) -> int:
    """Microseconds since the epoch at a second such as `2026-11-23T02:34:56`; many events share one."""
    return timestamp_micros(f"{second}Z")


@functools.cache
def writer_for(columns: tuple[Column, ...]) -> RowWriter:
    """The one writer of these columns."""
    return RowWriter(columns)


def row_of(event: Event, columns: tuple[Column, ...]) -> str:
    """An event as a row of the lake: one JSON object, a member for each column that has a value."""
    return writer_for(columns).row_of(event).decode()
