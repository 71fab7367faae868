"""The delivery: its roles, its workflows, and the canary that they watch."""

import io
import json
import os
import re
import subprocess
import zipfile
from typing import Literal

import boto3
import pytest
import yaml
from click.testing import CliRunner

from infra.deploy.canary import NoAlarm, canary, raised, stays_quiet
from infra.deploy.package import ROOT
from infra.deploy.terraform import PLUGIN_DIR_VARIABLE
from infra.deploy.tried_versions import TriedVersion, tried_versions
from infra.deploy.versions import delete_old_versions, live_versions
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


def test_the_modules_are_there_before_their_providers_are_mirrored():
    """`terraform providers mirror` refuses a configuration whose modules are not installed."""
    steps = yaml.safe_load((ROOT / ".github" / "workflows" / "check.yml").read_text())["jobs"]["check"]["steps"]
    [script] = [step["run"] for step in steps if "providers mirror" in step.get("run", "")]
    commands = [line.split()[2] for line in script.splitlines() if line.startswith("terraform")]
    assert commands == ["get", "providers"]


def test_a_run_that_waits_for_approval_holds_up_its_own_environment_alone():
    workflows = ROOT / ".github" / "workflows"
    assert "concurrency" not in yaml.safe_load((workflows / "deploy.yml").read_text())
    [job] = yaml.safe_load((workflows / "deploy-environment.yml").read_text())["jobs"].values()
    assert job["concurrency"] == {"group": "deploy-${{ inputs.environment }}", "cancel-in-progress": False}


ALARM_MINUTES = 12  # ten one-minute periods of a function's errors, and two until CloudWatch has the last


def test_a_canary_is_watched_for_as_long_as_its_alarms_need():
    jobs = yaml.safe_load((ROOT / ".github" / "workflows" / "deploy.yml").read_text())["jobs"]
    watched = {name: job["with"]["canary-minutes"] for name, job in jobs.items() if "with" in job}
    assert set(watched) == {"dev", "prod"}
    assert min(watched.values()) >= ALARM_MINUTES


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
    assert live_versions(boto3.client("lambda"), "dev") == {"table_writer": "1"}
    done = CliRunner().invoke(canary, ["hold", "--env", "dev", "--share", "0.1"])
    assert json.loads(done.output) == {"share": 0.1, "stable_versions": {"table_writer": "1"}}


def test_a_warm_function_gets_no_share_and_is_rolled_back_like_the_others(aws):
    for name in ("spillway-dev-http-api", "spillway-dev-table-writer"):
        _function(name)
    boto3.client("lambda").put_provisioned_concurrency_config(
        FunctionName="spillway-dev-http-api", Qualifier="live", ProvisionedConcurrentExecutions=1
    )
    shared, back = (
        json.loads(CliRunner().invoke(canary, ["hold", "--env", "dev", "--share", share]).stdout)["stable_versions"]
        for share in ("0.1", "0")
    )
    assert shared == {"table_writer": "1"}
    assert back == {"http_api": "1", "table_writer": "1"}


def _publish(name: str, versions: int) -> None:
    """Publish so many versions besides the first; each needs other code."""
    for number in range(versions):
        package = io.BytesIO()
        with zipfile.ZipFile(package, "w") as archive:
            archive.writestr("README", str(number))
        boto3.client("lambda").update_function_code(FunctionName=name, ZipFile=package.getvalue(), Publish=True)


def _published(name: str) -> list[str]:
    versions = boto3.client("lambda").list_versions_by_function(FunctionName=name)["Versions"]
    return [version["Version"] for version in versions if version["Version"] != "$LATEST"]


@pytest.mark.parametrize(
    ("published", "kept", "left"),
    [
        (3, 3, ["1", "2", "3"]),
        (4, 3, ["1", "2", "3", "4"]),
        (5, 3, ["1", "3", "4", "5"]),
        (3, 4, ["1", "2", "3"]),
        (3, 0, ["1"]),
    ],
)
def test_old_versions_are_deleted_but_for_the_newest_and_those_that_are_live(aws, published, kept, left):
    _function("spillway-dev-table-writer")  # version 1 is live
    _publish("spillway-dev-table-writer", published - 1)
    deleted = delete_old_versions(boto3.client("lambda"), ["spillway-dev-table-writer"], kept=kept)
    assert _published("spillway-dev-table-writer") == left
    assert deleted == published - len(left)


def test_a_version_with_a_share_is_tried_and_is_live(aws):
    lambda_ = boto3.client("lambda")
    _function("spillway-dev-table-writer")
    _publish("spillway-dev-table-writer", 3)
    lambda_.update_alias(
        FunctionName="spillway-dev-table-writer",
        Name="live",
        FunctionVersion="4",
        RoutingConfig={"AdditionalVersionWeights": {"2": 0.1}},
    )
    assert tried_versions(lambda_, "dev") == [TriedVersion("spillway-dev-table-writer", "2")]
    delete_old_versions(lambda_, ["spillway-dev-table-writer"], kept=1)
    assert _published("spillway-dev-table-writer") == ["2", "4"]


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


FINDER = """#!/bin/sh
echo /found
"""


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({"TERRAFORM_PLUGIN_DIR": "/given"}, "/given"),
        ({"FIND_TERRAFORM_PLUGIN_DIR": "./finder"}, "/found"),
        ({"FIND_TERRAFORM_PLUGIN_DIR": "./finder", "TERRAFORM_PLUGIN_DIR": "/given"}, "/given"),
        ({}, ""),
    ],
)
def test_ci_takes_the_plugin_folder_from_where_a_caller_says(tmp_path, given, expected):
    finder = tmp_path / "finder"
    finder.write_text(FINDER)
    finder.chmod(0o755)
    lines = (ROOT / ".ci" / "run").read_text().splitlines()
    [line] = [line for line in lines if line.startswith("export TERRAFORM_PLUGIN_DIR=")]
    script = f'set -euo pipefail\n{line}\nprintf %s "$TERRAFORM_PLUGIN_DIR"'
    environment = {"PATH": os.environ["PATH"], **given}
    done = subprocess.run(
        ["/bin/bash", "-c", script], cwd=tmp_path, env=environment, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout) == (0, expected)
