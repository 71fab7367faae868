"""`spillway doctor`: a finding for each check, and exit 1 where one keeps Spillway from working."""

import json
import os
import sqlite3
from contextlib import closing
from typing import Any

import boto3
import pytest
from click.testing import CliRunner, Result

from infra.cli import doctor as command
from infra.cli.context import CommandError
from infra.cli.main import spillway
from infra.doctor.finding import Finding, well
from infra.local.store.folder import DATABASE_FILE, DataFolder
from infra.local.store.schema import prepare


@pytest.fixture(autouse=True)
def settings_of_aws(monkeypatch: pytest.MonkeyPatch) -> None:
    """No AWS settings but what a test sets."""
    for name in [name for name in os.environ if name.startswith(("AWS_", "SPILLWAY_"))]:
        monkeypatch.delenv(name)
    for name in ("AWS_ENDPOINT_URL", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_DEFAULT_REGION"):
        monkeypatch.setenv(name, "")  # so that what a command sets goes with the test
        monkeypatch.delenv(name)


@pytest.fixture
def no_port_is_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("infra.doctor.machine.require_free_port", lambda _port, _option: None)
    monkeypatch.setattr(command, "_answers", lambda _url: False)


def run(*words: str) -> tuple[Result, dict[str, Any]]:
    done = CliRunner().invoke(spillway, list(words))
    findings = json.loads(done.stdout.splitlines()[0]) if "--json" in words else []
    return done, {each["check"]: each for each in findings}


def test_on_this_machine_every_check_looks_and_all_is_well(no_port_is_taken, tmp_path):
    done, found = run("doctor", "--data", str(tmp_path / "data"), "--json")
    assert done.exit_code == 0, done.output
    assert list(found) == ["python", "HTTP port", "AWS port", "disk", "data folder"]
    assert {each["result"] for each in found.values()} <= {"ok", "warning"}


def test_what_keeps_it_from_working_is_shown_with_its_remedy_and_exit_1(no_port_is_taken, tmp_path):
    with DataFolder(tmp_path / "data") as folder:
        prepare(folder.path / DATABASE_FILE)
    with closing(sqlite3.connect(tmp_path / "data" / DATABASE_FILE)) as connection:
        connection.execute("PRAGMA user_version = 99")
    done, _ = run("doctor", "--data", str(tmp_path / "data"))
    assert isinstance(done.exception, CommandError)
    assert str(done.exception).startswith("1 check failed: data folder")
    assert "use the newer Spillway" in done.output


def test_without_credentials_the_checks_of_the_environment_are_not_begun(monkeypatch, tmp_path):
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "none"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "none"))
    monkeypatch.setattr("boto3.DEFAULT_SESSION", None)
    done, found = run("--env", "dev", "doctor", "--json")
    assert isinstance(done.exception, CommandError)
    assert found["credentials"]["result"] == "failed"
    assert "AWS_PROFILE" in found["credentials"]["remedy"]
    assert "clock" not in found


@pytest.fixture
def account(aws: None, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "testing")
    monkeypatch.setattr(
        "infra.doctor.machine.check_terraform", lambda *_: well("terraform", "Terraform 1.11, as the test wants it")
    )
    monkeypatch.setattr("infra.doctor.roles.check_role", lambda *_: well("role", "as the test wants it"))


def test_an_environment_that_is_not_deployed_is_a_warning(account):
    _, found = run("--env", "dev", "doctor", "--json")
    assert found["deployed"]["result"] == "warning"
    assert found["deployed"]["remedy"] == "spillway --env dev deploy"
    assert {"region", "credentials", "clock", "shard quota", "concurrency quota", "request quota", "role"} <= set(found)
    assert found["clock"]["result"] in {"ok", "skipped"}


def test_of_a_deployed_environment_topics_tag_alarms_and_schema_are_looked_at(account, monkeypatch):
    monkeypatch.setattr("infra.doctor.account.tag_is_active", lambda _client: True)  # moto has no such call
    boto3.client("kinesis").create_stream(StreamName="spillway-dev-events", ShardCount=1)
    done, found = run("--env", "dev", "doctor", "--json")
    assert {"topics", "budget tag", "alarms", "event schema"} <= set(found)
    assert found["event schema"]["result"] == "failed"  # there is no such table: it cannot be looked at
    assert found["event schema"]["remedy"]
    assert found["alarms"]["result"] == "warning"
    assert isinstance(done.exception, CommandError)


def test_a_warning_alone_ends_with_0(no_port_is_taken, monkeypatch, tmp_path):
    warned = Finding("disk", "warning", "little", "make room")
    monkeypatch.setattr("infra.doctor.machine.check_disk", lambda _folder: warned)
    done, _ = run("doctor", "--data", str(tmp_path / "data"))
    assert done.exit_code == 0
    assert "make room" in done.output


def test_an_address_at_which_nobody_answers_is_no_pipeline():
    assert not command._answers("http://127.0.0.1:9/_local/status")
