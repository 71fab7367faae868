"""JSON read without losing a digit: numbers stay text, and every value keeps the text it was sent as.

`json.loads` would turn 1.10 into 1.1 and an integer of 400 digits into an error or infinity. Here a number
parses to `Number`, a str, and a payload travels as a slice of the text it arrived in.
"""

import functools
import json
import re
from collections.abc import Iterator
from typing import Any, NamedTuple, NoReturn


class InvalidJson(ValueError):
    """A text is not JSON that can be kept; the message says what is wrong with it, and where."""


class Number(str):
    """A JSON number as it was written."""

    __slots__ = ()


class JsonValue(NamedTuple):  # made for every event, in half the time of a frozen data class
    """One JSON value.

    Args:
        text: as it was sent, without white space between its tokens.
        value: parsed: dict, list, str, `Number`, bool or None.
    """

    text: str
    value: Any


def parse(text: str) -> JsonValue:
    """Parse a text that is one JSON value.

    Raises:
        InvalidJson: not JSON (`NaN` and `Infinity` are not), more than one value, nested deeper than the parser
            goes (about 1,000 levels), or a string that holds half of a surrogate pair, which UTF-8 cannot say.
    """
    start = _skip_space(text, 0)
    value, end = _scan(text, start)
    _expect_end(text, end)
    return checked(_compact(text[start:end]), value)


def parse_array(text: str) -> Iterator[tuple[str, Any]]:
    """Yield the elements of a text that is a JSON array, each as its own compact text and parsed value.

    Lone surrogates are left for `checked`, so that one such element does not spoil its neighbours.

    Raises:
        InvalidJson: as `parse`; raised on the way, so collect the elements before using any.
    """
    at = _skip_space(text, _skip_space(text, 0) + 1)
    if text.startswith("]", at):
        _expect_end(text, at + 1)
        return
    while True:
        value, end = _scan(text, at)
        yield _compact(text[at:end]), value
        at = _skip_space(text, end)
        if text.startswith("]", at):
            _expect_end(text, at + 1)
            return
        if not text.startswith(",", at):
            raise InvalidJson(f"expected ',' or ']' at character {at}")
        at = _skip_space(text, at + 1)


def checked(text: str, value: Any) -> JsonValue:
    """Make a `JsonValue` of a compact text and its parsed value.

    Raises:
        InvalidJson: a string in it holds half of a surrogate pair.
    """
    if "\\u" in text and _SURROGATE_ESCAPE.search(text):
        try:
            json.dumps(value, ensure_ascii=False).encode()
        except UnicodeEncodeError:
            raise InvalidJson("a string holds half of a surrogate pair (\\ud800 to \\udfff alone)") from None
    return JsonValue(text, value)


def _refuse(constant: str) -> NoReturn:
    raise InvalidJson(f"{constant} is not JSON; send null or a string instead")


# The numbers of a batch are mostly few; kept once each, a list of a million zeros is no million of objects.
_number = functools.lru_cache(maxsize=4096)(Number)
_decoder = json.JSONDecoder(parse_int=_number, parse_float=_number, parse_constant=_refuse)
_TOKEN = re.compile(r'"[^"\\]*(?:\\.[^"\\]*)*"|[^\s"]+')
_SPACE = re.compile(r"[ \t\r\n]*")
_SURROGATE_ESCAPE = re.compile(r"\\u[dD][89a-fA-F]")


def _scan(text: str, at: int) -> tuple[Any, int]:
    """Parse the value that begins at a character; return it and where it ends."""
    try:
        return _decoder.raw_decode(text, at)
    except json.JSONDecodeError as error:
        raise InvalidJson(f"{error.msg} at character {error.pos}") from None
    except RecursionError:
        raise InvalidJson("nested too deeply; about 1,000 levels are the limit") from None


def _compact(text: str) -> str:
    """Drop the white space between tokens."""
    if " " in text or "\n" in text or "\t" in text or "\r" in text:
        return "".join(_TOKEN.findall(text))
    return text


def _skip_space(text: str, at: int) -> int:
    return _SPACE.match(text, at).end()  # type: ignore[union-attr] # the pattern matches the empty string


def _expect_end(text: str, at: int) -> None:
    if _skip_space(text, at) != len(text):
        raise InvalidJson(f"there is more after the JSON value, at character {at}")
