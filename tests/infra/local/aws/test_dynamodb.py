"""The local DynamoDB: moto's, mended."""

import json
from concurrent.futures import ThreadPoolExecutor

import boto3
import pytest
from botocore.exceptions import ClientError

from infra.local.aws import dynamodb, shortcut


@pytest.fixture
def mended(aws):
    with dynamodb.installed():
        yield


@pytest.fixture(params=[shortcut.AWS, "none"], ids=["shortcut", "moto"])
def client(mended, events_table, monkeypatch, request):
    """A client whose batches are answered without HTTP, and one whose batches go through moto."""
    monkeypatch.setattr(shortcut, "AWS", request.param)
    return boto3.client("dynamodb")


def an_item(number: int, **attributes) -> dict:
    return {"timestamp": {"S": f"t{number}"}, "request_id": {"S": "r"}, **attributes}


def put(client, *items) -> dict:
    return client.batch_write_item(RequestItems={"events": [{"PutRequest": {"Item": item}} for item in items]})


EVERY_TYPE = {
    "payload": {
        "M": {
            "s": {"S": "é"},
            "n": {"N": "1.10"},
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
        ([an_item(n) for n in range(26)], "Too many items"),
        ([{"timestamp": {"S": "t"}}], "Missing the key"),
        ([an_item(1, request_id={"N": "1"})], "request_id"),
        ([an_item(1, request_id={"S": ""})], "empty string"),
        ([an_item(1, s={"S": "x" * 410_000})], "exceeded the maximum allowed size"),
    ],
)
def test_what_dynamodb_refuses_is_refused(client, items, reason):
    with pytest.raises(ClientError, match=reason) as refused:
        put(client, *items)
    assert refused.value.response["Error"]["Code"] == "ValidationException"
    assert client.scan(TableName="events")["Count"] == 0


def test_a_scan_gives_every_item_once_page_by_page(client):
    items = [an_item(n, s={"S": "x" * 300_000}) for n in range(7)]
    for item in items:
        put(client, item)
    pages = [page["Items"] for page in client.get_paginator("scan").paginate(TableName="events")]
    assert [len(page) for page in pages] == [4, 3]
    assert [item for page in pages for item in page] == items


@pytest.mark.parametrize("count", [0, 1, 4, 5, 9])
def test_a_scan_with_a_limit_gives_every_item_once(client, count):
    for n in range(count):
        put(client, an_item(n))
    pages = list(client.get_paginator("scan").paginate(TableName="events", PaginationConfig={"PageSize": 2}))
    assert [item["timestamp"]["S"] for page in pages for item in page["Items"]] == [f"t{n}" for n in range(count)]
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


def test_a_missing_table_is_told(client):
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
