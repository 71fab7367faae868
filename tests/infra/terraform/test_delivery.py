"""The delivery: its roles, its workflows, and the canary that they watch."""

import io
import json
import os
import re
import zipfile
from typing import Literal

import boto3
import pytest
import yaml
from click.testing import CliRunner

from infra.deploy.canary import NoAlarm, canary, raised, stable_versions, stays_quiet
from infra.deploy.package import ROOT
from infra.deploy.terraform import PLUGIN_DIR_VARIABLE
from infra.local.aws import moto_fixes as moto_mends
from infra.local.aws.endpoint import local_aws

WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))


@pytest.fixture
def aws():
    with moto_mends.installed(), local_aws("eu-west-2", "off"):
        yield


@pytest.mark.slow
def test_the_roles_are_as_designed(configuration):
    configuration.module = "delivery"
    configuration.terraform("init", "-input=false", f"-plugin-dir={os.environ[PLUGIN_DIR_VARIABLE]}")
    assert json.loads(configuration.terraform("validate", "-json"))["valid"]
    assert ", 0 failed." in configuration.terraform("test", "-no-color")


@pytest.mark.parametrize("workflow", WORKFLOWS, ids=lambda path: path.name)
def test_every_action_is_pinned_by_its_commit_and_says_its_version(workflow):
    used = re.findall(r"uses: (\S+)(.*)", workflow.read_text())
    others = [(action, comment) for action, comment in used if not action.startswith("./")]
    assert used
    assert [
        a for a, c in others if not (re.fullmatch(r"[\w.-]+/[\w.-]+@[0-9a-f]{40}", a) and re.match(r" # v\d", c))
    ] == []


@pytest.mark.parametrize("workflow", WORKFLOWS, ids=lambda path: path.name)
def test_a_workflow_may_nothing_and_a_job_only_what_it_needs(workflow):
    document = yaml.safe_load(workflow.read_text())
    assert document["permissions"] == {}
    for name, job in document["jobs"].items():
        assert set(job["permissions"].items()) <= {
            ("contents", "read"),
            ("id-token", "write"),
            ("pull-requests", "write"),
        }, name


def test_prod_gets_the_package_that_dev_got():
    jobs = yaml.safe_load((ROOT / ".github" / "workflows" / "deploy.yml").read_text())["jobs"]
    assert jobs["prod"]["needs"] == ["package", "dev"]
    assert jobs["prod"]["with"]["sha256"] == jobs["dev"]["with"]["sha256"] == "${{ needs.package.outputs.sha256 }}"


def _function(name: str) -> None:
    trust = json.dumps({"Version": "2012-10-17", "Statement": []})
    role = boto3.client("iam").create_role(RoleName=name, AssumeRolePolicyDocument=trust)["Role"]["Arn"]
    package = io.BytesIO()
    with zipfile.ZipFile(package, "w") as archive:
        archive.writestr("README", "")
    lambda_ = boto3.client("lambda")
    lambda_.create_function(
        FunctionName=name,
        Role=role,
        Runtime="python3.13",
        Handler="m.h",
        Code={"ZipFile": package.getvalue()},
        Publish=True,
    )
    lambda_.create_alias(FunctionName=name, Name="live", FunctionVersion="1")


def test_a_canary_holds_the_versions_that_are_live(aws):
    _function("spillway-dev-table-writer")
    _function("spillway-prod-http-api")
    assert stable_versions(boto3.client("lambda"), "dev") == {"table_writer": "1"}
    done = CliRunner().invoke(canary, ["hold", "--env", "dev", "--share", "0.1"])
    assert json.loads(done.output) == {"share": 0.1, "stable_versions": {"table_writer": "1"}}


def _composite(state: Literal["OK", "ALARM", "INSUFFICIENT_DATA"]) -> None:
    cloudwatch = boto3.client("cloudwatch")
    cloudwatch.put_composite_alarm(AlarmName="spillway-dev-any-high", AlarmRule='ALARM("other")')
    cloudwatch.set_alarm_state(AlarmName="spillway-dev-any-high", StateValue=state, StateReason="a test")


@pytest.mark.parametrize(("state", "expected"), [("OK", False), ("INSUFFICIENT_DATA", False), ("ALARM", True)])
def test_a_canary_looks_at_the_high_alarms(aws, state, expected):
    _composite(state)
    assert raised(boto3.client("cloudwatch"), "dev") is expected


def test_a_release_that_cannot_be_watched_is_not_called_good(aws):
    with pytest.raises(NoAlarm, match="no alarm spillway-dev-any-high"):
        raised(boto3.client("cloudwatch"), "dev")
    done = CliRunner().invoke(canary, ["watch", "--env", "dev"])
    assert done.exit_code == 1


def test_a_canary_ends_as_soon_as_an_alarm_is_raised():
    slept: list[float] = []
    states = iter([False, False, True])
    assert not stays_quiet(lambda: next(states), 600, sleep=slept.append)
    assert len(slept) == 2


def test_a_canary_that_stays_quiet_is_watched_to_its_end():
    slept: list[float] = []
    assert stays_quiet(lambda: False, 600, sleep=slept.append)
    assert sum(slept) == 600


def test_an_alarm_at_the_last_moment_counts():
    states = iter([False, True])
    assert not stays_quiet(lambda: next(states), 15, sleep=lambda _: None)
