"""Every command reports a failure of AWS, the network or a file in one line, and exits with 1."""

import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError, EndpointConnectionError
from click.testing import CliRunner, Result

from archive.lake.columns import columns
from infra.cli.context import CommandError, Context
from infra.cli.edge import explain, stopped
from infra.cli.main import spillway
from infra.shards.cost import MonthlyCosts
from infra.shards.load import Load
from infra.shards.plan import Plan
from infra.shards.plan_file import write_plan
from tests.infra.cli.commands import ARGUMENTS, NAMES, NEEDS_AWS

CLOSED_PORT = "http://127.0.0.1:9"
SPILLWAY = str(Path(sys.executable).with_name("spillway"))


pytestmark = pytest.mark.usefixtures("no_aws_settings")


@pytest.fixture
def arguments(tmp_path: Path) -> Any:
    """The arguments of a command, with files that exist."""
    entries, schema, plan = tmp_path / "entries.ndjson", tmp_path / "schema.json", tmp_path / "plan.json"
    entries.write_text('{"a": 1}\n')
    schema.write_text("{}")
    now = time.time()
    costs, load = MonthlyCosts(1.0, 1.0, 1.0), Load(1.0, 1.0)
    write_plan(plan, a_plan(now, load, costs))
    places = {"entries": entries, "schema": schema, "plan": plan, "folder": tmp_path, "trace": "step"}

    def given(name: str) -> list[str]:
        return [*name.split(), *(filled(each, places) for each in ARGUMENTS[name])]

    return given


def filled(text: str, places: dict[str, Any]) -> str:
    """A text with the names in braces replaced; `{}` is an event."""
    return text if text == "{}" else text.format(**places)


def a_plan(now: float, load: Load, costs: MonthlyCosts) -> Plan:
    fields: dict[str, Any] = dict.fromkeys(Plan.__dataclass_fields__)
    fields |= {"stream_name": "spillway-local-events", "load": load, "costs": costs, "advice": (), "layout": (0,)}
    fields |= {"steps": (), "verdict": "enough", "reason": "as it is", "made_at": now}
    return Plan(**{name: value for name, value in fields.items() if name in Plan.__dataclass_fields__})


def run(*words: str) -> Result:
    return CliRunner().invoke(spillway, list(words))


def line_of(result: Result) -> str:
    """The one line that a command failed with."""
    assert isinstance(result.exception, CommandError), (result.exception, result.output)
    line = str(result.exception)
    assert line
    assert "\n" not in line
    assert "Traceback" not in result.output
    return line


def test_the_table_of_arguments_names_every_command():
    assert sorted(ARGUMENTS) == sorted(NAMES)


@pytest.mark.parametrize("name", sorted(NEEDS_AWS - {"deploy", "destroy"}))
def test_with_nothing_running_the_line_says_how_to_start(name, arguments, monkeypatch):
    monkeypatch.setenv("AWS_ENDPOINT_URL", CLOSED_PORT)
    monkeypatch.setenv("SPILLWAY_URL", CLOSED_PORT + "/dev/app")
    line = line_of(run(*arguments(name)))
    assert "127.0.0.1:9" in line
    assert "spillway run" in line


@pytest.mark.parametrize("name", sorted(NEEDS_AWS - {"post", "load"}))
def test_without_credentials_the_line_says_where_they_come_from(name, arguments):
    line = line_of(run("--env", "dev", *arguments(name)))
    assert "credentials" in line
    assert "AWS_PROFILE" in line


@pytest.mark.parametrize("name", sorted(NEEDS_AWS - {"post", "load"}))
def test_a_region_that_does_not_exist_is_named(name, arguments, monkeypatch):
    monkeypatch.setenv("AWS_REGION", "eu-nowhere-9")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "testing")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "testing")
    line = line_of(run("--env", "dev", *arguments(name)))
    assert "eu-nowhere-9" in line
    assert "AWS_REGION" in line


@pytest.mark.parametrize("name", sorted({"post", "load"}))
def test_an_environment_whose_address_is_not_known_asks_for_it(name, arguments):
    assert "give --url" in line_of(run("--env", "dev", *arguments(name)))


@pytest.mark.parametrize("name", ["schema show", "schema ddl", "query"])
def test_a_broken_event_schema_is_named(name, arguments, lake_endpoint, monkeypatch, tmp_path):
    monkeypatch.setenv("AWS_ENDPOINT_URL", lake_endpoint)
    broken = tmp_path / "event.schema.json"
    broken.write_text("{")
    monkeypatch.setattr("archive.lake.columns.EVENT_SCHEMA_FILE", broken)
    columns.cache_clear()
    assert "event.schema.json is not JSON" in line_of(run(*arguments(name)))


@pytest.mark.parametrize(
    "words",
    [
        ["shards", "simulate", "--trace", "step", "--png", "{folder}/absent/x.png"],
        ["package", "--output", "{folder}/file/x.zip"],
        ["load", "--rejects", "{folder}/absent/x.ndjson", "{folder}/entries.ndjson"],
        ["audit", "--missing", "{folder}/absent/x.ndjson"],
        ["rebuild-table", "--from", "2026-11-23", "--journal", "{folder}/absent/x.journal"],
    ],
    ids=lambda words: " ".join(words[:2]),
)
def test_a_file_that_cannot_be_written_is_named(words, arguments, lake_endpoint, tmp_path, monkeypatch):
    monkeypatch.setenv("AWS_ENDPOINT_URL", lake_endpoint)
    arguments("load")
    (tmp_path / "file").write_text("")
    monkeypatch.setattr(Context, "url", lambda *_: CLOSED_PORT)
    line = line_of(run(*(word.replace("{folder}", str(tmp_path)) for word in words)))
    assert str(tmp_path) in line


def test_on_a_terminal_of_ascii_every_table_can_be_read():
    for words in (["schema", "show"], ["query", "--saved", "list"], ["shards", "simulate", "--trace", "step"], ["-h"]):
        done = subprocess.run(
            [SPILLWAY, *words],
            env={**os.environ, "PYTHONIOENCODING": "ascii"},
            capture_output=True,
            text=True,
            check=False,
        )
        assert (done.returncode, done.stderr) == (0, ""), words
        assert "Traceback" not in done.stdout


def test_a_command_ends_with_one_line_and_1():
    done = subprocess.run(
        [SPILLWAY, "query", "SELECT 1"],
        env={**os.environ, "AWS_ENDPOINT_URL": CLOSED_PORT},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith("spillway: nobody answers at http://127.0.0.1:9")
    assert done.stderr.count("\n") == 1


def refusal(code: str, message: str = "because", status: int = 400) -> ClientError:
    answer: Any = {"Error": {"Code": code, "Message": message}, "ResponseMetadata": {"HTTPStatusCode": status}}
    return ClientError(answer, "ListThings")


@pytest.mark.parametrize(
    ("code", "status", "step"),
    [
        ("AccessDeniedException", 400, "give the role that permission"),
        ("ExpiredToken", 400, "aws sso login"),
        ("ResourceNotFoundException", 400, "is --env right"),
        ("ThrottlingException", 400, "try again later"),
        ("InternalError", 503, "try again later"),
        ("Strange", 400, "AWS refused ListThings (Strange: because)"),
    ],
)
def test_what_aws_refuses_names_the_next_step(code, status, step):
    line = explain(refusal(code, status=status), Context("dev"))
    assert line is not None
    assert step in line


def test_a_foreign_message_is_one_line_and_not_endless():
    line = explain(refusal("Strange", "a\nb" * 5_000), Context("dev"))
    assert line is not None
    assert "\n" not in line
    assert len(line) < 1_000


def test_a_mistake_in_spillway_is_not_explained_away():
    assert explain(KeyError("x"), Context()) is None
    with pytest.raises(KeyError), stopped(Context(), "the work stopped", "Run it again."):
        raise KeyError("x")


def test_work_that_stops_names_itself_and_the_next_step():
    with (
        pytest.raises(CommandError) as failed,
        stopped(Context(), "the work stopped", "Run it again."),
    ):
        raise EndpointConnectionError(endpoint_url=CLOSED_PORT)
    assert str(failed.value).startswith("the work stopped: nobody answers at http://127.0.0.1:9")
    assert str(failed.value).endswith(". Run it again.")


def test_an_endpoint_in_place_of_aws_is_named_once(aws, monkeypatch):
    monkeypatch.setenv("AWS_ENDPOINT_URL", CLOSED_PORT)
    result = run("--env", "dev", "status")
    assert result.stderr.count(f"AWS_ENDPOINT_URL is {CLOSED_PORT}: that answers for dev, not AWS") == 1
    assert json.dumps(result.stdout) == '""'
