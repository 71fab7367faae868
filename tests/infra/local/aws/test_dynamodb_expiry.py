"""Items are deleted after the time that a table's time to live names, and never before."""

from collections.abc import Iterator

import boto3
import pytest

from infra.local.aws.dynamodb.expiry import ExpirySweep
from infra.local.aws.endpoint import local_aws
from tests.clock import FakeClock

REGION = "eu-west-2"
AT_ONCE = 3
NOW = 1_795_000_000


@pytest.fixture
def table() -> Iterator[str]:
    with local_aws(REGION, "off"):
        dynamodb = boto3.client("dynamodb")
        dynamodb.create_table(
            TableName="t",
            AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
            KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
            BillingMode="PAY_PER_REQUEST",
        )
        yield "t"


def put(key: str, **attributes: dict[str, str]) -> None:
    boto3.client("dynamodb").put_item(TableName="t", Item={"id": {"S": key}, **attributes})


def keys() -> set[str]:
    return {item["id"]["S"] for item in boto3.client("dynamodb").scan(TableName="t")["Items"]}


def enable() -> None:
    boto3.client("dynamodb").update_time_to_live(
        TableName="t", TimeToLiveSpecification={"Enabled": True, "AttributeName": "expiration"}
    )


def test_what_has_expired_goes_and_everything_else_stays(table: str) -> None:
    enable()
    put("expired", expiration={"N": str(NOW - 1)})
    put("at the limit", expiration={"N": str(NOW)})
    put("later", expiration={"N": str(NOW + 1)})
    put("no number", expiration={"S": "yesterday"})
    put("never")
    assert ExpirySweep(REGION, FakeClock(NOW)).step() == 1
    assert keys() == {"at the limit", "later", "no number", "never"}
    described = boto3.client("dynamodb").describe_table(TableName=table)["Table"]
    assert described["ItemCount"] == 4


def test_a_table_without_a_time_to_live_keeps_everything(table: str) -> None:
    put("old", expiration={"N": "1"})
    assert ExpirySweep(REGION, FakeClock(NOW)).step() == 0
    assert keys() == {"old"}


@pytest.mark.parametrize("items", [AT_ONCE - 1, AT_ONCE, AT_ONCE + 1])
def test_steps_go_through_all_of_a_table_and_begin_anew(table: str, items: int) -> None:
    enable()
    for number in range(items):
        put(f"{number}", expiration={"N": "1"})
    sweep = ExpirySweep(REGION, FakeClock(NOW), items_at_once=AT_ONCE)
    assert [sweep.step() for _ in range(3)] == [min(items, AT_ONCE), max(0, items - AT_ONCE), 0]
    put("later", expiration={"N": "1"})
    assert sweep.step() + sweep.step() == 1
    assert keys() == set()
