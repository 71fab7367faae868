"""The handlers' AWS clients: which services they know, and calls whose body the caller has written."""

from typing import Any

import boto3
import pytest
from botocore.awsrequest import AWSResponse

from producers import aws
from producers.aws import raw_operation

BODY = b'{"RequestItems":{"t":[]}}'


class Answered(AWSResponse):
    content = b'{"UnprocessedItems":{}}'


@pytest.fixture
def dynamodb(monkeypatch):
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "testing")
    return boto3.client("dynamodb", "eu-west-2")


@pytest.fixture
def sent(dynamodb) -> list[bytes]:
    """The bodies that go out; each is answered with success."""
    bodies: list[bytes] = []

    def send(request: Any, **_: Any) -> AWSResponse:
        bodies.append(request.body)
        return Answered(request.url, 200, {}, None)  # type: ignore[arg-type] # any mapping will do

    dynamodb.meta.events.register("before-send.dynamodb.*", send)
    return bodies


def test_the_body_goes_out_as_it_was_written(dynamodb, sent):
    call = raw_operation(dynamodb, "BatchWriteItem", RequestItems={})
    assert call(BODY)["UnprocessedItems"] == {}
    assert call(b"another")["UnprocessedItems"] == {}
    assert sent == [BODY, b"another"]


def test_the_same_operation_may_be_made_raw_twice(dynamodb, sent):
    """Two table writers in one process share a client."""
    first = raw_operation(dynamodb, "BatchWriteItem", RequestItems={})
    second = raw_operation(dynamodb, "BatchWriteItem", RequestItems={})
    first(BODY)
    second(BODY)
    assert sent == [BODY, BODY]


def test_other_calls_of_the_client_stay_as_they_are(dynamodb, sent):
    raw_operation(dynamodb, "BatchWriteItem", RequestItems={})
    dynamodb.batch_write_item(RequestItems={"t": [{"PutRequest": {"Item": {}}}]})
    dynamodb.list_tables()
    assert sent == [b'{"RequestItems": {"t": [{"PutRequest": {"Item": {}}}]}}', b"{}"]


def test_a_session_knows_the_services_that_handlers_call_and_no_other():
    assert aws._session().get_available_services() == ["athena", "dynamodb", "kinesis", "s3", "sqs"]
