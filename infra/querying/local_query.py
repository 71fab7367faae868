"""A query on this machine: Athena's dialect translated for DuckDB."""

import contextlib
import re
from collections.abc import Callable, Iterator, Sequence
from typing import Final, TypeVar

import duckdb
import pyarrow as pa
import sqlglot
from sqlglot import exp

from infra.querying.interruptible import interruptible
from infra.querying.local_lake import LocalLake
from infra.querying.result import Result
from infra.querying.sql_error import Position, QueryFailed, at_name, from_duckdb, pointed, unclosed

ROWS_OF_A_BATCH: Final = 2_048  # what DuckDB works on at once
_DECIMAL: Final = re.compile(r"[+-]?(\d+)\.(\d+)")


T = TypeVar("T")


class LocalQuery:
    """Queries on one connection to DuckDB, which sees the lake's tables and nothing else of this machine.

    Args:
        lake: of this machine.
    """

    def __init__(self, lake: LocalLake) -> None:
        self._lake = lake
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
        if sql.lower().rstrip("; \n").split() == ["show", "tables"]:
            return Result.of(pa.table({"name": self._lake.names}), limit)
        statement = _parse(sql)
        if not isinstance(statement, exp.Query | exp.Describe | exp.Values):
            raise QueryFailed("only queries are run here: SELECT, WITH, DESCRIBE or SHOW TABLES")
        if isinstance(statement, exp.Describe):
            return Result.of(_described(self._lake, sql.rsplit(maxsplit=1)[-1].rstrip(";")), limit)
        self._open_tables(sql, statement)
        asked = sum(1 for _ in statement.find_all(exp.Placeholder))
        if asked != len(parameters):
            raise QueryFailed(f"question marks in the SQL: {asked}; parameters given: {len(parameters)}")
        translated = _as_in_athena(statement, self._lake.database).sql(dialect="duckdb")
        # Only a statement says where its mistake is, a relation does not; only a relation gives Arrow without a copy.
        explain = f"EXPLAIN {translated}"
        self._call(sql, explain, lambda: self._connection.execute(explain, list(parameters)))
        reader = self._call(sql, translated, lambda: self._reader(translated, list(parameters)))
        names = _names_as_in_athena(statement, reader.schema.names)
        schema = pa.schema([field.with_name(name) for field, name in zip(reader.schema, names, strict=True)])
        return Result(schema, self._batches(sql, translated, reader, schema), limit)

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


def _as_in_athena(statement: exp.Expr, database: str) -> exp.Expr:
    """The statement with what the translation leaves to DuckDB's own rules made plain."""
    for table in statement.find_all(exp.Table):
        if table.db == database:
            table.set("db", None)
    for kind in list(statement.find_all(exp.DataType)):
        if kind.this == exp.DType.DECIMAL and not kind.expressions:  # DuckDB would take decimal(18,3)
            kind.replace(exp.DataType.build(_decimal_of(kind.parent)))
    return statement


def _decimal_of(parent: exp.Expr | None) -> str:
    """What `decimal` without digits means: as many as the literal has, or the most and none behind the point."""
    value = parent.this if isinstance(parent, exp.Cast) else None
    if isinstance(value, exp.Literal) and (digits := _DECIMAL.fullmatch(value.name)):
        return f"decimal({len(digits[1] + digits[2])}, {len(digits[2])})"
    return "decimal(38, 0)"


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
        raise unclosed(sql) from error
    if len(statements) != 1:
        raise QueryFailed("give one statement of SQL")
    return statements[0]
