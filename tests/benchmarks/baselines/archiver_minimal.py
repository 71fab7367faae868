"""A queue to S3 with boto3 alone, an object for each message, after "Using Lambda with Amazon SQS" of its guide."""

import os

import boto3

s3 = boto3.client("s3")


def handler(event, context):
    for record in event["Records"]:
        key = f"dead-letters/{record['messageId']}.json"
        s3.put_object(Bucket=os.environ["BUCKET"], Key=key, Body=record["body"].encode())
    return {"batchItemFailures": []}
