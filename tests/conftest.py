"""What tests of every part share."""

import boto3
import pytest
from moto import mock_aws

REGION = "eu-west-2"


@pytest.fixture
def aws(monkeypatch):
    """AWS in memory, empty, with the standard settings for clients."""
    for name in ("AWS_PROFILE", "AWS_ENDPOINT_URL"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_DEFAULT_REGION", REGION)
    with mock_aws():
        yield


@pytest.fixture
def events_table(aws):
    """A table with the keys of the events' one; its name."""
    boto3.client("dynamodb").create_table(
        TableName="events",
        AttributeDefinitions=[
            {"AttributeName": "timestamp", "AttributeType": "S"},
            {"AttributeName": "request_id", "AttributeType": "S"},
        ],
        KeySchema=[
            {"AttributeName": "timestamp", "KeyType": "HASH"},
            {"AttributeName": "request_id", "KeyType": "RANGE"},
        ],
        BillingMode="PAY_PER_REQUEST",
    )
    return "events"
