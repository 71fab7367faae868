"""DynamoDB: what the table writer and the idempotency records stand on."""

from typing import Any

import pytest

from tests.conformance.account import Account
from tests.conformance.facts import fact
from tests.conformance.refusals import refused

ITEM_BYTES = 400 * 1024
KEY_BYTES = len("timestamp") + len("t") + len("request_id") + len("size")


@pytest.fixture(scope="module")
def table(account: Account) -> str:
    """A table with the keys of the events' table; each fact uses keys of its own."""
    return account.table()


def key(name: str) -> dict[str, Any]:
    return {"timestamp": {"S": name}, "request_id": {"S": "r"}}


def put_batch(account: Account, table: str, *items: dict[str, Any]) -> Any:
    requests = [{"PutRequest": {"Item": item}} for item in items]
    return account.dynamodb.batch_write_item(RequestItems={table: requests})


def read(account: Account, table: str, name: str) -> dict[str, Any]:
    answer = account.dynamodb.get_item(TableName=table, Key=key(name), ConsistentRead=True)
    item: dict[str, Any] = answer.get("Item", {})
    return item


# Numbers


@fact("[numbers]", each=True)
@pytest.mark.parametrize(
    ("written", "stored"),
    [
        ("00042", "42"),
        ("1.0", "1"),
        ("1.10", "1.1"),
        ("-0", "0"),
        ("+5", "5"),
        ("1.5E2", "150"),
        ("1e+2", "100"),
        ("9" * 38, "9" * 38),
    ],
)
def test_a_number_reads_back_as_its_value(account: Account, table: str, written: str, stored: str) -> None:
    put_batch(account, table, key(written) | {"n": {"N": written}})
    assert read(account, table, written)["n"] == {"N": stored}


@fact("[numbers]", each=True)
@pytest.mark.parametrize("number", ["9" * 39, "1E126", "0e1000", " 1"], ids=["39 digits", "1E126", "0e1000", "a space"])
def test_a_number_that_a_table_cannot_hold_is_refused(account: Account, table: str, number: str) -> None:
    with refused("ValidationException"):
        put_batch(account, table, key("refused") | {"n": {"N": number}})


@fact("[numbers]")
def test_numbers_within_maps_and_lists_are_stored_as_values_too(account: Account, table: str) -> None:
    put_batch(account, table, key("deep") | {"m": {"M": {"l": {"L": [{"N": "1.10"}]}}}})
    assert read(account, table, "deep")["m"] == {"M": {"l": {"L": [{"N": "1.1"}]}}}


# BatchWriteItem


@fact("[m dynamodb BatchWriteItem]")
def test_a_batch_holds_25_items(account: Account, table: str) -> None:
    answer = put_batch(account, table, *(key(f"batch {n}") for n in range(25)))
    assert answer["UnprocessedItems"] == {}


@fact("[m dynamodb BatchWriteItem] [dynalite]")
def test_a_batch_of_26_items_is_refused_by_the_length_of_its_list(account: Account, table: str) -> None:
    words = "at 'requestItems' failed to satisfy constraint: …Member must have length less than or equal to 25"
    with refused("ValidationException", saying=words):
        put_batch(account, table, *(key(f"batch {n}") for n in range(26)))


@fact("[m dynamodb BatchWriteItem]")
def test_two_writes_of_one_key_refuse_the_whole_batch(account: Account, table: str) -> None:
    with refused("ValidationException", saying="Provided list of item keys contains duplicates"):
        put_batch(account, table, key("single"), key("twice"), key("twice"))
    assert read(account, table, "single") == {}


@fact("[LS dynamodb 2025-10-08]", unsure=True)
def test_an_item_without_a_key_refuses_the_whole_batch(account: Account, table: str) -> None:
    # Recorded for a wrong key: "The provided key element does not match the schema"; other words are known too.
    with refused("ValidationException"):
        put_batch(account, table, key("whole"), {"timestamp": {"S": "half"}})
    assert read(account, table, "whole") == {}


@fact("[LS dynamodb]")
def test_a_batch_to_a_missing_table_is_not_found(account: Account) -> None:
    with refused("ResourceNotFoundException", saying="Requested resource not found"):
        put_batch(account, "spillway-conformance-absent", key("x"))


@fact("[m dynamodb BatchWriteItem]")
def test_a_later_batch_overwrites_an_item_of_the_same_key(account: Account, table: str) -> None:
    put_batch(account, table, key("same") | {"v": {"S": "first"}, "only": {"S": "first"}})
    put_batch(account, table, key("same") | {"v": {"S": "second"}})
    assert read(account, table, "same") == key("same") | {"v": {"S": "second"}}


@fact("[m dynamodb BatchWriteItem]")
def test_an_item_over_400_kb_refuses_the_whole_batch(account: Account, table: str) -> None:
    with refused("ValidationException", saying="Item size has exceeded the maximum allowed size"):
        put_batch(account, table, key("small"), key("large") | {"size": {"S": "x" * (ITEM_BYTES + 1)}})
    assert read(account, table, "small") == {}


@fact("[m dynamodb BatchWriteItem]")
def test_an_empty_key_is_refused(account: Account, table: str) -> None:
    with refused("ValidationException", saying="empty string value"):
        put_batch(account, table, {"timestamp": {"S": ""}, "request_id": {"S": "r"}})


@fact("[m dynamodb BatchWriteItem]")
def test_a_key_of_another_type_is_refused(account: Account, table: str) -> None:
    with refused("ValidationException"):
        put_batch(account, table, {"timestamp": {"N": "1"}, "request_id": {"S": "r"}})


@fact("[m dynamodb BatchWriteItem]")
def test_deletes_and_puts_share_a_batch(account: Account, table: str) -> None:
    put_batch(account, table, key("old"))
    requests = [{"DeleteRequest": {"Key": key("old")}}, {"PutRequest": {"Item": key("new")}}]
    account.dynamodb.batch_write_item(RequestItems={table: requests})
    assert (read(account, table, "old"), read(account, table, "new")) == ({}, key("new"))


# Values


@fact("[m dynamodb AttributeValue]", each=True)
@pytest.mark.parametrize(
    "value",
    [
        {"S": ""}, {"BOOL": False}, {"NULL": True}, {"M": {}}, {"L": []}, {"S": "é\u0000😀"}, {"B": b"\x00\xff"},
    ],
    ids=["empty text", "false", "null", "empty map", "empty list", "any text", "bytes"],
)  # fmt: skip
def test_a_value_reads_back_as_it_was_written(account: Account, table: str, value: dict[str, Any]) -> None:
    put_batch(account, table, key("value") | {"v": value})
    assert read(account, table, "value")["v"] == value


# Conditions


@fact("[LS dynamodb]")
def test_a_condition_that_does_not_hold_says_so(account: Account, table: str) -> None:
    account.dynamodb.put_item(TableName=table, Item=key("condition"))
    with refused("ConditionalCheckFailedException", saying="The conditional request failed"):
        account.dynamodb.put_item(
            TableName=table, Item=key("condition"), ConditionExpression="attribute_not_exists(request_id)"
        )


@fact("[LS dynamodb]", each=True)
@pytest.mark.parametrize("asked", [True, False], ids=["asked for", "not asked for"])
def test_a_failed_condition_shows_the_item_only_where_asked_for(account: Account, table: str, asked: bool) -> None:  # noqa: FBT001 (a parameter)
    account.dynamodb.put_item(TableName=table, Item=key("shown"))
    extra = {"ReturnValuesOnConditionCheckFailure": "ALL_OLD"} if asked else {}
    with pytest.raises(account.dynamodb.exceptions.ConditionalCheckFailedException) as failed:
        account.dynamodb.put_item(
            TableName=table, Item=key("shown"), ConditionExpression="attribute_not_exists(request_id)", **extra
        )
    assert ("Item" in failed.value.response) is asked


@fact("[m dynamodb UpdateItem]")
def test_an_update_creates_an_item_that_does_not_exist(account: Account, table: str) -> None:
    account.dynamodb.update_item(
        TableName=table,
        Key=key("updated"),
        UpdateExpression="SET v = :v",
        ExpressionAttributeValues={":v": {"S": "x"}},
    )
    assert read(account, table, "updated") == key("updated") | {"v": {"S": "x"}}


# Scans and queries


@fact("[m dynamodb Scan]")
def test_a_scan_gives_every_item_once_page_by_page(account: Account) -> None:
    table = account.table()
    put_batch(account, table, *(key(f"{n:02}") for n in range(20)))
    pages = account.dynamodb.get_paginator("scan").paginate(
        TableName=table, PaginationConfig={"PageSize": 7}, ConsistentRead=True
    )
    found = [item["timestamp"]["S"] for page in pages for item in page["Items"]]
    assert sorted(found) == [f"{n:02}" for n in range(20)]


@fact("[doc HowItWorks.Partitions] [dynalite]")
def test_a_scan_goes_by_a_hash_of_the_partition_key(account: Account) -> None:
    table = account.table()
    put_batch(account, table, *(key(f"{n:02}") for n in range(20)))
    found = [item["timestamp"]["S"] for item in account.dynamodb.scan(TableName=table, ConsistentRead=True)["Items"]]
    assert found != sorted(found), "twenty keys by chance in order, or no hash"


@fact("[m dynamodb Query]")
def test_a_query_gives_the_items_of_a_partition_by_their_sort_keys(account: Account, table: str) -> None:
    put_batch(account, table, *({"timestamp": {"S": "q"}, "request_id": {"S": f"r#{n}"}} for n in (2, 10, 1)))
    found = account.dynamodb.query(
        TableName=table,
        KeyConditionExpression="#t = :t",
        ExpressionAttributeNames={"#t": "timestamp"},
        ExpressionAttributeValues={":t": {"S": "q"}},
        ConsistentRead=True,
    )
    assert [item["request_id"]["S"] for item in found["Items"]] == ["r#1", "r#10", "r#2"]


@fact("[m dynamodb GetItem]")
def test_a_missing_item_is_no_error_and_no_member(account: Account, table: str) -> None:
    answer = account.dynamodb.get_item(TableName=table, Key=key("absent"))
    assert "Item" not in answer


# Tables


@fact("[m dynamodb TableDescription]")
def test_an_on_demand_table_says_so(account: Account, table: str) -> None:
    described = account.dynamodb.describe_table(TableName=table)["Table"]
    assert described["BillingModeSummary"]["BillingMode"] == "PAY_PER_REQUEST"


@fact("[LS dynamodb 2025-10-08]")
def test_point_in_time_recovery_keeps_35_days(account: Account, table: str) -> None:
    account.dynamodb.update_continuous_backups(
        TableName=table, PointInTimeRecoverySpecification={"PointInTimeRecoveryEnabled": True}
    )
    described = account.dynamodb.describe_continuous_backups(TableName=table)["ContinuousBackupsDescription"]
    assert described["PointInTimeRecoveryDescription"]["PointInTimeRecoveryStatus"] == "ENABLED"
    assert described["PointInTimeRecoveryDescription"].get("RecoveryPeriodInDays", 35) == 35
