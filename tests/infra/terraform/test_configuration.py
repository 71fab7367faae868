"""The Terraform configuration by itself: its form, and what it plans without an account."""

import json

import boto3
import pytest

from archive.lake.tables import TERRAFORM_FILE
from infra.deploy.lake_file import write_lake_file
from infra.deploy.package import ROOT
from infra.deploy.terraform import Terraform
from infra.local.aws.endpoint import AwsEndpoint, local_aws
from tests.infra.terraform.conftest import PLANS

LONGEST_LINE = 160


def test_the_files_are_in_terraforms_format(configuration):
    configuration.terraform("fmt", "-check", "-recursive", "-diff")
    configuration.terraform("fmt", "-check", "-recursive", "-diff", str(PLANS))


def test_no_line_is_too_long():
    files = [*(ROOT / "infra" / "terraform").rglob("*.tf"), *PLANS.rglob("*.hcl")]
    long = [
        f"{file.relative_to(ROOT)}:{number}"
        for file in files
        if ".terraform" not in file.parts
        for number, line in enumerate(file.read_text().splitlines(), start=1)
        if len(line) > LONGEST_LINE
    ]
    assert long == []


def test_the_configuration_is_valid(configuration):
    assert json.loads(configuration.terraform("validate", "-json"))["valid"]


@pytest.mark.slow
def test_what_it_plans_is_as_designed(configuration):
    output = configuration.terraform("test", "-no-color")
    assert ", 0 failed." in output


def test_terraform_has_the_lake_as_the_code_has_it(tmp_path):
    file = tmp_path / "lake_tables.json"
    write_lake_file(file)
    assert file.read_text() == TERRAFORM_FILE.read_text(), "run: make terraform"


def test_the_lakes_file_is_written_only_where_it_changes(tmp_path):
    file = tmp_path / "lake_tables.json"
    assert [write_lake_file(file), write_lake_file(file)] == [True, False]


def test_a_plan_alone_writes_no_state(configuration, monkeypatch):
    """Neither a workspace nor a lock: the role that plans pull requests may write nothing."""
    example = (configuration.folder / "backend.tf.example").read_text()
    (configuration.folder / "backend.tf").write_text(example.replace("<a bucket of yours>", "state"))
    endpoint = AwsEndpoint(0)
    with local_aws("eu-west-2", "off"):
        boto3.client("s3").create_bucket(Bucket="state", CreateBucketConfiguration={"LocationConstraint": "eu-west-2"})
        endpoint.start()
        try:
            monkeypatch.setenv("AWS_ENDPOINT_URL", endpoint.url)
            terraform = Terraform(configuration.folder, "dev", print)
            terraform.init(read_only=True)
            terraform.run("plan", "-lock=false", "-target=aws_resourcegroups_group.this", "-var=environment=dev")
            versions = boto3.client("s3").list_object_versions(Bucket="state")
        finally:
            endpoint.stop()
    assert "Versions" not in versions
    assert "DeleteMarkers" not in versions


def test_the_example_keeps_the_state_in_a_bucket_with_its_lock_beside_it(configuration, monkeypatch):
    example = (configuration.folder / "backend.tf.example").read_text()
    (configuration.folder / "backend.tf").write_text(example.replace("<a bucket of yours>", "state"))
    endpoint = AwsEndpoint(0)
    with local_aws("eu-west-2", "off"):
        boto3.client("s3").create_bucket(Bucket="state", CreateBucketConfiguration={"LocationConstraint": "eu-west-2"})
        endpoint.start()
        try:
            monkeypatch.setenv("AWS_ENDPOINT_URL", endpoint.url)
            said: list[str] = []
            terraform = Terraform(configuration.folder, "dev", said.append)
            terraform.init()
            terraform.run("plan", "-target=aws_resourcegroups_group.this", "-var=environment=dev")
            keys = [each["Key"] for each in boto3.client("s3").list_objects_v2(Bucket="state")["Contents"]]
        finally:
            endpoint.stop()
    assert [line.split()[3] for line in said] == ["init", "workspace", "plan"], "every command is shown"
    assert keys == ["env:/dev/spillway/terraform.tfstate"], "the lock is gone with the plan"
