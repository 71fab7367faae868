"""Queries on AWS: run to their end, with progress, their values typed, their mistakes shown."""

import io
from datetime import UTC, date, datetime
from decimal import Decimal
from types import SimpleNamespace
from typing import Any

import botocore.session
import pytest
from botocore.stub import Stubber

from infra.querying.athena_query import AthenaQuery, Scan
from infra.querying.sql_error import QueryFailed
from tests.clock import FakeClock

SQL = "SELECT carrier,\n  foo FROM events"


class Athena:
    """A client whose answers are set; every call is checked against the service's own model."""

    def __init__(self) -> None:
        self.client = botocore.session.get_session().create_client(
            "athena", region_name="eu-west-2", aws_access_key_id="x", aws_secret_access_key="x"  # noqa: S106
        )  # fmt: skip
        self.stub = Stubber(self.client)
        self.stub.activate()
        self.scans: list[Scan] = []

    def starts(self, sql: str = SQL, **more: Any) -> None:
        expected = {
            "QueryString": sql,
            "QueryExecutionContext": {"Database": "spillway_dev"},
            "WorkGroup": "spillway-dev",
            **more,
        }
        self.stub.add_response("start_query_execution", {"QueryExecutionId": "q1"}, expected)

    def is_in(self, state: str, scanned: int = 0, reason: str | None = None) -> None:
        status = {"State": state} | ({"StateChangeReason": reason} if reason else {})
        execution = {
            "Status": status,
            "Statistics": {"DataScannedInBytes": scanned},
            "ResultConfiguration": {"OutputLocation": "s3://spillway-dev-athena-1/results/q1.csv"},
        }
        self.stub.add_response("get_query_execution", {"QueryExecution": execution}, {"QueryExecutionId": "q1"})

    def gives(self, columns: list[dict[str, Any]], rows: list[list[str | None]], **page: Any) -> None:
        result = {
            "Rows": [{"Data": [{} if cell is None else {"VarCharValue": cell} for cell in row]} for row in rows],
            "ResultSetMetadata": {"ColumnInfo": [{"Name": "x", "Type": "varchar", **column} for column in columns]},
        }
        self.stub.add_response("get_query_results", {"ResultSet": result, **page})

    def run(self, sql: str = SQL, parameters: tuple[str, ...] = ()) -> Any:
        query = AthenaQuery(self.client, "spillway-dev", "spillway_dev", self.scans.append, clock=FakeClock())
        table, scan = query.run(sql, parameters)
        self.stub.assert_no_pending_responses()
        return table, scan


def test_a_query_is_waited_for_and_its_progress_reported():
    athena = Athena()
    athena.starts()
    for state, scanned in [("QUEUED", 0), ("RUNNING", 1024), ("SUCCEEDED", 1024**4)]:
        athena.is_in(state, scanned)
    athena.gives([{"Name": "carrier"}], [["carrier"], ["B6"]])
    table, scan = athena.run()
    assert table.to_pylist() == [{"carrier": "B6"}]
    assert [(each.state, each.scanned_bytes) for each in athena.scans] == [
        ("QUEUED", 0),
        ("RUNNING", 1024),
        ("SUCCEEDED", 1024**4),
    ]
    assert scan.dollars == pytest.approx(5.00)
    assert Scan("SUCCEEDED", 0, 1).dollars == pytest.approx(10 / 1024**2 * 5.00)


def test_values_have_the_types_that_athena_names():
    athena = Athena()
    athena.starts()
    athena.is_in("SUCCEEDED")
    cells: dict[str, tuple[str, Any]] = {
        "varchar": ("é", "é"),
        "bigint": ("9223372036854775807", (1 << 63) - 1),
        "integer": ("-1", -1),
        "double": ("1.5E300", 1.5e300),
        "boolean": ("true", True),
        "date": ("2026-11-23", date(2026, 11, 23)),
        "timestamp": ("2026-11-23 02:34:56.789", datetime(2026, 11, 23, 2, 34, 56, 789_000)),  # noqa: DTZ001
        "json": ('{"a":1}', '{"a":1}'),
        "timestamp with time zone": (
            "2026-11-23 02:34:56.789 UTC",
            datetime(2026, 11, 23, 2, 34, 56, 789_000, UTC),
        ),
    }
    columns: list[dict[str, Any]] = [{"Name": name, "Type": name} for name in cells]
    columns.append({"Name": "fare", "Type": "decimal", "Precision": 10, "Scale": 2})
    headings: list[str | None] = [str(column["Name"]) for column in columns]
    values = [text for text, _ in cells.values()]
    athena.gives(columns, [headings, [*values, "12.50"]], NextToken="more")
    athena.gives(columns, [[None] * len(columns)])
    table, _ = athena.run()
    assert table.to_pylist()[0] == {name: value for name, (_, value) in cells.items()} | {"fare": Decimal("12.50")}
    assert set(table.to_pylist()[1].values()) == {None}


def test_a_result_of_several_pages_comes_from_the_object_on_s3_and_is_the_same():
    """Two pages are fetched to see that there are several; the rest of a million rows never comes as pages."""
    columns = [{"Name": "a"}, {"Name": "n", "Type": "bigint"}, {"Name": "a", "Type": "timestamp with time zone"}]
    rows: list[list[str | None]] = [
        ["plain", "1", "2026-11-23 02:34:56.789 UTC"],
        ['quo"ted, with\na line', "-9223372036854775808", None],
        ["", None, "2026-11-23 02:34:56.789 UTC"],
        [None, "0", "2026-11-23 02:34:56.789 UTC"],
    ]
    headings: list[str | None] = ["a", "n", "a"]
    paged = Athena()
    paged.starts()
    paged.is_in("SUCCEEDED")
    paged.gives(columns, [headings, *rows[:2]], NextToken="more")
    paged.gives(columns, rows[2:])
    by_pages, _ = paged.run()

    athena = Athena()
    athena.starts()
    athena.is_in("SUCCEEDED")
    athena.gives(columns, [headings, *rows[:1]], NextToken="more")
    athena.gives(columns, rows[1:2], NextToken="yet more")
    text = "\n".join(
        ",".join("" if cell is None else '"' + cell.replace('"', '""') + '"' for cell in row)
        for row in (headings, *rows)
    )
    asked: list[Any] = []

    def get_object(**request: str) -> Any:
        asked.append(request)
        return {"Body": io.BytesIO(text.encode() + b"\n")}

    query = AthenaQuery(
        athena.client, "spillway-dev", "spillway_dev", s3=SimpleNamespace(get_object=get_object), clock=FakeClock()
    )
    by_object, _ = query.run(SQL)
    assert asked == [{"Bucket": "spillway-dev-athena-1", "Key": "results/q1.csv"}]
    assert by_object.schema == by_pages.schema
    assert [column.to_pylist() for column in by_object.columns] == [column.to_pylist() for column in by_pages.columns]
    assert by_object.column(0).to_pylist() == ["plain", 'quo"ted, with\na line', "", None]


def test_parameters_go_as_sql_text():
    athena = Athena()
    athena.starts(ExecutionParameters=["'it''s'"])
    athena.is_in("SUCCEEDED")
    athena.gives([{"Name": "a"}], [["a"]])
    table, _ = athena.run(parameters=("it's",))
    assert (table.num_rows, table.column_names) == (0, ["a"])


def test_an_error_points_at_its_place():
    athena = Athena()
    athena.starts()
    athena.is_in("FAILED", reason="COLUMN_NOT_FOUND: line 2:3: Column 'foo' cannot be resolved")
    with pytest.raises(QueryFailed) as raised:
        athena.run()
    assert str(raised.value) == (
        "line 2, column 3: Column 'foo' cannot be resolved (COLUMN_NOT_FOUND)\n    foo FROM events\n    ^"
    )


def test_a_query_that_the_workgroups_limit_ended_says_so():
    athena = Athena()
    athena.starts()
    athena.is_in("CANCELLED", reason="Bytes scanned limit was exceeded")
    with pytest.raises(QueryFailed, match=r"^Bytes scanned limit was exceeded$"):
        athena.run()


def test_what_athena_does_not_take_points_at_its_place_too():
    athena = Athena()
    athena.stub.add_client_error(
        "start_query_execution", "InvalidRequestException", "line 1:1: mismatched input 'SELEC'. Expecting: 'SELECT'"
    )
    with pytest.raises(QueryFailed, match=r"^line 1, column 1: mismatched input 'SELEC'"):
        athena.run("SELEC 1")


def test_a_query_that_is_interrupted_is_stopped():
    athena = Athena()
    athena.starts()
    athena.is_in("RUNNING")
    athena.stub.add_response("stop_query_execution", {}, {"QueryExecutionId": "q1"})

    class Interrupted(FakeClock):
        def sleep(self, seconds: float) -> None:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        AthenaQuery(athena.client, "spillway-dev", "spillway_dev", clock=Interrupted()).run(SQL)
    athena.stub.assert_no_pending_responses()
