"""What a plan is checked for before it is applied: each refusal is one line."""

from typing import Final

import boto3
import pytest

from infra.deploy.notices import notices
from infra.deploy.preflight import PreflightError, check_plan, standing_shards
from infra.local.aws import moto_fixes

REGION: Final = "eu-west-2"


def _plan(type_: str, after: dict, before: dict | None = None) -> dict:
    actions = ["create"] if before is None else ["update"]
    return {"resource_changes": [{"type": type_, "change": {"actions": actions, "before": before, "after": after}}]}


def _one_line(error: pytest.ExceptionInfo[PreflightError]) -> str:
    assert "\n" not in str(error.value)
    return str(error.value)


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


def test_a_stream_that_becomes_on_demand_is_not_a_step_to_no_shards(local):
    boto3.client("kinesis").create_stream(StreamName="events", ShardCount=3)
    check_plan(_plan("aws_kinesis_stream", {"name": "events", "shard_count": None}, {"shard_count": 3}), REGION)


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
