"""Terraform applied to the local endpoint, the pipeline run on what it made, a change in place, and the end of it."""

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import boto3
import msgspec
import pytest
import urllib3
import yaml
from click.testing import CliRunner

from infra.cli.main import spillway
from infra.deploy import deployment
from infra.deploy.deployment import DataHeld, Deployment
from infra.deploy.package import ROOT
from infra.functions import COMPACTOR, SCALING_FUNCTION, scheduled_functions
from infra.local.aws import moto_fixes
from infra.local.aws.endpoint import ACCOUNT, AwsEndpoint, local_aws
from infra.local.pipeline import LocalPipeline
from infra.local.provision import provision
from infra.names import Names
from infra.settings import Settings, load
from infra.shards.stream import LAST_STEP_TAG
from tests.end_to_end import test_failures
from tests.end_to_end.conftest import RunningPipeline
from tests.end_to_end.put_directly import rows
from tests.infra.terraform.answers import MODULES, answers, as_scheduled, scheduled
from tests.infra.terraform.conftest import Configuration

ENVIRONMENT = "local"  # the names of both ways are then the same
NAMES = Names(ENVIRONMENT, ACCOUNT)


class Applying:
    """One deployment to the local endpoint, of a copy of the configuration."""

    def __init__(self, configuration: Configuration) -> None:
        self.configuration = configuration
        self.unchanged = self.settings
        self.said: list[str] = []
        self.answers: dict[str, Any] = {}

    @property
    def settings(self) -> Settings:
        return load(ENVIRONMENT, self.configuration.pipeline_file)

    def make(self, aws_url: str) -> Settings:
        """Apply everything; the settings, its throttle as the API returns it."""
        with _pointing_to(aws_url):
            self.deployment = Deployment(
                ENVIRONMENT,
                self.settings.region,
                self.said.append,
                folder=self.configuration.folder,
                package=self.configuration.package,
            )
        self.deployment.prepare()
        self.outputs = self.deployment.deploy(lambda: True)
        self.answers = answers(NAMES)
        throttle = self._throttle()
        http = msgspec.structs.replace(
            self.settings.http, rate_per_second=throttle["throttlingRateLimit"], burst=throttle["throttlingBurstLimit"]
        )
        return msgspec.structs.replace(self.settings, http=http)

    def assert_nothing_to_do(self) -> None:
        terraform = self.deployment._terraform
        terraform.run("plan", "-detailed-exitcode", *self.deployment._variables())  # status 2, were there changes

    def change(self, **sections: dict[str, Any]) -> None:
        """Change pipeline.yaml, and deploy again."""
        pipeline = yaml.safe_load(self.configuration.pipeline_file.read_text())
        for section, values in sections.items():
            pipeline[section] |= values
        self.configuration.pipeline_file.write_text(yaml.safe_dump(pipeline))
        self.deployment.deploy(lambda: True)

    def _throttle(self) -> dict[str, Any]:
        gateway = boto3.client("apigateway")
        [api] = gateway.get_rest_apis()["items"]
        stage = gateway.get_stage(restApiId=api["id"], stageName=self.settings.http.stage)
        settings: dict[str, Any] = stage["methodSettings"]["*/*"]
        return settings


@contextmanager
def _pointing_to(aws_url: str) -> Iterator[None]:
    """Let subprocesses begun from here find the local endpoint; this process has it in memory."""
    os.environ["AWS_ENDPOINT_URL"] = aws_url
    try:
        yield
    finally:
        del os.environ["AWS_ENDPOINT_URL"]


@pytest.mark.timeout(900)
def test_the_design_is_applied_runs_changes_in_place_and_is_destroyed(configuration):
    applying = Applying(configuration)
    pipeline = LocalPipeline(applying.settings, ENVIRONMENT, 0, 0, make=applying.make)
    with moto_fixes.installed(), pipeline:
        assert applying.outputs is not None
        assert applying.outputs["url"].endswith("/dev/app")
        _assert_named_as_python_names_it(applying.outputs["names"])
        _assert_tagged()
        _assert_scheduled_as_python_has_it(applying.settings, NAMES, {COMPACTOR: applying.settings.compaction.schedule})
        applying.assert_nothing_to_do()
        _assert_views_can_be_queried()

        running = _running(pipeline)
        # The embedded pipeline's own test: table, lake, dead letters and Firehose's errors, byte for byte.
        test_failures.test_poison_among_good_events_costs_none_of_them_and_is_kept_byte_for_byte(running)
        _assert_events_arrive(running, before=1000)

        applying.change(stream={"shards": 4}, table_writer={"batch_size": 250})
        applying.assert_nothing_to_do()
        changed = answers(NAMES)
        assert changed["stream"]["OpenShardCount"] == 4
        assert {mapping.batch_size for mapping in changed["mappings"]} == {250, 10}
        _assert_events_arrive(running, before=1010)

        _assert_a_domain_is_deployed(applying)
        for worker in pipeline._workers:
            worker.stop()
        _assert_data_is_destroyed_only_on_demand(applying)
    _assert_equal_to_what_boto3_makes(applying)


OPTIONS = """
enhanced_fan_out         = true
provisioned_concurrency  = { min = 1, max = 4 }
table_capacity           = { read = { min = 1, max = 5 }, write = { min = 5, max = 50 } }
api_key_requests_per_day = 100000
waf                      = {}
vpc_cidr                 = "10.20.0.0/24"
access_logs              = true
reserve_concurrency      = true
steady_traffic           = true
account_budget_dollars   = 500
alarm_emails             = { high = ["pager@example.com"], low = ["team@example.com"] }

cognito = {
  user_pool_arns = ["arn:aws:cognito-idp:eu-west-2:123456789012:userpool/eu-west-2_abc"]
  scopes         = ["events/write"]
}
"""


OPTIONS_IN_THE_PIPELINE: dict[str, dict[str, Any]] = {
    "http": {"api_key_required": True, "allowed_cidrs": ["203.0.113.0/24", "2001:db8::/32"]},
    "scaling": {"enabled": True},
}

PAGE = ROOT / "docs" / "deployment.md"


def documented_commands() -> list[list[str]]:
    """The commands of Spillway in docs/deployment.md, in its order."""
    lines = re.findall(r"^\$ spillway (.+)$", PAGE.read_text(), re.MULTILINE)
    return [line.split() for line in lines]


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_the_documented_commands_deploy_every_option_and_take_it_down(configuration, monkeypatch):
    options = configuration.folder / "environments" / "dev.tfvars"
    options.parent.mkdir()
    options.write_text(OPTIONS)
    pipeline = yaml.safe_load(configuration.pipeline_file.read_text())
    pipeline["environments"]["dev"] = OPTIONS_IN_THE_PIPELINE
    configuration.pipeline_file.write_text(yaml.safe_dump(pipeline))
    monkeypatch.setattr(deployment, "FOLDER", configuration.folder)
    package, plan, deploy, destroy, destroy_with_data = documented_commands()
    endpoint = AwsEndpoint(0)
    with moto_fixes.installed(), local_aws(load("dev").region, "off"):
        endpoint.start()
        try:
            with _pointing_to(endpoint.url):
                assert "MiB zipped" in _spillway(package)
                _spillway(plan)
                assert boto3.client("kinesis").list_streams()["StreamNames"] == []
                assert "dev takes events at https://" in _spillway(deploy, answer="y")
                settings, names = load("dev", configuration.pipeline_file), Names("dev", ACCOUNT)
                schedules = {COMPACTOR: settings.compaction.schedule, SCALING_FUNCTION: "rate(1 minute)"}
                _assert_scheduled_as_python_has_it(settings, names, schedules)
                _assert_planned_empty(configuration)
                _scale(names)
                _assert_planned_empty(configuration)
                bucket = names.lake_bucket
                boto3.client("s3").put_object(Bucket=bucket, Key="events/one", Body=b"1")
                assert f"holds data: the bucket {bucket}" in _spillway(destroy, status=1)
                assert "dev is gone" in _spillway(destroy_with_data, answer="dev")
            assert boto3.client("s3").list_buckets()["Buckets"] == []
        finally:
            endpoint.stop()


def _scale(names: Names) -> None:
    """Do what the scaling function does: to the shards, to the writer's mapping, and to the stream's tags."""
    kinesis, lambda_ = boto3.client("kinesis"), boto3.client("lambda")
    kinesis.add_tags_to_stream(StreamName=names.stream, Tags={LAST_STEP_TAG: "2026-11-23T00:00:00Z"})
    kinesis.update_shard_count(StreamName=names.stream, TargetShardCount=3, ScalingType="UNIFORM_SCALING")
    mappings = lambda_.list_event_source_mappings()["EventSourceMappings"]
    [writer] = [mapping["UUID"] for mapping in mappings if ":kinesis:" in mapping["EventSourceArn"]]
    lambda_.update_event_source_mapping(UUID=writer, ParallelizationFactor=4)


def _spillway(arguments: list[str], *, answer: str = "", status: int = 0) -> str:
    done = CliRunner().invoke(spillway, arguments, input=f"{answer}\n")
    assert done.exit_code == status, (done.output, done.exception)
    return done.output


def _assert_planned_empty(configuration: Configuration) -> None:
    again = Deployment("dev", load("dev").region, print, folder=configuration.folder)
    again._terraform.run("plan", "-detailed-exitcode", *again._variables())  # status 2, were there changes


def _assert_views_can_be_queried() -> None:
    """Athena refuses a view whose storage descriptor has no SerDe information."""
    view = boto3.client("glue").get_table(DatabaseName=NAMES.database, Name="events")["Table"]
    assert "SerdeInfo" in view["StorageDescriptor"]


DOMAIN = """-var=domain={
  name            = "events.example.com"
  hosted_zone_id  = "Z123"
  certificate_arn = "arn:aws:acm:eu-west-2:123456789012:certificate/1234"
}"""


def _assert_a_domain_is_deployed(applying: Applying) -> None:
    """With a domain the API's own address is closed, which takes a new deployment."""
    before = _deployment_id(applying)
    terraform = applying.deployment._terraform
    options = [*applying.deployment._variables(), DOMAIN, "-target=aws_api_gateway_stage.this"]
    terraform.run("apply", "-auto-approve", *options)
    assert _deployment_id(applying) != before


def _deployment_id(applying: Applying) -> str:
    gateway = boto3.client("apigateway")
    [api] = gateway.get_rest_apis()["items"]
    return str(gateway.get_stage(restApiId=api["id"], stageName=applying.settings.http.stage)["deploymentId"])


def _running(pipeline: LocalPipeline) -> RunningPipeline:
    """The pipeline of this process, as the end-to-end tests know one."""
    return RunningPipeline(None, pipeline.url, pipeline.aws_url, greeting="", output=Path())  # type: ignore[arg-type]


def _assert_named_as_python_names_it(found: dict[str, Any]) -> None:
    functions = found.pop("functions")
    assert functions == {module.rpartition(".")[2]: NAMES.function(module) for module in (*MODULES, COMPACTOR)}
    assert found.pop("key_alias") == f"alias/{NAMES.prefix}"
    assert found.pop("workgroup") == found.pop("backup_vault") == NAMES.prefix
    assert found == {name: getattr(NAMES, name) for name in found}


def _assert_tagged() -> None:
    found = boto3.client("kinesis").list_tags_for_stream(StreamName=NAMES.stream)["Tags"]
    expected = {"Project": "spillway", "Environment": "local", "Deployment": "spillway-local", "ManagedBy": "terraform"}
    assert {tag["Key"]: tag["Value"] for tag in found} == expected
    function = boto3.client("lambda").get_function(FunctionName=NAMES.function(COMPACTOR))
    assert function["Tags"] == expected


def _assert_scheduled_as_python_has_it(settings: Settings, names: Names, schedules: dict[str, str]) -> None:
    topic = f"arn:aws:sns:{settings.region}:{ACCOUNT}:{names.prefix}-low"
    expected = {
        function.module: as_scheduled(function, schedules[function.module])
        for function in scheduled_functions(settings, names, topic)
    }
    assert scheduled(names, schedules) == expected


def _assert_events_arrive(running: RunningPipeline, before: int) -> None:
    for n in range(10):
        answer = urllib3.request("POST", running.url, json={"n": n})
        assert answer.status == 201, answer.data
    running.wait_until_drained(table_writer=before + 10)
    assert len(rows(running)) == before + 10


def _assert_data_is_destroyed_only_on_demand(applying: Applying) -> None:
    with pytest.raises(DataHeld, match=f"the table {NAMES.table}, the bucket {NAMES.lake_bucket}") as refused:
        applying.deployment.destroy(delete_data=False)
    assert "\n" not in str(refused.value)
    applying.deployment.destroy(delete_data=True)
    assert applying.deployment._terraform.addresses() == []
    assert boto3.client("kinesis").list_streams()["StreamNames"] == []
    assert boto3.client("s3").list_buckets()["Buckets"] == []
    assert boto3.client("dynamodb").list_tables()["TableNames"] == []


def _assert_equal_to_what_boto3_makes(applying: Applying) -> None:
    with local_aws(applying.unchanged.region, "off"):
        provision(applying.unchanged, NAMES)
        by_boto3 = answers(NAMES)
    assert [what for what in by_boto3 if applying.answers[what] != by_boto3[what]] == []
    assert applying.answers == by_boto3
