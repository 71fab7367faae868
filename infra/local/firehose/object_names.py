"""Names of the objects that Firehose writes: prefix expressions, and what comes after them.

The rules are in "Understand custom prefixes for Amazon S3 objects" (Firehose developer guide): the prefix with
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
_RUN = re.compile(r"[A-Za-z]+|[^A-Za-z]+")
# What the prefixes of our settings use. AWS takes any pattern of Java's DateTimeFormatter.
_FIELDS: Final = {"yyyy": "%Y", "MM": "%m", "dd": "%d", "HH": "%H", "mm": "%M", "ss": "%S"}
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
    """Turn a pattern, of Java's DateTimeFormatter on AWS, into a function of the object's oldest arrival."""
    directives = [_FIELDS.get(letters, letters.replace("%", "%%")) for letters in _RUN.findall(pattern)]
    if unknown := [each for each in directives if each[0].isalpha() or "'" in each]:
        raise UnsupportedName(
            f"timestamp pattern {pattern!r}: {unknown[0]!r} is not evaluated locally; use {', '.join(_FIELDS)}"
        )
    return partial(_strftime, "".join(directives))


def _strftime(directives: str, named: _Object) -> str:
    return named.oldest.strftime(directives)
