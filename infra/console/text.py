"""Values as text on a page: an event's bytes are shown, never obeyed."""

import codecs
import json
from datetime import UTC, datetime
from typing import Any, Final

from infra.terminal import shown
from infra.value_text import NULL, text_of

CELL_CHARACTERS: Final = 200
PAYLOAD_CHARACTERS: Final = 4_000
HEX_BYTES: Final = 512


def plain(value: object, most: int = CELL_CHARACTERS, keep: str = "") -> str:
    """A value on a page: control characters written out, and cut with a note of its length.

    Args:
        value: may come from an event, so from anybody. Jinja escapes what this returns.
        most: characters.
        keep: control characters that stay, such as a line feed in a block of text.
    """
    text = NULL if value is None else text_of(value)
    cut = text[:most]  # before writing out: a payload has up to a megabyte
    more = f"… ({len(text):,} characters)" if len(text) > most else ""
    return shown(cut, keep=keep) + more


def block(value: object, most: int = PAYLOAD_CHARACTERS) -> str:
    """A value of several lines."""
    return plain(value, most, "\n")


def bytes_text(data: bytes) -> str:
    """Bytes as text where they are UTF-8, else in hexadecimal, sixteen to a line."""
    head = data[: PAYLOAD_CHARACTERS * 4]
    try:
        return block(codecs.getincrementaldecoder("utf-8")().decode(head, final=len(head) == len(data)))
    except UnicodeDecodeError:
        lines = [f"{at:06x}  {data[at : at + 16].hex(' ')}" for at in range(0, min(len(data), HEX_BYTES), 16)]
        more = [f"… {len(data) - HEX_BYTES:,} bytes more"] if len(data) > HEX_BYTES else []
        return "\n".join(lines + more)


def pretty_json(value: Any) -> str:
    """A JSON value over several lines."""
    return block(json.dumps(value, indent=2, ensure_ascii=False))


def count(number: float | None) -> str:
    """A number with its thousands separated."""
    if number is None:
        return "unknown"
    return f"{number:,.0f}" if float(number).is_integer() or abs(number) >= 100 else f"{number:,.1f}"


def size(number: float) -> str:
    """Bytes in the unit that people would use."""
    value = float(number)
    for unit in ("bytes", "KiB", "MiB", "GiB"):
        if value < 1024 or unit == "GiB":
            return f"{value:,.0f} {unit}" if unit == "bytes" else f"{value:,.1f} {unit}"
        value /= 1024
    raise AssertionError


def dollars(number: float) -> str:
    """US dollars."""
    return f"${number:,.2f}"


def seconds(number: float | None) -> str:
    """A duration."""
    if number is None:
        return "over a minute"
    if number < 90:
        return f"{number:.1f} s"
    return f"{number / 60:.0f} min" if number < 5_400 else f"{number / 3_600:.1f} h"


def millisecond(value: str) -> str:
    """A time of an event, as it stands on the stream: UTC, to the millisecond, where it has so many digits."""
    return plain(value.replace("T", " "))[: len("2026-11-23 02:30:00.000")]


def moment(value: datetime | float | str) -> str:
    """A time: UTC, to the second."""
    if isinstance(value, str):
        return plain(value.replace("T", " "))[:19]
    at = datetime.fromtimestamp(value, UTC) if isinstance(value, int | float) else value
    return f"{at:%Y-%m-%d %H:%M:%S}"


FILTERS: Final = {
    "plain": plain,
    "block": block,
    "bytes_text": bytes_text,
    "pretty_json": pretty_json,
    "count": count,
    "size": size,
    "dollars": dollars,
    "seconds": seconds,
    "millisecond": millisecond,
    "moment": moment,
}
