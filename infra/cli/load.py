"""`spillway load`: many events from files."""

import contextlib
import json
import os
import shlex
import sys
import time
import uuid
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any, BinaryIO, get_args

import click
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

from infra.cli.context import CommandError, Context
from infra.cli.edge import explain, writing
from infra.cli.http import pool
from infra.cli.options import FILE, JSON
from infra.cli.tables import print_json
from infra.loading.journal import Journal, Journals, open_for_append
from infra.loading.sending import Rejected, Sender, Sent
from infra.loading.sources import Batch, Format, Reading, read_batches, read_entries
from infra.terminal import shown
from infra.value_text import count_of

SHOWN_REJECTS = 5
STANDARD_INPUT = Path("-")


@click.command()
@click.argument(
    "files", nargs=-1, required=True, type=click.Path(exists=True, dir_okay=False, allow_dash=True, path_type=Path)
)
@click.option(
    "--format", "file_format", type=click.Choice(get_args(Format)), help="Of the files, if their names do not say."
)
@click.option("--delimiter", help="Between the values of a row; a comma for CSV, a tab for TSV.")
@click.option("--encoding", help="Of the text, such as latin-1; UTF-8 if left out.")
@click.option("--rejects", type=FILE, help="Append rejected entries to this file, as NDJSON.")
@click.option("--resume", is_flag=True, help="Continue an interrupted load of the same files.")
@click.option(
    "--restart", is_flag=True, help="Send everything from the start, although an earlier load was interrupted."
)
@click.option("--url", help="Where to post; SPILLWAY_URL or the local pipeline if left out.")
@click.option("--api-key", envvar="SPILLWAY_API_KEY", help="Where the API asks for one.")
@JSON
@click.pass_obj
def load(context: Context, /, **options: Any) -> None:
    """Post the entries of files as events.

    An entry is a line of NDJSON, an element of a JSON array, or a row of CSV, TSV or Parquet; gzip files are read as
    well, and `-` is standard input. Rejected entries are shown, kept with --rejects, and make the exit status 1; the
    others are sent all the same.

    Progress is kept beside each file until the load is done. An interrupted load continues with --resume, and sends
    no event twice.

    \b
    spillway load flights.ndjson.gz
    spillway load --rejects rejected.ndjson orders.csv
    zcat orders.csv.gz | spillway load --format csv -
    """
    files: tuple[Path, ...] = options["files"]
    reading = _reading(options)
    _check(files, options)
    headers = {"x-api-key": options["api_key"]} if options["api_key"] else {}
    outcome = _Outcome()
    with contextlib.ExitStack() as stack:
        journals = None if STANDARD_INPUT in files else stack.enter_context(Journals(files, _described(reading)))
        if journals is not None and not _begin(journals, options):
            journals.finish()
            click.echo("The earlier load was done: nothing was left to send.", err=True)
            return
        load_id = uuid.uuid4().hex if journals is None else journals.load_id
        rejects = stack.enter_context(_rejects_file(options["rejects"]))
        display = stack.enter_context(_Display(files, outcome))
        stack.enter_context(_ended(context, files, outcome))
        sender = Sender(pool(), context.url(options["url"]), load_id, headers)
        for number, path in enumerate(files):
            journal = None if journals is None else journals[number]
            batches = read_batches(read_entries(display.open(path), path.name, reading))
            for sent in sender.send(_left(journal, batches), str(number)):
                outcome.count(path, sent)
                with writing(options["rejects"]):
                    rejects.writelines(json.dumps(_record(path, each)) + "\n" for each in sent.rejected)
                    rejects.flush()
                if journal is not None:
                    journal.note(sent.first, sent.last)
                display.update()
        if journals is not None:
            journals.finish()
    outcome.print(as_json=options["as_json"])
    if outcome.rejected:
        kept = "" if options["rejects"] else "; --rejects keeps them"
        raise CommandError(f"{count_of(outcome.rejected, 'entry was', 'entries were')} rejected{kept}")


@contextlib.contextmanager
def _ended(context: Context, files: tuple[Path, ...], outcome: "_Outcome") -> Iterator[None]:
    """Say how far a load came that does not come to its end, and how to continue it."""
    try:
        yield
    except KeyboardInterrupt as interrupt:
        raise CommandError(f"interrupted: {outcome.totals()}. {_next(files)}") from interrupt
    except Exception as error:
        if (line := explain(error, context)) is None:
            raise
        raise CommandError(f"{line}. {outcome.totals()}. {_next(files)}") from error


def _check(files: tuple[Path, ...], options: dict[str, Any]) -> None:
    if options["resume"] and options["restart"]:
        raise click.UsageError("give --resume or --restart, not both")
    if STANDARD_INPUT in files and (len(files) > 1 or options["resume"]):
        raise click.UsageError("- is read alone, and cannot be resumed")
    if len(set(files)) < len(files):
        raise click.UsageError("a file is named twice")


def _reading(options: dict[str, Any]) -> Reading:
    delimiter, encoding = options["delimiter"], options["encoding"]
    if delimiter is not None:
        delimiter = delimiter.replace("\\t", "\t")
        if len(delimiter) != 1:
            raise click.UsageError(f"--delimiter is one character, not {delimiter!r}")
    if encoding is not None:
        try:
            "".encode(encoding)
        except LookupError as error:
            raise click.UsageError(f"there is no encoding {encoding!r}") from error
    return Reading(options["file_format"], delimiter, encoding)


def _described(reading: Reading) -> dict[str, Any]:
    return {"format": reading.format, "delimiter": reading.delimiter, "encoding": reading.encoding}


def _begin(journals: Journals, options: dict[str, Any]) -> bool:
    """Begin or continue; False where nothing is left to do."""
    earlier = journals.earlier
    if options["restart"] or not (earlier or options["resume"]):
        journals.begin()
        return True
    if not options["resume"]:
        said = (
            f"an earlier load of {earlier[0].loaded} was interrupted after "
            f"{count_of(earlier[0].answered, 'entry', 'entries')}"
        )
        if not sys.stdin.isatty():
            raise CommandError(f"{said}: give --resume to continue it, or --restart to send everything again")
        if not click.confirm(f"{said[0].upper()}{said[1:]}. Continue it?", default=True, err=True):
            click.confirm("Send everything again, as new events?", abort=True, err=True)
            journals.begin()
            return True
    return journals.resume()


def _left(journal: Journal | None, batches: Iterable[Batch]) -> Iterable[Batch]:
    return batches if journal is None else journal.left(batches)


def _next(files: tuple[Path, ...]) -> str:
    if STANDARD_INPUT in files:
        return "Standard input cannot be resumed"
    return f"Continue with: spillway load --resume {shlex.join(map(str, files))}"


@dataclass(slots=True)
class _Outcome:
    """The counts of a load, and the first of what was rejected."""

    accepted: int = 0
    rejected: int = 0
    examples: list[dict[str, Any]] = field(default_factory=list)
    started: float = field(default_factory=time.monotonic)

    def count(self, path: Path, sent: Sent) -> None:
        self.accepted += sent.accepted
        self.rejected += len(sent.rejected)
        for rejected in sent.rejected[: SHOWN_REJECTS - len(self.examples)]:
            self.examples.append(_record(path, rejected))

    def totals(self) -> str:
        return f"{count_of(self.accepted, 'event')} accepted, {self.rejected:,} rejected before"

    def print(self, *, as_json: bool) -> None:
        seconds = time.monotonic() - self.started
        if as_json:
            print_json({"accepted": self.accepted, "rejected": self.rejected, "seconds": round(seconds, 3)})
            return
        rate = self.accepted / seconds
        click.echo(f"{count_of(self.accepted, 'event')} accepted in {seconds:.1f} s ({rate:,.0f} a second)")
        for each in self.examples:
            click.echo(shown(f"{each['file']}:{each['number']}: {each['error']['message']}"), err=True)


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
        known = STANDARD_INPUT not in files
        total = sum(path.stat().st_size for path in files) if known else None
        self._task = self._progress.add_task("load", total=total, counts="")
        self._stack = contextlib.ExitStack()

    def __enter__(self) -> "_Display":
        self._stack.enter_context(self._progress)
        return self

    def __exit__(self, *exception: object) -> None:
        self._stack.close()

    def open(self, path: Path) -> BinaryIO:
        """Open a file whose reading moves the bar."""
        if path == STANDARD_INPUT:
            return sys.stdin.buffer
        file = self._stack.enter_context(path.open("rb"))
        return self._stack.enter_context(self._progress.wrap_file(file, task_id=self._task))

    def update(self) -> None:
        """Show the counts."""
        outcome = self._outcome
        rate = outcome.accepted / (time.monotonic() - outcome.started)
        counts = f"{count_of(outcome.accepted, 'event')}, {rate:,.0f}/s, {outcome.rejected:,} rejected"
        self._progress.update(self._task, counts=counts)


@contextlib.contextmanager
def _rejects_file(path: Path | None) -> Iterator[IO[str]]:
    file = open_for_append(Path(os.devnull) if path is None else path)
    try:
        yield file
    finally:
        with writing(path):
            file.close()


def _record(path: Path, rejected: Rejected) -> dict[str, Any]:
    """A rejected entry as --rejects keeps it."""
    return {
        "file": str(path),
        "number": rejected.entry.number,
        "error": rejected.error,
        "entry": rejected.entry.text.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace"),
    }
