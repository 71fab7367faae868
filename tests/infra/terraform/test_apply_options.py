"""Options of Terraform, deployed to the local endpoint and destroyed by the documented commands."""

import re
from typing import Any

import boto3
import pytest
import yaml
from click.testing import CliRunner

from infra.cli.main import spillway
from infra.deploy import deployment
from infra.deploy.deployment import Deployment
from infra.deploy.package import ROOT
from infra.functions import COMPACTOR, SCALING_FUNCTION
from infra.local.aws import moto_fixes
from infra.local.aws.endpoint import ACCOUNT, AwsEndpoint, local_aws
from infra.names import Names
from infra.settings import load
from infra.shards.stream import LAST_STEP_TAG
from tests.infra.terraform.applying import (
    assert_planned_empty,
    assert_scheduled_as_python_has_it,
    pointing_to,
    set_options,
)
from tests.infra.terraform.conftest import Configuration

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
    set_options(configuration, "dev", OPTIONS)
    pipeline = yaml.safe_load(configuration.pipeline_file.read_text())
    pipeline["environments"]["dev"] = OPTIONS_IN_THE_PIPELINE
    configuration.pipeline_file.write_text(yaml.safe_dump(pipeline))
    monkeypatch.setattr(deployment, "FOLDER", configuration.folder)
    package, plan, deploy, destroy, destroy_with_data = documented_commands()
    endpoint = AwsEndpoint(0)
    with moto_fixes.installed(), local_aws(load("dev").region, "off"):
        endpoint.start()
        try:
            with pointing_to(endpoint.url):
                assert "MiB zipped" in _spillway(package)
                _spillway(plan)
                assert boto3.client("kinesis").list_streams()["StreamNames"] == []
                assert "dev takes events at https://" in _spillway(deploy, answer="y")
                settings, names = load("dev", configuration.pipeline_file), Names("dev", ACCOUNT)
                schedules = {COMPACTOR: settings.compaction.schedule, SCALING_FUNCTION: "rate(1 minute)"}
                assert_scheduled_as_python_has_it(settings, names, schedules)
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
    assert_planned_empty(Deployment("dev", load("dev").region, print, folder=configuration.folder))
