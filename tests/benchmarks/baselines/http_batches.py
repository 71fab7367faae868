"""A list of events over HTTP to Kinesis: a call for each, 500 entries to a call, the library's aggregates.

The first two follow boto3's pages on `put_record` and `put_records`, the third the README of aws-kinesis-agg. None
retries what a call failed to put. Each stamps and answers every event as Spillway does. The two `count_…` functions
are what someone in a hurry writes: they put the payload alone, and answer how many there were.
"""

import json
import os
from datetime import UTC, datetime, timedelta
from typing import Any

import boto3
from aws_kinesis_agg.aggregator import RecordAggregator

MAX_CALL_RECORDS = 500

kinesis: Any = boto3.client("kinesis")


def records_of(event):
    request = event["requestContext"]
    now = datetime.now(UTC)
    for number, payload in enumerate(json.loads(event["body"])):
        record = {
            "version": 1,
            "timestamp": (now + timedelta(microseconds=number)).isoformat(timespec="microseconds")[:-6] + "Z",
            "request_id": f"{request['requestId']}#{number}",
            "source_ip": request["identity"]["sourceIp"],
            "user_agent": request["identity"]["userAgent"],
            "trace": None,
            "payload": payload,
        }
        yield record, json.dumps(record, separators=(",", ":")).encode()


def answer(keys):
    results = [
        {"index": index, "status": "accepted", "timestamp": timestamp, "request_id": request_id}
        for index, (timestamp, request_id) in enumerate(keys)
    ]
    body = {"accepted": len(results), "rejected": 0, "results": results}
    return {"statusCode": 201, "headers": {"Content-Type": "application/json"}, "body": json.dumps(body)}


def put_record_each(event, context):
    keys = []
    for record, data in records_of(event):
        kinesis.put_record(StreamName=os.environ["STREAM_NAME"], Data=data, PartitionKey=record["request_id"])
        keys.append((record["timestamp"], record["request_id"]))
    return answer(keys)


def put_records(event, context):
    keys = []
    entries = []
    for record, data in records_of(event):
        entries.append({"Data": data, "PartitionKey": record["request_id"]})
        keys.append((record["timestamp"], record["request_id"]))
    for first in range(0, len(entries), MAX_CALL_RECORDS):
        kinesis.put_records(StreamName=os.environ["STREAM_NAME"], Records=entries[first : first + MAX_CALL_RECORDS])
    return answer(keys)


def library_aggregates(event, context):
    keys = []
    aggregator = RecordAggregator()
    aggregator.on_record_complete(put_aggregate)
    for record, data in records_of(event):
        aggregator.add_user_record(record["request_id"], data)
        keys.append((record["timestamp"], record["request_id"]))
    if aggregator.get_num_user_records():
        put_aggregate(aggregator.clear_and_get())
    return answer(keys)


def put_aggregate(aggregate):
    partition_key, _, data = aggregate.get_contents()
    kinesis.put_record(StreamName=os.environ["STREAM_NAME"], Data=data, PartitionKey=partition_key)


def count_put_records(event, context):
    payloads = json.loads(event["body"])
    request_id = event["requestContext"]["requestId"]
    for first in range(0, len(payloads), MAX_CALL_RECORDS):
        kinesis.put_records(
            StreamName=os.environ["STREAM_NAME"],
            Records=[
                {"Data": json.dumps(payload), "PartitionKey": f"{request_id}-{first + number}"}
                for number, payload in enumerate(payloads[first : first + MAX_CALL_RECORDS])
            ],
        )
    return {"statusCode": 201, "body": json.dumps({"accepted": len(payloads)})}


def count_library_aggregates(event, context):
    payloads = json.loads(event["body"])
    request_id = event["requestContext"]["requestId"]
    aggregator = RecordAggregator()
    aggregator.on_record_complete(put_aggregate)
    for payload in payloads:
        aggregator.add_user_record(request_id, json.dumps(payload))
    if aggregator.get_num_user_records():
        put_aggregate(aggregator.clear_and_get())
    return {"statusCode": 201, "body": json.dumps({"accepted": len(payloads)})}
