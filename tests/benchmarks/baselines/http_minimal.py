"""HTTP to Kinesis as the tutorials have it: `json.loads`, `put_record`, no validation.

Follows "Tutorial: Using Lambda with API Gateway" of the AWS Lambda Developer Guide and boto3's page on
`put_record`. It puts the same fields as Spillway's event, so that both carry the same bytes.
"""

import json
import os
from datetime import UTC, datetime

import boto3

kinesis = boto3.client("kinesis")


def handler(event, context):
    request = event["requestContext"]
    record = {
        "version": 1,
        "timestamp": datetime.now(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z"),
        "request_id": request["requestId"],
        "source_ip": request["identity"]["sourceIp"],
        "user_agent": request["identity"]["userAgent"],
        "trace": None,
        "payload": json.loads(event["body"]),
    }
    kinesis.put_record(
        StreamName=os.environ["STREAM_NAME"],
        Data=json.dumps(record, separators=(",", ":")).encode(),
        PartitionKey=record["request_id"],
    )
    return {
        "statusCode": 201,
        "headers": {"Content-Type": "application/json"},
        "body": json.dumps({"timestamp": record["timestamp"], "request_id": record["request_id"]}),
    }
