"""What a JSON value becomes in a column of a given type: the coercions of the OpenX JSON SerDe.

Strings are read as numbers and numbers as strings; an object or array in a string column becomes its JSON text. What
cannot be coerced is a `BadValue`, whose message ends as the service's does: `For input string: "…"`.
"""

import json
import math
import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from decimal import ROUND_HALF_UP, Context, Decimal, InvalidOperation
from functools import partial
from typing import Any, Final, TypeAlias

import pyarrow as pa

Converter: TypeAlias = Callable[[Any], Any]

MILLISECONDS_FROM: Final = Decimal(10**12)  # an epoch number from here on is of milliseconds, below of seconds
MAX_EPOCH_DIGITS: Final = 20  # more than any year up to 9999 takes, in milliseconds
MAX_MESSAGE_TEXT: Final = 200  # characters of a value in a message: an error object has the whole in rawData
_INTEGER: Final = re.compile(r"[+-]?[0-9]{1,40}")
_NUMBER: Final = re.compile(r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]{1,9})?")
_ISO_TIMESTAMP: Final = re.compile(
    r"([0-9]{4})-([0-9]{2})-([0-9]{2})T([0-9]{2}):([0-9]{2}):([0-9]{2})(?:\.([0-9]{1,9}))?Z"
)
_SQL_TIMESTAMP: Final = re.compile(
    r"([0-9]{4})-([0-9]{1,2})-([0-9]{1,2}) ([0-9]{1,2}):([0-9]{1,2}):([0-9]{1,2})(?:\.([0-9]{1,9}))?"
)
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND: Final = timedelta(milliseconds=1)
_EARLIEST_MS: Final = (datetime(1, 1, 1, tzinfo=UTC) - _EPOCH) // _MILLISECOND
_LATEST_MS: Final = (datetime(9999, 12, 31, 23, 59, 59, 999000, tzinfo=UTC) - _EPOCH) // _MILLISECOND
_DECIMALS: Final = Context(prec=100)  # digits of the arithmetic itself: a value over 38 is refused afterwards


class BadValue(ValueError):
    """A value that does not fit its column; the message names it."""

    def __init__(self, value: Any) -> None:
        text = text_of(value)
        super().__init__(f'For input string: "{text[:MAX_MESSAGE_TEXT]}"')


class JsonNumber(str):
    """A JSON number as it was written, so that no digit is lost on the way to its column."""

    __slots__ = ()


def converter_for(kind: pa.DataType) -> Converter:
    """Return the function that turns a parsed JSON value, other than null, into a Python value for this column type.

    The function raises BadValue where the value does not fit.
    """
    if pa.types.is_struct(kind):
        return partial(_struct, {member.name: converter_for(member.type) for member in kind.fields})
    if pa.types.is_decimal(kind):
        return partial(_decimal, kind.precision, Decimal(1).scaleb(-kind.scale))
    if pa.types.is_integer(kind):
        return partial(_integer, 1 << kind.bit_width - 1)
    return _SCALARS[kind]


def text_of(value: Any) -> str:
    """A value as a string column holds it: strings and numbers as they are, anything else as compact JSON."""
    if isinstance(value, str):
        # Half of a surrogate pair cannot be said in UTF-8; Java writes a question mark.
        return value.encode("utf-8", "replace").decode("utf-8")
    return _json_text(value)


def _json_text(value: Any) -> str:
    if isinstance(value, JsonNumber):
        return value
    if isinstance(value, dict):
        members = (f"{_json_text(key)}:{_json_text(member)}" for key, member in value.items())
        return "{" + ",".join(members) + "}"
    if isinstance(value, list):
        return "[" + ",".join(map(_json_text, value)) + "]"
    return json.dumps(text_of(value) if isinstance(value, str) else value, ensure_ascii=False)


def _integer(bound: int, value: Any) -> int:
    if not isinstance(value, str) or not _INTEGER.fullmatch(text := value.strip()):
        raise BadValue(value)
    number = int(text)
    if not -bound <= number < bound:
        raise BadValue(value)
    return number


def _double(value: Any) -> float:
    if not isinstance(value, str) or not _NUMBER.fullmatch(text := value.strip()):
        raise BadValue(value)
    number = float(text)
    if not math.isfinite(number):
        raise BadValue(value)
    return number


def _boolean(value: Any) -> bool:
    if isinstance(value, bool):
        return value
    if isinstance(value, str) and value.lower() in ("true", "false"):
        return value.lower() == "true"
    raise BadValue(value)


def _decimal(precision: int, unit: Decimal, value: Any) -> Decimal:
    if not isinstance(value, str) or not _NUMBER.fullmatch(text := value.strip()):
        raise BadValue(value)
    try:
        number = Decimal(text).quantize(unit, ROUND_HALF_UP, _DECIMALS)
    except InvalidOperation:
        raise BadValue(value) from None
    if len(number.as_tuple().digits) > precision:
        raise BadValue(value)
    return number


def _timestamp(value: Any) -> int:
    """Milliseconds since the Unix epoch, UTC."""
    if not isinstance(value, str):
        raise BadValue(value)
    found = _ISO_TIMESTAMP.fullmatch(value) or _SQL_TIMESTAMP.fullmatch(value)
    milliseconds = _from_epoch(value) if found is None else _from_fields(value, found.groups())
    if not _EARLIEST_MS <= milliseconds <= _LATEST_MS:
        raise BadValue(value)
    return milliseconds


def _from_fields(value: str, fields: tuple[str | None, ...]) -> int:
    *whole, fraction = fields
    try:
        at = datetime(*(int(each or 0) for each in whole), tzinfo=UTC)  # type: ignore[arg-type,misc] # mypy: six ints
    except ValueError:
        raise BadValue(value) from None
    return (at - _EPOCH) // _MILLISECOND + int((fraction or "").ljust(3, "0")[:3])


def _from_epoch(value: str) -> int:
    if not _NUMBER.fullmatch(text := value.strip()):
        raise BadValue(value)
    number = Decimal(text)
    if number and number.adjusted() >= MAX_EPOCH_DIGITS:
        raise BadValue(value)
    milliseconds = number if abs(number) >= MILLISECONDS_FROM else number * 1000
    return math.floor(milliseconds) if milliseconds.adjusted() >= -MAX_EPOCH_DIGITS else 0


def _struct(members: dict[str, Converter], value: Any) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise BadValue(value)
    return {name: _nullable(convert, value.get(name)) for name, convert in members.items()}


def _nullable(convert: Converter, value: Any) -> Any:
    return None if value is None else convert(value)


_SCALARS: Final[dict[pa.DataType, Converter]] = {
    pa.string(): text_of,
    pa.bool_(): _boolean,
    pa.float64(): _double,
    pa.timestamp("ms"): _timestamp,
}
