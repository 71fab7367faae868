"""Every statement that Spillway sends to Athena: those in files, and those that code builds."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from io import BytesIO
from types import SimpleNamespace
from typing import Any, Final, Literal

from archive.compaction import athena as compaction
from archive.compaction.athena import AthenaEngine
from archive.compaction.job import Task
from archive.dead_letters.athena_selection import query
from archive.dead_letters.selection import Selection
from archive.lake.columns import columns
from archive.lake.hours import Hour
from archive.lake.tables import tables, view_sql
from infra.deploy.package import ROOT
from infra.querying.athena_query import AthenaQuery
from tests.archive.lake.lakes import parquet_of

HOUR: Final = Hour(datetime(2026, 11, 23, 2, tzinfo=UTC))
START: Final = datetime(2026, 11, 22, 23, 30, tzinfo=UTC)
# Names and values that end a literal, an identifier, a statement or a comment where they are not written with care.
HOSTILE: Final = (
    "'", "''", "\\'", "' OR '1' = '1", "'); DROP TABLE events; --", "a -- b", "/* a", '"', "`", "%_\\%", "?", ";",
    "\n", "\x00", "é😀", "[a]'*", "{columns}",
)  # fmt: skip
# A template is filled by code, and read here as the code gives it.
TEMPLATES: Final = frozenset({"archive/compaction/unload.sql", "archive/lake/views/events.sql"})


@dataclass(frozen=True, slots=True)
class Statement:
    """One statement.

    Args:
        name: where it comes from.
        sql: its text.
        dialect: `hive` for DDL, which Athena hands to Hive's grammar; `trino` for all else.
    """

    name: str
    sql: str
    dialect: Literal["trino", "hive"] = "trino"


def in_files() -> Iterator[Statement]:
    """Saved queries, and the questions and examples of the page for analysts."""
    for path in sorted((ROOT / "archive").rglob("*.sql")):
        name = path.relative_to(ROOT).as_posix()
        if name not in TEMPLATES:
            yield Statement(name, path.read_text(encoding="utf-8"))
    for page in sorted((ROOT / "docs").rglob("*.md")):
        for number, sql in enumerate(re.findall(r"```sql\n(.*?)```", page.read_text(encoding="utf-8"), re.DOTALL)):
            yield Statement(f"{page.relative_to(ROOT)} {number}", sql, _dialect(sql))


def of_the_tables() -> Iterator[Statement]:
    """The DDL of every table, and the query behind the view."""
    for table in tables():
        yield Statement(f"DDL of {table.name}", table.ddl("spillway-dev-lake-123456789012"), "hive")
    yield Statement("view", view_sql())
    yield Statement("CREATE VIEW", f"CREATE OR REPLACE VIEW events AS\n{view_sql()}")


def of_compaction() -> Iterator[Statement]:
    """What compacting a large hour sends: the quantiles, and an UNLOAD for each slice."""
    athena = AskedAthena("1795401296000000,1795401297000000")
    tail, size = parquet_of([], columns()), 2 * compaction.SLICE_BYTES
    pages = SimpleNamespace(paginate=lambda **_: [{"Contents": []}])
    s3: Any = SimpleNamespace(
        get_object=lambda **_: {"Body": BytesIO(tail), "ContentRange": f"bytes {size - len(tail)}-{size - 1}/{size}"},
        get_paginator=lambda _: pages,
    )
    engine = AthenaEngine(athena, s3, "lake", workgroup="wg", database="db")
    engine.write(Task(HOUR, ["events_compacted/data/a"], ["events/b"], [], [], "events_compacted/data/x/"))
    for number, sql in enumerate(athena.asked):
        yield Statement(f"compaction {number}", _without_unload(sql))


def of_a_selection(stages: tuple[str, ...] = (), errors: tuple[str, ...] = ()) -> Statement:
    """What selecting dead letters sends."""
    selection = Selection(START, START + timedelta(hours=2), stages=stages, errors=errors)
    return Statement(f"selection {stages} {errors}", query(selection))


def of_a_query(parameter: str) -> Statement:
    """A query with one parameter, as Athena fills it in: the literal in the place of the question mark."""
    athena = AskedAthena()
    AthenaQuery(athena, "wg", "db").run("SELECT ?", [parameter])
    ((literal,),) = athena.parameters
    return Statement(f"parameter {parameter!r}", f"SELECT {literal}")


class AskedAthena:
    """Keeps what it is asked, and answers every query with one value."""

    def __init__(self, value: str = "1") -> None:
        self.asked: list[str] = []
        self.parameters: list[list[str]] = []
        self._value = value
        self.exceptions = SimpleNamespace(InvalidRequestException=ValueError)

    def start_query_execution(self, *, QueryString: str, ExecutionParameters: Any = (), **_: Any) -> dict[str, str]:
        self.asked.append(QueryString)
        self.parameters.append(list(ExecutionParameters))
        return {"QueryExecutionId": "q"}

    def get_query_execution(self, **_: Any) -> Any:
        return {"QueryExecution": {"Status": {"State": "SUCCEEDED"}, "Statistics": {}}}

    def get_query_results(self, **_: Any) -> Any:
        rows = [{"Data": [{"VarCharValue": value}]} for value in ("_col0", self._value)]
        return {
            "ResultSet": {"Rows": rows, "ResultSetMetadata": {"ColumnInfo": [{"Name": "_col0", "Type": "varchar"}]}}
        }

    def get_paginator(self, _: str) -> Any:
        return SimpleNamespace(paginate=lambda **_: [self.get_query_results()])


def _without_unload(sql: str) -> str:
    """UNLOAD is Athena's own; what it unloads is a query, and the rest has one form."""
    unload = re.fullmatch(
        r"UNLOAD \((.*)\) TO 's3://[^']+/' WITH \(format = 'PARQUET', compression = 'ZSTD'\)", sql, re.DOTALL
    )
    return unload[1] if unload else sql


def _dialect(sql: str) -> Literal["trino", "hive"]:
    return "hive" if re.match(r"\s*(CREATE EXTERNAL|ALTER|MSCK)\b", sql) else "trino"
