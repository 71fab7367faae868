"""What each service was answered for is there for the process that comes after a kill, under the same names."""

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from infra.local.aws.endpoint import local_aws
from infra.local.store.folder import DataFolder
from infra.local.store.store import Store

REGION = "eu-west-2"


class Machine:
    """The local AWS on a folder, which `restart` gives to a process that knows nothing but the folder."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._stack = ExitStack()
        self.start()

    def start(self) -> None:
        folder = self._stack.enter_context(DataFolder(self._path))
        store = Store(folder, durable=True)
        self._stack.callback(store.close)
        self._stack.enter_context(local_aws(REGION, "off", store))

    def stop(self) -> None:
        self._stack.close()

    def restart(self) -> None:
        self.stop()
        self.start()

    def client(self, service: str) -> Any:
        return boto3.client(service, config=Config(retries={"total_max_attempts": 1}))  # type: ignore[call-overload]


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Machine]:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "testing")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "testing")
    machine = Machine(tmp_path / "data")
    yield machine
    machine.stop()


def test_a_stream_goes_on_with_its_shards_records_and_iterators(machine: Machine) -> None:
    def put(*bodies: bytes) -> list[str]:
        entries = [{"Data": body, "PartitionKey": body.decode()} for body in bodies]
        answers = machine.client("kinesis").put_records(StreamName="s", Records=entries)["Records"]
        return [answer["SequenceNumber"] for answer in answers]

    kinesis = machine.client("kinesis")
    kinesis.create_stream(StreamName="s", ShardCount=1)
    [first, second] = put(b"a", b"b")
    place = {"StreamName": "s", "ShardId": "shardId-000000000000"}
    iterator = kinesis.get_shard_iterator(
        **place, ShardIteratorType="AFTER_SEQUENCE_NUMBER", StartingSequenceNumber=first
    )["ShardIterator"]
    kinesis.split_shard(StreamName="s", ShardToSplit=place["ShardId"], NewStartingHashKey=str(2**127))
    before = kinesis.list_shards(StreamName="s")["Shards"]
    machine.restart()
    kinesis = machine.client("kinesis")
    kinesis.create_stream(StreamName="s", ShardCount=9)
    assert kinesis.list_shards(StreamName="s")["Shards"] == before
    read = kinesis.get_records(ShardIterator=iterator)
    assert [record["Data"] for record in read["Records"]] == [b"b"]
    assert len(read["ChildShards"]) == 2
    assert all(int(number) > int(second) for number in put(b"c", b"d"))


def test_a_deleted_stream_stays_deleted(machine: Machine) -> None:
    kinesis = machine.client("kinesis")
    kinesis.create_stream(StreamName="s", ShardCount=1)
    kinesis.put_record(StreamName="s", Data=b"x", PartitionKey="k")
    kinesis.delete_stream(StreamName="s")
    machine.restart()
    kinesis = machine.client("kinesis")
    kinesis.create_stream(StreamName="s", ShardCount=3)
    assert len(kinesis.list_shards(StreamName="s")["Shards"]) == 3


def make_table(machine: Machine) -> Any:
    dynamodb = machine.client("dynamodb")
    dynamodb.create_table(
        TableName="t",
        AttributeDefinitions=[
            {"AttributeName": "h", "AttributeType": "S"},
            {"AttributeName": "r", "AttributeType": "N"},
        ],
        KeySchema=[{"AttributeName": "h", "KeyType": "HASH"}, {"AttributeName": "r", "KeyType": "RANGE"}],
        BillingMode="PAY_PER_REQUEST",
    )
    return dynamodb


def test_a_table_goes_on_with_its_items_in_the_order_of_their_keys(machine: Machine) -> None:
    dynamodb = make_table(machine)
    numbers = ["-10", "-9.5", "-1", "0", "0.001", "2", "10", "1E+20"]
    for number in reversed(numbers):
        dynamodb.put_item(TableName="t", Item={"h": {"S": "k"}, "r": {"N": number}, "b": {"B": b"\x00"}})
    key = {"h": {"S": "k"}, "r": {"N": "2"}}
    dynamodb.update_item(
        TableName="t", Key=key, UpdateExpression="SET v = :v", ExpressionAttributeValues={":v": {"N": "7"}}
    )
    machine.restart()
    dynamodb = make_table(machine)
    found = dynamodb.query(
        TableName="t", KeyConditionExpression="h = :h", ExpressionAttributeValues={":h": {"S": "k"}}
    )["Items"]
    assert [float(item["r"]["N"]) for item in found] == [float(number) for number in numbers]
    assert dynamodb.get_item(TableName="t", Key=key)["Item"] == key | {"b": {"B": b"\x00"}, "v": {"N": "7"}}
    with pytest.raises(ClientError, match="ConditionalCheckFailed"):
        dynamodb.put_item(TableName="t", Item=key, ConditionExpression="attribute_not_exists(h)")
    assert dynamodb.describe_table(TableName="t")["Table"]["ItemCount"] == len(numbers)


def test_a_queue_goes_on_with_its_messages_their_counts_and_their_visibility(machine: Machine) -> None:
    sqs = machine.client("sqs")
    url = sqs.create_queue(QueueName="q", Attributes={"VisibilityTimeout": "600"})["QueueUrl"]
    for body in ("hidden", "visible"):
        sqs.send_message(
            QueueUrl=url, MessageBody=body, MessageAttributes={"a": {"DataType": "Binary", "BinaryValue": b"x"}}
        )
    [hidden] = sqs.receive_message(QueueUrl=url)["Messages"]
    machine.restart()
    sqs = machine.client("sqs")
    sqs.create_queue(QueueName="q", Attributes={"VisibilityTimeout": "600"})
    options = {"MessageSystemAttributeNames": ["All"], "MessageAttributeNames": ["All"], "MaxNumberOfMessages": 10}
    [visible] = sqs.receive_message(QueueUrl=url, **options)["Messages"]
    assert {hidden["Body"], visible["Body"]} == {"hidden", "visible"}
    assert visible["MessageAttributes"]["a"]["BinaryValue"] == b"x"
    sqs.change_message_visibility(QueueUrl=url, ReceiptHandle=hidden["ReceiptHandle"], VisibilityTimeout=0)
    [again] = sqs.receive_message(QueueUrl=url, **options)["Messages"]
    assert (again["MessageId"], again["Attributes"]["ApproximateReceiveCount"]) == (hidden["MessageId"], "2")
    for message in (visible, again):
        sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
    assert sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"][
        "ApproximateNumberOfMessagesNotVisible"
    ] in {"0", 0}


def test_a_bucket_goes_on_with_its_objects_and_the_conditions_of_puts(machine: Machine) -> None:
    def bucket() -> Any:
        s3 = machine.client("s3")
        s3.create_bucket(Bucket="bucket", CreateBucketConfiguration={"LocationConstraint": REGION})
        return s3

    s3 = bucket()
    etag = s3.put_object(Bucket="bucket", Key="k", Body=b"1", Metadata={"a": "b"})["ETag"]
    s3.put_object(Bucket="bucket", Key="gone", Body=b"1")
    s3.delete_object(Bucket="bucket", Key="gone")
    machine.restart()
    s3 = bucket()
    assert [each["Key"] for each in s3.list_objects_v2(Bucket="bucket")["Contents"]] == ["k"]
    head = s3.head_object(Bucket="bucket", Key="k")
    assert (head["ETag"], head["Metadata"]) == (etag, {"a": "b"})
    with pytest.raises(ClientError, match="PreconditionFailed"):
        s3.put_object(Bucket="bucket", Key="k", Body=b"2", IfNoneMatch="*")
    s3.put_object(Bucket="bucket", Key="k", Body=b"2", IfMatch=etag)
    assert s3.get_object(Bucket="bucket", Key="k")["Body"].read() == b"2"
