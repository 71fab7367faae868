"""Kinesis to DynamoDB by `batch_write_item` from 16 threads: what someone in a hurry would do with boto3.

Follows boto3's pages on `batch_write_item` (25 items a call, UnprocessedItems again) and on `TypeSerializer`, and
its guide's advice to share one client between threads.
"""

import os
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import boto3
from boto3.dynamodb.types import TypeSerializer
from botocore.config import Config

from tests.benchmarks.baselines.table_batch_writer import item_of

THREADS = 16
MAX_CALL_ITEMS = 25

dynamodb: Any = boto3.client("dynamodb", config=Config(max_pool_connections=THREADS))
serializer = TypeSerializer()
executor = ThreadPoolExecutor(THREADS)


def write(data):
    requests = [
        {"PutRequest": {"Item": {name: serializer.serialize(value) for name, value in item_of(each).items()}}}
        for each in data
    ]
    left = {os.environ["TABLE_NAME"]: requests}
    while left:
        left = dynamodb.batch_write_item(RequestItems=left)["UnprocessedItems"]


def handler(event, context):
    return write_all([record["kinesis"]["data"] for record in event["Records"]])


def aggregates(event, context):
    from aws_kinesis_agg.deaggregator import deaggregate_records  # noqa: PLC0415 (only for this way of doing it)

    return write_all([record["kinesis"]["data"] for record in deaggregate_records(event["Records"])])


def write_all(data):
    list(executor.map(write, [data[first : first + MAX_CALL_ITEMS] for first in range(0, len(data), MAX_CALL_ITEMS)]))
    return {"batchItemFailures": []}
