"""Errors of a query, shown in the SQL that was given."""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from producers.explained import Explained

MAX_MESSAGE: Final = 300  # characters; a message may quote a whole payload
_POSITION: Final = re.compile(r"line (\d+):(\d+): *(.*)", re.DOTALL)
_KIND: Final = re.compile(r"^(?:[A-Z]\w+ )+Error: ")
_HINTS: Final = re.compile(r"\s*(?:Candidate functions:|Use TRY\(|LINE \d).*", re.DOTALL)  # what only DuckDB takes
_TOKEN: Final = re.compile(r"\w+|[^\w\s]")
_CLOSED: Final = re.compile(r"""'[^']*'|"[^"]*"|--[^\n]*|/\*.*?\*/""", re.DOTALL)


class QueryFailed(Explained):
    """A query failed; the message is for people."""


@dataclass(frozen=True, slots=True)
class Position:
    """A place in a text, both from 1."""

    line: int
    column: int


def pointed(sql: str, message: str, position: Position | None) -> str:
    """A message with the line of SQL that it is about, and a caret under the place."""
    if position is None or position.line > len(sql.splitlines()):
        return message
    line = sql.splitlines()[position.line - 1]
    indent = "".join("\t" if letter == "\t" else " " for letter in line[: position.column - 1])
    return f"line {position.line}, column {position.column}: {message}\n  {line}\n  {indent}^"


def from_athena(sql: str, reason: str) -> QueryFailed:
    """The error for Athena's reason, such as `COLUMN_NOT_FOUND: line 1:8: Column 'x' cannot be resolved`."""
    found = _POSITION.search(reason)
    if not found:
        return QueryFailed(reason)
    kind = reason[: found.start()].strip(" :")
    message = found[3].strip() + (f" ({kind})" if kind else "")
    return QueryFailed(pointed(sql, message, Position(int(found[1]), int(found[2]))))


def from_duckdb(sql: str, translated: str, reason: str) -> QueryFailed:
    """The error for DuckDB's, brought from its place in the translation to the one in the SQL that was given.

    Args:
        sql: as it was given.
        translated: what DuckDB was given.
        reason: DuckDB's, with `errors_as_json` set.
    """
    text = _KIND.sub("", reason)
    try:
        told = json.loads(text)
    except ValueError:
        told = {"exception_message": text}
    # A table of Arrow is a "values list" to DuckDB.
    message = " ".join(_HINTS.sub("", told["exception_message"]).split()).replace("Values list", "Table")
    if len(message) > MAX_MESSAGE:
        message = message[:MAX_MESSAGE] + "…"
    position = None
    if "location" in told:
        start, length = json.loads(told["location"])
        position = _place_of(sql, translated, start, start + max(length, 1))
    return QueryFailed(pointed(sql, message, position))


def at_name(sql: str, name: str, message: str) -> QueryFailed:
    """The error about a name, pointing at its first place."""
    found = next(_places(name, sql), None)
    return QueryFailed(pointed(sql, message, _position_of(sql, found.start()) if found else None))


def unclosed(sql: str) -> QueryFailed:
    """The error for a text, a quoted name or a comment that has no end."""
    rest = _CLOSED.sub(lambda closed: " " * len(closed[0]), sql)
    found = re.search(r"""['"]|/\*""", rest)
    position = _position_of(sql, found.start()) if found else None
    return QueryFailed(pointed(sql, "what begins here has no end", position))


def _place_of(sql: str, translated: str, start: int, end: int) -> Position | None:
    """Where the SQL has what the translation has between two places: its first token that is as often in both."""
    for token in _TOKEN.finditer(translated, start, end):
        places = [each.start() for each in _places(token[0], translated)]
        found = [each.start() for each in _places(token[0], sql)]
        if len(found) == len(places):
            return _position_of(sql, found[places.index(token.start())])
    return None


def _places(token: str, text: str) -> Iterator[re.Match[str]]:
    edges = (r"(?<!\w)", r"(?!\w)") if token[0].isalnum() or token[0] == "_" else ("", "")
    return re.finditer(edges[0] + re.escape(token) + edges[1], text, re.IGNORECASE)


def _position_of(sql: str, at: int) -> Position:
    return Position(sql.count("\n", 0, at) + 1, at - (sql.rfind("\n", 0, at) + 1) + 1)
