"""What a deployment calls: recorded while one is planned, made, read, changed, and taken down at the local endpoint."""

from collections.abc import Mapping
from typing import Any

import boto3
import pytest
import yaml

from infra.deploy.canary import raised, stable_versions
from infra.deploy.deployment import Deployment
from infra.local.aws import moto_fixes
from infra.local.aws.endpoint import ACCOUNT, AwsEndpoint, local_aws
from infra.names import Names
from infra.settings import load
from tests.infra.terraform.conftest import Configuration
from tests.infra.terraform.test_apply import OPTIONS, OPTIONS_IN_THE_PIPELINE, _pointing_to
from tests.roles import deploy_recording

ENVIRONMENT = "dev"
# Changed in place: as much as a release usually does.
CHANGED: dict[str, dict[str, Any]] = {
    "stream": {"shards": 4, "retention_hours": 48},
    "table_writer": {"batch_size": 250, "memory_mib": 1024},
    "dead_letters": {"retention_days": 10},
    "http": {"burst": 20},
}


@pytest.mark.slow
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("name", ["default", "options"])
def test_a_deployment_calls_what_is_recorded(configuration, monkeypatch, name):
    """Tags that go again in the change show what takes them away."""
    if name == "options":
        options = configuration.folder / "environments" / f"{ENVIRONMENT}.tfvars"
        options.parent.mkdir()
        options.write_text(OPTIONS)
        change_settings(configuration, OPTIONS_IN_THE_PIPELINE)
    monkeypatch.setenv("TF_VAR_tags", '{ Owner = "somebody" }')
    endpoint = AwsEndpoint(0)
    with (
        moto_fixes.installed(),
        deploy_recording.compared(name),
        local_aws(load(ENVIRONMENT, configuration.pipeline_file).region, "off"),
    ):
        endpoint.start()
        try:
            with _pointing_to(endpoint.url):
                deploy_and_destroy(configuration, monkeypatch)
            assert boto3.client("s3").list_buckets()["Buckets"] == []
        finally:
            endpoint.stop()


def deploy_and_destroy(configuration: Configuration, monkeypatch: pytest.MonkeyPatch) -> None:
    """A release as the workflows make it, a change, and the end."""
    deployment = Deployment(
        ENVIRONMENT, "eu-west-2", print, folder=configuration.folder, package=configuration.package
    )  # fmt: skip
    deployment.prepare()
    deployment.deploy(lambda: True, plan_only=True)
    deployment.deploy(lambda: True)
    stable_versions(boto3.client("lambda"), ENVIRONMENT)
    raised(boto3.client("cloudwatch"), ENVIRONMENT)
    monkeypatch.delenv("TF_VAR_tags")
    change_settings(configuration, CHANGED)
    deployment.deploy(lambda: True, plan_only=True)
    deployment.deploy(lambda: True)
    deployment.destroy(delete_data=True)
    assert boto3.client("kinesis").list_streams()["StreamNames"] == [], Names(ENVIRONMENT, ACCOUNT).stream


def change_settings(configuration: Configuration, sections: Mapping[str, dict[str, Any]]) -> None:
    """Change sections of pipeline.yaml."""
    pipeline = yaml.safe_load(configuration.pipeline_file.read_text())
    for section, values in sections.items():
        pipeline[section] |= values
    configuration.pipeline_file.write_text(yaml.safe_dump(pipeline))
