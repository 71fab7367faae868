"""A query on this machine: Athena's dialect translated for DuckDB."""

import contextlib
import re
from collections.abc import Callable, Iterator, Sequence
from typing import Final, TypeVar

import duckdb
import pyarrow as pa
import sqlglot
from sqlglot import exp

from archive.lake.tables import EVENTS
from infra.querying.dialect import MACROS, refuse_missing, refuse_operators, refuse_unknown, rewritten
from infra.querying.interruptible import interruptible
from infra.querying.local_lake import LocalLake
from infra.querying.result import Result
from infra.querying.sql_error import Position, QueryFailed, at_name, from_duckdb, pointed, unclosed

ROWS_OF_A_BATCH: Final = 2_048  # what DuckDB works on at once
_SHOW: Final = re.compile(r"\s*show\s+(columns|partitions)\s+(?:from\s+|in\s+)?([\w.\"`]+)\s*;?\s*", re.IGNORECASE)
_EXPLAIN: Final = re.compile(r"\s*explain\s+", re.IGNORECASE)

_STATEMENTS: Final = "SELECT, WITH, VALUES, EXPLAIN, DESCRIBE, SHOW TABLES, SHOW COLUMNS and SHOW PARTITIONS"

T = TypeVar("T")


class LocalQuery:
    """Queries on one connection to DuckDB, which sees the lake's tables and nothing else of this machine.

    Args:
        lake: of this machine.
    """

    def __init__(self, lake: LocalLake) -> None:
        self._lake = lake
        self._has_macros = False
        self._connection = duckdb.connect(
            config={
                "errors_as_json": True,  # which say where they are
                "enable_external_access": False,  # neither files nor the network
                "python_enable_replacements": False,  # nor variables of this program
            }
        )

    def __enter__(self) -> "LocalQuery":
        return self

    def __exit__(self, *_: object) -> None:
        with contextlib.suppress(duckdb.Error):  # an interrupted query may still be at work
            self._connection.close()

    def run(self, sql: str, parameters: Sequence[str] = (), limit: int | None = None) -> Result:
        """Run one statement that reads; its rows are read from the lake as they are taken.

        Args:
            sql: in Athena's dialect.
            parameters: for its question marks.
            limit: the most rows to give.

        Raises:
            QueryFailed: it cannot be read, or run.
            infra.querying.local_lake.LakeUnavailable: the lake cannot be read.
        """
        if (about := self._about_tables(sql)) is not None:
            return Result.of(about, limit)
        if explain := _EXPLAIN.match(sql):
            return self._explained(sql[explain.end() :], parameters)
        statement = _parse(sql)
        if not isinstance(statement, exp.Query | exp.Describe | exp.Values):
            raise QueryFailed(f"only queries are run here: {_STATEMENTS}")
        if isinstance(statement, exp.Describe):
            return Result.of(_described(self._lake, sql.rsplit(maxsplit=1)[-1].rstrip(";")), limit)
        translated, names_of = self._translated(sql, statement, parameters)
        # Only a statement says where its mistake is, a relation does not; only a relation gives Arrow without a copy.
        explain_sql = f"EXPLAIN {translated}"
        self._call(sql, explain_sql, lambda: self._connection.execute(explain_sql, list(parameters)))
        reader = self._call(sql, translated, lambda: self._reader(translated, list(parameters)))
        names = names_of(reader.schema.names)
        schema = pa.schema([field.with_name(name) for field, name in zip(reader.schema, names, strict=True)])
        return Result(schema, self._batches(sql, translated, reader, schema), limit)

    def _translated(
        self, sql: str, statement: exp.Expr, parameters: Sequence[str]
    ) -> tuple[str, Callable[[list[str]], list[str]]]:
        """The SQL for DuckDB, and the headings that Athena gives."""
        self._open_tables(sql, statement)
        asked = sum(1 for _ in statement.find_all(exp.Placeholder))
        if asked != len(parameters):
            raise QueryFailed(f"question marks in the SQL: {asked}; parameters given: {len(parameters)}")
        refuse_unknown(sql, statement)
        refuse_operators(sql, statement, self._types(statement))
        original = statement.copy()
        translated = rewritten(sql, statement, self._lake.database).sql(dialect="duckdb")
        return translated, lambda names: _names_as_in_athena(original, names)

    def _types(self, statement: exp.Expr) -> dict[str, dict[str, str]]:
        named = {table.name.lower() for table in statement.find_all(exp.Table)}
        return {
            name: {column.name: "varchar" if column.type == "string" else column.type for column in columns}
            for name in named
            if (columns := self._lake.columns(name)) is not None and not any("<" in column.type for column in columns)
        }

    def _about_tables(self, sql: str) -> pa.Table | None:
        """The answer to SHOW; None for another statement."""
        if sql.lower().rstrip("; \n").split() == ["show", "tables"]:
            return pa.table({"name": self._lake.names})
        if not (show := _SHOW.fullmatch(sql)):
            return None
        name = show[2].rpartition(".")[2].strip('"`').lower()
        columns = self._lake.columns(name)
        if columns is None:
            raise at_name(sql, name, f"no table {name}; there are {', '.join(self._lake.names)}")
        if show[1].lower() == "columns":
            return pa.table({"field": [column.name for column in columns]})
        keys = [column.name for column in columns if column.name in {"error_type", "dt", "hour"}]
        if not keys or name == EVENTS:
            raise QueryFailed(f"{name} has no partitions")
        path = " || '/' || ".join(f"'{key}=' || {key}" for key in keys)
        return self.run(f"SELECT DISTINCT {path} AS partition FROM {name} ORDER BY 1").table()  # noqa: S608 (our names)

    def _explained(self, sql: str, parameters: Sequence[str]) -> Result:
        statement = _parse(sql)
        if not isinstance(statement, exp.Query):
            raise QueryFailed("only a query is explained")
        translated, _ = self._translated(sql, statement, parameters)
        explain = f"EXPLAIN {translated}"
        rows = self._call(sql, explain, lambda: self._connection.execute(explain, list(parameters)).fetchall())
        return Result.of(pa.table({"Query Plan": [str(row[-1]) for row in rows]}))

    def _open_tables(self, sql: str, statement: exp.Expr) -> None:
        for table in statement.find_all(exp.Table):
            if isinstance(table.this, exp.Func):
                name = table.this.name or table.this.sql_name().lower()
                raise at_name(sql, name, f"no table {name}; tables come from the lake alone")
        mentioned = {table.name.lower() for table in statement.find_all(exp.Table)}
        with_clauses = {each.alias_or_name.lower() for each in statement.find_all(exp.CTE)}
        if unknown := sorted(mentioned - with_clauses - set(self._lake.names)):
            raise at_name(sql, unknown[0], f"no table {unknown[0]}; there are {', '.join(self._lake.names)}")
        self._lake.open(self._connection, mentioned, with_hidden='"$' in sql)
        if not self._has_macros:
            self._connection.execute(MACROS)
            self._has_macros = True

    def _reader(self, translated: str, parameters: list[str]) -> pa.RecordBatchReader:
        relation = self._connection.sql(translated, params=parameters)
        reader: pa.RecordBatchReader = relation.to_arrow_reader(ROWS_OF_A_BATCH)
        return reader

    def _batches(
        self, sql: str, translated: str, reader: pa.RecordBatchReader, schema: pa.Schema
    ) -> Iterator[pa.RecordBatch]:
        batches = iter(reader)
        while (batch := self._call(sql, translated, lambda: next(batches, None))) is not None:
            yield pa.RecordBatch.from_arrays(batch.columns, schema=schema)

    def _call(self, sql: str, translated: str, function: Callable[[], T]) -> T:
        try:
            return interruptible(self._connection, function)
        except (duckdb.Error, pa.ArrowException) as error:
            raise from_duckdb(sql, translated, str(error)) from error


def run_local(lake: LocalLake, sql: str, parameters: Sequence[str] = ()) -> pa.Table:
    """The rows of one statement, all at once; see `LocalQuery.run`."""
    with LocalQuery(lake) as query:
        return query.run(sql, parameters).table()


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
        refuse_missing(sql)
        statements = [each for each in sqlglot.parse(sql, read="athena") if each is not None]
    except sqlglot.errors.ParseError as error:
        first = error.errors[0] if error.errors else {}
        position = None
        if first.get("line") and first.get("col"):
            # sqlglot gives the column of the last letter of what it stumbled over.
            position = Position(first["line"], max(first["col"] - len(first.get("highlight") or " ") + 1, 1))
        raise QueryFailed(pointed(sql, first.get("description") or str(error), position)) from error
    except sqlglot.errors.TokenError as error:
        raise unclosed(sql) from error
    if len(statements) != 1:
        raise QueryFailed("give one statement of SQL")
    return statements[0]
