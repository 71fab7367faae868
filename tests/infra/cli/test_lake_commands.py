"""`spillway query`, `compact` and `schema`, as they are typed."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner, Result

from archive.lake.hours import Hour
from infra.cli.context import CommandError, Context
from infra.cli.main import spillway
from tests.archive.lake.lakes import HOUR, NAMES, Lake, a_row


@pytest.fixture
def command(lake: Lake, lake_endpoint: str, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Runs `spillway` on the lake."""
    monkeypatch.setenv("AWS_ENDPOINT_URL", lake_endpoint)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "local")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "local")
    monkeypatch.setattr(Context, "names", lambda _: NAMES)

    def run(*arguments: str) -> Result:
        return CliRunner().invoke(spillway, arguments)

    return run


def failure(result: Result) -> str:
    assert isinstance(result.exception, CommandError), result.output
    return str(result.exception)


def test_a_query_is_a_table_and_a_note(command, lake):
    lake.land([a_row(1), a_row(2)])
    result = command("query", "SELECT request_id FROM events ORDER BY 1")
    assert result.stdout == "request_id\n──────────\nr00001\nr00002\n"
    assert result.stderr.startswith("2 rows, ")


def test_a_query_for_programs(command, lake, tmp_path):
    lake.land([a_row(1)])
    sql = "SELECT request_id, timestamp_micros AS micros FROM events"
    micros = a_row(1)["timestamp_micros"]
    assert json.loads(command("query", "--json", sql).stdout) == [{"request_id": "r00001", "micros": micros}]
    assert command("query", "--csv", sql).stdout == f"request_id,micros\nr00001,{micros}\n"
    result = command("query", "--parquet", str(tmp_path / "x.parquet"), sql)
    assert (result.stdout, result.exit_code) == ("", 0)
    assert pq.read_table(tmp_path / "x.parquet").to_pylist() == [{"request_id": "r00001", "micros": micros}]


def test_a_query_as_a_chart(command, lake):
    lake.land([a_row(1), a_row(2)])
    assert "█" in command("query", "--chart", "SELECT dt, count(*) AS events FROM events GROUP BY 1").stdout
    assert "takes two columns" in failure(command("query", "--chart", "SELECT 1 AS a"))


def test_a_query_that_is_wrong_points_at_its_place(command):
    assert failure(command("query", "SELECT foo FROM events")).splitlines()[1:] == [
        "  SELECT foo FROM events",
        "         ^",
    ]


def test_saved_queries_are_listed_and_run(command, lake):
    assert "event_journey" in command("query", "--saved", "list").stdout
    lake.land([a_row(1, hour := Hour.of(datetime.now(UTC)))], hour)
    assert "r00001" in command("query", "--saved", "event_journey", "--parameter", "r00001").stdout
    assert "no saved query 'x'" in failure(command("query", "--saved", "x"))
    assert command("query").exit_code == 2
    assert command("query", "SELECT 1", "--saved", "x").exit_code == 2


def test_compact_says_what_became_of_each_hour(command, lake):
    day = HOUR.start - timedelta(days=10)
    hours = [Hour(day), Hour(day + timedelta(hours=1))]
    for hour in hours:
        lake.land([a_row(1, hour), a_row(1, hour), a_row(2, hour)], hour)
    span = ("--from", f"{day:%Y-%m-%dT%H}", "--to", f"{day + timedelta(hours=1):%Y-%m-%dT%H}")
    first, *others = json.loads(command("compact", "--json", *span).stdout)
    assert others == []
    assert first == {
        "hour": str(hours[0]),
        "what": "compacted",
        "new_objects": 1,
        "files": 1,
        "rows": 2,
        "duplicates": 1,
    }
    result = command("compact", "--from", f"{day:%Y-%m-%d}", "--to", f"{day + timedelta(days=1):%Y-%m-%d}")
    assert [line.split()[2] for line in result.stderr.splitlines()] == ["unchanged", "compacted"]
    assert "duplicates" in result.stdout


def test_compact_says_until_when_an_hour_is_open(command, lake):
    hour = Hour.of(datetime.now(UTC))
    lake.land([a_row(1, hour)], hour)
    assert f"{hour}  open until {hour.end:%H}:01 UTC" in command("compact").stderr


def test_late_arrivals_are_picked_up_by_the_next_compact(command, lake):
    hour = Hour.of(datetime.now(UTC) - timedelta(hours=5))
    lake.land([a_row(1, hour), a_row(2, hour)], hour)
    command("compact")
    lake.land([a_row(2, hour), a_row(3, hour)], hour)
    (found,) = json.loads(command("compact", "--json").stdout)
    assert (found["what"], found["new_objects"], found["rows"], found["duplicates"]) == ("extended", 1, 3, 1)
    assert lake.events() == ["r00001", "r00002", "r00003"]


def test_compact_with_nothing_to_do_says_so(command):
    assert "Nothing landed between" in command("compact").stderr
    assert command("compact", "--from", "2026-02-02", "--to", "2026-02-01").exit_code == 2


def test_compact_that_fails_says_that_what_is_done_stays_done(command, lake):
    hour = Hour.of(datetime.now(UTC) - timedelta(hours=5))
    lake.put(f"events/{hour.path}/x.parquet", b"nothing of the kind")
    assert "is not a Parquet file" in failure(command("compact"))


SCHEMA = {"properties": {"a": {"type": "string"}}}


@pytest.mark.parametrize(
    ("after", "safe", "line"),
    [
        ({"properties": {**SCHEMA["properties"], "b": {"type": "integer"}}}, True, "safe      b: added, bigint"),
        ({"properties": {"b": {"type": "string"}}}, False, "NOT SAFE  a: renamed, to b"),
        (SCHEMA, True, "The lake's columns stay as they are."),
    ],
)
def test_a_schema_is_checked_against_a_file(command, tmp_path, after, safe, line):
    old, new = tmp_path / "old.json", tmp_path / "new.json"
    old.write_text(json.dumps(SCHEMA))
    new.write_text(json.dumps(after))
    result = command("schema", "check", "--against", str(old), "--schema", str(new))
    assert (result.exit_code == 0) == safe
    assert result.stdout.splitlines()[0] == line
    if not safe:
        assert failure(result) == "not safe for the files that are there already: a"


def test_a_schema_is_checked_against_a_revision(command):
    assert command("schema", "check", "--against", "HEAD").exit_code == 0
    assert "neither a file nor a revision" in failure(command("schema", "check", "--against", "no-such-revision"))
    assert "neither a file nor a revision" in failure(command("schema", "check", "--against", "--help-me"))


def test_a_schema_that_is_none_is_refused(command, tmp_path):
    path = tmp_path / "x.json"
    path.write_text("{")
    assert "is not JSON" in failure(command("schema", "check", "--against", str(path)))
    path.write_text("[]")
    assert "is not a JSON Schema" in failure(command("schema", "check", "--against", str(path)))
    path.write_text(json.dumps({"properties": {"dt": {"type": "string"}}}))
    assert "rename the property" in failure(command("schema", "check", "--against", str(path)))


def test_the_columns_and_the_ddl_are_shown(command):
    assert json.loads(command("schema", "show", "--json").stdout)[0]["type"] == "timestamp"
    assert "_mismatches" in command("schema", "show").stdout
    ddl = command("schema", "ddl").stdout
    assert ddl.count("CREATE EXTERNAL TABLE") == 5
    assert f"LOCATION 's3://{NAMES.dead_letter_bucket}/dead-letters/'" in ddl
