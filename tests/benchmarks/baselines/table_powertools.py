"""Kinesis to DynamoDB the way of Powertools for AWS Lambda: `BatchProcessor`, a `put_item` for each record.

Follows the section "Processing messages from Kinesis" of its page "Batch Processing", with the Logger, and
boto3's page on `Table.put_item`.
"""

import os

import boto3
from aws_lambda_powertools import Logger
from aws_lambda_powertools.utilities.batch import BatchProcessor, EventType, process_partial_response
from aws_lambda_powertools.utilities.data_classes.kinesis_stream_event import KinesisStreamRecord

logger = Logger()
processor = BatchProcessor(event_type=EventType.KinesisDataStreams)
table = boto3.resource("dynamodb").Table(os.environ["TABLE_NAME"])


def record_handler(record: KinesisStreamRecord):
    event = record.kinesis.data_as_json()
    table.put_item(
        Item={name: event[name] for name in ("timestamp", "request_id", "source_ip", "user_agent", "payload")}
    )


@logger.inject_lambda_context
def handler(event, context):
    return process_partial_response(event=event, record_handler=record_handler, processor=processor, context=context)
