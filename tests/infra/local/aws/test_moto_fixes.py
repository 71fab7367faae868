"""What is fixed in moto for Terraform: each test fails on unchanged moto."""

import io
import json
import zipfile
from typing import Any, Final

import boto3
import pytest
import urllib3

from infra.local.aws import moto_fixes
from infra.local.aws.endpoint import AwsEndpoint, local_aws

REGION: Final = "eu-west-2"
HERE = f"{REGION}:123456789012"


@pytest.fixture(autouse=True)
def _fixes():
    with moto_fixes.installed(), local_aws(REGION, "off"):
        yield


@pytest.fixture
def alias() -> str:
    """The ARN of a function's alias `live`."""
    trust = json.dumps({"Version": "2012-10-17", "Statement": []})
    role = boto3.client("iam").create_role(RoleName="role", AssumeRolePolicyDocument=trust)["Role"]["Arn"]
    package = io.BytesIO()
    with zipfile.ZipFile(package, "w") as archive:
        archive.writestr("README", "")
    lambda_ = boto3.client("lambda")
    lambda_.create_function(
        FunctionName="function",
        Role=role,
        Runtime="python3.13",
        Handler="module.handler",
        Code={"ZipFile": package.getvalue()},
        Publish=True,
    )
    return lambda_.create_alias(FunctionName="function", Name="live", FunctionVersion="1")["AliasArn"]


def test_a_queue_shows_who_may_redrive_to_it():
    sqs = boto3.client("sqs")
    url = sqs.create_queue(QueueName="queue")["QueueUrl"]
    sqs.set_queue_attributes(QueueUrl=url, Attributes={"RedriveAllowPolicy": '{"redrivePermission":"denyAll"}'})
    told = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"]
    assert told["RedriveAllowPolicy"] == '{"redrivePermission":"denyAll"}'
    sqs.set_queue_attributes(QueueUrl=url, Attributes={"RedriveAllowPolicy": ""})
    assert "RedriveAllowPolicy" not in sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"]


def test_a_queue_keeps_its_policy_when_something_else_is_set():
    sqs = boto3.client("sqs")
    policy = {"Statement": [{"Effect": "Deny", "Action": "sqs:*", "Principal": "*"}]}
    url = sqs.create_queue(QueueName="queue", Attributes={"Policy": json.dumps(policy)})["QueueUrl"]
    sqs.set_queue_attributes(QueueUrl=url, Attributes={"VisibilityTimeout": "10"})
    told = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"]
    assert (json.loads(told["Policy"]), told["VisibilityTimeout"]) == (policy, "10")


def test_a_redrive_policy_is_returned_without_spaces():
    sqs = boto3.client("sqs")
    sqs.create_queue(QueueName="behind")
    policy = json.dumps({"deadLetterTargetArn": f"arn:aws:sqs:{HERE}:behind", "maxReceiveCount": 5})
    url = sqs.create_queue(QueueName="queue", Attributes={"RedrivePolicy": policy})["QueueUrl"]
    told = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"]["RedrivePolicy"]
    assert told == policy.replace(" ", "")


@pytest.mark.parametrize("consumer", [False, True])
def test_a_mapping_names_the_alias_and_the_consumer_that_it_was_given(alias, consumer):
    kinesis, lambda_ = boto3.client("kinesis"), boto3.client("lambda")
    kinesis.create_stream(StreamName="stream", ShardCount=1)
    source = f"arn:aws:kinesis:{HERE}:stream/stream"
    if consumer:
        source = kinesis.register_stream_consumer(StreamARN=source, ConsumerName="fast")["Consumer"]["ConsumerARN"]
    made = lambda_.create_event_source_mapping(EventSourceArn=source, FunctionName=alias, StartingPosition="LATEST")
    lambda_.update_event_source_mapping(UUID=made["UUID"], FunctionName=alias, BatchSize=7)
    told = lambda_.get_event_source_mapping(UUID=made["UUID"])
    assert (told["EventSourceArn"], told["FunctionArn"], told["BatchSize"]) == (source, alias, 7)


def test_executions_can_be_kept_warm(alias):
    lambda_ = boto3.client("lambda")
    where = {"FunctionName": "function", "Qualifier": "live"}
    lambda_.put_provisioned_concurrency_config(**where, ProvisionedConcurrentExecutions=3)
    told = lambda_.get_provisioned_concurrency_config(**where)
    assert (told["Status"], told["RequestedProvisionedConcurrentExecutions"]) == ("READY", 3)
    lambda_.delete_provisioned_concurrency_config(**where)
    with pytest.raises(lambda_.exceptions.ProvisionedConcurrencyConfigNotFoundException):
        lambda_.get_provisioned_concurrency_config(**where)


def test_a_saved_query_can_be_deleted():
    athena = boto3.client("athena")
    query = athena.create_named_query(Name="name", Database="database", QueryString="SELECT 1")["NamedQueryId"]
    athena.delete_named_query(NamedQueryId=query)
    assert athena.list_named_queries()["NamedQueryIds"] == []


def test_a_scalable_target_has_tags():
    scaling = boto3.client("application-autoscaling")
    target = scaling.register_scalable_target(
        ServiceNamespace="dynamodb",
        ResourceId="table/events",
        ScalableDimension="dynamodb:table:ReadCapacityUnits",
        MinCapacity=1,
        MaxCapacity=2,
        Tags={"Project": "spillway"},
    )["ScalableTargetARN"]
    assert scaling.list_tags_for_resource(ResourceARN=target)["Tags"] == {"Project": "spillway"}


def test_an_apis_policy_is_returned_with_its_quotes_escaped():
    gateway = boto3.client("apigateway")
    api = gateway.create_rest_api(name="api", policy='{"Statement":[]}')["id"]
    assert gateway.get_rest_api(restApiId=api)["policy"] == '{\\"Statement\\":[]}'


def test_a_policy_that_denies_under_a_condition_does_not_deny_everything():
    deny = {
        "Effect": "Deny",
        "Principal": "*",
        "Action": "s3:*",
        "Resource": ["arn:aws:s3:::bucket", "arn:aws:s3:::bucket/*"],
    }
    s3 = boto3.client("s3")
    s3.create_bucket(Bucket="bucket", CreateBucketConfiguration={"LocationConstraint": REGION})
    without_tls = deny | {"Condition": {"Bool": {"aws:SecureTransport": "false"}}}
    s3.put_bucket_policy(Bucket="bucket", Policy=json.dumps({"Version": "2012-10-17", "Statement": [without_tls]}))
    s3.put_object(Bucket="bucket", Key="key", Body=b"")
    s3.put_bucket_policy(Bucket="bucket", Policy=json.dumps({"Version": "2012-10-17", "Statement": [deny]}))
    with pytest.raises(s3.exceptions.ClientError, match="403"):
        s3.put_object(Bucket="bucket", Key="key", Body=b"")


@pytest.mark.parametrize("by_prefix_list", [False, True])
def test_a_rule_for_a_group_or_a_prefix_list_keeps_its_description(by_prefix_list):
    ec2: Any = boto3.client("ec2")
    vpc = ec2.create_vpc(CidrBlock="10.0.0.0/24")["Vpc"]["VpcId"]
    ours, theirs = (
        ec2.create_security_group(GroupName=name, Description=name, VpcId=vpc)["GroupId"] for name in ("ours", "theirs")
    )
    side: dict[str, Any] = {"UserIdGroupPairs": [{"GroupId": theirs, "Description": "TLS"}]}
    if by_prefix_list:
        side = {"PrefixListIds": [{"PrefixListId": "pl-12345678", "Description": "TLS"}]}
    permission = {"IpProtocol": "tcp", "FromPort": 443, "ToPort": 443} | side
    [made] = ec2.authorize_security_group_ingress(GroupId=ours, IpPermissions=[permission])["SecurityGroupRules"]
    rules = ec2.describe_security_group_rules(SecurityGroupRuleIds=[made["SecurityGroupRuleId"]])
    assert [rule["Description"] for rule in rules["SecurityGroupRules"]] == ["TLS"]


@pytest.mark.parametrize("served", [False, True])
def test_a_vault_says_that_it_holds_nothing(served):
    boto3.client("backup").create_backup_vault(BackupVaultName="vault")
    endpoint = AwsEndpoint(0)
    endpoint.start()
    try:
        backup = boto3.client("backup", endpoint_url=endpoint.url if served else None)
        assert backup.list_recovery_points_by_backup_vault(BackupVaultName="vault")["RecoveryPoints"] == []
        if served:
            address = f"{endpoint.url}/backup-vaults/vault/recovery-points"
            signed = {"Authorization": "AWS4-HMAC-SHA256 Credential=any/20260101/eu-west-2/backup/aws4_request"}
            assert urllib3.request("GET", address, headers=signed).json() == {"RecoveryPoints": []}
    finally:
        endpoint.stop()


def test_an_api_keeps_its_binary_media_types():
    gateway = boto3.client("apigateway")
    api = gateway.create_rest_api(name="door", binaryMediaTypes=["*/*"])
    assert api["binaryMediaTypes"] == gateway.get_rest_api(restApiId=api["id"])["binaryMediaTypes"] == ["*/*"]
    assert gateway.get_rest_api(restApiId=gateway.create_rest_api(name="text")["id"]).get("binaryMediaTypes", []) == []


def test_an_account_has_room_for_reserved_executions():
    limits = boto3.client("lambda").get_account_settings()["AccountLimit"]
    assert limits["UnreservedConcurrentExecutions"] == limits["ConcurrentExecutions"] == 1000


def test_an_account_has_no_active_cost_allocation_tags():
    assert boto3.client("ce").list_cost_allocation_tags(TagKeys=["Deployment"])["CostAllocationTags"] == []


def test_a_stage_of_an_http_api_is_updated_in_place():
    gateway = boto3.client("apigatewayv2")
    api = gateway.create_api(Name="events", ProtocolType="HTTP")["ApiId"]
    gateway.create_stage(ApiId=api, StageName="dev", AutoDeploy=True, Description="first")
    throttle: Any = {"ThrottlingBurstLimit": 20, "ThrottlingRateLimit": 10}
    gateway.update_stage(ApiId=api, StageName="dev", DefaultRouteSettings=throttle)
    stage = gateway.get_stage(ApiId=api, StageName="dev")
    assert stage["DefaultRouteSettings"]["ThrottlingBurstLimit"] == 20
    assert (stage["AutoDeploy"], stage["Description"]) == (True, "first")
