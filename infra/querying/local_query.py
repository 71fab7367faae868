"""A query on this machine: Athena's dialect translated for DuckDB."""

from collections.abc import Sequence

import duckdb
import pyarrow as pa
import sqlglot
from sqlglot import exp

from infra.local.lake_reader import LocalLake
from infra.querying.sql_error import Position, QueryFailed, from_duckdb, pointed


def run_local(lake: LocalLake, sql: str, parameters: Sequence[str] = ()) -> pa.Table:
    """Run one statement that reads.

    Args:
        lake: of this machine.
        sql: in Athena's dialect.
        parameters: for its question marks.

    Raises:
        QueryFailed: it cannot be read, or run.
        infra.local.lake_reader.LakeUnavailable: the lake cannot be read.
    """
    if sql.lower().rstrip("; \n").split() == ["show", "tables"]:
        return pa.table({"name": lake.names})
    statement = _parse(sql)
    if not isinstance(statement, exp.Query | exp.Describe | exp.Values):
        raise QueryFailed("only queries are run here: SELECT, WITH, DESCRIBE or SHOW TABLES")
    if isinstance(statement, exp.Describe):
        return _described(lake, sql.rsplit(maxsplit=1)[-1].rstrip(";"))
    connection = duckdb.connect()
    mentioned = {table.name.lower() for table in statement.find_all(exp.Table)}
    lake.open(connection, mentioned, with_hidden='"$' in sql)
    try:
        translated = statement.sql(dialect="duckdb")
        table: pa.Table = connection.sql(translated, params=list(parameters)).to_arrow_table()
    except duckdb.CatalogException as error:
        unknown = [name for name in mentioned if name not in lake.names]
        missing = f"Table with name {unknown[0]} does not exist; there are {', '.join(lake.names)}" if unknown else ""
        raise from_duckdb(sql, missing if missing and "Table with name" in str(error) else str(error)) from error
    except duckdb.Error as error:
        raise from_duckdb(sql, str(error)) from error
    return table.rename_columns(_names_as_in_athena(statement, table.column_names))


def _names_as_in_athena(statement: exp.Expr, names: list[str]) -> list[str]:
    """The headings: Athena calls the nth column, from 0, `_coln` where the query gives it no name."""
    selected = statement.selects if isinstance(statement, exp.Query) else []
    if len(selected) != len(names) or any(
        each.is_star and isinstance(each, exp.Star | exp.Column) for each in selected
    ):
        return names
    return [
        name if isinstance(each, exp.Alias | exp.Column | exp.Dot) else f"_col{number}"
        for number, (each, name) in enumerate(zip(selected, names, strict=True))
    ]


def _described(lake: LocalLake, name: str) -> pa.Table:
    columns = lake.columns(name)
    if columns is None:
        raise QueryFailed(f"no table {name}; there are {', '.join(lake.names)}")
    return pa.table(
        {
            "column": [column.name for column in columns],
            "type": [column.type for column in columns],
            "comment": [column.comment for column in columns],
        }
    )


def _parse(sql: str) -> exp.Expr:
    try:
        statements = [each for each in sqlglot.parse(sql, read="athena") if each is not None]
    except sqlglot.errors.ParseError as error:
        first = error.errors[0] if error.errors else {}
        position = None
        if first.get("line") and first.get("col"):
            # sqlglot gives the column of the last letter of what it stumbled over.
            position = Position(first["line"], max(first["col"] - len(first.get("highlight") or " ") + 1, 1))
        raise QueryFailed(pointed(sql, first.get("description") or str(error), position)) from error
    except sqlglot.errors.TokenError as error:
        raise QueryFailed(str(error)) from error
    if len(statements) != 1:
        raise QueryFailed("give one statement of SQL")
    return statements[0]
