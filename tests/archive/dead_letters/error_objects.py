"""Lines of Firehose's error objects, as captured from AWS."""

import base64
import json

ARRIVED_MS, ENDED_MS = 1795401296987, 1795401299000


def processing_failed(data: bytes, ended_ms: int = ENDED_MS) -> bytes:
    return json.dumps(
        {
            "rawData": base64.b64encode(data).decode(),
            "errorCode": "Lambda.ProcessingFailedStatus",
            "errorMessage": "ProcessingFailed status set for record",
            "attemptsMade": 1,
            "arrivalTimestamp": ARRIVED_MS,
            "attemptEndingTimestamp": ended_ms,
            "lambdaARN": "arn:aws:lambda:eu-west-2:123456789012:function:transform",
        }
    ).encode()


def conversion_failed(row: bytes, ended_ms: int = ENDED_MS) -> bytes:
    return json.dumps(
        {
            "attemptsMade": 1,
            "arrivalTimestamp": ARRIVED_MS,
            "lastErrorCode": "DataFormatConversion.MalformedData",
            "lastErrorMessage": "Data does not match the schema.",
            "attemptEndingTimestamp": ended_ms,
            "rawData": base64.b64encode(row).decode(),
            "sequenceNumber": "495",
            "subSequenceNumber": 0,
            "dataCatalogTable": {"catalogId": "123456789012", "databaseName": "spillway_test", "tableName": "events"},
        }
    ).encode()
