"""`spillway query`: Athena's SQL over the lake."""

import shutil
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, TextIO

import click

from infra.cli.context import CommandError, Context
from infra.cli.edge import explain, writing
from infra.cli.lake_lag import note_of, wait_for
from infra.cli.options import EXISTING_FILE, FILE, at_most_one, extra
from infra.cli.tables import print_table
from infra.querying import chart, output
from infra.querying.athena_query import Scan
from infra.querying.local_lake import LocalLake
from infra.querying.result import Result
from infra.querying.running import MIB, running
from infra.querying.saved import saved_queries, saved_query
from infra.querying.table import MAX_CELL_CHARACTERS, MAX_RECORD_CHARACTERS, print_result
from infra.terminal import shown
from infra.value_text import count_of

ROWS_ON_A_TERMINAL: Final = 1_000
STANDARD_INPUT: Final = "-"


@dataclass(frozen=True, slots=True)
class Form:
    """How a result is given.

    Args:
        as_json, as_csv, chart: what is written to standard output; a table where all are False.
        formulas: whether CSV leaves formulas as they are.
        parquet, png: files that get the result.
        limit: the most rows; None for all.
    """

    as_json: bool = False
    as_csv: bool = False
    chart: bool = False
    formulas: bool = True
    parquet: Path | None = None
    png: Path | None = None
    limit: int | None = None


@click.command()
@click.argument("sql", required=False)
@click.option("-f", "--file", type=EXISTING_FILE, help="Read the SQL from this file.")
@click.option("--saved", metavar="NAME", help="Run a saved query; `--saved list` lists them.")
@click.option(
    "--parameter",
    "parameters",
    multiple=True,
    metavar="TEXT",
    help="The value of a question mark in the SQL, in order.",
)
@click.option("--json", "as_json", is_flag=True, help="For programs: a list of objects.")
@click.option("--csv", "as_csv", is_flag=True, help="For programs: CSV with headings.")
@click.option("--no-formulas", is_flag=True, help="With --csv: put an apostrophe before what a spreadsheet would run.")
@click.option("--parquet", type=FILE, help="Write the result to this file.")
@click.option("--chart", "as_chart", is_flag=True, help="Draw a result of two columns, a label and a number.")
@click.option("--png", type=FILE, help="Draw it to this file; needs matplotlib.")
@click.option("--limit", type=click.IntRange(1), help="Show at most so many rows.")
@click.option(
    "--all",
    "everything",
    is_flag=True,
    help=f"Show every row on a terminal too, not only the first {ROWS_ON_A_TERMINAL:,}.",
)
@click.option("--wait", is_flag=True, help="First wait until the lake holds every event accepted before now.")
@click.option("-i", "--interactive", is_flag=True, help="Ask for one query after another, with history and completion.")
@click.pass_obj
def query(context: Context, /, **options: Any) -> None:
    """Query the lake, in Athena's dialect of SQL. Tables and examples: docs/athena.md.

    SQL may be `-` for standard input. Without SQL on a terminal, the command asks for queries. A table cuts long
    values, and says so; --json, --csv and --parquet give them whole.

    \b
    spillway query "SELECT count(*) FROM events"
    spillway query "SELECT json_extract_scalar(payload, '$.origin') AS origin, count(*)
                    FROM events GROUP BY 1"
    spillway query --chart "SELECT hour, count(*) AS events FROM events GROUP BY 1 ORDER BY 1"
    spillway query --saved event_journey --parameter 8f1c7d5e-0000-4000-8000-000000000000
    """
    typed = {f"--{name}": value for name, value in options.items()}
    typed |= {"--json": options["as_json"], "--csv": options["as_csv"], "--chart": options["as_chart"]}
    typed |= {"SQL": options["sql"], "--all": options["everything"], "--no-formulas": options["no_formulas"]}
    at_most_one(typed, "SQL", "--file", "--saved", "--interactive")
    at_most_one(typed, "--json", "--csv", "--chart")
    at_most_one(typed, "--all", "--limit")
    if options["no_formulas"] and not options["as_csv"]:
        raise click.UsageError("--no-formulas goes with --csv")
    if options["saved"] == "list":
        at_most_one({**typed, "--saved list": True}, "--saved list", *_WITH_ROWS)
        _list_saved()
        return
    form = _form(options)
    statement = _statement(options)
    if statement is None:
        at_most_one({**typed, "an interactive session": True}, "an interactive session", *_WITH_ROWS)
        _ask(context)
        return
    if options["wait"]:
        wait_for(context)
    run(context, statement, options["parameters"], form)


_WITH_ROWS: Final = ("--json", "--csv", "--chart", "--parquet", "--png", "--wait", "--parameters")


def run(context: Context, statement: str, parameters: tuple[str, ...], form: Form) -> None:
    """Run one query and give its result."""
    progress = _Progress()
    try:
        with running(context, statement, parameters, form.limit, progress.show) as (result, spent):
            progress.clear()
            _give(result, form)
            shown_rows = count_of(result.count, "row")
            more = "; there are more, --all shows them and --limit so many" if result.has_more else ""
            click.echo(f"{shown_rows}, {spent()}{more}", err=True)
    finally:
        progress.clear()
    if context.is_local and (lag := note_of(context)):
        click.echo(lag, err=True)


def _form(options: dict[str, Any]) -> Form:
    limit = options["limit"]
    to_terminal = sys.stdout.isatty() and not (options["as_json"] or options["as_csv"] or options["as_chart"])
    if limit is None and to_terminal and not (options["everything"] or options["parquet"] or options["png"]):
        limit = ROWS_ON_A_TERMINAL
    return Form(
        as_json=options["as_json"],
        as_csv=options["as_csv"],
        chart=options["as_chart"],
        formulas=not options["no_formulas"],
        parquet=options["parquet"],
        png=options["png"],
        limit=limit,
    )


def _statement(options: dict[str, Any]) -> str | None:
    """The SQL; None where the command asks for it."""
    if options["interactive"]:
        return None
    if options["saved"] is not None:
        saved = saved_query(options["saved"])
        if saved is None:
            raise CommandError(f"no saved query {options['saved']!r}; `spillway query --saved list` lists them")
        return saved.sql
    if options["file"] is not None:
        return _text(options["file"].read_bytes(), str(options["file"]))
    if options["sql"] == STANDARD_INPUT:
        return _text(sys.stdin.buffer.read(), "standard input")
    if options["sql"] is None:
        if sys.stdin.isatty() and sys.stdout.isatty():
            return None
        raise click.UsageError("give the SQL, - for standard input, --file FILE or --saved NAME")
    return str(options["sql"])


def _text(data: bytes, name: str) -> str:
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise CommandError(f"{name} is not UTF-8: byte {error.start}") from error


def _list_saved() -> None:
    print_table(("name", "what it answers"), ((query.name, query.about) for query in saved_queries()))


def _ask(context: Context) -> None:
    shell = extra("infra.cli.query_shell", "prompt_toolkit", "shell.txt")
    lake = LocalLake(context.client("s3"), context.names())
    form = Form(limit=ROWS_ON_A_TERMINAL)
    shell.ask(lake, lambda sql: run(context, sql, (), form), lambda error: explain(error, context))


class _Progress:
    """One line on a terminal that shows how far a query is; nothing in a pipe."""

    def __init__(self) -> None:
        self._shown = 0

    def show(self, scan: Scan) -> None:
        if sys.stderr.isatty():
            text = f"{scan.state.lower()}, {scan.seconds:.0f} s, {scan.scanned_bytes / MIB:.1f} MiB scanned"
            click.echo(f"\r{text:<{self._shown}}", nl=False, err=True)
            self._shown = len(text)

    def clear(self) -> None:
        if self._shown:
            click.echo(f"\r{'':<{self._shown}}\r", nl=False, err=True)
            self._shown = 0


def _give(result: Result, form: Form) -> None:
    """Write the result in its form; rows are read once, so those that are needed twice are held."""
    picture = extra("infra.querying.picture", "matplotlib", "plots.txt") if form.png else None
    files = form.parquet is not None or form.png is not None
    to_output = form.as_json or form.as_csv or form.chart
    if form.chart or form.png is not None or (form.parquet is not None and to_output):
        table = result.table()
        if form.chart or form.png is not None:
            series = chart.series_of(table)
        if picture is not None:
            with writing(form.png):
                picture.write_png(series, form.png)
            click.echo(f"Wrote {form.png}", err=True)
        result = Result.of(table)
    if form.parquet is not None:
        with writing(form.parquet):
            output.write_parquet(result, form.parquet)
        click.echo(f"Wrote {form.parquet}", err=True)
        result = Result.of(table) if to_output else result
    if form.chart:
        chart.draw(series, sys.stdout, _terminal_width())
    elif to_output or not files:
        _write(result, form, sys.stdout)


def _write(result: Result, form: Form, out: TextIO) -> None:
    if form.as_json:
        output.write_json(result, out)
    elif form.as_csv:
        output.write_csv(result, _Shown(out) if out.isatty() else out, formulas=form.formulas)
    else:
        cut = print_result(result, out, _terminal_width() if out.isatty() else None)
        if cut.cells:
            values = "1 value was" if cut.cells == 1 else f"{cut.cells:,} values were"
            most = f"{MAX_CELL_CHARACTERS} characters, in records {MAX_RECORD_CHARACTERS:,}"
            click.echo(f"{values} cut at {most}; --json, --csv and --parquet give them whole", err=True)


class _Shown:
    """A terminal that CSV is written to: nothing in it is obeyed."""

    def __init__(self, out: TextIO) -> None:
        self._out = out

    def write(self, text: str) -> int:
        return self._out.write(shown(text, keep="\n"))

    def writelines(self, lines: Iterable[str]) -> None:
        for line in lines:
            self.write(line)


def _terminal_width() -> int:
    return shutil.get_terminal_size((100, 40)).columns
