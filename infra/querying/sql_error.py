"""Errors of a query, shown in the SQL that was given."""

import re
from dataclasses import dataclass
from typing import Final

MAX_MESSAGE: Final = 300  # characters; a message may quote a whole payload
_POSITION: Final = re.compile(r"line (\d+):(\d+): *(.*)", re.DOTALL)
# What DuckDB's messages name: a column, a table, a function, a value that cannot be converted.
_NAMED: Final = re.compile(
    r"""(?:column|[Nn]ame|string) ["']?([\w$. -]+?)["']?(?: not found| does not exist| to |[!"']|$)"""
)
_KIND: Final = re.compile(r"^(?:Binder|Catalog|Parser|Conversion|Invalid Input|Not implemented|[A-Z]\w+) Error: ")


class QueryFailed(Exception):
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


def from_duckdb(sql: str, reason: str) -> QueryFailed:
    """The error for DuckDB's, whose positions are in the translation: the name in it is looked up in the SQL given."""
    lines = [line for line in _KIND.sub("", reason).splitlines() if line and not line.startswith(("LINE ", " "))]
    message = " ".join(lines)
    if len(message) > MAX_MESSAGE:
        message = message[:MAX_MESSAGE] + "…"
    named = _NAMED.search(message)
    return QueryFailed(pointed(sql, message, _place_of(sql, named[1].rpartition(".")[2]) if named else None))


def _place_of(sql: str, name: str) -> Position | None:
    found = re.search(rf"(?<!\w){re.escape(name)}(?!\w)", sql, re.IGNORECASE)
    if not found:
        return None
    before = sql[: found.start()]
    return Position(before.count("\n") + 1, found.start() - (before.rfind("\n") + 1) + 1)
