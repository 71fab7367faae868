"""A queue to S3 the way of Powertools for AWS Lambda: `BatchProcessor`, an object for each message.

Follows the section "Processing messages from SQS" of its page "Batch Processing", with the Logger, and boto3's
page on `put_object`.
"""

import os

import boto3
from aws_lambda_powertools import Logger
from aws_lambda_powertools.utilities.batch import BatchProcessor, EventType, process_partial_response
from aws_lambda_powertools.utilities.data_classes.sqs_event import SQSRecord

logger = Logger()
processor = BatchProcessor(event_type=EventType.SQS)
s3 = boto3.client("s3")


def record_handler(record: SQSRecord):
    s3.put_object(Bucket=os.environ["BUCKET"], Key=f"dead-letters/{record.message_id}.json", Body=record.body.encode())


@logger.inject_lambda_context
def handler(event, context):
    return process_partial_response(event=event, record_handler=record_handler, processor=processor, context=context)
