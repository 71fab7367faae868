"""Queries on this machine: what they may be, and how their mistakes are shown."""

import signal
import threading
import time

import pytest

from infra.names import Names
from infra.querying.local_lake import LakeUnavailable, LocalLake
from infra.querying.local_query import LocalQuery, run_local
from infra.querying.sql_error import QueryFailed
from tests.archive.lake.lakes import NAMES, a_row


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


def test_a_table_may_be_named_with_its_database(lake):
    lake.land([a_row(1)])
    assert lake.query("SELECT request_id FROM spillway_local.events") == [("r00001",)]


@pytest.mark.parametrize(
    ("sql", "value"),
    [
        ("DECIMAL '1.20'", "1.20"),
        ("CAST('12.50' AS decimal(10, 1))", "12.5"),
        ("CAST(7.5e0 AS decimal)", "8"),
        ("CAST('12' AS decimal)", "12"),
    ],
)
def test_decimals_have_athenas_digits(lake, sql, value):
    assert [(str(found),) for (found,) in lake.query(f"SELECT {sql}")] == [(value,)]


def test_parameters_are_as_many_as_question_marks(lake):
    with pytest.raises(QueryFailed, match="question marks in the SQL: 1; parameters given: 0"):
        lake.query("SELECT ?")


def test_show_tables_and_describe(lake):
    assert ("events",) in lake.query("SHOW TABLES")
    assert lake.query("DESCRIBE events")[0][:2] == ("timestamp", "timestamp")
    assert ("error_type", "string") in [row[:2] for row in lake.query("DESCRIBE firehose_errors")]
    assert error_of(lake, "DESCRIBE nothing").startswith("no table nothing; there are compacted_hours")


@pytest.mark.parametrize(
    ("sql", "message", "caret_under"),
    [
        ("SELECT foo FROM events", 'line 1, column 8: Referenced column "foo" not found', "foo"),
        ("SELECT 1\nFROM evnts", "line 2, column 6: no table evnts; there are", "evnts"),
        ("SELECT\n\tfoo\nFROM events", "line 2, column 2: ", "foo"),
        ("SELECT frob(1) FROM events", "line 1, column 8: Athena has no function frob", "frob"),
        ("SELECT CAST('abc' AS integer)", "line 1, column 8: Could not convert string 'abc'", "CAST"),
        ("SELECT count(* FROM events", "line 1, column 16: Expecting )", "FROM"),
        ("SELECT * FRM events WHERE", "line 1, column 14: ", "events"),
        ("SELECT e.payload, e.x FROM events e", 'line 1, column 19: Table "e" does not have a column', "e.x"),
        ("SELECT dt, sum(request_id) FROM events", "line 1, column 12: No function matches the given name", "sum"),
        (
            "SELECT *\nFROM events WHERE timestamp > 3",
            "line 2, column 19: Athena compares no number with a timestamp",
            "timestamp",
        ),
        ("SELECT json_extract_scalar(payload, '$.a') + dt FROM events", "line 1, column 44: No function", "+"),
        ("SELECT 'it''s', 'abc FROM events", "line 1, column 17: what begins here has no end", "'abc"),
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


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT * FROM read_text('/etc/hostname')",
        "SELECT * FROM read_csv('/etc/passwd')",
        "SELECT * FROM read_blob('/etc/passwd')",
        "SELECT * FROM '/etc/passwd'",
        'SELECT * FROM "/etc/passwd"',
        "SELECT * FROM duckdb_settings()",
        "SELECT * FROM information_schema.tables",
        "SELECT (SELECT content FROM read_text('/etc/hostname'))",
        "WITH x AS (SELECT * FROM read_text('/etc/hostname')) SELECT * FROM x",
        "SELECT * FROM duckdb_secrets(), events",
    ],
)
def test_only_the_lakes_tables_are_read(lake, sql):
    assert "no table" in error_of(lake, sql)


def test_a_variable_of_the_program_is_no_table(lake):
    statement = sql = "SELECT 1"  # noqa: F841 (what a replacement scan would find)
    assert "no table statement" in error_of(lake, "SELECT * FROM statement")


def test_ctrl_c_ends_a_query_at_once(lake):
    numbers = ", ".join(f"UNNEST(sequence(1, 10000)) {name}({name})" for name in "xyz")
    sql = f"SELECT count(*) FROM {numbers} WHERE x * y * z % 7 = 8"  # noqa: S608 (our own text)
    timer = threading.Timer(0.5, signal.raise_signal, [signal.SIGINT])
    timer.start()
    started = time.monotonic()
    with pytest.raises(KeyboardInterrupt):
        run_local(LocalLake(lake.s3, NAMES), sql)
    assert time.monotonic() - started < 5
    timer.join()


def test_rows_are_read_as_they_are_taken(lake):
    with LocalQuery(LocalLake(lake.s3, NAMES)) as query:
        result = query.run("SELECT x FROM UNNEST(sequence(1, 10000)) AS t(x)", limit=3)
        assert list(result.rows()) == [[1], [2], [3]]
        assert result.has_more
