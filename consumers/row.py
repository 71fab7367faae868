"""An event as a row of the table: DynamoDB's typed JSON, and its size as DynamoDB counts it."""

import re
from dataclasses import dataclass
from typing import Any, Final

from producers.event import Event, timestamp_micros
from producers.exact_json import Number

# DynamoDB quotas (Developer Guide, 2026).
MAX_ITEM_BYTES: Final = 400 * 1024
MAX_DEPTH: Final = 32
MAX_DIGITS: Final = 38
MAX_EXPONENT: Final = 125  # numbers lie between 1E-130 and 9.99...E+125
MIN_EXPONENT: Final = -130

_COLLECTION_BYTES = 3  # a list or a map costs this ...
_ELEMENT_BYTES = 1  # ... and this for each element
_NUMBER_BYTES = 21  # the most that a number takes
_PLAIN_DIGITS = 18  # a number of so few characters, without an exponent, is always in range

_NUMBER = re.compile(r"-?(\d+)(?:\.(\d+))?(?:[eE]([+-]?\d+))?")

Attribute = dict[str, Any]


class Untellable(ValueError):
    """A value that DynamoDB's own types cannot tell."""


@dataclass(frozen=True, slots=True)
class Row:
    """A row to write.

    Args:
        item: attribute name to typed value, as DynamoDB's API takes it.
        size: bytes, at least what DynamoDB counts towards its item limit.
    """

    item: dict[str, Attribute]
    size: int


def row_of(event: Event, ttl_seconds: int | None = None) -> Row:
    """The table's row for an event.

    The payload is a native value where DynamoDB can tell it, else its JSON text as `payload_json`: numbers of
    more than 38 digits or out of range, more than 32 levels, empty keys, or a value whose native form takes more room
    than an item has.

    Args:
        event: the event.
        ttl_seconds: how long after acceptance the row expires; None for never.
    """
    frame = _frame(event, ttl_seconds)
    try:
        payload, payload_bytes = _native(event.payload.value, 1)
    except Untellable:
        return text_row_of(event, ttl_seconds)
    size = frame.size + len("payload") + payload_bytes
    if size > MAX_ITEM_BYTES:
        return text_row_of(event, ttl_seconds)
    return Row({**frame.item, "payload": payload}, size)


def text_row_of(event: Event, ttl_seconds: int | None = None) -> Row:
    """The table's row for an event, the payload as JSON text."""
    frame = _frame(event, ttl_seconds)
    size = frame.size + len("payload_json") + len(event.payload.text.encode())
    return Row({**frame.item, "payload_json": {"S": event.payload.text}}, size)


def _frame(event: Event, ttl_seconds: int | None) -> Row:
    """The row without its payload."""
    item: dict[str, Attribute] = {"timestamp": {"S": event.timestamp}, "request_id": {"S": event.request_id}}
    size = len("timestamp") + len(event.timestamp) + len("request_id") + len(event.request_id.encode())
    for name, text in (("source_ip", event.source_ip), ("user_agent", event.user_agent)):
        if text is not None:
            item[name] = {"S": text}
            size += len(name) + len(text.encode())
    if ttl_seconds is not None:
        item["expires_at"] = {"N": str(timestamp_micros(event.timestamp) // 1_000_000 + ttl_seconds)}
        size += len("expires_at") + _NUMBER_BYTES
    return Row(item, size)


def _native(value: Any, depth: int) -> tuple[Attribute, int]:
    """A parsed JSON value as a typed attribute, and its bytes.

    Raises:
        Untellable: see `row_of`.
    """
    kind = type(value)
    if kind is str:
        return {"S": value}, len(value) if value.isascii() else len(value.encode())
    if kind is Number:
        return {"N": _number(value)}, min(len(value) // 2 + 2, _NUMBER_BYTES)
    if value is None:
        return {"NULL": True}, 1
    if kind is bool:
        return {"BOOL": value}, 1
    if depth > MAX_DEPTH:
        raise Untellable(f"more than {MAX_DEPTH} levels")
    size = _COLLECTION_BYTES
    if kind is list:
        elements = []
        for element in value:
            attribute, element_size = _native(element, depth + 1)
            elements.append(attribute)
            size += element_size + _ELEMENT_BYTES
        return {"L": elements}, size
    members = {}
    for key, member in value.items():
        if not key:
            raise Untellable("an empty key")
        members[key], member_size = _native(member, depth + 1)
        size += len(key.encode()) + member_size + _ELEMENT_BYTES
    return {"M": members}, size


def _number(text: str) -> str:
    """A JSON number, unchanged, if DynamoDB holds every digit of it.

    Raises:
        Untellable: more than 38 significant digits, or a magnitude out of range.
    """
    if len(text) <= _PLAIN_DIGITS and "e" not in text and "E" not in text:
        return text
    whole, fraction, exponent = _NUMBER.fullmatch(text).groups()  # type: ignore[union-attr] # the parser matched it
    digits = (whole + (fraction or "")).lstrip("0")
    significant = digits.rstrip("0")
    if not significant:
        return "0"  # such as 0e999, which DynamoDB's own reading of exponents would refuse
    if len(exponent or "") > 6:
        raise Untellable("an exponent out of range")
    magnitude = int(exponent or 0) - len(fraction or "") + len(digits) - 1
    if len(significant) > MAX_DIGITS or not MIN_EXPONENT <= magnitude <= MAX_EXPONENT:
        raise Untellable("a number of more than 38 digits or out of range")
    return text
