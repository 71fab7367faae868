"""`spillway deploy` and `spillway destroy`: what they refuse, in one line and before anything is made."""

import json
from typing import Final
from unittest.mock import patch

import boto3
import pytest
from botocore.exceptions import ClientError
from click.testing import CliRunner
from moto.backup import urls as backup_urls
from moto.backup.responses import BackupResponse

from infra import settings
from infra.cli.context import CommandError
from infra.cli.main import spillway
from infra.deploy import deployment
from infra.deploy import terraform as terraform_runner
from infra.deploy.preflight import PreflightError, identify
from infra.local.aws import moto_fixes, moto_operation
from infra.settings import PIPELINE_FILE
from producers import validation
from producers.validation import InvalidSchema

REGION: Final = "eu-west-2"


@pytest.fixture
def nobody(monkeypatch, tmp_path):
    """A machine without credentials."""
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_PROFILE", "AWS_SESSION_TOKEN", "AWS_REGION"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_DEFAULT_REGION", REGION)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "none"))
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "none"))
    monkeypatch.setenv("HOME", str(tmp_path))


def _one_line(error: pytest.ExceptionInfo[PreflightError]) -> str:
    assert "\n" not in str(error.value)
    return str(error.value)


@pytest.mark.parametrize("command", [["deploy"], ["deploy", "--plan"], ["destroy"], ["--env", "prod", "deploy"]])
def test_without_credentials_nothing_is_begun(nobody, command):
    done = CliRunner().invoke(spillway, command)
    assert isinstance(done.exception, CommandError)
    assert str(done.exception).startswith("no AWS credentials: set AWS_PROFILE")
    assert "\n" not in str(done.exception)


def test_an_unknown_profile_is_reported(nobody, monkeypatch):
    monkeypatch.setenv("AWS_PROFILE", "nope")
    done = CliRunner().invoke(spillway, ["deploy"])
    assert str(done.exception) == "the AWS settings cannot be used: The config profile (nope) could not be found"


def test_credentials_that_aws_refuses_are_reported_in_one_line(local, monkeypatch):
    monkeypatch.setattr("botocore.client.BaseClient._make_api_call", _refuse("InvalidClientTokenId"))
    with pytest.raises(PreflightError, match=r"AWS refuses the credentials in eu-west-2: .*InvalidClientTokenId"):
        identify(REGION)


def _refuse(code: str):
    def call(_client, operation, _arguments):
        raise ClientError({"Error": {"Code": code, "Message": "no"}}, operation)

    return call


def test_an_unknown_region_is_reported(local, monkeypatch):
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-west-22")
    monkeypatch.setenv("AWS_REGION", "eu-west-22")
    with pytest.raises(PreflightError) as error:
        identify(REGION)
    assert _one_line(error) == "Kinesis knows no region eu-west-22; set AWS_REGION to one such as eu-west-2"


def test_the_region_of_the_aws_settings_is_used(local, monkeypatch):
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-west-2")
    monkeypatch.setenv("AWS_REGION", "us-east-1")
    assert identify(REGION).region == "us-east-1"
    monkeypatch.delenv("AWS_REGION")
    assert identify(REGION).region == "us-west-2"
    monkeypatch.delenv("AWS_DEFAULT_REGION")
    assert identify(REGION).region == REGION


def test_the_environment_of_this_machine_is_not_deployed():
    done = CliRunner().invoke(spillway, ["deploy", "--env", "local"])
    assert done.exit_code == 2
    assert "spillway run" in done.output


def test_an_environment_that_stands_in_another_region_is_left_alone(local, monkeypatch, tmp_path):
    monkeypatch.setattr(terraform_runner.Terraform, "init", lambda _self, **_: None)
    monkeypatch.setattr(terraform_runner.Terraform, "outputs", lambda _self: {"region": "us-east-1"})
    with pytest.raises(PreflightError, match="dev stands in us-east-1, and AWS_REGION says eu-west-2"):
        deployment.Deployment("dev", REGION, print, folder=tmp_path).prepare()


def test_an_invalid_event_schema_stops_deploy_and_run_with_its_place(local, monkeypatch, tmp_path):
    schema = tmp_path / "event.schema.json"
    schema.write_text('{"properties":{"user_id":{"type":"strin"}}}')
    monkeypatch.setattr(validation.load_schema, "__defaults__", (schema,))
    with pytest.raises(InvalidSchema, match="at /properties/user_id/type"):
        deployment.Deployment("dev", REGION, print, folder=tmp_path).prepare()
    shown = CliRunner().invoke(spillway, ["run", "--memory", "--port", "0", "--aws-port", "0"])
    assert shown.exit_code != 0
    assert "at /properties/user_id/type" in str(shown.exception)


def test_a_missing_terraform_is_reported(local, monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(deployment, "FOLDER", tmp_path)
    monkeypatch.setattr("infra.cli.deploy.build", lambda file: file)
    monkeypatch.setattr("infra.cli.deploy.print_package", lambda _built: None)
    done = CliRunner().invoke(spillway, ["deploy", "--yes"])
    assert str(done.exception) == "terraform is not installed; install 1.11 or later"


def test_destroying_asks_for_the_name_and_names_what_holds_data(local, monkeypatch, tmp_path):
    asked = []
    monkeypatch.setattr(deployment, "FOLDER", tmp_path)
    monkeypatch.setattr(deployment.Deployment, "prepare", lambda _self, **_: None)
    monkeypatch.setattr(deployment.Deployment, "data_held", lambda _self: ["the table spillway-dev-events"])
    monkeypatch.setattr(deployment.Deployment, "destroy", lambda _self, **how: asked.append(how))

    refused = CliRunner().invoke(spillway, ["destroy"])
    assert "holds data: the table spillway-dev-events" in refused.output
    assert "with --delete-data it is deleted" in str(refused.exception)
    mistyped = CliRunner().invoke(spillway, ["destroy", "--delete-data"], input="prod\n")
    assert str(mistyped.exception) == "nothing was destroyed"
    assert asked == []
    done = CliRunner().invoke(spillway, ["destroy", "--delete-data"], input="dev\n")
    assert done.exit_code == 0, done.output
    assert asked == [{"delete_data": True}]


HOLDERS: Final = {
    "table": "t",
    "lake_bucket": "lake",
    "dead_letter_bucket": "dead",
    "dead_letter_queue": "q",
    "parked_queue": "p",
    "backup_vault": "v",
}


def test_what_is_gone_already_holds_no_data(local):
    with moto_fixes.installed():
        assert list(deployment._data_held(HOLDERS, REGION)) == []
        boto3.client("sqs").create_queue(QueueName="p")
        boto3.client("sqs").send_message(QueueUrl="p", MessageBody="parked")
        assert list(deployment._data_held(HOLDERS, REGION)) == ["the queue p"]


def test_backups_are_data(local, monkeypatch):
    monkeypatch.setattr(BackupResponse, "list_recovery_points_by_backup_vault", _one_backup, raising=False)
    with patch.dict(backup_urls.url_paths, moto_operation.BACKUP_PATHS):
        assert list(deployment._data_held(HOLDERS, REGION)) == ["the backup vault v"]


def _one_backup(_response: object) -> str:
    return json.dumps({"RecoveryPoints": [{"RecoveryPointArn": "arn"}]})


def test_what_cannot_be_read_is_reported(local, monkeypatch):
    monkeypatch.setattr("botocore.client.BaseClient._make_api_call", _refuse("AccessDeniedException"))
    with pytest.raises(PreflightError, match=r"the table t cannot be looked at for data: .*AccessDenied"):
        list(deployment._data_held(HOLDERS, REGION))


def test_an_invalid_network_is_refused_while_planning(configuration):
    text = configuration.pipeline_file.read_text()
    assert "allowed_cidrs: []" in text
    configuration.pipeline_file.write_text(text.replace("allowed_cidrs: []", 'allowed_cidrs: ["203.0.113.0/33"]'))
    output = configuration.terraform("plan", "-json", "-input=false", "-refresh=false", status=1)
    messages = [json.loads(line)["@message"] for line in output.splitlines()]
    assert any("Invalid value for variable" in message for message in messages), messages
    assert "203.0.113.0/33 is no network in CIDR notation" in output


def test_an_invalid_network_is_refused_in_one_line(local, monkeypatch, tmp_path):
    invalid = tmp_path / "pipeline.yaml"
    invalid.write_text(PIPELINE_FILE.read_text().replace("allowed_cidrs: []", 'allowed_cidrs: ["203.0.113.0/33"]'))
    monkeypatch.setattr(settings.load, "__defaults__", (invalid,))
    done = CliRunner().invoke(spillway, ["deploy"])
    assert isinstance(done.exception, CommandError)
    assert "'203.0.113.0/33' does not appear to be an IPv4 or IPv6 network" in str(done.exception)
    assert "\n" not in str(done.exception)
