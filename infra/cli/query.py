"""`spillway query`: Athena's SQL over the lake."""

from typing import TYPE_CHECKING

import click

from infra.cli.context import CommandError, Context
from infra.cli.tables import print_json, print_table

if TYPE_CHECKING:
    import duckdb


@click.command()
@click.argument("sql")
@click.option("--json", "as_json", is_flag=True, help="For programs: a list of objects.")
@click.pass_obj
def query(context: Context, sql: str, as_json: bool) -> None:  # noqa: FBT001 (click passes flags by name)
    r"""Query the lake, in Athena's dialect of SQL.

    \b
    spillway query "SELECT count(*) FROM events"
    spillway query "SELECT json_extract_scalar(payload, '$.origin') AS origin, count(*) FROM events GROUP BY 1"
    """
    if not context.is_local:
        raise CommandError("query reads the lake of the pipeline on this machine only, so far")
    result = _run(context, sql)
    headings = [column[0] for column in result.description]
    rows = result.fetchall()
    if as_json:
        print_json([dict(zip(headings, row, strict=True)) for row in rows])
    else:
        print_table(headings, rows)
        click.echo(f"{len(rows):,} rows", err=True)


def _run(context: Context, sql: str) -> "duckdb.DuckDBPyConnection":
    import duckdb  # noqa: PLC0415 (heavy; only this command needs it)
    import sqlglot  # noqa: PLC0415

    from infra.local.lake_reader import LakeUnavailable, landing  # noqa: PLC0415

    try:
        translated = sqlglot.transpile(sql, read="athena", write="duckdb")
    except sqlglot.errors.ParseError as error:
        raise CommandError(f"the SQL cannot be read: {error}") from error
    if len(translated) != 1:
        raise CommandError("give one statement of SQL")
    connection = duckdb.connect()
    connection.execute("SET TimeZone = 'UTC'")
    try:
        connection.register("events", landing(context.client("s3"), context.names().lake_bucket))
        return connection.execute(translated[0])
    except LakeUnavailable as error:
        raise CommandError(str(error)) from error
    except duckdb.Error as error:
        raise CommandError(f"the query failed: {error}") from error
