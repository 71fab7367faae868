"""The local DynamoDB: moto's, with fixes."""

import json
from concurrent.futures import ThreadPoolExecutor

import boto3
import pytest
from botocore.exceptions import ClientError

from infra.local.aws import dynamodb, shortcut


@pytest.fixture
def fixed(aws):
    with dynamodb.installed():
        yield


@pytest.fixture(params=[shortcut.AWS, "none"], ids=["shortcut", "moto"])
def client(fixed, events_table, monkeypatch, request):
    """A client whose batches are answered without HTTP, and one whose batches go through moto."""
    monkeypatch.setattr(shortcut, "AWS", request.param)
    return boto3.client("dynamodb")


def an_item(number: int, **attributes) -> dict:
    return {"timestamp": {"S": f"t{number}"}, "request_id": {"S": "r"}, **attributes}


def put(client, *items) -> dict:
    return client.batch_write_item(RequestItems={"events": [{"PutRequest": {"Item": item}} for item in items]})


def by_key(items) -> list:
    return sorted(
        items, key=lambda item: (len(item["timestamp"]["S"]), item["timestamp"]["S"], item["request_id"]["S"])
    )


EVERY_TYPE = {
    "payload": {
        "M": {
            "s": {"S": "é"},
            "n": {"N": "1.1"},
            "l": {"L": [{"BOOL": True}, {"NULL": True}]},
            "m": {"M": {}},
            "ss": {"SS": ["a"]},
        }
    }
}


def test_an_item_written_in_a_batch_is_read_as_it_was(client):
    assert put(client, an_item(1, **EVERY_TYPE))["UnprocessedItems"] == {}
    key = {"timestamp": {"S": "t1"}, "request_id": {"S": "r"}}
    assert client.get_item(TableName="events", Key=key)["Item"] == an_item(1, **EVERY_TYPE)
    assert client.scan(TableName="events")["Items"] == [an_item(1, **EVERY_TYPE)]


def test_an_item_written_in_a_batch_can_be_updated_queried_and_deleted(client):
    put(client, an_item(1, n={"N": "1"}), an_item(2))
    key = {"timestamp": {"S": "t1"}, "request_id": {"S": "r"}}
    client.update_item(
        TableName="events",
        Key=key,
        UpdateExpression="SET n = n + :one",
        ExpressionAttributeValues={":one": {"N": "1"}},
    )
    found = client.query(
        TableName="events",
        KeyConditionExpression="#t = :t",
        ExpressionAttributeNames={"#t": "timestamp"},
        ExpressionAttributeValues={":t": {"S": "t1"}},
    )
    assert found["Items"] == [an_item(1, n={"N": "2"})]
    client.batch_write_item(
        RequestItems={"events": [{"DeleteRequest": {"Key": key}}, {"PutRequest": {"Item": an_item(3)}}]}
    )
    assert sorted(item["timestamp"]["S"] for item in client.scan(TableName="events")["Items"]) == ["t2", "t3"]


def test_a_later_write_of_a_key_overwrites(client):
    put(client, an_item(1, n={"N": "1"}))
    put(client, an_item(1, n={"N": "2"}))
    assert client.scan(TableName="events")["Items"] == [an_item(1, n={"N": "2"})]


def test_binary_values_are_kept_too(client):
    put(client, an_item(1, b={"B": b"\x00\xff"}))
    assert client.scan(TableName="events")["Items"] == [an_item(1, b={"B": b"\x00\xff"})]


@pytest.mark.parametrize(
    ("items", "reason"),
    [
        ([an_item(1), an_item(1)], "duplicates"),
        ([an_item(n) for n in range(26)], "less than or equal to 25"),
        ([{"timestamp": {"S": "t"}}], "does not match the schema"),
        ([an_item(1), an_item(2, request_id={"N": "1"})], "does not match the schema"),
        ([an_item(1), an_item(2, request_id={"S": ""})], "empty string"),
        ([an_item(1), an_item(2, s={"S": "x" * 410_000})], "exceeded the maximum allowed size"),
    ],
)
def test_what_dynamodb_refuses_is_refused(client, items, reason):
    with pytest.raises(ClientError, match=reason) as refused:
        put(client, *items)
    assert refused.value.response["Error"]["Code"] == "ValidationException"
    assert client.scan(TableName="events")["Count"] == 0


@pytest.mark.parametrize(
    ("written", "stored"),
    [
        ("1.10", "1.1"), ("1.0", "1"), ("00042", "42"), ("-0", "0"), ("0.0", "0"), ("+5", "5"), ("1.5E2", "150"),
        ("1e+2", "100"), ("-1.50", "-1.5"), ("100", "100"), (".5", "0.5"), ("9" * 38, "9" * 38),
        ("9" * 38 + "00", "9" * 38 + "00"), ("1E125", "1" + "0" * 125), ("1E-130", "0." + "0" * 129 + "1"),
    ],
)  # fmt: skip
def test_a_number_is_stored_as_a_value_not_as_text(client, written, stored):
    put(client, an_item(1, n={"N": written}, deep={"M": {"l": {"L": [{"N": written}]}}}, set={"NS": [written]}))
    client.put_item(TableName="events", Item=an_item(2, n={"N": written}))
    update = {"UpdateExpression": "SET n = :n", "ExpressionAttributeValues": {":n": {"N": written}}}
    client.update_item(TableName="events", Key=an_item(3), **update)
    items = {item["timestamp"]["S"]: item for item in client.scan(TableName="events")["Items"]}
    assert [items[key]["n"] for key in ("t1", "t2", "t3")] == [{"N": stored}] * 3
    assert items["t1"]["deep"] == {"M": {"l": {"L": [{"N": stored}]}}}
    assert items["t1"]["set"] == {"NS": [stored]}


@pytest.mark.parametrize(
    ("number", "reason"),
    [
        ("9" * 39, "more than 38 significant digits"),
        ("1E126", "Number overflow"),
        ("1E-131", "Number underflow"),
        ("0e1000", "Number overflow"),
        (" 1", "cannot be converted to a numeric value"),
        ("NaN", "cannot be converted to a numeric value"),
        ("", "cannot be converted to a numeric value"),
    ],
)
def test_a_number_that_dynamodb_cannot_hold_refuses_the_batch(client, number, reason):
    for refused in (
        lambda n: put(client, an_item(0), an_item(1, n=n)),
        lambda n: put(client, an_item(1, m={"M": {"x": n}})),
    ):
        with pytest.raises(ClientError, match=reason) as caught:
            refused({"N": number})
        assert caught.value.response["Error"]["Code"] == "ValidationException"
    assert client.scan(TableName="events")["Count"] == 0


def test_text_that_looks_like_a_number_value_is_left_alone(client):
    item = an_item(1, n={"N": "1"}, s={"S": '{"N": "1.10"}'}, N={"S": "1.10"}, m={"M": {"N": {"S": "1.10"}}})
    put(client, item)
    assert client.scan(TableName="events")["Items"] == [item]


def test_25_items_are_written_and_26_are_not(client):
    put(client, *(an_item(n) for n in range(25)))
    assert client.scan(TableName="events")["Count"] == 25


def test_a_scan_gives_items_in_an_order_of_its_own_and_the_same_each_time(client):
    items = [an_item(n) for n in range(20)]
    put(client, *items)
    scanned = client.scan(TableName="events")["Items"]
    assert scanned != items
    assert by_key(scanned) == by_key(items)
    client.delete_item(TableName="events", Key=items[3])
    put(client, an_item(20))
    assert [item for item in client.scan(TableName="events")["Items"] if item != an_item(20)] == [
        item for item in scanned if item != items[3]
    ]


def test_a_scan_goes_on_behind_a_key_that_was_deleted_meanwhile(client):
    put(client, *(an_item(n) for n in range(9)))
    first = client.scan(TableName="events", Limit=4)
    client.delete_item(TableName="events", Key=first["LastEvaluatedKey"])
    second = client.scan(TableName="events", ExclusiveStartKey=first["LastEvaluatedKey"])
    assert by_key(first["Items"] + second["Items"]) == by_key([an_item(n) for n in range(9)])


def test_items_of_one_partition_key_are_scanned_by_their_sort_keys(client):
    items = [{"timestamp": {"S": "t"}, "request_id": {"S": f"r#{n}"}} for n in (2, 0, 1)]
    put(client, *items)
    pages = client.get_paginator("scan").paginate(TableName="events", PaginationConfig={"PageSize": 1})
    assert [item["request_id"]["S"] for page in pages for item in page["Items"]] == ["r#0", "r#1", "r#2"]


def test_a_scan_gives_every_item_once_page_by_page(client):
    items = [an_item(n, s={"S": "x" * 300_000}) for n in range(7)]
    for item in items:
        put(client, item)
    pages = [page["Items"] for page in client.get_paginator("scan").paginate(TableName="events")]
    assert [len(page) for page in pages] == [4, 3]
    assert by_key([item for page in pages for item in page]) == items


@pytest.mark.parametrize("count", [0, 1, 4, 5, 9])
def test_a_scan_with_a_limit_gives_every_item_once(client, count):
    for n in range(count):
        put(client, an_item(n))
    pages = list(client.get_paginator("scan").paginate(TableName="events", PaginationConfig={"PageSize": 2}))
    found = [item["timestamp"]["S"] for page in pages for item in page["Items"]]
    assert sorted(found) == [f"t{n}" for n in range(count)]
    assert all("LastEvaluatedKey" not in page for page in pages[-1:])


def test_a_scan_gives_the_attributes_asked_for_or_the_count_alone(client):
    put(client, an_item(1, n={"N": "1"}, s={"S": "x"}))
    scanned = client.scan(
        TableName="events", ProjectionExpression="#t, n, absent", ExpressionAttributeNames={"#t": "timestamp"}
    )
    assert scanned["Items"] == [{"timestamp": {"S": "t1"}, "n": {"N": "1"}}]
    counted = client.scan(TableName="events", Select="COUNT")
    assert (counted["Count"], "Items" in counted) == (1, False)


def test_a_scan_with_a_filter_is_still_motos(client):
    put(client, an_item(1, n={"N": "1"}), an_item(2, n={"N": "2"}))
    found = client.scan(TableName="events", FilterExpression="n > :one", ExpressionAttributeValues={":one": {"N": "1"}})
    assert found["Items"] == [an_item(2, n={"N": "2"})]


def test_a_missing_table_is_reported(client):
    with pytest.raises(ClientError, match="ResourceNotFoundException"):
        client.batch_write_item(RequestItems={"other": [{"PutRequest": {"Item": an_item(1)}}]})


def test_scans_and_writes_do_not_disturb_each_other(client):
    def write(part: int) -> None:
        for n in range(20):
            put(client, *(an_item(part * 1000 + n * 10 + k) for k in range(10)))

    with ThreadPoolExecutor(5) as executor:
        writes = [executor.submit(write, part) for part in range(4)]
        while not all(write.done() for write in writes):
            json.dumps(client.scan(TableName="events")["Count"])
        for done in writes:
            done.result()
    assert client.scan(TableName="events")["Count"] == 800


def test_a_restored_table_holds_the_rows_that_came_in_batches(client):
    item = an_item(1)
    put(client, item)
    specification = {"PointInTimeRecoveryEnabled": True}
    client.update_continuous_backups(TableName="events", PointInTimeRecoverySpecification=specification)
    client.restore_table_to_point_in_time(
        SourceTableName="events", TargetTableName="restored", UseLatestRestorableTime=True
    )
    assert client.scan(TableName="restored")["Items"] == [item]
