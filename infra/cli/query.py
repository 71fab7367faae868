"""`spillway query`: Athena's SQL over the lake."""

import shutil
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

from infra.cli.context import CommandError, Context
from infra.cli.tables import print_table
from infra.querying import chart, output
from infra.querying.athena_query import AthenaQuery
from infra.querying.local_lake import LocalLake
from infra.querying.local_query import run_local
from infra.querying.output import write_parquet

if TYPE_CHECKING:
    import pyarrow as pa

    from infra.querying.athena_query import Scan

QUERIES: Final = Path(__file__).parents[2] / "archive" / "lake" / "queries"
PLOTS: Final = ".venv/bin/pip install --require-hashes -r requirements/plots.txt"
MIB: Final = 1024 * 1024
_FILE = click.Path(dir_okay=False, path_type=Path)


@click.command()
@click.argument("sql", required=False)
@click.option("--saved", metavar="NAME", help="Run a saved query; `--saved list` lists them.")
@click.option(
    "--parameter", "parameters", multiple=True, metavar="TEXT", help="For a question mark in the SQL, in order."
)
@click.option("--json", "as_json", is_flag=True, help="For programs: a list of objects.")
@click.option("--csv", "as_csv", is_flag=True, help="For programs: CSV with headings.")
@click.option("--parquet", type=_FILE, help="Write the result to this file.")
@click.option("--chart", is_flag=True, help="Draw a result of two columns, a label and a number, in the terminal.")
@click.option("--png", type=_FILE, help="Draw it to this file; needs matplotlib.")
@click.pass_obj
def query(  # noqa: PLR0917 (click passes them all by name)
    context: Context,
    sql: str | None,
    saved: str | None,
    parameters: tuple[str, ...],
    as_json: bool,  # noqa: FBT001 (click passes flags by name)
    as_csv: bool,  # noqa: FBT001
    parquet: Path | None,
    chart: bool,  # noqa: FBT001
    png: Path | None,
) -> None:
    """Query the lake, in Athena's dialect of SQL. Tables and examples: docs/athena.md.

    \b
    spillway query "SELECT count(*) FROM events"
    spillway query "SELECT json_extract_scalar(payload, '$.origin') AS origin, count(*) FROM events GROUP BY 1"
    spillway query --chart "SELECT hour, count(*) AS events FROM events GROUP BY 1 ORDER BY 1"
    spillway query --saved event_journey --parameter 8f1c7d5e-0000-4000-8000-000000000000
    """
    if saved == "list":
        _list_saved()
        return
    statement = _statement(sql, saved)
    table, note = (
        _run_local(context, statement, parameters) if context.is_local else _run_athena(context, statement, parameters)
    )
    if parquet is not None:
        write_parquet(table, parquet)
        click.echo(f"Wrote {parquet}", err=True)
    if chart or png is not None:
        _draw(table, png, in_terminal=chart)
    if not (chart or png is not None or (parquet is not None and not as_json and not as_csv)):
        _print(table, as_json=as_json, as_csv=as_csv)
    click.echo(f"{_count(table.num_rows)}, {note}", err=True)


def _statement(sql: str | None, saved: str | None) -> str:
    if (sql is None) == (saved is None):
        raise click.UsageError("give the SQL, or --saved NAME")
    if sql is not None:
        return sql
    path = QUERIES / f"{saved}.sql"
    if not path.is_file():
        raise CommandError(f"no saved query {saved!r}; `spillway query --saved list` lists them")
    return path.read_text(encoding="utf-8")


def _list_saved() -> None:

    rows = []
    for path in sorted(QUERIES.glob("*.sql")):
        first = path.read_text(encoding="utf-8").partition("\n")[0]
        rows.append((path.stem, first.removeprefix("--").strip()))
    print_table(("name", "what it answers"), rows)


def _run_local(context: Context, sql: str, parameters: tuple[str, ...]) -> "tuple[pa.Table, str]":

    started = time.monotonic()
    table = run_local(LocalLake(context.client("s3"), context.names()), sql, parameters)
    return table, f"{time.monotonic() - started:.1f} s"


def _run_athena(context: Context, sql: str, parameters: tuple[str, ...]) -> "tuple[pa.Table, str]":

    names = context.names()
    progress = _Progress()
    # The workgroup has the environment's prefix for its name.
    athena = AthenaQuery(context.client("athena"), names.prefix, names.database, progress.show)
    try:
        table, scan = athena.run(sql, parameters)
    finally:
        progress.clear()
    return table, f"{scan.seconds:.1f} s, {scan.scanned_bytes / MIB:.1f} MiB scanned, about ${scan.dollars:.5f}"


class _Progress:
    """One line on a terminal that tells how far a query is; nothing in a pipe."""

    def __init__(self) -> None:
        self._shown = 0

    def show(self, scan: "Scan") -> None:
        if sys.stderr.isatty():
            text = f"{scan.state.lower()}, {scan.seconds:.0f} s, {scan.scanned_bytes / MIB:.1f} MiB scanned"
            click.echo(f"\r{text:<{self._shown}}", nl=False, err=True)
            self._shown = len(text)

    def clear(self) -> None:
        if self._shown:
            click.echo(f"\r{'':<{self._shown}}\r", nl=False, err=True)


def _print(table: "pa.Table", *, as_json: bool, as_csv: bool) -> None:

    if as_json:
        output.print_json(table, sys.stdout)
    elif as_csv:
        output.print_csv(table, sys.stdout)
    else:
        output.print_result(table, sys.stdout, _terminal_width() if sys.stdout.isatty() else None)


def _draw(table: "pa.Table", png: Path | None, *, in_terminal: bool) -> None:

    try:
        series = chart.series_of(table)
        if in_terminal:
            chart.draw(series, sys.stdout, _terminal_width())
        if png is not None:
            chart.write_png(series, png)
            click.echo(f"Wrote {png}", err=True)
    except chart.NotDrawable as error:
        raise CommandError(str(error)) from error
    except ModuleNotFoundError as error:
        raise CommandError(f"--png needs matplotlib: {PLOTS}") from error


def _terminal_width() -> int:

    return shutil.get_terminal_size((100, 40)).columns


def _count(rows: int) -> str:
    return "1 row" if rows == 1 else f"{rows} rows"
