"""JSON read without losing a digit: numbers stay text, and every value keeps the text it was sent as.

`json.loads` would turn 1.10 into 1.1 and an integer of 400 digits into an error or infinity. Here a number
parses to `Number`, a str, and a payload travels as a slice of the text it arrived in.

msgspec checks and compacts a text many times faster than the exact parser below, and changes no token. It is given
every text first. What it refuses is read again by the exact parser, which decides, and says what is wrong and where.
docs/decisions/msgspec-at-the-door.md names where the two differ; a property test compares them.
"""

import functools
import json
import re
from collections.abc import Iterator
from typing import Any, Final, NoReturn

import msgspec

MAX_SIMPLE_DEPTH: Final = 400  # a value of fewer levels is parsed in any thread, however deep its stack is
MAX_SPLIT_COMMAS: Final = 500_000  # msgspec makes an object for each element: 50 MB for so many
MAX_CACHED_CHARACTERS: Final = 40  # of a number; 4,096 of them take less than 1 MB

_UNREAD: Final = object()


class InvalidJson(ValueError):
    """A text is not JSON that can be kept; the message says what is wrong with it, and where."""


class Number(str):
    """A JSON number as it was written."""

    __slots__ = ()


class JsonValue:
    """One JSON value.

    Args:
        text: as it was sent, without white space between its tokens.
        value: parsed, where the caller has it already.
    """

    __slots__ = ("_value", "text")

    def __init__(self, text: str, value: Any = _UNREAD) -> None:
        self.text = text
        self._value = value

    @property
    def value(self) -> Any:
        """Parsed, on first use: dict, list, str, `Number`, bool or None."""
        if self._value is _UNREAD:
            self._value = _scan(self.text, 0)[0]
        return self._value

    def __eq__(self, other: object) -> bool:
        return isinstance(other, JsonValue) and self.text == other.text

    def __hash__(self) -> int:
        return hash(self.text)

    def __repr__(self) -> str:
        return f"JsonValue({self.text!r:.200})"


def parse(text: str) -> JsonValue:
    """Read a text that is one JSON value.

    Raises:
        InvalidJson: not JSON (`NaN` and `Infinity` are not), more than one value, nested deeper than the parser
            goes (about 1,000 levels), or a string that holds half of a surrogate pair, which UTF-8 cannot say.
    """
    compact = _compacted(text)
    return JsonValue(compact) if compact is not None and _is_simple(compact) else parse_exactly(text)


def elements(text: str) -> list[JsonValue] | None:
    """The elements of a text that is a JSON array; None where only `parse_array` can say what they are."""
    compact = _compacted(text)
    if compact is None or compact.count(",") > MAX_SPLIT_COMMAS:
        return None
    texts = [str(raw, "utf-8") for raw in _split(compact)]
    return [JsonValue(text) for text in texts] if all(map(_is_simple, texts)) else None


def parse_exactly(text: str) -> JsonValue:
    """What `parse` returns and raises, by the exact parser alone."""
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


_split: Final = msgspec.json.Decoder(list[msgspec.Raw]).decode


def _compacted(text: str) -> str | None:
    """A text without white space between its tokens; None where msgspec refuses it."""
    try:
        return msgspec.json.format(text, indent=-1)
    except (msgspec.DecodeError, ValueError, RecursionError):
        return None


def _is_simple(compact: str) -> bool:
    """Whether a value is certain to have at most `MAX_SIMPLE_DEPTH` levels; each takes two brackets."""
    return len(compact) <= 2 * MAX_SIMPLE_DEPTH or compact.count("[") + compact.count("{") <= MAX_SIMPLE_DEPTH


# The numbers of a batch are mostly few; kept once each, a list of a million zeros is not a million objects.
_cached_number = functools.lru_cache(maxsize=4096)(Number)


def _number(text: str) -> Number:
    return _cached_number(text) if len(text) <= MAX_CACHED_CHARACTERS else Number(text)


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
