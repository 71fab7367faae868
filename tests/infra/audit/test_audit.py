"""An audit accounts for every event, and finds what is missing, on the local pipeline."""

import json
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import boto3
import pytest

from infra.audit.balance import Balance, Clients, audit
from infra.audit.ledger import Missing
from infra.audit.sightings import Period
from infra.audit.table_keys import scan_costs_less
from infra.local.pipeline import LocalPipeline
from infra.settings import load
from producers.clock import SystemClock
from tests.http.conftest import Api, changed

GOOD = 60
POISON = 3


class LaterClock(SystemClock):
    """An hour on: nothing of now is on its way any more."""

    def time(self) -> float:
        return super().time() + 3600


@pytest.fixture(scope="module")
def api() -> Iterator[Api]:
    """A pipeline that carried events, and bytes that are not events."""
    settings = changed(load("local"), local={"limits": "off"}, archive={"buffer_seconds": 1})
    with LocalPipeline(settings, "local", 0, 0) as pipeline:
        api = Api(pipeline)
        for n in range(GOOD // 20):
            assert api.post(json.dumps([{"n": n, "k": k} for k in range(20)]).encode()).status == 201
        kinesis = boto3.client("kinesis")
        for n in range(POISON):
            kinesis.put_record(StreamName=pipeline.names.stream, Data=b"poison %d" % n, PartitionKey="p")
        deadline = time.monotonic() + 60
        while not arrived(pipeline):
            assert time.monotonic() < deadline, pipeline.status()
            time.sleep(0.1)
        yield api


def arrived(pipeline: LocalPipeline) -> bool:
    hops = {hop.hop: hop for hop in pipeline.status()}
    firehose = hops["firehose"]
    return (
        hops["table_writer"].delivered == GOOD
        and firehose.delivered == GOOD
        and firehose.failed == POISON
        and hops["dead_letter_archiver"].delivered == POISON
    )


def clients_of(api: Api) -> Clients:
    return Clients(
        *(
            boto3.client(name, endpoint_url=api.pipeline.aws_url)
            for name in ("kinesis", "dynamodb", "s3", "sqs", "cloudwatch")
        )
    )


def audited(api: Api, **options: Any) -> tuple[Balance, list[Missing]]:
    now = datetime.now(UTC)
    missing: list[Missing] = []
    balance = audit(
        clients_of(api),
        api.pipeline.names,
        load("local"),
        Period(now - timedelta(hours=1), now + timedelta(hours=2)),
        on_missing=missing.append,
        **{"clock": LaterClock(), **options},
    )
    return balance, missing


@pytest.mark.parametrize("scan_table", [False, True])
def test_where_nothing_is_missing_everything_is_accounted_for(api, scan_table):
    balance, missing = audited(api, scan_table=scan_table)
    assert balance.is_clean
    assert missing == []
    assert (balance.events, balance.no_events) == (GOOD, POISON)
    assert (balance.in_table, balance.in_lake) == (GOOD, GOOD)
    assert (balance.in_dead_letters, balance.in_firehose_errors) == (POISON, POISON)
    assert balance.on_stream == GOOD + POISON
    assert balance.duplicates_in_lake == 0


def test_a_row_that_is_gone_is_missing_from_the_table(api):
    table = boto3.resource("dynamodb").Table(api.pipeline.names.table)
    row = table.scan(Limit=1)["Items"][0]
    table.delete_item(Key={name: row[name] for name in ("timestamp", "request_id")})
    balance, missing = audited(api)
    assert not balance.is_clean
    assert (balance.missing_from_table, balance.missing_from_lake) == (1, 0)
    assert [(each.identity, each.from_table, each.from_lake) for each in missing] == [(row["request_id"], True, False)]
    table.put_item(Item=row)


@pytest.mark.parametrize(("prefix", "of_lake"), [("events/", GOOD), ("firehose-errors/", POISON)])
def test_what_the_lake_lost_is_missing_from_the_lake(api, prefix, of_lake):
    removed = remove(api.pipeline.names.lake_bucket, prefix)
    balance, missing = audited(api)
    assert (balance.missing_from_table, balance.missing_from_lake) == (0, of_lake)
    assert len(missing) == of_lake
    restore(api.pipeline.names.lake_bucket, removed)


def test_a_dead_letter_that_is_gone_is_missing_from_the_table(api):
    removed = remove(api.pipeline.names.dead_letter_bucket, "dead-letters/")
    balance, missing = audited(api)
    assert (balance.missing_from_table, balance.missing_from_lake) == (POISON, 0)
    assert not any(each.is_event for each in missing)
    restore(api.pipeline.names.dead_letter_bucket, removed)


def test_what_is_young_is_on_the_way_and_not_missing(api):
    removed = remove(api.pipeline.names.lake_bucket, "events/")
    balance, missing = audited(api, clock=SystemClock())
    assert balance.is_clean
    assert (balance.on_the_way, missing) == (GOOD, [])
    restore(api.pipeline.names.lake_bucket, removed)


def test_a_lake_row_written_twice_is_a_duplicate_and_no_event_more(api):
    bucket = api.pipeline.names.lake_bucket
    s3 = boto3.client("s3")
    key = s3.list_objects_v2(Bucket=bucket, Prefix="events/")["Contents"][0]["Key"]
    copy = key.replace(".parquet", "-copy.parquet")
    s3.copy_object(Bucket=bucket, Key=copy, CopySource={"Bucket": bucket, "Key": key})
    balance, _ = audited(api)
    assert balance.is_clean
    assert balance.events == GOOD
    assert balance.duplicates_in_lake > 0
    s3.delete_object(Bucket=bucket, Key=copy)


def test_a_lost_pointer_is_reported(api):
    s3 = boto3.client("s3")
    bucket = api.pipeline.names.dead_letter_bucket
    existing = s3.list_objects_v2(Bucket=bucket, Prefix="dead-letters/")["Contents"][0]["Key"]
    letter = json.loads(s3.get_object(Bucket=bucket, Key=existing)["Body"].read().splitlines()[0])
    letter |= {"data": None, "error": {"type": "RecordsExpired", "message": "3 of 5 records had left the stream"}}
    key = existing.replace(".json", "-lost.json")
    s3.put_object(Bucket=bucket, Key=key, Body=json.dumps(letter).encode())
    balance, _ = audited(api)
    assert (balance.lost, balance.is_clean) == (1, False)
    s3.delete_object(Bucket=bucket, Key=key)


def test_a_row_nobody_else_knows_is_found_by_a_scan_only(api, monkeypatch):
    monkeypatch.setattr("infra.audit.balance.scan_costs_less", lambda *_: False)
    dynamodb = boto3.client("dynamodb")
    item = {"timestamp": {"S": f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%S}.000000Z"}, "request_id": {"S": "unknown"}}
    dynamodb.put_item(TableName=api.pipeline.names.table, Item=item)
    assert audited(api)[0].is_clean
    balance, missing = audited(api, scan_table=True)
    assert [each.identity for each in missing] == ["unknown"]
    assert balance.missing_from_lake == 1
    dynamodb.delete_item(TableName=api.pipeline.names.table, Key=item)


@pytest.mark.parametrize(("size_bytes", "events", "scans"), [(4096, 1, False), (4095, 1, True), (4097, 1, False)])
def test_a_scan_is_chosen_where_it_costs_fewer_read_units_than_the_keys(size_bytes, events, scans):
    dynamodb: Any = SimpleNamespace(describe_table=lambda **_: {"Table": {"TableSizeBytes": size_bytes}})
    assert scan_costs_less(dynamodb, "events", events) is scans


def test_by_keys_and_by_scan_the_same_rows_are_found(api, monkeypatch):
    by_scan, _ = audited(api)
    monkeypatch.setattr("infra.audit.balance.scan_costs_less", lambda *_: False)
    by_keys, _ = audited(api)
    assert by_scan == by_keys
    assert by_keys.in_table == GOOD


def test_another_period_is_another_account(api):
    long_ago = Period(datetime(2020, 1, 1, tzinfo=UTC), datetime(2020, 1, 2, tzinfo=UTC))
    balance = audit(clients_of(api), api.pipeline.names, load("local"), long_ago)
    assert (balance.events, balance.no_events, balance.is_clean) == (0, 0, True)
    assert not balance.stream_holds_the_period


def test_accepted_events_that_nothing_has_are_unknown_and_not_clean(api):
    """As after the stream's retention: neither lake, table nor stream says that they were there."""
    balance, _ = audited(api)
    assert (balance.accepted_at_least, balance.unknown) == (None, 0)
    for count, unknown, clean in ((GOOD, 0, True), (1, 1, False)):  # a metric adds up
        put_accepted(api, count)
        balance, _ = audited(api)
        assert (balance.unknown, balance.is_clean) == (unknown, clean)


def put_accepted(api: Api, count: int) -> None:
    """Count accepted events as the HTTP API's logs do on AWS."""
    names = api.pipeline.names
    boto3.client("cloudwatch", endpoint_url=api.pipeline.aws_url).put_metric_data(
        Namespace="Spillway",
        MetricData=[
            {
                "MetricName": "AcceptedEvents",
                "Value": count,
                "Timestamp": datetime.now(UTC),
                "Dimensions": [
                    {"Name": "service", "Value": "http_api"},
                    {"Name": "function", "Value": names.function("producers.http_api")},
                ],
            }
        ],
    )


def remove(bucket: str, prefix: str) -> dict[str, bytes]:
    s3 = boto3.client("s3")
    removed = {}
    for found in s3.list_objects_v2(Bucket=bucket, Prefix=prefix).get("Contents", []):
        removed[found["Key"]] = s3.get_object(Bucket=bucket, Key=found["Key"])["Body"].read()
        s3.delete_object(Bucket=bucket, Key=found["Key"])
    assert removed
    return removed


def restore(bucket: str, removed: dict[str, bytes]) -> None:
    for key, body in removed.items():
        boto3.client("s3").put_object(Bucket=bucket, Key=key, Body=body)
