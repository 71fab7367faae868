"""The checks of an account and an environment, each where all is well and where it is not."""

from datetime import UTC, datetime
from email.utils import format_datetime
from types import SimpleNamespace
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError

from archive.lake.columns import glue_columns
from archive.lake.tables import LANDING_TABLE, tables
from infra.deploy.preflight import Account, PreflightError
from infra.doctor import account
from infra.doctor.account import NOTICED_SECONDS, REFUSED_SECONDS
from infra.names import Names
from infra.settings import load

NAMES = Names("dev", "123456789012")
NOW = 1_790_000_000.0
SETTINGS = load("prod")
REGION = "eu-west-2"


@pytest.fixture
def credentials(aws: None, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "testing")


def test_credentials():
    found = account.check_credentials(lambda: Account("123456789012", "arn:aws:iam::123456789012:user/a", REGION))
    assert (found.result, "user/a" in found.looked_at) == ("ok", True)

    def refused() -> Account:
        raise PreflightError("no AWS credentials: set AWS_PROFILE to a profile that has them")

    found = account.check_credentials(refused)
    assert (found.result, found.remedy) == ("failed", "set AWS_PROFILE to a profile that has them")


@pytest.mark.parametrize(("region", "result"), [(REGION, "ok"), ("us-east-1", "warning"), ("eu-nowhere-9", "failed")])
def test_region(region, result):
    found = account.check_region(region, frozenset({REGION, "us-east-1"}), REGION)
    assert found.result == result
    assert (f"AWS_REGION to {REGION}" in found.remedy) is (result != "ok")


def stream_at(seconds: float, *, refuses: bool = False) -> Any:
    """A Kinesis whose clock shows so much."""
    date = format_datetime(datetime.fromtimestamp(seconds, UTC), usegmt=True)
    answer = {"ResponseMetadata": {"HTTPHeaders": {"date": date}}}

    def describe(**_: Any) -> Any:
        if refuses:
            raise ClientError({"Error": {"Code": "ResourceNotFoundException"}, **answer}, "DescribeStreamSummary")  # type: ignore[typeddict-item]
        return answer

    return SimpleNamespace(describe_stream_summary=describe, exceptions=SimpleNamespace(ClientError=ClientError))


@pytest.mark.parametrize("direction", [-1, 1])
@pytest.mark.parametrize(
    ("apart", "result"),
    [
        (0, "ok"),
        (NOTICED_SECONDS, "ok"),
        (NOTICED_SECONDS + 1, "warning"),
        (REFUSED_SECONDS - 1, "warning"),
        (REFUSED_SECONDS, "failed"),
    ],
)
def test_the_clock_is_compared_with_the_streams(apart, result, direction):
    theirs = NOW + direction * apart - (1 if direction < 0 and apart else 0)  # a Date is up to a second old
    found = account.check_clock(stream_at(theirs), "s", lambda: NOW)
    assert found.result == result, found
    assert ("NTP" in found.remedy) is (result != "ok")


def test_an_answer_that_refuses_shows_the_time_as_well():
    assert account.check_clock(stream_at(NOW, refuses=True), "s", lambda: NOW).result == "ok"


def limits_of(opened: int, most: int) -> Any:
    return SimpleNamespace(describe_limits=lambda: {"OpenShardCount": opened, "ShardLimit": most})


def test_the_shard_quota_holds_what_pipeline_yaml_needs_beside_what_others_have():
    most = SETTINGS.scaling.maximum_shards if SETTINGS.scaling.enabled else SETTINGS.stream.shards
    needed = SETTINGS.stream.shards
    assert account.check_shard_quota(limits_of(10, 10 + most), SETTINGS, 0).result == "ok"
    assert account.check_shard_quota(limits_of(10 + needed, 10 + most), SETTINGS, needed).result == "ok"
    short = account.check_shard_quota(limits_of(10, 10 + needed - 1), SETTINGS, 0)
    assert short.result == "failed"
    assert "infra/pipeline.yaml" in short.remedy
    if most > needed:
        assert account.check_shard_quota(limits_of(10, 10 + most - 1), SETTINGS, 0).result == "warning"


def concurrency_of(total: int, unreserved: int) -> Any:
    limit = {"ConcurrentExecutions": total, "UnreservedConcurrentExecutions": unreserved}
    return SimpleNamespace(get_account_settings=lambda: {"AccountLimit": limit})


def test_the_concurrency_quota_holds_what_pipeline_yaml_can_ask_for():
    assert account.check_concurrency_quota(concurrency_of(100_000, 100_000), SETTINGS).result == "ok"
    assert account.check_concurrency_quota(concurrency_of(100_000, 110), SETTINGS).result == "warning"
    new_account = account.check_concurrency_quota(concurrency_of(10, 10), SETTINGS)
    assert new_account.result == "failed"
    assert "Service Quotas" in new_account.remedy


@pytest.mark.parametrize(
    ("rate", "burst", "result"), [(0, 0, "ok"), (-1, 0, "failed"), (0, -1, "failed"), (1, 1, "ok")]
)
def test_the_request_quota_holds_the_rate_and_the_burst(rate, burst, result):
    http = SETTINGS.http
    throttle = {"rateLimit": http.rate_per_second + rate, "burstLimit": http.burst + burst}
    gateway = SimpleNamespace(get_account=lambda: {"throttleSettings": throttle})
    assert account.check_request_quota(gateway, SETTINGS).result == result


def test_a_request_quota_that_is_not_shown_is_skipped():
    assert account.check_request_quota(SimpleNamespace(get_account=dict), SETTINGS).result == "skipped"


def sns_of(**subscribers: str) -> Any:
    """Topics, and the subscription of each."""

    def paginate(TopicArn: str) -> Any:
        return [{"Subscriptions": [{"SubscriptionArn": subscribers[TopicArn]}]}]

    return SimpleNamespace(get_paginator=lambda _: SimpleNamespace(paginate=paginate))


@pytest.mark.parametrize(
    ("high", "low", "result"),
    [
        ("arn:aws:sns:1", "arn:aws:sns:2", "ok"),
        ("arn:aws:sns:1", "PendingConfirmation", "warning"),
        ("PendingConfirmation", "arn:aws:sns:2", "failed"),
    ],
)
def test_a_topic_without_a_confirmed_subscriber_is_deaf(high, low, result):
    found = account.check_topics(sns_of(h=high, l=low), {"high": "h", "low": "l"})
    assert found.result == result
    assert ("alarm_emails" in found.remedy) is (result != "ok")


@pytest.mark.parametrize(("tags", "result"), [([{"TagKey": "Deployment"}], "ok"), ([], "warning")])
def test_the_budget_needs_its_tag(tags, result):
    explorer = SimpleNamespace(list_cost_allocation_tags=lambda **_: {"CostAllocationTags": tags})
    found = account.check_budget_tag(explorer)
    assert found.result == result
    assert ("Cost allocation tags" in found.remedy) is (result == "warning")


def put_alarm(cloudwatch: Any, name: str, state: str) -> None:
    cloudwatch.put_metric_alarm(
        AlarmName=name,
        MetricName="Errors",
        Namespace="AWS/Lambda",
        Statistic="Sum",
        Period=60,
        EvaluationPeriods=1,
        Threshold=0,
        ComparisonOperator="GreaterThanThreshold",
    )
    cloudwatch.set_alarm_state(AlarmName=name, StateValue=state, StateReason="-")


def test_an_alarm_in_alarm_fails_and_no_alarm_at_all_is_a_warning(credentials):
    cloudwatch = boto3.client("cloudwatch")
    assert account.check_alarms(cloudwatch, NAMES).result == "warning"
    put_alarm(cloudwatch, "spillway-dev-quiet", "INSUFFICIENT_DATA")
    put_alarm(cloudwatch, "spillway-prod-raised", "ALARM")
    assert account.check_alarms(cloudwatch, NAMES).result == "ok"
    put_alarm(cloudwatch, "spillway-dev-raised", "ALARM")
    found = account.check_alarms(cloudwatch, NAMES)
    assert found.result == "failed"
    assert "spillway-dev-raised" in found.looked_at
    assert "docs/runbooks/alarms.md" in found.remedy


def test_the_deployed_columns_are_compared_with_the_event_schema(credentials):
    [table] = [each for each in tables() if each.name == LANDING_TABLE]
    wanted = {LANDING_TABLE: glue_columns(table.columns)}
    glue = boto3.client("glue")
    glue.create_database(DatabaseInput={"Name": NAMES.database})
    kept: Any = table.glue_input("bucket")
    glue.create_table(DatabaseName=NAMES.database, TableInput=kept)
    assert account.check_event_schema(glue, NAMES.database, wanted).result == "ok"
    columns = [*wanted[LANDING_TABLE][1:-1], {**wanted[LANDING_TABLE][-1], "Type": "array<int>"}]
    kept["StorageDescriptor"]["Columns"] = columns
    glue.update_table(DatabaseName=NAMES.database, TableInput=kept)
    found = account.check_event_schema(glue, NAMES.database, wanted)
    assert found.result == "failed"
    assert f"{wanted[LANDING_TABLE][0]['Name']} is missing there" in found.looked_at
    assert "array<int> there" in found.looked_at
    assert "deploy" in found.remedy
