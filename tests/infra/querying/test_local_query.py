"""Queries on this machine: what they may be, and how their mistakes are shown."""

import pytest

from infra.local.lake_reader import LakeUnavailable, LocalLake
from infra.names import Names
from infra.querying.local_query import run_local
from infra.querying.sql_error import QueryFailed
from tests.archive.lakes import NAMES, a_row


def error_of(lake, sql: str) -> str:
    with pytest.raises(QueryFailed) as raised:
        lake.query(sql)
    return str(raised.value)


def test_whole_numbers_divide_as_in_athena(lake):
    assert lake.query("SELECT 7 / 2, -7 / 2, 7 / 2e0, count(*) / 3 FROM events") == [(3, -3, 3.5, 0)]


def test_a_lake_without_objects_has_empty_tables(lake):
    for table in LocalLake(lake.s3, NAMES).names:
        assert lake.query("SELECT count(*) FROM " + table) == [(0,)]  # noqa: S608 (our own names)


def test_parameters_stand_for_question_marks(lake):
    lake.land([a_row(1), a_row(2)])
    assert lake.query("SELECT request_id FROM events WHERE request_id = ?", "r00002") == [("r00002",)]


def test_hidden_columns_are_there_where_they_are_named_and_only_there(lake):
    key = lake.land([a_row(1)])
    assert lake.query('SELECT "$path" FROM events_landing') == [(f"s3://{NAMES.lake_bucket}/{key}",)]
    assert len(lake.query("SELECT * FROM events_landing")[0]) == 9


@pytest.mark.parametrize(
    ("sql", "names"),
    [
        ("SELECT count(*), dt, 1 + 1 AS two, max(hour) FROM events GROUP BY 2", ["_col0", "dt", "two", "_col3"]),
        ("WITH x AS (SELECT 1 AS a) SELECT x.a, 'b' FROM x UNION ALL SELECT 2, 'c'", ["a", "_col1"]),
        ("SELECT *, 1 FROM (SELECT 2 AS b) t", ["b", "1"]),
        ("SELECT error.type FROM dead_letters", ["type"]),
    ],
)
def test_columns_without_a_name_are_called_as_in_athena(lake, sql, names):
    assert run_local(LocalLake(lake.s3, NAMES), sql).column_names == names


def test_show_tables_and_describe(lake):
    assert ("events",) in lake.query("SHOW TABLES")
    assert lake.query("DESCRIBE events")[0][:2] == ("timestamp", "timestamp")
    assert ("error_type", "string") in [row[:2] for row in lake.query("DESCRIBE firehose_errors")]
    assert error_of(lake, "DESCRIBE nothing").startswith("no table nothing; there are compacted_hours")


@pytest.mark.parametrize(
    ("sql", "message", "caret_under"),
    [
        ("SELECT foo FROM events", 'line 1, column 8: Referenced column "foo" not found', "foo"),
        ("SELECT 1\nFROM evnts", "line 2, column 6: Table with name evnts does not exist; there are", "evnts"),
        ("SELECT\n\tfoo\nFROM events", "line 2, column 2: ", "foo"),
        ("SELECT frob(1) FROM events", "line 1, column 8: Scalar Function with name frob", "frob"),
        ("SELECT CAST('abc' AS integer)", "line 1, column 14: Could not convert string 'abc'", "abc"),
        ("SELECT count(* FROM events", "line 1, column 16: Expecting )", "FROM"),
        ("SELECT * FRM events WHERE", "line 1, column 14: ", "events"),
    ],
)
def test_an_error_points_at_its_place(lake, sql, message, caret_under):
    text = error_of(lake, sql)
    assert text.startswith(message)
    line, caret = text.splitlines()[1:]
    assert line[caret.index("^") :].startswith(caret_under)


def test_a_message_that_quotes_a_payload_is_cut(lake):
    lake.land([a_row(1, payload='"' + "x" * 5000 + '"')])
    assert len(error_of(lake, "SELECT * FROM events WHERE payload = 3").splitlines()[0]) < 400


@pytest.mark.parametrize(
    "sql", ["DROP TABLE events", "COPY events TO 'x'", "INSERT INTO events SELECT 1", "SHOW COLUMNS"]
)
def test_only_queries_are_run(lake, sql):
    assert "only queries are run here" in error_of(lake, sql)


@pytest.mark.parametrize("sql", ["", ";", "SELECT 1; SELECT 2", "-- nothing"])
def test_one_statement_is_run(lake, sql):
    assert error_of(lake, sql) == "give one statement of SQL"


def test_a_lake_that_is_not_there_is_named(lake):
    with pytest.raises(LakeUnavailable, match="spillway-none-lake-123456789012 cannot be read"):
        run_local(LocalLake(lake.s3, Names("none", "123456789012")), "SELECT 1 FROM events")
