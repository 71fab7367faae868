"""Athena's functions and statements on the local engine: the same answer, a known difference, or a clear no."""

import re
from pathlib import Path

import pytest

from infra.querying.functions import DIFFERS, EXACT, NOT_HERE
from infra.querying.sql_error import QueryFailed
from infra.value_text import NULL, text_of
from tests.archive.lake.lakes import a_row

PAGE = Path("docs/athena.md").read_text(encoding="utf-8")
EXAMPLES = {  # a function, an expression, and Athena's answer as the pages of Trino's functions give it
    "abs": ("abs(-7)", "7"),
    "acos": ("round(acos(0e0), 4)", "1.5708"),
    "any_value": ("(SELECT any_value(x) FROM (VALUES 1) t(x))", "1"),
    "arbitrary": ("(SELECT arbitrary(x) FROM (VALUES 1) t(x))", "1"),
    "array_agg": ("(SELECT array_agg(x ORDER BY x) FROM (VALUES 2, 1) t(x))", "[1, 2]"),
    "array_distinct": ("cardinality(array_distinct(ARRAY[1, 1]))", "1"),
    "array_intersect": ("array_intersect(ARRAY[1, 2], ARRAY[2])", "[2]"),
    "array_join": ("array_join(ARRAY['a', 'b'], '-')", "a-b"),
    "array_max": ("array_max(ARRAY[1, 2])", "2"),
    "array_min": ("array_min(ARRAY[1, 2])", "1"),
    "array_position": ("array_position(ARRAY[1, 2], 2)", "2"),
    "array_remove": ("array_remove(ARRAY[1, 2], 2)", "[1]"),
    "array_sort": ("array_sort(ARRAY[2, 1])", "[1, 2]"),
    "array_union": ("cardinality(array_union(ARRAY[1], ARRAY[1, 2]))", "2"),
    "arrays_overlap": ("arrays_overlap(ARRAY[1], ARRAY[1, 2])", "true"),
    "asin": ("asin(0e0)", "0.0"),
    "atan": ("atan(0e0)", "0.0"),
    "atan2": ("atan2(0e0, 1e0)", "0.0"),
    "avg": ("(SELECT avg(x) FROM (VALUES 1e0, 2e0) t(x))", "1.5"),
    "bitwise_and": ("bitwise_and(12, 10)", "8"),
    "bitwise_not": ("bitwise_not(0)", "-1"),
    "bitwise_or": ("bitwise_or(12, 10)", "14"),
    "bitwise_xor": ("bitwise_xor(12, 10)", "6"),
    "bool_and": ("(SELECT bool_and(x > 0) FROM (VALUES 1, 2) t(x))", "true"),
    "bool_or": ("(SELECT bool_or(x > 1) FROM (VALUES 1, 2) t(x))", "true"),
    "cardinality": ("cardinality(ARRAY[1, 2])", "2"),
    "ceil": ("ceil(1.5e0)", "2.0"),
    "ceiling": ("ceiling(1.5e0)", "2.0"),
    "chr": ("chr(65)", "A"),
    "coalesce": ("coalesce(NULL, 1)", "1"),
    "codepoint": ("codepoint('A')", "65"),
    "concat": ("concat('a', 'b')", "ab"),
    "concat_ws": ("concat_ws('-', 'a', 'b')", "a-b"),
    "contains": ("contains(ARRAY[1, 2], 2)", "true"),
    "corr": ("(SELECT corr(x, x) FROM (VALUES 1e0, 3e0) t(x))", "1.0"),
    "cos": ("cos(0e0)", "1.0"),
    "cosh": ("cosh(0e0)", "1.0"),
    "count": ("(SELECT count(x) FROM (VALUES 1, NULL) t(x))", "1"),
    "count_if": ("(SELECT count_if(x > 1) FROM (VALUES 1, 2) t(x))", "1"),
    "covar_pop": ("(SELECT covar_pop(x, x) FROM (VALUES 1e0, 3e0) t(x))", "1.0"),
    "covar_samp": ("(SELECT covar_samp(x, x) FROM (VALUES 1e0, 3e0) t(x))", "2.0"),
    "cume_dist": ("(SELECT cume_dist() OVER (ORDER BY x) FROM (VALUES 5) t(x))", "1.0"),
    "date": ("date('2026-11-23')", "2026-11-23"),
    "date_add": ("CAST(date_add('day', 2, DATE '2026-11-23') AS varchar)", "2026-11-25"),
    "date_diff": ("date_diff('hour', TIMESTAMP '2026-11-23 00:30:00', TIMESTAMP '2026-11-23 02:00:00')", "1"),
    "date_format": ("date_format(TIMESTAMP '2026-11-23 02:34:56', '%Y-%m-%d %H:%i')", "2026-11-23 02:34"),
    "date_parse": ("CAST(date_parse('2026-11-23', '%Y-%m-%d') AS date)", "2026-11-23"),
    "date_trunc": ("CAST(date_trunc('month', DATE '2026-11-23') AS varchar)", "2026-11-01"),
    "day": ("day(DATE '2026-11-23')", "23"),
    "day_of_month": ("day_of_month(DATE '2026-11-23')", "23"),
    "day_of_week": ("day_of_week(DATE '2026-11-22')", "7"),
    "day_of_year": ("day_of_year(DATE '2026-11-23')", "327"),
    "degrees": ("round(degrees(pi()), 1)", "180.0"),
    "dense_rank": ("(SELECT dense_rank() OVER (ORDER BY x) FROM (VALUES 5) t(x))", "1"),
    "dow": ("dow(DATE '2026-11-22')", "7"),
    "doy": ("doy(DATE '2026-11-23')", "327"),
    "e": ("round(e(), 3)", "2.718"),
    "element_at": ("element_at(ARRAY[1, 2], 2)", "2"),
    "every": ("(SELECT every(x > 0) FROM (VALUES 1, 2) t(x))", "true"),
    "exp": ("exp(0e0)", "1.0"),
    "extract": ("extract(year FROM DATE '2026-11-23')", "2026"),
    "filter": ("filter(ARRAY[1, 2], x -> x > 1)", "[2]"),
    "first_value": ("(SELECT first_value(x) OVER (ORDER BY x) FROM (VALUES 5) t(x))", "5"),
    "flatten": ("flatten(ARRAY[ARRAY[1], ARRAY[2]])", "[1, 2]"),
    "floor": ("floor(-1.5e0)", "-2.0"),
    "format_datetime": (
        "format_datetime(TIMESTAMP '2026-11-23 02:34:56', 'yyyy-MM-dd HH:mm:ss')",
        "2026-11-23 02:34:56",
    ),
    "from_base64": ("to_hex(from_base64('AA=='))", "00"),
    "from_hex": ("to_hex(from_hex('FF'))", "FF"),
    "from_iso8601_date": ("from_iso8601_date('2026-11-23')", "2026-11-23"),
    "from_iso8601_timestamp": ("hour(from_iso8601_timestamp('2026-11-23T02:34:56Z'))", "2"),
    "from_unixtime": ("hour(from_unixtime(7200))", "2"),
    "from_utf8": ("from_utf8(to_utf8('é'))", "é"),
    "geometric_mean": ("(SELECT round(geometric_mean(x), 6) FROM (VALUES 1e0, 4e0) t(x))", "2.0"),
    "greatest": ("greatest(1, 3, 2)", "3"),
    "hamming_distance": ("hamming_distance('abc', 'abd')", "1"),
    "histogram": ("(SELECT histogram(x) FROM (VALUES 'a', 'a') t(x))", "{'a': 2}"),
    "hour": ("hour(TIMESTAMP '2026-11-23 02:34:56')", "2"),
    "if": ("if(1 > 2, 'a', 'b')", "b"),
    "infinity": ("infinity() > 1e308", "true"),
    "is_finite": ("is_finite(1e0)", "true"),
    "is_infinite": ("is_infinite(1e0)", "false"),
    "is_nan": ("is_nan(1e0)", "false"),
    "json_array_get": ("json_array_get('[1,2]', 1)", "2"),
    "json_array_length": ("json_array_length('[1,2]')", "2"),
    "json_exists": ("json_exists('{\"a\":1}', 'lax $.a')", "true"),
    "json_extract": ("json_extract('{\"a\":[1]}', '$.a')", "[1]"),
    "json_format": ("json_format(JSON '[1]')", "[1]"),
    "json_parse": ("json_parse('[1]')", "[1]"),
    "json_query": ("json_query('{\"a\":[1]}', 'lax $.a')", "[1]"),
    "json_size": ("json_size('{\"a\":[1,2]}', '$.a')", "2"),
    "lag": ("(SELECT max(y) FROM (SELECT lag(x) OVER (ORDER BY x) AS y FROM (VALUES 5, 6) t(x)) u)", "5"),
    "last_day_of_month": ("last_day_of_month(DATE '2026-11-23')", "2026-11-30"),
    "last_value": ("(SELECT last_value(x) OVER (ORDER BY x) FROM (VALUES 5) t(x))", "5"),
    "lead": ("(SELECT max(y) FROM (SELECT lead(x) OVER (ORDER BY x) AS y FROM (VALUES 5, 6) t(x)) u)", "6"),
    "least": ("least(1, 3, 2)", "1"),
    "length": ("length('Zoë')", "3"),
    "levenshtein_distance": ("levenshtein_distance('kitten', 'sitting')", "3"),
    "listagg": ("(SELECT listagg(x, ',') WITHIN GROUP (ORDER BY x) FROM (VALUES 'b', 'a') t(x))", "a,b"),
    "ln": ("ln(1e0)", "0.0"),
    "log": ("log(2, 8)", "3.0"),
    "log10": ("log10(1000e0)", "3.0"),
    "log2": ("log2(8e0)", "3.0"),
    "lower": ("lower('AB')", "ab"),
    "lpad": ("lpad('7', 3, '0')", "007"),
    "ltrim": ("ltrim('  a')", "a"),
    "map": ("element_at(map(ARRAY['a'], ARRAY[1]), 'a')", "1"),
    "map_entries": ("cardinality(map_entries(map(ARRAY['a'], ARRAY[1])))", "1"),
    "map_from_entries": ("element_at(map_from_entries(ARRAY[ROW('a', 1)]), 'a')", "1"),
    "map_keys": ("map_keys(map(ARRAY['a'], ARRAY[1]))", "['a']"),
    "map_values": ("map_values(map(ARRAY['a'], ARRAY[1]))", "[1]"),
    "max": ("(SELECT max(x) FROM (VALUES 1, 2) t(x))", "2"),
    "max_by": ("(SELECT max_by(y, x) FROM (VALUES (1, 'a'), (2, 'b')) t(x, y))", "b"),
    "md5": ("to_hex(md5(to_utf8('a')))", "0CC175B9C0F1B6A831C399E269772661"),
    "millisecond": ("millisecond(TIMESTAMP '2026-11-23 02:34:56.789')", "789"),
    "min": ("(SELECT min(x) FROM (VALUES 1, 2) t(x))", "1"),
    "min_by": ("(SELECT min_by(y, x) FROM (VALUES (1, 'a'), (2, 'b')) t(x, y))", "a"),
    "minute": ("minute(TIMESTAMP '2026-11-23 02:34:56')", "34"),
    "mod": ("mod(7, 3)", "1"),
    "month": ("month(DATE '2026-11-23')", "11"),
    "nan": ("is_nan(nan())", "true"),
    "now": ("now() > TIMESTAMP '2020-01-01 00:00:00 UTC'", "true"),
    "nth_value": ("(SELECT nth_value(x, 1) OVER (ORDER BY x) FROM (VALUES 5) t(x))", "5"),
    "ntile": ("(SELECT ntile(2) OVER (ORDER BY x) FROM (VALUES 5) t(x))", "1"),
    "nullif": ("nullif(1, 1)", "NULL"),
    "parse_datetime": ("hour(parse_datetime('2026-11-23 02', 'yyyy-MM-dd HH'))", "2"),
    "percent_rank": ("(SELECT percent_rank() OVER (ORDER BY x) FROM (VALUES 5) t(x))", "0.0"),
    "pi": ("round(pi(), 4)", "3.1416"),
    "position": ("position('l' IN 'hello')", "3"),
    "pow": ("pow(2, 10)", "1024.0"),
    "power": ("power(2, 10)", "1024.0"),
    "quarter": ("quarter(DATE '2026-11-23')", "4"),
    "radians": ("round(radians(180e0), 4)", "3.1416"),
    "rand": ("rand() < 1", "true"),
    "random": ("random() < 1", "true"),
    "rank": ("(SELECT rank() OVER (ORDER BY x) FROM (VALUES 5) t(x))", "1"),
    "reduce": ("reduce(ARRAY[1, 2], 0, (s, x) -> s + x, s -> s)", "3"),
    "regr_intercept": ("(SELECT regr_intercept(x, x) FROM (VALUES 1e0, 3e0) t(x))", "0.0"),
    "regr_slope": ("(SELECT regr_slope(x, x) FROM (VALUES 1e0, 3e0) t(x))", "1.0"),
    "replace": ("replace('aba', 'a', 'x')", "xbx"),
    "reverse": ("reverse('abc')", "cba"),
    "round": ("round(2.345e0, 1)", "2.3"),
    "row_number": ("(SELECT row_number() OVER (ORDER BY x) FROM (VALUES 5) t(x))", "1"),
    "rpad": ("rpad('7', 3, '0')", "700"),
    "rtrim": ("rtrim('a  ')", "a"),
    "second": ("second(TIMESTAMP '2026-11-23 02:34:56')", "56"),
    "sequence": ("sequence(1, 3)", "[1, 2, 3]"),
    "sha256": (
        "lower(to_hex(sha256(to_utf8('a'))))",
        "ca978112ca1bbdcafac231b39a23dc4da786eff8147c4e72b9807785afee48bb",
    ),
    "sign": ("sign(-3)", "-1"),
    "sin": ("sin(0e0)", "0.0"),
    "sinh": ("sinh(0e0)", "0.0"),
    "slice": ("slice(ARRAY[1, 2, 3], 2, 2)", "[2, 3]"),
    "split": ("split('a,b', ',')", "['a', 'b']"),
    "split_part": ("split_part('a,b', ',', 2)", "b"),
    "sqrt": ("sqrt(16e0)", "4.0"),
    "starts_with": ("starts_with('hello', 'he')", "true"),
    "stddev": ("(SELECT stddev(x) FROM (VALUES 1e0, 3e0) t(x))", "1.4142135623730951"),
    "stddev_pop": ("(SELECT stddev_pop(x) FROM (VALUES 1e0, 3e0) t(x))", "1.0"),
    "stddev_samp": ("(SELECT stddev_samp(x) FROM (VALUES 1e0, 3e0) t(x))", "1.4142135623730951"),
    "strpos": ("strpos('hello', 'l')", "3"),
    "substr": ("substr('hello', 2, 3)", "ell"),
    "substring": ("substring('hello', 2)", "ello"),
    "sum": ("(SELECT sum(x) FROM (VALUES 1, 2) t(x))", "3"),
    "tan": ("tan(0e0)", "0.0"),
    "tanh": ("tanh(0e0)", "0.0"),
    "to_base64": ("to_base64(X'00')", "AA=="),
    "to_hex": ("to_hex(X'ff')", "FF"),
    "to_unixtime": ("to_unixtime(TIMESTAMP '1970-01-01 00:01:00')", "60.0"),
    "to_utf8": ("to_hex(to_utf8('é'))", "C3A9"),
    "transform": ("transform(ARRAY[1, 2], x -> x + 1)", "[2, 3]"),
    "translate": ("translate('abc', 'b', 'x')", "axc"),
    "trim": ("trim('  a ')", "a"),
    "truncate": ("truncate(2.7e0)", "2.0"),
    "try": ("try(CAST('x' AS integer))", "NULL"),
    "upper": ("upper('ab')", "AB"),
    "url_decode": ("url_decode('a%20b')", "a b"),
    "url_extract_fragment": ("url_extract_fragment('https://a.example/p?q=1#f')", "f"),
    "url_extract_host": ("url_extract_host('https://a.example:8080/p?q=1#f')", "a.example"),
    "url_extract_path": ("url_extract_path('https://a.example/p?q=1')", "/p"),
    "url_extract_port": ("url_extract_port('https://a.example:8080/p')", "8080"),
    "url_extract_protocol": ("url_extract_protocol('https://a.example/p')", "https"),
    "url_extract_query": ("url_extract_query('https://a.example/p?q=1#f')", "q=1"),
    "uuid": ("length(CAST(uuid() AS varchar))", "36"),
    "var_pop": ("(SELECT var_pop(x) FROM (VALUES 1e0, 3e0) t(x))", "1.0"),
    "var_samp": ("(SELECT var_samp(x) FROM (VALUES 1e0, 3e0) t(x))", "2.0"),
    "variance": ("(SELECT variance(x) FROM (VALUES 1e0, 3e0) t(x))", "2.0"),
    "week": ("week(DATE '2026-11-23')", "48"),
    "width_bucket": ("width_bucket(5.35e0, 0.024e0, 10.06e0, 5)", "3"),
    "year": ("year(DATE '2026-11-23')", "2026"),
}


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


def test_exact_functions_answer_as_athena_does(lake):
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
