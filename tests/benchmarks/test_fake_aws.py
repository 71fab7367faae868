"""The fake endpoint counts rightly, and the baselines do the same work as Spillway: else no ratio would be fair."""

import base64
import importlib
import json
import os
import sys
import time

import pytest
from boto3.dynamodb.types import TypeDeserializer
from botocore.session import get_session

import producers.aws
from producers.aggregation import deaggregate
from producers.event import decode
from tests.benchmarks import handlers
from tests.benchmarks.events import aggregate_batch, array, firehose_batch, payloads, plain_batch, queue_batch, request
from tests.benchmarks.fake_aws import FakeAws
from tests.benchmarks.fresh import event_file, first_call
from tests.benchmarks.lambda_limits import PAYLOAD_BYTES, a_dead_letter, http_requests, queue_batches, stream_batches

MODULES = {
    "http_api": ("producers.http_api", ".http_minimal", ".http_powertools"),
    "table_writer": ("consumers.table_writer", ".table_powertools", ".table_batch_writer", ".table_threads"),
}

OURS = ("consumers.table_writer", "producers.http_api")


@pytest.fixture(scope="module")
def aws():
    """The endpoint, and an environment that leads to it."""
    environment = dict(os.environ)
    with FakeAws() as fake:
        os.environ.update(handlers.environment(fake))
        yield fake
    os.environ.clear()
    os.environ.update(environment)


@pytest.fixture(autouse=True)
def fresh_handlers(aws):
    """Handlers that know this endpoint, and are forgotten afterwards; those that other tests hold come back."""
    producers.aws.client.cache_clear()
    loaded = dict(sys.modules)
    aws.set(keep=True)
    yield
    producers.aws.client.cache_clear()
    for name in [name for name in sys.modules if name.startswith(handlers.BASELINES) or name in OURS]:
        if name in loaded:
            sys.modules[name] = loaded[name]
        else:
            del sys.modules[name]


def client(service: str):
    return get_session().create_client(service)


def called(module: str, event: dict, aws: FakeAws, function: str = "handler"):
    """What a handler answers, its module loaded anew."""
    full = f"{handlers.BASELINES}{module}" if module.startswith(".") else module
    sys.modules.pop(full, None)
    return getattr(importlib.import_module(full), function)(event, handlers.context())


def put_on_stream(aws: FakeAws) -> list:
    """The payloads that were put, in order, aggregates taken apart."""
    entries = aws.kept("PutRecord") + [entry for call in aws.kept("PutRecords") for entry in call["Records"]]
    return [
        json.loads(decode(record.data).payload.text)
        for entry in entries
        for record in deaggregate(entry["PartitionKey"], base64.b64decode(entry["Data"]))
    ]


def written(aws: FakeAws) -> list[dict]:
    """The items that were written, by request id."""
    calls = [request["PutRequest"]["Item"] for call in aws.kept("BatchWriteItem") for request in requests_of(call)]
    items = calls + [call["Item"] for call in aws.kept("PutItem")]
    plain = [{name: TypeDeserializer().deserialize(value) for name, value in item.items()} for item in items]
    return sorted(plain, key=lambda item: item["request_id"])


def requests_of(call: dict) -> list[dict]:
    ((_, requests),) = call["RequestItems"].items()
    return requests


def test_every_call_and_entry_is_counted(aws):
    kinesis = client("kinesis")
    kinesis.put_record(StreamName="s", Data=b"x", PartitionKey="k")
    answer = kinesis.put_records(StreamName="s", Records=[{"Data": b'"PartitionKey"', "PartitionKey": "k"}] * 3)
    assert len(answer["Records"]) == 3
    put = {"PutRequest": {"Item": {"a": {"S": '"PutRequest"'}}}}
    client("dynamodb").batch_write_item(RequestItems={"t": [put, put]})
    client("sqs").send_message(QueueUrl=f"{aws.url}/1/q", MessageBody="x")
    counts = aws.counts()
    assert (counts["PutRecord"], counts["PutRecords"], counts["PutRecords.entries"]) == (1, 1, 3)
    assert (counts["BatchWriteItem"], counts["BatchWriteItem.entries"], counts["SendMessage"]) == (1, 2, 1)


def test_objects_come_back_as_they_were_put(aws):
    s3 = client("s3")
    s3.put_object(Bucket="b", Key="k", Body=b"\x00\x01")
    assert s3.get_object(Bucket="b", Key="k")["Body"].read() == b"\x00\x01"


def test_answers_come_after_the_configured_delay(aws):
    kinesis = client("kinesis")
    kinesis.put_record(StreamName="s", Data=b"x", PartitionKey="k")
    aws.set(latency_ms=50)
    began = time.perf_counter()
    kinesis.put_record(StreamName="s", Data=b"x", PartitionKey="k")
    assert time.perf_counter() - began >= 0.049


def test_a_prepared_answer_is_given(aws):
    aws.answer("GetShardIterator", {"ShardIterator": "here"})
    answer = client("kinesis").get_shard_iterator(StreamName="s", ShardId="0", ShardIteratorType="LATEST")
    assert answer["ShardIterator"] == "here"


@pytest.mark.parametrize("module", MODULES["http_api"])
def test_every_http_handler_puts_the_same_event(aws, module):
    (payload,) = payloads(1)
    assert called(module, request(payload), aws)["statusCode"] == 201
    assert put_on_stream(aws) == [json.loads(payload)]


@pytest.mark.parametrize(
    ("module", "function"),
    [
        ("producers.http_api", "handler"),
        (".http_batches", "put_record_each"),
        (".http_batches", "put_records"),
        (".http_batches", "library_aggregates"),
    ],
)
def test_every_way_of_putting_a_batch_puts_all_of_it(aws, module, function):
    texts = payloads(20)
    answer = called(module, request(array(texts)), aws, function)
    assert json.loads(answer["body"])["accepted"] == 20
    assert put_on_stream(aws) == [json.loads(text) for text in texts]


@pytest.mark.parametrize("module", MODULES["table_writer"])
def test_every_table_writer_writes_the_same_rows(aws, module):
    texts = payloads(60)
    assert called(module, plain_batch(texts), aws) == {"batchItemFailures": []}
    rows = written(aws)
    assert [row["payload"] for row in rows] == [json.loads(text) for text in texts]
    assert set(rows[0]) == {"timestamp", "request_id", "source_ip", "user_agent", "payload"}


@pytest.mark.parametrize(
    ("module", "function"), [("consumers.table_writer", "handler"), (".table_batch_writer", "aggregates")]
)
def test_both_ways_with_aggregates_write_the_same_rows(aws, module, function):
    texts = payloads(40)
    called(module, aggregate_batch(texts, per_aggregate=10), aws, function)
    assert len({row["request_id"] for row in written(aws)}) == 40


@pytest.mark.parametrize("module", ["archive.firehose_transform", ".transform_powertools", ".transform_minimal"])
def test_every_transform_gives_the_same_rows(aws, module):
    texts = payloads(3)
    answer = called(module, firehose_batch(texts), aws)
    rows = [json.loads(base64.b64decode(record["data"])) for record in answer["records"]]
    assert [row["payload"] for row in rows] == texts
    assert {record["result"] for record in answer["records"]} == {"Ok"}


@pytest.mark.parametrize("module", ["archive.dead_letter_archiver", ".archiver_powertools", ".archiver_minimal"])
def test_every_archiver_puts_an_object_for_each_message(aws, module):
    before = aws.counts().get("S3.PUT", 0)
    batch = queue_batch([a_dead_letter(number) for number in range(3)])
    assert called(module, batch, aws) == {"batchItemFailures": []}
    assert aws.counts()["S3.PUT"] - before == 3


def test_a_first_call_is_measured_in_a_process_of_its_own(aws):
    with event_file(plain_batch(payloads(30))) as path:
        call = first_call("consumers.table_writer", path, aws)
    assert 0 < call.import_ms < call.wall_ms
    assert call.peak_mib > 10
    assert aws.counts()["BatchWriteItem.entries"] == 30


@pytest.mark.parametrize(
    "event", [*(event for _, event in stream_batches(500)), *(event for _, event in queue_batches())]
)
def test_the_largest_batches_are_as_large_as_lambda_takes(event):
    assert len(json.dumps(event).encode()) <= PAYLOAD_BYTES


def test_the_largest_requests_are_as_large_as_lambda_takes():
    for _, event in http_requests(400_000, 25_000):
        assert len(json.dumps(event).encode()) <= PAYLOAD_BYTES
