"""An event as a row of the table: DynamoDB's typed JSON, and its size as DynamoDB counts it.

The JSON is written in one pass over the parsed payload. A tree of typed values for botocore to validate and serialise
again would cost several times as much.
"""

import re
from dataclasses import dataclass
from json.encoder import encode_basestring_ascii as quote
from typing import Any, Final

import msgspec

from producers.envelope import timestamp_micros
from producers.event import Event
from producers.exact_json import JsonValue, Number

# DynamoDB quotas (Developer Guide, 2026).
MAX_ITEM_BYTES: Final = 400 * 1024
MAX_DEPTH: Final = 32
MAX_DIGITS: Final = 38

_COLLECTION_BYTES = 3  # a list or a map costs this ...
_ELEMENT_BYTES = 1  # ... and this for each element
_NUMBER_BYTES = 21  # the most that a number takes

# A number that DynamoDB returns as it was written. It trims the zeros that end a fraction (1.10 becomes 1.1) and the
# sign of -0, and writes exponents out (1.5E2 becomes 150): recorded on real tables, 2026. Java writes a number below
# 0.000001 with an exponent, and DynamoDB may do so too.
_UNCHANGED = re.compile(r"0|-?[1-9]\d*(?:\.\d*[1-9])?|-?0\.(?!000000)\d*[1-9]")


_TOO_LARGE: Final = 10**MAX_DIGITS
_MINUS_ZERO: Final = re.compile(r"(?:^|[\[:,])-0(?![.eE])")  # as a number in compact JSON, and in some strings
_read_tree: Final = msgspec.json.Decoder(float_hook=Number).decode


class NotNative(ValueError):
    """A value that DynamoDB's own types cannot hold as it was sent."""


@dataclass(frozen=True, slots=True)
class Row:
    """A row to write.

    Args:
        item: attribute name to typed value, the JSON that DynamoDB's API takes.
        size: bytes, at least what DynamoDB counts towards its item limit.
        is_native: whether the payload is a native value.
    """

    item: str
    size: int
    is_native: bool


def row_of(event: Event, ttl_seconds: int | None = None) -> Row:
    """The table's row for an event.

    The payload is a native value where DynamoDB returns it as it was sent, else its JSON text as `payload_json`. It is
    text where it has a number that DynamoDB would return in another form (1.10, 1.0, -0, 1e3) or that has more than 38
    digits, more than 32 levels, an empty key, or a native form larger than an item.

    Args:
        event: the event.
        ttl_seconds: how long after acceptance the row expires; None for never.
    """
    frame, frame_bytes = _frame(event, ttl_seconds)
    parts = [frame, '"payload":']
    try:
        size = frame_bytes + len("payload") + _write_native(_tree_of(event.payload), parts, 1)
    except NotNative:
        return text_row_of(event, ttl_seconds)
    if size > MAX_ITEM_BYTES:
        return text_row_of(event, ttl_seconds)
    parts.append("}")
    return Row("".join(parts), size, is_native=True)


def _tree_of(payload: JsonValue) -> Any:
    """A payload parsed: whole numbers are int, others `Number`; all are `Number` where int would lose a sign."""
    if "-0" not in payload.text or not _MINUS_ZERO.search(payload.text):
        try:
            return _read_tree(payload.text)
        except (msgspec.DecodeError, ValueError, RecursionError):  # an integer of thousands of digits, for one
            pass
    return payload.value


def text_row_of(event: Event, ttl_seconds: int | None = None) -> Row:
    """The table's row for an event, the payload as JSON text."""
    frame, frame_bytes = _frame(event, ttl_seconds)
    size = frame_bytes + len("payload_json") + len(event.payload.text.encode())
    return Row(f'{frame}"payload_json":{{"S":{quote(event.payload.text)}}}}}', size, is_native=False)


def _frame(event: Event, ttl_seconds: int | None) -> tuple[str, int]:
    """The start of the item's JSON, up to where the payload goes, and its bytes."""
    item = f'{{"timestamp":{{"S":"{event.timestamp}"}},"request_id":{{"S":{quote(event.request_id)}}},'
    size = len("timestamp") + len(event.timestamp) + len("request_id") + len(event.request_id.encode())
    for name, text in (("source_ip", event.source_ip), ("user_agent", event.user_agent)):
        if text is not None:
            item += f'"{name}":{{"S":{quote(text)}}},'
            size += len(name) + len(text.encode())
    if ttl_seconds is not None:
        item += f'"expires_at":{{"N":"{timestamp_micros(event.timestamp) // 1_000_000 + ttl_seconds}"}},'
        size += len("expires_at") + _NUMBER_BYTES
    return item, size


def _write_native(value: Any, parts: list[str], depth: int) -> int:
    """Append a parsed JSON value as a typed one, and return its bytes.

    Raises:
        NotNative: see `row_of`.
    """
    kind = type(value)
    if kind is str:
        parts.append(f'{{"S":{quote(value)}}}')
        return len(value) if value.isascii() else len(value.encode())
    if kind is int or kind is Number:
        text = _number(value) if kind is Number else _integer(value)
        parts.append(f'{{"N":"{text}"}}')
        return min(len(text) // 2 + 2, _NUMBER_BYTES)
    if value is None or kind is bool:
        parts.append('{"NULL":true}' if value is None else f'{{"BOOL":{"true" if value else "false"}}}')
        return 1
    if depth > MAX_DEPTH:
        raise NotNative(f"more than {MAX_DEPTH} levels")
    return _write_list(value, parts, depth) if kind is list else _write_map(value, parts, depth)


def _write_list(value: list[Any], parts: list[str], depth: int) -> int:
    size = _COLLECTION_BYTES + len(value) * _ELEMENT_BYTES
    separator = '{"L":['
    for element in value:
        parts.append(separator)
        size += _write_native(element, parts, depth + 1)
        separator = ","
    parts.append("]}" if value else '{"L":[]}')
    return size


def _write_map(value: dict[str, Any], parts: list[str], depth: int) -> int:
    size = _COLLECTION_BYTES + len(value) * _ELEMENT_BYTES
    separator = '{"M":{'
    for key, member in value.items():
        if not key:
            raise NotNative("an empty key")
        size += len(key) if key.isascii() else len(key.encode())
        if type(member) is str:  # most members are texts: without a call
            parts.append(f'{separator}{quote(key)}:{{"S":{quote(member)}}}')
            size += len(member) if member.isascii() else len(member.encode())
        else:
            parts.append(f"{separator}{quote(key)}:")
            size += _write_native(member, parts, depth + 1)
        separator = ","
    parts.append("}}" if value else '{"M":{}}')
    return size


def _integer(value: int) -> str:
    if not -_TOO_LARGE < value < _TOO_LARGE:
        raise NotNative(f"a number of more than {MAX_DIGITS} digits")
    return str(value)


def _number(text: str) -> str:
    """A JSON number, if DynamoDB returns it as it was written.

    Raises:
        NotNative: more than 38 digits, an exponent, zeros that end a fraction, or -0.
    """
    if len(text) - text.count("-") - text.count(".") > MAX_DIGITS:
        raise NotNative(f"a number of more than {MAX_DIGITS} digits")
    if not _UNCHANGED.fullmatch(text):
        raise NotNative(f"DynamoDB would return {text} in another form")
    return text
