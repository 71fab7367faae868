"""What the roles of delivery may do: deploy their environment with every option, and nothing of another."""

import json
import os
from typing import Any, Final

import pytest

from infra.deploy.terraform import PLUGIN_DIR_VARIABLE
from tests.infra.terraform.conftest import copied_to
from tests.infra.terraform.iam import Role

pytestmark = pytest.mark.slow

ACCOUNT: Final = "123456789012"
HERE: Final = f"eu-west-2:{ACCOUNT}"
KEY: Final = f"arn:aws:kms:{HERE}:key/1234"
STATE: Final = "arn:aws:s3:::example-state"
OWN: Final = {"aws__ResourceTag___Environment": "dev", "aws__ResourceTag___Project": "spillway"}
PROD: Final = {"aws__ResourceTag___Environment": "prod", "aws__ResourceTag___Project": "spillway"}
NO_OPTIONS: Final = "roles"
EVERY_OPTION: Final = "every_option"


@pytest.fixture(scope="module")
def plans(tmp_path_factory) -> dict[str, list[dict[str, Any]]]:
    """The planned resources of delivery by the test's run: without options, and with every one."""
    configuration = copied_to(tmp_path_factory.mktemp("delivery"))
    configuration.module = "delivery"
    configuration.terraform("init", "-input=false", f"-plugin-dir={os.environ[PLUGIN_DIR_VARIABLE]}")
    messages = [json.loads(line) for line in configuration.terraform("test", "-json", "-verbose").splitlines()]
    return {
        message["@testrun"]: message["test_plan"]["resource_changes"]
        for message in messages
        if message["type"] == "test_plan"
    }


def _role(resources: list[dict[str, Any]], name: str) -> Role:
    """The planned role `spillway-delivery-<name>`, by its own policies and those attached to it."""
    planned = [(each["type"], each["change"]["after"]) for each in resources]
    return Role.of(
        after["policy"]
        for kind, after in planned
        if (kind == "aws_iam_policy" and after["name"].startswith(f"spillway-delivery-{name}"))
        or (kind == "aws_iam_role_policy" and after["role"] == f"spillway-delivery-{name}")
    )


@pytest.fixture(params=[NO_OPTIONS, EVERY_OPTION])
def dev(plans, request) -> Role:
    return _role(plans[request.param], "apply-dev")


@pytest.fixture
def dev_with_options(plans) -> Role:
    return _role(plans[EVERY_OPTION], "apply-dev")


@pytest.fixture(params=[NO_OPTIONS, EVERY_OPTION])
def planner(plans, request) -> Role:
    return _role(plans[request.param], "plan")


def test_a_canary_finds_the_versions_that_are_live(dev):
    assert dev.may("lambda:GetAlias", f"arn:aws:lambda:{HERE}:function:spillway-dev-http-api")
    assert dev.may("lambda:ListAliases", f"arn:aws:lambda:{HERE}:function:spillway-dev-http-api")


def test_init_reads_the_default_workspace_and_only_its_own_besides(dev):
    assert dev.may("s3:GetObject", f"{STATE}/spillway/terraform.tfstate")
    assert dev.may("s3:GetObject", f"{STATE}/env:/dev/spillway/terraform.tfstate")
    assert not dev.may("s3:PutObject", f"{STATE}/spillway/terraform.tfstate")
    assert not dev.may("s3:GetObject", f"{STATE}/env:/prod/spillway/terraform.tfstate")


def test_a_composite_alarm_is_put_by_a_role_that_may_put_any(dev):
    assert dev.may("cloudwatch:PutCompositeAlarm", "*")


def test_an_event_source_mapping_is_made_with_its_tags(dev):
    mapping = f"arn:aws:lambda:{HERE}:event-source-mapping:1234"
    assert dev.may("lambda:TagResource", mapping, aws__RequestTag___Environment="dev")
    assert dev.may("lambda:ListTags", mapping)
    assert not dev.may("lambda:TagResource", mapping, **PROD)


@pytest.mark.parametrize("service", ["lambda", "backup", "dynamodb"])
@pytest.mark.parametrize("action", ["Decrypt", "Encrypt", "GenerateDataKey", "RetireGrant", "CreateGrant"])
def test_the_key_is_used_by_what_is_made_with_it(dev, service, action):
    context = {"kms__ViaService": f"{service}.eu-west-2.amazonaws.com"}
    if action == "CreateGrant":
        context["kms__GrantIsForAWSResource"] = "true"
    assert dev.may(f"kms:{action}", KEY, **OWN, **context)
    assert not dev.may(f"kms:{action}", KEY, **PROD, **context)
    assert not dev.may(f"kms:{action}", KEY, **OWN), "by itself"


def test_a_grant_is_for_aws_alone(dev):
    by_lambda = {"kms__ViaService": "lambda.eu-west-2.amazonaws.com", "kms__GrantIsForAWSResource": "false"}
    assert not dev.may("kms:CreateGrant", KEY, **OWN, **by_lambda)


def test_a_vault_is_mounted(dev):
    assert dev.may("backup-storage:MountCapsule", "*", aws__RequestedRegion="eu-west-2")
    assert not dev.may("backup-storage:MountCapsule", "*", aws__RequestedRegion="us-east-1")


@pytest.mark.parametrize(
    ("action", "arn"),
    [
        ("apigateway:PATCH", "arn:aws:apigateway:eu-west-2::/restapis/abc/stages/live"),
        ("apigateway:PATCH", "arn:aws:apigateway:eu-west-2::/apis/abc/stages/live"),
        ("apigateway:GET", "arn:aws:apigateway:eu-west-2::/apikeys/abc"),
        ("apigateway:PUT", "arn:aws:apigateway:eu-west-2::/tags/arn"),
        ("backup:UpdateBackupPlan", f"arn:aws:backup:{HERE}:backup-plan:abc"),
        ("backup:DeleteBackupSelection", f"arn:aws:backup:{HERE}:backup-plan:abc"),
    ],
)
def test_what_another_environment_owns_is_left_alone(dev, action, arn):
    assert dev.may(action, arn, **OWN)
    assert not dev.may(action, arn, **PROD)


def test_no_role_lists_the_api_keys_of_the_account(dev, planner):
    for role in (dev, planner):
        assert not role.may("apigateway:GET", "arn:aws:apigateway:eu-west-2::/apikeys")


def test_the_plan_role_reads_one_environment_alone(planner):
    assert planner.may("s3:GetObject", f"{STATE}/env:/dev/spillway/terraform.tfstate")
    assert not planner.may("s3:GetObject", f"{STATE}/env:/prod/spillway/terraform.tfstate")
    assert planner.may("lambda:GetFunction", f"arn:aws:lambda:{HERE}:function:spillway-dev-http-api")
    assert not planner.may("lambda:GetFunction", f"arn:aws:lambda:{HERE}:function:spillway-prod-http-api")
    assert planner.may("apigateway:GET", "arn:aws:apigateway:eu-west-2::/apikeys/abc", **OWN)
    assert not planner.may("apigateway:GET", "arn:aws:apigateway:eu-west-2::/apikeys/abc", **PROD)


def test_the_plan_role_reads_settings_of_functions_and_no_events(planner):
    by_lambda, by_dynamodb = (
        {"kms__ViaService": f"{service}.eu-west-2.amazonaws.com"} for service in ("lambda", "dynamodb")
    )
    assert planner.may("kms:Decrypt", KEY, **OWN, **by_lambda)
    assert not planner.may("kms:Decrypt", KEY, **OWN, **by_dynamodb)
    assert not planner.may("kms:Decrypt", KEY, **PROD, **by_lambda)


WAF_LOGS: Final = f"arn:aws:logs:{HERE}:log-group:aws-waf-logs-spillway-dev"


@pytest.mark.parametrize(
    ("action", "resource"),
    [
        ("logs:CreateLogGroup", f"{WAF_LOGS}:*"),
        ("logs:ListTagsForResource", WAF_LOGS),
        ("logs:CreateLogDelivery", "*"),
        ("logs:PutResourcePolicy", "*"),
        ("logs:DescribeResourcePolicies", "*"),
        ("wafv2:CreateWebACL", f"arn:aws:wafv2:{HERE}:regional/webacl/spillway-dev-api/abc"),
        ("wafv2:AssociateWebACL", "arn:aws:apigateway:eu-west-2::/restapis/abc/stages/live"),
        ("ec2:CreateFlowLogs", "*"),
        ("route53:AssociateVPCWithHostedZone", "*"),
        ("dynamodb:CreateTableReplica", f"arn:aws:dynamodb:eu-west-1:{ACCOUNT}:table/spillway-dev-events"),
        ("dynamodb:Scan", f"arn:aws:dynamodb:eu-west-1:{ACCOUNT}:table/spillway-dev-events"),
    ],
)
def test_an_option_has_what_it_takes_where_it_is_named(plans, dev_with_options, action, resource):
    assert dev_with_options.may(action, resource)


@pytest.mark.parametrize(
    "service",
    [
        "lambda.application-autoscaling.amazonaws.com",
        "dynamodb.application-autoscaling.amazonaws.com",
        "replication.dynamodb.amazonaws.com",
    ],
)
def test_a_service_linked_role_is_made_for_its_service_alone(plans, dev_with_options, service):
    arn = f"arn:aws:iam::{ACCOUNT}:role/aws-service-role/{service}/AWSServiceRoleForIt"
    assert dev_with_options.may("iam:CreateServiceLinkedRole", arn, iam__AWSServiceName=service)
    assert not dev_with_options.may("iam:CreateServiceLinkedRole", arn, iam__AWSServiceName="ec2.amazonaws.com")
    assert not _role(plans[NO_OPTIONS], "apply-dev").may(
        "iam:CreateServiceLinkedRole", arn, iam__AWSServiceName=service
    )


def test_the_replicas_key_is_used_in_its_region(dev_with_options):
    arn = f"arn:aws:kms:eu-west-1:{ACCOUNT}:key/1234"
    by_dynamodb = {"kms__ViaService": "dynamodb.eu-west-1.amazonaws.com"}
    assert dev_with_options.may("kms:Decrypt", arn, **OWN, **by_dynamodb)
    assert dev_with_options.may("kms:PutKeyPolicy", arn, **OWN)


def test_the_plan_role_reads_what_options_made(plans):
    planner = _role(plans[EVERY_OPTION], "plan")
    assert planner.may("route53:ListResourceRecordSets", "arn:aws:route53:::hostedzone/Z123")
    assert planner.may("acm:DescribeCertificate", f"arn:aws:acm:{HERE}:certificate/abc", **OWN)
    assert planner.may("apigateway:GET", "arn:aws:apigateway:eu-west-2::/domainnames/events.example.com", **OWN)
    assert planner.may("lambda:GetPolicy", f"arn:aws:lambda:{HERE}:function:who-may-post")
    assert not planner.may("route53:ChangeResourceRecordSets", "arn:aws:route53:::hostedzone/Z123")


def test_the_authorizers_function_is_opened_to_api_gateway_alone(dev_with_options):
    arn = f"arn:aws:lambda:{HERE}:function:who-may-post"
    assert dev_with_options.may("lambda:AddPermission", arn, lambda__Principal="apigateway.amazonaws.com")
    assert not dev_with_options.may("lambda:AddPermission", arn, lambda__Principal="*")


def test_an_environment_of_a_longer_name_is_another(dev):
    assert not dev.may("kinesis:DeleteStream", f"arn:aws:kinesis:{HERE}:stream/spillway-devx-events")


def test_the_account_keeps_the_identity_provider_that_it_has(plans):
    def providers(run: str) -> int:
        return sum(each["type"] == "aws_iam_openid_connect_provider" for each in plans[run])

    assert (providers(NO_OPTIONS), providers(EVERY_OPTION)) == (1, 0)
