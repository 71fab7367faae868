"""A table with the keys of the events' one."""

import boto3


def create_events_table(name: str) -> None:
    """Create it in the AWS of this process."""
    boto3.client("dynamodb").create_table(
        TableName=name,
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
