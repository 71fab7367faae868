"""The local engine's functions and statements: the documented answer, a known difference, or a clear no.

What is expected was written from knowledge of the documentation of Athena's engine 3 and of Trino. These tests run the
local engine alone: nothing here ran on Athena.
"""

import re
from pathlib import Path

import pytest

from infra.querying.functions import DIFFERS, EXACT, NOT_HERE
from infra.querying.sql_error import QueryFailed
from infra.value_text import NULL, text_of
from tests.archive.lake.lakes import a_row
from tests.infra.querying.examples import EXAMPLES

PAGE = Path("docs/athena.md").read_text(encoding="utf-8")


def answer(lake, sql: str) -> str:
    ((value,),) = lake.query(f"SELECT {sql}")
    if isinstance(value, list):
        return str(value)
    return NULL if value is None else text_of(value)


def error_of(lake, sql: str) -> str:
    with pytest.raises(QueryFailed) as raised:
        lake.query(sql)
    return str(raised.value)


def test_every_exact_function_has_an_example():
    assert set(EXAMPLES) == EXACT
    assert len(EXACT | DIFFERS.keys() | NOT_HERE) == len(EXACT) + len(DIFFERS) + len(NOT_HERE)


def test_exact_functions_answer_as_the_documentation_says(lake):
    wrong = {}
    for name, (sql, expected) in EXAMPLES.items():
        try:
            found = answer(lake, sql)
        except QueryFailed as error:
            found = str(error)
        if name != "histogram" and found != expected:
            wrong[name] = (sql, expected, found)
    assert not wrong


def test_maps_of_groups(lake):
    assert lake.query("SELECT map_agg(x, y) FROM (VALUES ('a', 1), ('a', 1)) t(x, y)") == [([("a", 1)],)]
    assert lake.query("SELECT histogram(x) FROM (VALUES 'a', 'a') t(x)") == [([("a", 2)],)]


@pytest.mark.parametrize("name", sorted(NOT_HERE))
def test_what_the_local_engine_lacks_says_so(lake, name):
    error = error_of(lake, f"SELECT {name}(1)")
    assert f"Athena has {name}, the engine on this machine does not" in error
    assert error.endswith("^")


@pytest.mark.parametrize(
    "name", ["strftime", "list_aggregate", "read_text", "frob", "getenv", "list_value", "epoch_ms"]
)
def test_what_athena_does_not_have_is_refused(lake, name):
    assert f"Athena has no function {name}" in error_of(lake, f"SELECT {name}('x')")


LOOK_AHEAD = "'ab', 'a(?=b)'"
DIFFERENCES = {  # for each function whose answer differs, an example of how
    "approx_distinct": ("(SELECT approx_distinct(x) FROM (VALUES 1, 2, 2) t(x))", "2"),
    "approx_percentile": ("(SELECT approx_percentile(x, 0.5) FROM (VALUES 1, 2, 3) t(x))", "2"),
    "cbrt": ("cbrt(27e0)", "3.0000000000000004"),
    "json_extract_scalar": ("json_extract_scalar('[1.50]', '$[0]')", "1.5"),
    "json_value": ("json_value('{\"a\":1.50}', 'lax $.a')", "1.5"),
    "regexp_replace": (r"regexp_replace('ab', '(a)', '\1\1$1')", "aa$1b"),
    "to_base": ("to_base(255, 16)", "FF"),
    "typeof": ("typeof(1)", "INTEGER"),
    "url_encode": ("url_encode('a b')", "a%20b"),
}
REFUSED = {  # for each function that refuses what Athena answers, an example
    "map_agg": ("(SELECT map_agg(x, y) FROM (VALUES ('a', 1), ('a', 2)) t(x, y))", "Map keys must be unique"),
    **{
        name: (f"{name}({LOOK_AHEAD})", "invalid perl operator: (?=")
        for name in ("regexp_count", "regexp_extract", "regexp_extract_all", "regexp_like", "regexp_split")
    },
}


def test_every_difference_has_an_example():
    assert DIFFERENCES.keys() | REFUSED.keys() == DIFFERS.keys()


@pytest.mark.parametrize("name", DIFFERENCES)
def test_a_function_differs_as_the_page_says(lake, name):
    sql, expected = DIFFERENCES[name]
    assert answer(lake, sql) == expected


@pytest.mark.parametrize("name", REFUSED)
def test_a_function_refuses_what_the_page_says(lake, name):
    sql, message = REFUSED[name]
    assert message in error_of(lake, f"SELECT {sql}")


def test_the_page_lists_every_function_in_its_group():
    rows = dict(re.findall(r"^\| (exact|not here) \| (.*?) \|$", PAGE, re.MULTILINE))
    assert set(re.findall(r"`(\w+)`", rows["exact"])) == EXACT
    assert set(re.findall(r"`(\w+)`", rows["not here"])) == NOT_HERE
    for name, how in DIFFERS.items():
        assert f"| `{name}` | {how} |" in PAGE


@pytest.mark.parametrize(
    ("sql", "expected"),
    [
        ("CAST(TIMESTAMP '2026-01-01 15:19:00' AT TIME ZONE 'Europe/Berlin' AS varchar)", "2026-01-01 16:19:00"),
        ("hour(from_iso8601_timestamp('2026-07-01T15:19:00Z') AT TIME ZONE 'America/New_York')", "11"),
        ("json_value('{\"a\":[1]}', 'lax $.a')", "NULL"),
        ("json_value('{\"a\":null}', 'lax $.a')", "NULL"),
        ("json_value('{\"a\":1.50}', 'lax $.a')", "1.5"),
        ("json_query('{\"a\":1}', 'lax $.a')", "NULL"),
        ("json_query('{\"a\":{\"b\":[1]}}', 'lax $.a')", '{"b":[1]}'),
        ("date_diff('day', TIMESTAMP '2026-11-22 23:00:00', TIMESTAMP '2026-11-23 01:00:00')", "0"),
        ("date_diff('day', DATE '2026-11-22', DATE '2026-11-23')", "1"),
        ("format_datetime(TIMESTAMP '2026-11-03 14:05:06', 'EEE d MMM yyyy, h:mm a')", "Tue 3 Nov 2026, 2:05 PM"),
        ("width_bucket(11e0, 0e0, 10e0, 5)", "6"),
        ("url_extract_host('nonsense')", "NULL"),
        ("CAST(nan() AS varchar)", "NaN"),
    ],
)
def test_what_was_wrong_once(lake, sql, expected):
    assert answer(lake, sql).lower() == expected.lower()


@pytest.mark.parametrize(
    ("sql", "message"),
    [
        ("SELECT payload->>'a' FROM events", "Athena has no operator ->>"),
        ("SELECT payload -> '$.a' FROM events", "Athena has no operator ->"),
        ("SELECT count(*) FROM events WHERE timestamp > '2020-01-01'", "Athena compares no timestamp with a varchar"),
        (
            "SELECT count(*) FROM events e WHERE '2020-01-01' <= e.timestamp",
            "Athena compares no timestamp with a varchar",
        ),
        ("SELECT count(*) FROM events WHERE timestamp BETWEEN '2020-01-01' AND '2021-01-01'", "Athena compares no"),
        ("SELECT count(*) FROM events WHERE payload = 3", "Athena compares no varchar with a number"),
        ("SELECT count(*) FROM events WHERE dt = DATE '2026-11-23'", "Athena compares no varchar with a date"),
        ("SELECT 'a' || 1", "Athena joins no number to a text with ||"),
        ("SELECT request_id || timestamp_micros FROM events", "Athena joins no number to a text with ||"),
        ("SELECT json_value(payload, 'strict $.a') FROM events", "only 'lax $…' paths"),
        ("SELECT format_datetime(timestamp, 'QQQ') FROM events", "'QQQ'"),
        ("SELECT format_datetime(timestamp, dt) FROM events", "a pattern written out"),
    ],
)
def test_what_athena_refuses_is_refused(lake, sql, message):
    assert message in error_of(lake, sql)


@pytest.mark.parametrize(
    "where",
    [
        "timestamp > TIMESTAMP '2020-01-01 00:00:00'",
        "timestamp > DATE '2020-01-01'",
        "timestamp > from_iso8601_timestamp('2020-01-01T00:00:00Z')",
        "timestamp > CAST('2020-01-01' AS timestamp)",
        "timestamp > current_timestamp - INTERVAL '90' DAY",
        "timestamp_micros > 3",
        "dt >= '2020-01-01' AND hour IN ('00', '01')",
        "payload LIKE '%a%'",
    ],
)
def test_what_athena_compares_is_compared(lake, where):
    lake.query(f"SELECT count(*) FROM events WHERE {where}")  # noqa: S608 (our own text)


def test_statements_about_tables(lake):
    lake.land([a_row(1)])
    assert ("payload",) in lake.query("SHOW COLUMNS FROM events")
    assert ("payload",) in lake.query("SHOW COLUMNS IN events_landing;")
    ((partition,),) = lake.query("SHOW PARTITIONS events_landing")
    assert re.fullmatch(r"dt=\d{4}-\d\d-\d\d/hour=\d\d", partition)
    assert "no table nothing" in error_of(lake, "SHOW COLUMNS FROM nothing")
    plan = lake.query("EXPLAIN SELECT count(*) FROM events")
    assert "aggregate" in plan[0][0].lower()
