"""Queries asked one after another on a terminal, with history and completion. Needs prompt_toolkit, an extra."""

import os
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Final

import click
from prompt_toolkit import PromptSession
from prompt_toolkit.completion import CompleteEvent, Completer, Completion
from prompt_toolkit.document import Document
from prompt_toolkit.history import FileHistory, History, InMemoryHistory
from prompt_toolkit.input import Input
from prompt_toolkit.output import Output

from infra.querying.local_lake import LocalLake
from infra.terminal import shown
from producers.explained import Explained

_KEYWORDS: Final = """
    SELECT FROM WHERE GROUP BY ORDER BY HAVING LIMIT WITH AS AND OR NOT NULL IS IN BETWEEN LIKE CASE WHEN THEN ELSE END
    JOIN LEFT RIGHT FULL OUTER CROSS ON USING UNION ALL DISTINCT CAST TRY_CAST INTERVAL TIMESTAMP DATE DESCRIBE SHOW
    TABLES COLUMNS PARTITIONS EXPLAIN VALUES UNNEST OVER PARTITION ASC DESC
"""
GREETING: Final = "End a query with ; and Enter. Ctrl-C ends a query, Ctrl-D the session."
ENDS: Final = frozenset({"exit", "quit", "\\q"})


class SqlCompleter(Completer):
    """Completes keywords, tables, their columns and functions."""

    def __init__(self, lake: LocalLake, functions: Iterable[str] = ()) -> None:
        keywords = _KEYWORDS.split()
        names = {*lake.names, *functions}
        for table in lake.names:
            names |= {column.name for column in lake.columns(table) or ()}
        self._words = [*keywords, *sorted(names - set(keywords))]

    def get_completions(self, document: Document, complete_event: CompleteEvent) -> Iterator[Completion]:  # noqa: ARG002 (the base's signature)
        """What may follow the word before the cursor."""
        word = document.get_word_before_cursor()
        if not word.strip():
            return
        for each in self._words:
            if each.lower().startswith(word.lower()):
                yield Completion(each.lower() if word.islower() else each, start_position=-len(word))


def history_file() -> Path | None:
    """Where queries are remembered: a file that only its owner reads; None where it cannot be written."""
    state = Path(os.environ.get("XDG_STATE_HOME") or Path.home() / ".local" / "state")
    path = state / "spillway" / "query_history"
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_NOFOLLOW, 0o600))
    except OSError:
        return None
    return path


def ask(
    lake: LocalLake,
    run: Callable[[str], None],
    explain: Callable[[Exception], str | None],
    functions: Iterable[str] = (),
    *,
    source: Input | None = None,
    screen: Output | None = None,
) -> None:
    """Ask for queries until the end of the input.

    Args:
        lake: whose tables and columns are completed.
        run: runs one query and shows its result.
        explain: the line for a failure; None for a mistake in Spillway, which ends the session.
        functions: completed as well.
        source: of key strokes, if not the terminal.
        screen: shows the prompt, if not the terminal.
    """
    path = history_file()
    history: History = InMemoryHistory() if path is None else FileHistory(str(path))
    session: PromptSession[str] = PromptSession(
        history=history, completer=SqlCompleter(lake, functions), input=source, output=screen
    )
    click.echo(GREETING, err=True)
    for statement in _statements(session):
        try:
            run(statement)
        except KeyboardInterrupt:
            click.echo("The query was ended.", err=True)
        except Exception as error:
            line = str(error) if isinstance(error, Explained) else explain(error)
            if line is None:
                raise
            click.echo(shown(line, keep="\n"), err=True)


def _statements(session: "PromptSession[str]") -> Iterator[str]:
    lines: list[str] = []
    while True:
        try:
            line = session.prompt("      -> " if lines else "spillway> ")
        except KeyboardInterrupt:
            lines = []
            continue
        except EOFError:
            return
        if not lines and line.strip().rstrip(";").lower() in ENDS:
            return
        lines.append(line)
        text = "\n".join(lines).strip()
        if text.endswith(";"):
            lines = []
            if text.strip("; \n"):
                yield text
