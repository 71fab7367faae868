"""`spillway load`: many events from files."""

import contextlib
import json
import os
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any, BinaryIO, get_args

import click
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

from infra.cli.context import CommandError, Context
from infra.cli.http import pool
from infra.cli.tables import print_json
from infra.loading.journal import Journal, JournalError
from infra.loading.sending import LoadFailed, Rejected, Sender, Sent
from infra.loading.sources import Format, UnreadableFile, read_entries

SHOWN_REJECTS = 5


@click.command()
@click.argument("files", nargs=-1, required=True, type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--format", "file_format", type=click.Choice(get_args(Format)), help="Told from the file if left out.")
@click.option(
    "--rejects", type=click.Path(dir_okay=False, path_type=Path), help="Keep rejected entries here, as NDJSON."
)
@click.option("--resume", is_flag=True, help="Go on where an interrupted load of the same file stopped.")
@click.option("--url", envvar="SPILLWAY_URL", help="Where to post; the local pipeline if left out.")
@click.option("--api-key", envvar="SPILLWAY_API_KEY", help="Where the API asks for one.")
@click.option("--json", "as_json", is_flag=True, help="For programs.")
@click.pass_obj
def load(  # noqa: PLR0917 (click passes options by name)
    context: Context,
    files: tuple[Path, ...],
    file_format: Format | None,
    rejects: Path | None,
    resume: bool,  # noqa: FBT001
    url: str | None,
    api_key: str | None,
    as_json: bool,  # noqa: FBT001
) -> None:
    """Post the entries of files as events.

    An entry is a line of NDJSON, an element of a JSON array, or a row of CSV; gzip files are read as well.

    Rejected entries are shown, kept with --rejects, and make the exit status 1; the others are sent all the same.
    How far a load got is kept beside the file until it is done, for --resume; nothing is accepted twice.

    \b
    spillway load flights.ndjson.gz
    spillway load --rejects rejected.ndjson orders.csv
    """
    outcome = _Outcome()
    headers = {"x-api-key": api_key} if api_key else {}
    try:
        with _Display(files, outcome) as display, _rejects_file(rejects) as rejects_file:
            for path in files:
                journal = Journal(path)
                journal.resume() if resume else journal.begin()
                entries = journal.left(read_entries(display.open(path), path.name, file_format))
                for sent in Sender(pool(), url or context.url(), journal.load_id, headers).send(entries):
                    outcome.count(path, sent)
                    for rejected in sent.rejected:
                        rejects_file.write(json.dumps(_told(path, rejected)) + "\n")
                    journal.note(sent)
                    display.update()
                journal.finish()
    except (LoadFailed, JournalError, UnreadableFile, OSError) as error:
        raise CommandError(f"{error}; {outcome.accepted:,} events were accepted before, go on with --resume") from error
    outcome.print(as_json=as_json)
    if outcome.rejected:
        raise CommandError(
            f"{outcome.rejected:,} entries were rejected" + ("" if rejects else "; --rejects keeps them")
        )


@dataclass(slots=True)
class _Outcome:
    """The counts of a load, and the first of what was rejected."""

    accepted: int = 0
    rejected: int = 0
    shown: list[dict[str, Any]] = field(default_factory=list)
    started: float = field(default_factory=time.monotonic)

    def count(self, path: Path, sent: Sent) -> None:
        self.accepted += sent.accepted
        self.rejected += len(sent.rejected)
        for rejected in sent.rejected[: SHOWN_REJECTS - len(self.shown)]:
            self.shown.append(_told(path, rejected))

    def print(self, *, as_json: bool) -> None:
        seconds = time.monotonic() - self.started
        if as_json:
            print_json({"accepted": self.accepted, "rejected": self.rejected, "seconds": round(seconds, 3)})
            return
        click.echo(f"{self.accepted:,} events accepted in {seconds:.1f} s ({self.accepted / seconds:,.0f} a second)")
        for rejected in self.shown:
            click.echo(f"{rejected['file']}:{rejected['number']}: {rejected['error']['message']}", err=True)


class _Display:
    """A progress bar over the bytes of the files, on a terminal only."""

    def __init__(self, files: tuple[Path, ...], outcome: _Outcome) -> None:

        self._outcome = outcome
        self._progress = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            TextColumn("{task.percentage:>3.0f} %"),
            TextColumn("{task.fields[counts]}"),
            TimeRemainingColumn(),
            console=Console(stderr=True),
            disable=not sys.stderr.isatty(),
        )
        self._task = self._progress.add_task("load", total=sum(path.stat().st_size for path in files), counts="")
        self._stack = contextlib.ExitStack()

    def __enter__(self) -> "_Display":
        self._stack.enter_context(self._progress)
        return self

    def __exit__(self, *exception: object) -> None:
        self._stack.close()

    def open(self, path: Path) -> BinaryIO:
        """Open a file whose reading moves the bar."""
        file = self._stack.enter_context(path.open("rb"))
        return self._stack.enter_context(self._progress.wrap_file(file, task_id=self._task))

    def update(self) -> None:
        """Show the counts."""
        outcome = self._outcome
        rate = outcome.accepted / (time.monotonic() - outcome.started)
        counts = f"{outcome.accepted:,} events, {rate:,.0f}/s, {outcome.rejected:,} rejected"
        self._progress.update(self._task, counts=counts)


def _rejects_file(path: Path | None) -> IO[str]:
    return (path or Path(os.devnull)).open("a", encoding="utf-8")


def _told(path: Path, rejected: Rejected) -> dict[str, Any]:
    """A rejected entry as --rejects keeps it."""
    return {
        "file": str(path),
        "number": rejected.entry.number,
        "error": rejected.error,
        "entry": rejected.entry.text.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace"),
    }
