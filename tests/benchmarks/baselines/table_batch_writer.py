"""Kinesis to DynamoDB with boto3's `batch_writer`, the batch in one go: what a minimal handler would do.

Follows "Batch writing" of boto3's DynamoDB guide; `aggregates` takes records apart first, after the README of
aws-kinesis-agg. A failure fails the whole batch, and what the table refuses blocks the shard.
"""

import base64
import json
import os
from decimal import Decimal

import boto3

table = boto3.resource("dynamodb").Table(os.environ["TABLE_NAME"])


def item_of(data):
    event = json.loads(base64.b64decode(data), parse_float=Decimal)
    return {name: event[name] for name in ("timestamp", "request_id", "source_ip", "user_agent", "payload")}


def handler(event, context):
    with table.batch_writer() as batch:
        for record in event["Records"]:
            batch.put_item(Item=item_of(record["kinesis"]["data"]))
    return {"batchItemFailures": []}


def aggregates(event, context):
    from aws_kinesis_agg.deaggregator import deaggregate_records  # noqa: PLC0415 (only for this way of doing it)

    with table.batch_writer() as batch:
        for record in deaggregate_records(event["Records"]):
            batch.put_item(Item=item_of(record["kinesis"]["data"]))
    return {"batchItemFailures": []}
