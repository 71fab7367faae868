"""A value as text: as Athena writes it, as JSON, and as a number of things."""

import json
import math
import re
from datetime import datetime
from typing import Any, Final

NULL: Final = "NULL"  # as people see it
_OBEYED_IN_JSON: Final = re.compile("[\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]")


def text_of(value: Any) -> str:
    """A value as Athena writes it: numbers without separators, nothing for null."""
    if value is None:
        return ""
    if isinstance(value, float):
        return _float(value)
    if isinstance(value, datetime):
        return value.isoformat(sep=" ", timespec="milliseconds").removesuffix("+00:00")
    if isinstance(value, bytes):
        return value.hex(" ")
    if isinstance(value, dict | list | tuple):
        return json_text(value)
    return str(value).lower() if isinstance(value, bool) else str(value)


def count_of(number: int, thing: str, things: str | None = None) -> str:
    """A number of things, such as `1 entry` and `2,000 entries`."""
    return f"{number:,} {thing if number == 1 else things or thing + 's'}"


def json_text(value: Any) -> str:
    r"""A value as JSON: decimals, times and bytes as text, also NaN and the infinities, which JSON lacks.

    What a terminal would obey stands as `\u` and four digits, which is the same text to a reader of JSON.
    """
    return shown_json(json.dumps(_plain(value), default=text_of, ensure_ascii=False, allow_nan=False))


def shown_json(text: str) -> str:
    r"""JSON with `\u` and four digits for every character that a terminal would obey.

    Args:
        text: JSON on one line, in which such characters stand within strings alone.
    """
    return _OBEYED_IN_JSON.sub(lambda found: f"\\u{ord(found[0]):04x}", text)


def _plain(value: Any) -> Any:
    """A value without the numbers that JSON lacks."""
    if isinstance(value, float) and not math.isfinite(value):
        return _float(value)
    if isinstance(value, dict):
        return {str(name): _plain(each) for name, each in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(each) for each in value]
    return value


def _float(value: float) -> str:
    if math.isnan(value):
        return "NaN"
    return repr(value) if math.isfinite(value) else ("Infinity" if value > 0 else "-Infinity")
