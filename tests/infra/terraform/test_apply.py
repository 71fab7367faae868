"""Terraform applied to the local endpoint, the pipeline run on what it made, a change in place, and the end of it."""

from pathlib import Path
from typing import Any

import boto3
import pytest
import urllib3

from infra.deploy.deployment import DataHeld
from infra.functions import COMPACTOR
from infra.local.aws import moto_fixes
from infra.local.aws.endpoint import local_aws
from infra.local.pipeline import LocalPipeline
from infra.local.provision import provision
from tests.end_to_end import test_failures
from tests.end_to_end.conftest import RunningPipeline
from tests.end_to_end.put_directly import rows
from tests.infra.terraform.answers import MODULES, answers
from tests.infra.terraform.applying import ENVIRONMENT, NAMES, Applying, assert_scheduled_as_python_has_it
from tests.roles import deploy_recording


@pytest.mark.timeout(900)
def test_the_design_is_applied_runs_changes_in_place_and_is_destroyed(configuration):
    applying = Applying(configuration)
    pipeline = LocalPipeline(applying.settings, ENVIRONMENT, 0, 0, make=applying.make)
    with moto_fixes.installed(), deploy_recording.compared("default"), pipeline:
        assert applying.outputs is not None
        assert applying.outputs["url"].endswith("/dev/app")
        _assert_named_as_python_names_it(applying.outputs["names"])
        _assert_tagged()
        assert_scheduled_as_python_has_it(applying.settings, NAMES, {COMPACTOR: applying.settings.compaction.schedule})
        _assert_an_api_of_before_the_doors_is_kept(applying)
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


# What had no count before http.door.
OF_BEFORE_THE_DOORS = {
    "aws_api_gateway_deployment.this",
    "aws_api_gateway_integration.preflight",
    "aws_api_gateway_method.preflight",
    "aws_api_gateway_method_settings.all",
    "aws_api_gateway_rest_api.this",
    "aws_api_gateway_stage.this",
}


def _assert_an_api_of_before_the_doors_is_kept(applying: Applying) -> None:
    """With the state of a deployment of then, nothing is changed, destroyed or made: the API keeps its address."""
    for address in OF_BEFORE_THE_DOORS:
        applying.deployment._terraform.run("state", "mv", f"{address}[0]", address)
    plan = applying.plan()
    changes = [each for each in plan["resource_changes"] if each["change"]["actions"] not in (["no-op"], ["read"])]
    assert [each["address"] for each in changes] == []
    assert {each.get("previous_address") for each in plan["resource_changes"]} - {None} == OF_BEFORE_THE_DOORS
    assert [name for name, each in plan["output_changes"].items() if each["actions"] != ["no-op"]] == []


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
