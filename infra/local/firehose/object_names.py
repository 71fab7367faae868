"""Names of the objects that Firehose writes: prefix expressions, and what comes after them.

The rules are those of "Understand custom prefixes for Amazon S3 objects" (Firehose developer guide): the prefix with
its `!{namespace:value}` expressions evaluated, then
`<delivery stream>-<version>-<yyyy>-<MM>-<dd>-<HH>-<mm>-<ss>-<uuid><extension>`.
"""

import random
import re
import string
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, tzinfo
from functools import partial
from typing import Final, TypeAlias
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

DEFAULT_EXTENSION: Final = ".parquet"  # what record format conversion to Parquet gives an object
MAX_PREFIX_CHARACTERS: Final = 512  # of an evaluated prefix (developer guide)
DEFAULT_TIMESTAMP: Final = "!{timestamp:yyyy/MM/dd/HH/}"
DEFAULT_ERROR_PREFIX: Final = "!{firehose:error-output-type}/" + DEFAULT_TIMESTAMP
_RANDOM_CHARACTERS: Final = 11

_EXPRESSION = re.compile(r"!\{([^:{}]*):?([^{}]*)\}")
_PATTERN_PART = re.compile(r"'((?:[^']|'')*)'|([A-Za-z])\2*|[^A-Za-z']+")
_EXTENSION = re.compile(r"(?:\.[0-9a-z!\-_.*'()]+)?")


class UnsupportedName(ValueError):
    """A prefix, time zone or extension that AWS would refuse, or that is not evaluated here; the message says which."""


@dataclass(frozen=True, slots=True)
class _Object:
    """What an expression may ask about an object."""

    oldest: datetime
    error_output_type: str


_Part: TypeAlias = Callable[[_Object], str]


class ObjectNames:
    """Gives the keys of one delivery stream's objects.

    Args:
        delivery_stream: its name.
        version: its configuration's version, `1` for a new one.
        prefix: of data objects. Where it has no timestamp expression, `yyyy/MM/dd/HH/` is appended.
        error_prefix: of error objects; nothing is appended. Empty: `<error output type>/yyyy/MM/dd/HH/`.
        extension: of data objects instead of `.parquet`; error objects have none.
        time_zone: for everything dated in a key, an IANA name.

    Raises:
        UnsupportedName: an expression that can't be evaluated.
    """

    def __init__(
        self,
        delivery_stream: str,
        version: str,
        *,
        prefix: str = "",
        error_prefix: str = "",
        extension: str = "",
        time_zone: str = "UTC",
    ) -> None:
        if not _EXTENSION.fullmatch(extension):
            raise UnsupportedName(f"file extension {extension!r}: a dot, then lower-case letters, digits or !-_.*'()")
        if not error_prefix and "!{" in prefix:
            raise UnsupportedName("a prefix with expressions needs an error output prefix")
        if error_prefix and "!{firehose:error-output-type}" not in error_prefix:
            raise UnsupportedName("the error output prefix must contain !{firehose:error-output-type}")
        self._stem = f"{delivery_stream}-{version}-"
        self._zone = _zone(time_zone)
        self._extension = extension or DEFAULT_EXTENSION
        dated = "!{timestamp:" in prefix
        self._prefix = _parse_prefix(prefix if dated else prefix + DEFAULT_TIMESTAMP, error=False)
        self._error_prefix = _parse_prefix(error_prefix or DEFAULT_ERROR_PREFIX, error=True)

    def data_key(self, oldest_arrival_ms: int) -> str:
        """A new key for a data object.

        Args:
            oldest_arrival_ms: approximate arrival of the oldest record in it, Unix milliseconds. The prefix is
                evaluated at that instant (documented), the name's own date too (not documented to the letter).
        """
        return self._key(self._prefix, oldest_arrival_ms, "") + self._extension

    def error_key(self, error_output_type: str, oldest_arrival_ms: int) -> str:
        """A new key for an error object.

        Args:
            error_output_type: `processing-failed` or `format-conversion-failed`.
            oldest_arrival_ms: as for a data object.
        """
        return self._key(self._error_prefix, oldest_arrival_ms, error_output_type)

    def _key(self, prefix: list[_Part], oldest_arrival_ms: int, error_output_type: str) -> str:
        oldest = datetime.fromtimestamp(oldest_arrival_ms / 1000, UTC).astimezone(self._zone)
        named = _Object(oldest, error_output_type)
        evaluated = "".join(part(named) for part in prefix)
        return f"{evaluated}{self._stem}{oldest:%Y-%m-%d-%H-%M-%S}-{uuid.uuid4()}"


def _zone(name: str) -> tzinfo:
    try:
        return UTC if name == "UTC" else ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError):
        raise UnsupportedName(f"time zone {name!r} is not known on this machine") from None


def _parse_prefix(prefix: str, *, error: bool) -> list[_Part]:
    parts: list[_Part] = []
    end = 0
    for expression in _EXPRESSION.finditer(prefix):
        parts.append(partial(_constant, prefix[end : expression.start()]))
        parts.append(_expression(expression[1], expression[2], error=error))
        end = expression.end()
    parts.append(partial(_constant, prefix[end:]))
    latest_possible = _Object(datetime(2000, 12, 30, 20, 50, 50, tzinfo=UTC), "format-conversion-failed")
    if len("".join(part(latest_possible) for part in parts)) > MAX_PREFIX_CHARACTERS:
        raise UnsupportedName(f"prefix {prefix!r} evaluates to more than {MAX_PREFIX_CHARACTERS} characters")
    return parts


def _expression(namespace: str, value: str, *, error: bool) -> _Part:
    if namespace == "timestamp" and value:
        return _timestamp(value)
    if (namespace, value) == ("firehose", "random-string"):
        return _random_string
    if (namespace, value) == ("firehose", "error-output-type") and error:
        return _error_output_type
    raise UnsupportedName(
        f"!{{{namespace}:{value}}} cannot be evaluated here: known are timestamp:<pattern>, firehose:random-string "
        "and, for errors, firehose:error-output-type (dynamic partitioning is not run locally)"
    )


def _constant(text: str, _object: _Object) -> str:
    return text


def _random_string(_object: _Object) -> str:
    return "".join(random.choices(string.ascii_letters + string.digits, k=_RANDOM_CHARACTERS))  # noqa: S311 (a name)


def _error_output_type(named: _Object) -> str:
    return named.error_output_type


def _timestamp(pattern: str) -> _Part:
    """Turn a Java DateTimeFormatter pattern into a function of the object's oldest arrival."""
    parts: list[_Part] = []
    end = 0
    for token in _PATTERN_PART.finditer(pattern):
        if token.start() != end:
            break
        end = token.end()
        if token[2]:
            parts.append(_letters(token[0], pattern))
        else:
            quoted = token[1]
            text = token[0] if quoted is None else quoted.replace("''", "'") or "'"
            parts.append(partial(_constant, text))
    if end != len(pattern):
        raise UnsupportedName(f"timestamp pattern {pattern!r}: a quote is left open")
    return lambda named: "".join(part(named) for part in parts)


def _letters(letters: str, pattern: str) -> _Part:
    """One run of a pattern letter, such as `yyyy`."""
    letter, width = letters[0], len(letters)
    if letter in _NUMBERS and width <= _NUMBERS[letter][0]:
        return partial(_padded, _NUMBERS[letter][1], width)
    if letter in "yu":
        return partial(_year, width)
    if letter in _TEXTS and width in _TEXTS[letter]:
        return partial(_strftime, _TEXTS[letter][width])
    if letter == "S" and width <= 9:
        return partial(_fraction, width)
    raise UnsupportedName(f"timestamp pattern {pattern!r}: {letters!r} is not evaluated here")


_NUMBERS: Final[dict[str, tuple[int, Callable[[datetime], int]]]] = {
    "M": (2, lambda at: at.month),
    "d": (2, lambda at: at.day),
    "H": (2, lambda at: at.hour),
    "h": (2, lambda at: at.hour % 12 or 12),
    "m": (2, lambda at: at.minute),
    "s": (2, lambda at: at.second),
    "D": (3, lambda at: at.timetuple().tm_yday),
}
_TEXTS: Final = {
    "M": {3: "%b", 4: "%B"},
    "E": {1: "%a", 2: "%a", 3: "%a", 4: "%A"},
    "a": {1: "%p"},
}


def _padded(field: Callable[[datetime], int], width: int, named: _Object) -> str:
    return f"{field(named.oldest):0{width}d}"


def _year(width: int, named: _Object) -> str:
    year = named.oldest.year
    return f"{year % 100:02d}" if width == 2 else f"{year:0{width}d}"


def _strftime(directive: str, named: _Object) -> str:
    return named.oldest.strftime(directive)


def _fraction(width: int, named: _Object) -> str:
    return f"{named.oldest.microsecond * 1000:09d}"[:width]
