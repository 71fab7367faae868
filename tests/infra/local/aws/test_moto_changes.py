"""What Terraform changes in place and unchanged moto cannot: tags, a workgroup, and parts of a REST API."""

from typing import Any, Final

import boto3
import pytest
import urllib3

from infra.local.aws import moto_fixes
from infra.local.aws.endpoint import AwsEndpoint, local_aws

REGION: Final = "eu-west-2"
BEFORE: Final = {"Owner": "somebody", "Project": "spillway"}
AFTER: Final = {"Project": "spillway", "Team": "events"}


@pytest.fixture(autouse=True)
def _fixes():
    with moto_fixes.installed(), local_aws(REGION, "off"):
        yield


def as_list(tags: dict[str, str]) -> list[dict[str, str]]:
    return [{"Key": key, "Value": value} for key, value in tags.items()]


def make_api() -> tuple[str, str]:
    """The ids of an API with a stage, and of its root, which has a method."""
    gateway = boto3.client("apigateway")
    api = gateway.create_rest_api(name="api", tags=BEFORE)["id"]
    [root] = [each["id"] for each in gateway.get_resources(restApiId=api)["items"]]
    gateway.put_method(restApiId=api, resourceId=root, httpMethod="ANY", authorizationType="NONE")
    gateway.put_integration(restApiId=api, resourceId=root, httpMethod="ANY", type="MOCK", timeoutInMillis=10000)
    deployment = gateway.create_deployment(restApiId=api)["id"]
    gateway.create_stage(restApiId=api, stageName="dev", deploymentId=deployment, tags=BEFORE)
    return api, root


def patch(path: str, value: str, op: str = "replace") -> list[Any]:
    return [{"op": op, "path": path, "value": value}]


def test_the_tags_of_all_that_api_gateway_holds_change():
    gateway = boto3.client("apigateway")
    api, _ = make_api()
    key = gateway.create_api_key(name="key", tags=BEFORE)["id"]
    plan = gateway.create_usage_plan(name="plan", tags=BEFORE)["id"]
    gateway.create_domain_name(domainName="events.example.com", tags=BEFORE)
    tagged = [
        f"/restapis/{api}",
        f"/restapis/{api}/stages/dev",
        f"/apikeys/{key}",
        f"/usageplans/{plan}",
        "/domainnames/events.example.com",
    ]
    endpoint = AwsEndpoint(0)
    endpoint.start()  # over HTTP, as Terraform asks: the slashes of the ARN arrive decoded
    try:
        client = boto3.client("apigateway", endpoint_url=endpoint.url)
        for path in tagged:
            arn = f"arn:aws:apigateway:{REGION}::{path}"
            client.tag_resource(resourceArn=arn, tags={"Team": "events"})
            client.untag_resource(resourceArn=arn, tagKeys=["Owner"])
            assert client.get_tags(resourceArn=arn)["tags"] == AFTER, path
    finally:
        endpoint.stop()


def test_a_method_changes_its_authorizer_and_its_scopes():
    gateway = boto3.client("apigateway")
    api, root = make_api()
    where: dict[str, Any] = {"restApiId": api, "resourceId": root, "httpMethod": "ANY"}
    gateway.update_method(**where, patchOperations=patch("/authorizationScopes", "events/write", "add"))
    assert gateway.get_method(**where)["authorizationScopes"] == ["events/write"]
    gateway.update_method(**where, patchOperations=patch("/authorizationScopes", "events/write", "remove"))
    gateway.update_method(**where, patchOperations=patch("/authorizationType", "CUSTOM"))
    gateway.update_method(**where, patchOperations=patch("/authorizerId", "one"))
    gateway.update_method(**where, patchOperations=patch("/apiKeyRequired", "true"))
    method = gateway.get_method(**where)
    assert (method["authorizationType"], method["authorizerId"]) == ("CUSTOM", "one")
    assert (method["authorizationScopes"], method["apiKeyRequired"]) == ([], True)


def test_an_integration_changes_its_timeout():
    gateway = boto3.client("apigateway")
    api, root = make_api()
    where: dict[str, Any] = {"restApiId": api, "resourceId": root, "httpMethod": "ANY"}
    gateway.update_integration(**where, patchOperations=patch("/timeoutInMillis", "9000"))
    assert gateway.get_integration(**where)["timeoutInMillis"] == 9000


def test_a_quota_stays_a_number():
    gateway = boto3.client("apigateway")
    plan = gateway.create_usage_plan(name="plan", quota={"limit": 100, "offset": 0, "period": "DAY"})["id"]
    gateway.update_usage_plan(usagePlanId=plan, patchOperations=patch("/quota/limit", "200"))
    endpoint = AwsEndpoint(0)
    endpoint.start()
    try:  # boto3 reads a text as a number, and Terraform does not
        credential = f"AWS4-HMAC-SHA256 Credential=a/20260101/{REGION}/apigateway/aws4_request"
        answer = urllib3.request("GET", f"{endpoint.url}/usageplans/{plan}", headers={"Authorization": credential})
        assert answer.json()["quota"] == {"limit": 200, "offset": 0, "period": "DAY"}
    finally:
        endpoint.stop()


def test_the_tags_of_a_scaled_table_change():
    boto3.client("dynamodb").create_table(
        TableName="table",
        KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
        ProvisionedThroughput={"ReadCapacityUnits": 1, "WriteCapacityUnits": 1},
    )
    scaling = boto3.client("application-autoscaling")
    arn = scaling.register_scalable_target(
        ServiceNamespace="dynamodb",
        ResourceId="table/table",
        ScalableDimension="dynamodb:table:ReadCapacityUnits",
        MinCapacity=1,
        MaxCapacity=2,
        Tags=BEFORE,
    )["ScalableTargetARN"]
    scaling.tag_resource(ResourceARN=arn, Tags={"Team": "events"})
    scaling.untag_resource(ResourceARN=arn, TagKeys=["Owner"])
    assert scaling.list_tags_for_resource(ResourceARN=arn)["Tags"] == AFTER


def test_the_tags_of_a_budget_change():
    budgets = boto3.client("budgets")
    budget: Any = {"BudgetName": "month", "BudgetType": "COST", "TimeUnit": "MONTHLY"}
    limit = {"BudgetLimit": {"Amount": "1", "Unit": "USD"}}
    budgets.create_budget(AccountId="123456789012", Budget=budget | limit, ResourceTags=as_list(BEFORE))
    arn = "arn:aws:budgets::123456789012:budget/month"
    budgets.tag_resource(ResourceARN=arn, ResourceTags=as_list({"Team": "events"}))
    budgets.untag_resource(ResourceARN=arn, ResourceTagKeys=["Owner"])
    assert budgets.list_tags_for_resource(ResourceARN=arn)["ResourceTags"] == as_list(AFTER)


def test_the_tags_of_a_group_of_traces_change():
    xray = boto3.client("xray")
    arn = xray.create_group(GroupName="group", Tags=as_list(BEFORE))["Group"]["GroupARN"]
    xray.tag_resource(ResourceARN=arn, Tags=as_list({"Team": "events"}))
    xray.untag_resource(ResourceARN=arn, TagKeys=["Owner"])
    assert xray.list_tags_for_resource(ResourceARN=arn)["Tags"] == as_list(AFTER)


def test_a_workgroup_changes_what_a_query_may_scan():
    athena = boto3.client("athena")
    results = {"OutputLocation": "s3://results/"}
    before: Any = {"ResultConfiguration": results, "BytesScannedCutoffPerQuery": 10_000_000}
    athena.create_work_group(Name="group", Configuration=before)
    athena.update_work_group(WorkGroup="group", ConfigurationUpdates={"BytesScannedCutoffPerQuery": 20_000_000})
    after = athena.get_work_group(WorkGroup="group")["WorkGroup"]["Configuration"]
    assert (after["BytesScannedCutoffPerQuery"], after["ResultConfiguration"]) == (20_000_000, results)
    athena.update_work_group(WorkGroup="group", ConfigurationUpdates={"RemoveBytesScannedCutoffPerQuery": True})
    assert "BytesScannedCutoffPerQuery" not in athena.get_work_group(WorkGroup="group")["WorkGroup"]["Configuration"]
