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
from infra.deploy.notices import notices
from infra.deploy.preflight import PreflightError, check_plan, identify, standing_shards
from infra.local.aws import moto_fixes, moto_operation
from infra.local.aws.endpoint import local_aws
from infra.settings import PIPELINE_FILE
from producers import validation
from producers.validation import InvalidSchema

REGION: Final = "eu-west-2"


@pytest.fixture
def local():
    with local_aws(REGION, "off"):
        yield


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


def _plan(type_: str, after: dict, before: dict | None = None) -> dict:
    actions = ["create"] if before is None else ["update"]
    return {"resource_changes": [{"type": type_, "change": {"actions": actions, "before": before, "after": after}}]}


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


def test_a_bucket_name_that_is_taken_is_reported_before_anything_is_made(local):
    boto3.client("s3").create_bucket(Bucket="taken", CreateBucketConfiguration={"LocationConstraint": REGION})
    with pytest.raises(PreflightError, match="the s3 bucket taken exists already") as error:
        check_plan(_plan("aws_s3_bucket", {"bucket": "taken"}), REGION)
    _one_line(error)


@pytest.mark.parametrize(
    ("type_", "key"),
    [
        ("aws_s3_bucket", "bucket"),
        ("aws_kinesis_stream", "name"),
        ("aws_dynamodb_table", "name"),
        ("aws_sqs_queue", "name"),
        ("aws_lambda_function", "function_name"),
        ("aws_kinesis_firehose_delivery_stream", "name"),
        ("aws_iam_role", "name"),
        ("aws_glue_catalog_database", "name"),
    ],
)
def test_a_name_that_is_free_passes(local, type_, key):
    check_plan(_plan(type_, {key: "free", "shard_count": 1}), REGION)


def test_what_exists_and_is_only_changed_passes(local):
    boto3.client("kinesis").create_stream(StreamName="events", ShardCount=2)
    check_plan(_plan("aws_kinesis_stream", {"name": "events", "shard_count": 4}, {"shard_count": 2}), REGION)


def test_more_shards_than_the_quota_are_refused(local):
    limit = boto3.client("kinesis").describe_limits()["ShardLimit"]
    with pytest.raises(PreflightError) as error:
        check_plan(_plan("aws_kinesis_stream", {"name": "events", "shard_count": limit + 1}), REGION)
    assert f"the account has 0 of the {limit} shards it may have in {REGION}" in _one_line(error)


def _account(monkeypatch, total: int, unreserved: int) -> None:
    limits = {"ConcurrentExecutions": total, "UnreservedConcurrentExecutions": unreserved}

    def call(_client, operation, _arguments):
        assert operation == "GetAccountSettings"
        return {"AccountLimit": limits}

    monkeypatch.setattr("botocore.client.BaseClient._make_api_call", call)


def _reserving(executions: int, before: int | None = None) -> dict:
    was = None if before is None else {"reserved_concurrent_executions": before}
    return _plan("aws_lambda_function", {"function_name": "f", "reserved_concurrent_executions": executions}, was or {})


@pytest.mark.parametrize(
    ("total", "unreserved", "reserved", "fits"),
    [
        (10, 10, 1, False),  # a new account: nothing can be reserved
        (50, 50, 1, False),
        (1000, 1000, 900, True),
        (1000, 1000, 901, False),
        (1000, 300, 200, True),
        (1000, 300, 201, False),
        (10, 10, -1, True),  # the default reserves nothing
    ],
)
def test_reserved_executions_have_to_fit_the_account(local, monkeypatch, total, unreserved, reserved, fits):
    _account(monkeypatch, total, unreserved)
    if fits:
        check_plan(_reserving(reserved), REGION)
        return
    with pytest.raises(PreflightError, match="set reserve_concurrency to false") as error:
        check_plan(_reserving(reserved), REGION)
    assert f"{reserved} more concurrent executions" in _one_line(error)
    assert f"{unreserved} unreserved of its {total} in {REGION}" in str(error.value)


def test_what_is_reserved_already_is_not_counted_twice(local, monkeypatch):
    _account(monkeypatch, 1000, 100)
    check_plan(_reserving(100, before=100), REGION)
    with pytest.raises(PreflightError, match="1 more concurrent executions"):
        check_plan(_reserving(101, before=100), REGION)


def test_executions_that_are_kept_warm_come_from_the_same_pool(local, monkeypatch):
    _account(monkeypatch, 10, 10)
    plan = _plan("aws_lambda_provisioned_concurrency_config", {"provisioned_concurrent_executions": 1})
    with pytest.raises(PreflightError, match="leave out provisioned_concurrency"):
        check_plan(plan, REGION)


TOPICS: Final = {"high": "arn:aws:sns:eu-west-2:123456789012:spillway-dev-high"}


def test_a_topic_without_a_subscriber_and_an_inactive_tag_are_said(local):
    with moto_fixes.installed():
        boto3.client("sns").create_topic(Name="spillway-dev-high")
        nobody, tag = notices(TOPICS, boto3.Session())
        assert nobody.startswith("Nobody hears of alarms")
        assert tag.startswith("The budget reads 0 until the tag Deployment is a cost allocation tag")
        boto3.client("sns").subscribe(TopicArn=TOPICS["high"], Protocol="email", Endpoint="pager@example.com")
        assert list(notices(TOPICS, boto3.Session())) == [tag]


def test_an_active_tag_is_not_mentioned(local, monkeypatch):
    answers = {
        "ListSubscriptionsByTopic": {"Subscriptions": [{"SubscriptionArn": "PendingConfirmation"}]},
        "ListCostAllocationTags": {"CostAllocationTags": [{"TagKey": "Deployment"}]},
    }
    monkeypatch.setattr("botocore.client.BaseClient._make_api_call", lambda _client, operation, _: answers[operation])
    [nobody] = notices(TOPICS, boto3.Session())
    assert "confirm the e-mail" in nobody


@pytest.mark.parametrize(("before", "after"), [(2, 5), (4, 1)])
def test_more_than_doubling_or_halving_is_refused(local, before, after):
    boto3.client("kinesis").create_stream(StreamName="events", ShardCount=before)
    plan = _plan("aws_kinesis_stream", {"name": "events", "shard_count": after}, {"shard_count": before})
    with pytest.raises(PreflightError, match="at most doubles or halves at once: go in steps") as error:
        check_plan(plan, REGION)
    _one_line(error)


def test_shards_that_were_scaled_while_planning_are_not_set_back(local):
    plan = _plan("aws_kinesis_stream", {"name": "events", "shard_count": 2}, {"shard_count": 4})
    plan["variables"] = {"standing_shards": {"value": "2"}}  # as Terraform prints a variable of the command line
    with pytest.raises(PreflightError, match="went from 2 to 4 shards while this was planned: deploy again") as error:
        check_plan(plan, REGION)
    _one_line(error)


def test_the_standing_shards_are_those_open_now(local):
    kinesis = boto3.client("kinesis")
    assert standing_shards("events", REGION) == 0
    kinesis.create_stream(StreamName="events", ShardCount=2)
    kinesis.update_shard_count(StreamName="events", TargetShardCount=3, ScalingType="UNIFORM_SCALING")
    assert standing_shards("events", REGION) == 3


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
