"""Selecting by Athena: which objects hold what is meant."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import duckdb
import pytest
import sqlglot

from archive.dead_letters.athena_selection import objects, query
from archive.dead_letters.selection import Selection
from archive.dead_letters.stores import stores
from archive.lake.athena import AthenaFailed
from tests.clock import FakeClock

START = datetime(2026, 11, 22, 23, 30, tzinfo=UTC)
SELECTION = Selection(START, START + timedelta(hours=2))
STORE = stores("dead", "lake", timedelta(hours=24))[0]


class FakeAthena:
    """Answers every query with the same two objects, in pages."""

    def __init__(self, *states: str) -> None:
        self.states = list(states)
        self.asked: dict[str, Any] = {}

    def start_query_execution(self, **asked: Any) -> dict[str, str]:
        self.asked = asked
        return {"QueryExecutionId": "q1"}

    def get_query_execution(self, QueryExecutionId: str) -> Any:
        state = self.states.pop(0)
        return {"QueryExecution": {"Status": {"State": state, "StateChangeReason": "no such table"}}}

    def get_paginator(self, _name: str) -> "FakeAthena":
        return self

    def paginate(self, QueryExecutionId: str) -> Any:
        def row(*cells: str) -> Any:
            return {"Data": [{"VarCharValue": cell} for cell in cells]}

        headings = {"ColumnInfo": [{"Name": "$path"}, {"Name": "_col1"}]}
        for rows in (
            [row("$path", "_col1"), row("s3://dead/dead-letters/dt=x/hour=00/a.json", "7")],
            [row("s3://dead/dead-letters/dt=x/hour=01/b.json", "8")],
        ):
            yield {"ResultSet": {"ResultSetMetadata": headings, "Rows": rows}}


def test_athena_hands_over_the_keys_of_objects():
    clock, athena = FakeClock(), FakeAthena("QUEUED", "RUNNING", "SUCCEEDED")
    found = list(objects(athena, STORE, SELECTION, database="db", workgroup="wg", clock=clock))
    assert [(each.key, each.size) for each in found] == [
        ("dead-letters/dt=x/hour=00/a.json", 7),
        ("dead-letters/dt=x/hour=01/b.json", 8),
    ]
    assert clock.time() - FakeClock().time() == 1
    assert athena.asked["QueryExecutionContext"] == {"Database": "db"}
    assert athena.asked["WorkGroup"] == "wg"


def test_a_query_that_fails_says_why():
    with pytest.raises(AthenaFailed, match="no such table"):
        list(objects(FakeAthena("FAILED"), STORE, SELECTION, database="db", workgroup="wg", clock=FakeClock()))


def selected(selection: Selection) -> list[str]:
    """What the query gives over a small archive, run by DuckDB."""
    connection = duckdb.connect()
    connection.execute(
        'CREATE TABLE dead_letters ("$path" VARCHAR, "$file_size" BIGINT, stage VARCHAR, '
        'error STRUCT("type" VARCHAR, message VARCHAR), dt VARCHAR, hour VARCHAR)'
    )
    for path, stage, error, dt, hour in [
        ("early", "table_writer", "PoisonEvent", "2026-11-22", "20"),
        ("first", "table_writer", "PoisonEvent", "2026-11-22", "23"),
        ("first", "table_writer", "PoisonEvent", "2026-11-22", "23"),
        ("large", "table_writer", "ItemTooLarge", "2026-11-23", "00"),
        ("other", "un'known", "Unknown_Message", "2026-11-23", "01"),
        ("late", "table_writer", "PoisonEvent", "2026-11-23", "09"),
    ]:
        connection.execute(
            "INSERT INTO dead_letters VALUES (?, 7, ?, {'type': ?, 'message': ''}, ?, ?)",
            [path, stage, error, dt, hour],
        )
    translated = sqlglot.transpile(query(selection), read="athena", write="duckdb")[0]
    return [row[0] for row in connection.execute(translated).fetchall()]


@pytest.mark.parametrize(
    ("parts", "expected"),
    [
        ({}, ["first", "large", "other"]),
        ({"stages": ("table_writer",)}, ["first", "large"]),
        ({"stages": ("un'known",)}, ["other"]),
        ({"errors": ("poisonevent",)}, ["first"]),
        ({"errors": ("*e*",), "stages": ("table_writer",)}, ["first", "large"]),
        ({"errors": ("unknown_*", "Item*")}, ["large", "other"]),
        ({"errors": ("Unknown?Message",)}, ["other"]),
        ({"errors": ("Unknown%",)}, []),
        ({"errors": ("[IU]*",)}, ["first", "large", "other"]),
        ({"where": "attempts > `1`"}, ["first", "large", "other"]),
    ],
)
def test_the_query_finds_every_object_with_something_meant(parts, expected):
    assert selected(replace(SELECTION, **parts)) == expected
