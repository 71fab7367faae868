"""Firehose's transform as the Lambda console's blueprint has it: base64, JSON, base64.

Follows "Transform source data in Amazon Data Firehose" of its developer guide. It needs no AWS client, and so
does not import boto3.
"""

import base64
import json


def handler(event, context):
    output = []
    for record in event["records"]:
        received = json.loads(base64.b64decode(record["data"]))
        row = {
            "timestamp": received["timestamp"][:-4] + "Z",
            "request_id": received["request_id"],
            "source_ip": received["source_ip"],
            "user_agent": received["user_agent"],
            "payload": json.dumps(received["payload"], separators=(",", ":")),
        }
        data = base64.b64encode(json.dumps(row).encode()).decode()
        output.append({"recordId": record["recordId"], "result": "Ok", "data": data})
    return {"records": output}
