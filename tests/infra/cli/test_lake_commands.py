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


def test_an_invalid_schema_is_refused(command, tmp_path):
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


@pytest.mark.parametrize(
    "words",
    [
        ["--json", "--csv", "SELECT 1"],
        ["--chart", "--json", "SELECT 1"],
        ["--chart", "--csv", "SELECT 1"],
        ["--all", "--limit", "3", "SELECT 1"],
        ["--saved", "list", "--json"],
        ["--saved", "list", "SELECT 1"],
        ["--interactive", "SELECT 1"],
        ["--interactive", "--json"],
        ["--no-formulas", "SELECT 1"],
        ["--limit", "0", "SELECT 1"],
    ],
    ids=" ".join,
)
def test_options_that_contradict_each_other_are_wrong_usage(command, words):
    assert command("query", *words).exit_code == 2


@pytest.mark.parametrize("words", [["--parquet"], ["--png"]])
def test_a_file_of_a_query_that_cannot_be_written_is_named(command, words, tmp_path):
    absent = str(tmp_path / "absent" / "x")
    sql = "SELECT 'a' AS label, 1 AS number"
    assert absent in failure(command("query", *words, absent, sql))


def test_a_query_comes_from_standard_input_or_a_file(command, tmp_path):
    path = tmp_path / "x.sql"
    path.write_bytes(b"\xef\xbb\xbfSELECT 42 AS answer")
    assert json.loads(command("query", "--json", "-f", str(path)).stdout) == [{"answer": 42}]
    done = CliRunner().invoke(spillway, ["query", "--json", "-"], input="SELECT 43 AS answer")
    assert json.loads(done.stdout) == [{"answer": 43}]
    path.write_bytes(b"SELECT '\xe9'")
    assert "is not UTF-8: byte 8" in failure(command("query", "-f", str(path)))


def test_more_rows_than_the_limit_are_announced(command):
    result = command("query", "--limit", "2", "SELECT x FROM UNNEST(sequence(1, 3)) AS t(x)")
    assert len(result.stdout.splitlines()) == 4
    assert "2 rows" in result.stderr
    assert "there are more" in result.stderr
    assert len(command("query", "SELECT x FROM UNNEST(sequence(1, 2000)) AS t(x)").stdout.splitlines()) == 2002


def test_a_value_that_was_cut_is_announced_and_whole_for_programs(command, lake):
    lake.land([a_row(1, payload='"' + "x" * 5_000 + '"')])
    result = command("query", "SELECT payload FROM events")
    assert "1 value was cut" in result.stderr
    assert "(5,002 characters)" in result.stdout
    assert len(json.loads(command("query", "--json", "SELECT payload FROM events").stdout)[0]["payload"]) == 5_002


def test_what_an_event_says_to_a_terminal_is_shown(command, lake):
    lake.land([a_row(1, user_agent="\x1b]0;owned\x07")])
    assert r"\x1b]0;owned\x07" in command("query", "SELECT user_agent FROM events").stdout
    line = failure(command("query", "SELECT CAST(user_agent AS integer) FROM events"))
    assert "owned" in line


@pytest.fixture
def pipeline(monkeypatch: pytest.MonkeyPatch) -> list[tuple[int, int]]:
    """What the pipeline says it accepted and brought to the lake, look by look; the last stays."""
    looks = [(20, 17)]

    def status(_context: Context) -> list[dict[str, Any]]:
        accepted, arrived = looks.pop(0) if len(looks) > 1 else looks[0]
        return [{"hop": "http_api", "delivered": accepted}, {"hop": "firehose", "delivered": arrived - 1, "failed": 1}]

    monkeypatch.setattr("infra.cli.lake_lag.local_status", status)
    return looks


def test_accepted_events_that_are_not_in_the_lake_yet_are_counted(command, pipeline):
    assert "3 accepted events are not in the lake yet; --wait" in command("query", "SELECT 1").stderr
    pipeline[:] = [(20, 19)]
    assert "1 accepted event is not in the lake yet" in command("query", "SELECT 1").stderr
    pipeline[:] = [(20, 20)]
    assert "not in the lake yet" not in command("query", "SELECT 1").stderr


def test_wait_waits_for_what_was_accepted_before_it_began(command, pipeline):
    pipeline[:] = [(20, 17), (25, 19), (30, 20), (31, 21)]
    result = command("query", "--wait", "SELECT 1")
    assert result.exit_code == 0
    assert "10 accepted events are not in the lake yet" in result.stderr
