"""Fits a payload's values to the lake's typed columns: each becomes JSON that Firehose converts, or is a mismatch.

Values are read and written as text, so that no digit is lost. JSON has several notations for some values, such as
`1e2` for a bigint or an offset in a date-time. The value is written in the notation that Firehose is known to read.
"""

import functools
import re
from collections.abc import Callable
from datetime import UTC, date, datetime
from decimal import Decimal
from json.encoder import encode_basestring_ascii as quote
from math import isfinite
from typing import Final, TypeAlias

from archive.lake.columns import Column, Kind, decimal_digits

Fit: TypeAlias = Callable[[str], str | None]  # from a value's JSON text to a cell's; None if the value does not fit

_SAFE_DIGITS: Final = 18  # an integer of up to this many characters fits in 64 bits
_SAFE_NUMBER: Final = 25  # a number of up to this many characters, without exponent, is a finite double
_MOST_DIGITS: Final = 100  # of an integer or decimal with an exponent; one with more digits fits no column
_BIGINT: Final = 1 << 63
_UTC: Final = re.compile(r'"(\d{4}-\d\d-\d\d)T(?:[01]\d|2[0-3]):[0-5]\d:[0-5]\d(?:\.\d{3})?Z"', re.ASCII)
# RFC 3339, which JSON Schema's format date-time names; upper or lower case.
_DATE_TIME: Final = re.compile(r'"(\d{4}-\d\d-\d\d)[Tt ](\d\d:\d\d:\d\d)(\.\d+)?(?:[Zz]|([+-]\d\d:\d\d))"', re.ASCII)
_NUMBER_TEXT: Final = re.compile(r'"?(-?\d+(?:\.\d+)?(?:[eE][+-]?\d{1,4})?)"?', re.ASCII)


def fit_for(column: Column) -> Fit:
    """Return the function that writes a property's value as its column holds it."""
    if column.kind is Kind.DECIMAL:
        return functools.partial(_decimal, *decimal_digits(column.type))
    return _FITS[column.kind]


def _text(value: str) -> str | None:
    return value if value[0] == '"' else None


def _boolean(value: str) -> str | None:
    return value if value in ("true", "false") else None


def _object(value: str) -> str | None:
    return quote(value) if value[0] == "{" else None


def _array(value: str) -> str | None:
    return quote(value) if value[0] == "[" else None


def _integer(value: str) -> str | None:
    if len(value) <= _SAFE_DIGITS and (value.isdigit() or (value[0] == "-" and value[1:].isdigit() and value != "-0")):
        return value
    if value[0] not in "-0123456789" or not (found := _NUMBER_TEXT.fullmatch(value)):
        return None
    number = Decimal(found[1])  # JSON Schema: 1.0 and 1e2 are integers
    if not number:
        return "0"
    if number.adjusted() > _MOST_DIGITS or number != number.to_integral_value():
        return None
    whole = int(number)
    return str(whole) if -_BIGINT <= whole < _BIGINT else None


def _number(value: str) -> str | None:
    if value[0] not in "-0123456789":
        return None
    if len(value) <= _SAFE_NUMBER and "e" not in value and "E" not in value:
        return value
    number = float(value)
    return repr(number) if isfinite(number) else None


def _date_time(value: str) -> str | None:
    if (plain := _UTC.fullmatch(value)) and _is_day(plain[1]):
        return value
    found = _DATE_TIME.fullmatch(value)
    if not found:
        return None
    try:
        day, time, fraction, offset = found.groups()
        # Cut to milliseconds first, so that the result does not depend on how fromisoformat rounds further digits.
        at = datetime.fromisoformat(f"{day}T{time}{((fraction or '.') + '000')[:4]}{offset or 'Z'}").astimezone(UTC)
    except (ValueError, OverflowError):  # the day or second does not exist, or the year in UTC is outside 1 to 9999
        return None
    return f'"{at.isoformat(timespec="milliseconds")[:-6]}Z"'


@functools.lru_cache(maxsize=4096)
def _is_day(text: str) -> bool:
    try:
        date.fromisoformat(text)
    except ValueError:
        return False
    return True


def _decimal(precision: int, scale: int, value: str) -> str | None:
    """Write a decimal as a string of digits, because a reader may parse a JSON number as a double."""
    found = _NUMBER_TEXT.fullmatch(value)
    if not found or value.startswith('"') != value.endswith('"'):
        return None
    number = Decimal(found[1])
    if number and (number.adjusted() >= precision - scale or len(found[1]) > _MOST_DIGITS):
        return None
    sign, digits, exponent = number.as_tuple()
    text = "".join(map(str, digits))
    assert isinstance(exponent, int)  # noqa: S101 (the pattern lets no NaN or infinity in)
    if exponent >= 0:
        text, exponent = text + "0" * (exponent if number else 0), 0
    whole, fraction = (text[:exponent] or "0", text[exponent:].rjust(-exponent, "0")) if exponent else (text, "")
    fraction = fraction.rstrip("0")
    if len(fraction) > scale:
        return None
    point = f".{fraction.ljust(scale, '0')}" if scale else ""
    return f'"{"-" if sign and number else ""}{whole}{point}"'


_FITS: Final[dict[Kind, Fit]] = {
    Kind.TEXT: _text,
    Kind.INTEGER: _integer,
    Kind.NUMBER: _number,
    Kind.BOOLEAN: _boolean,
    Kind.DATE_TIME: _date_time,
    Kind.OBJECT: _object,
    Kind.ARRAY: _array,
}
