"""Firehose's transform the way of Powertools for AWS Lambda: its data classes for the event and the answer.

Follows the section "Kinesis Firehose Delivery Stream" of its page "Event Source Data Classes". The row has the
columns of Spillway's envelope.
"""

import json

from aws_lambda_powertools import Logger
from aws_lambda_powertools.utilities.data_classes import (
    KinesisFirehoseDataTransformationRecord,
    KinesisFirehoseDataTransformationResponse,
    KinesisFirehoseEvent,
    event_source,
)
from aws_lambda_powertools.utilities.serialization import base64_from_json

logger = Logger()


@logger.inject_lambda_context
@event_source(data_class=KinesisFirehoseEvent)
def handler(event: KinesisFirehoseEvent, context):
    result = KinesisFirehoseDataTransformationResponse()
    for record in event.records:
        received = record.data_as_json
        row = {
            "timestamp": received["timestamp"][:-4] + "Z",
            "request_id": received["request_id"],
            "source_ip": received["source_ip"],
            "user_agent": received["user_agent"],
            "payload": json.dumps(received["payload"], separators=(",", ":")),
        }
        result.add_record(
            KinesisFirehoseDataTransformationRecord(record_id=record.record_id, result="Ok", data=base64_from_json(row))
        )
    return result.asdict()
