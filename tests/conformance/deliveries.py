"""A delivery stream with one record of each kind that the facts are about, and what it made of them."""

import base64
import io
import json
from dataclasses import dataclass
from typing import Any

import pyarrow.parquet as pq

from producers.aggregation import pack
from tests.conformance.account import Account

# A transform that does with each record what its data says.
TRANSFORM = """
def answer(event):
    records = []
    for record in event["records"]:
        data = base64.b64decode(record["data"])
        said = {"recordId": record["recordId"], "result": "Ok", "data": record["data"]}
        if data.startswith(b"dropped"):
            said["result"] = "Dropped"
        elif data.startswith(b"failed"):
            said["result"] = "ProcessingFailed"
        elif data.startswith(b"without data"):
            del said["data"]
        elif data.startswith(b"another result"):
            said["result"] = "Fine"
        elif data.startswith(b"twice"):
            records.append(said)
        elif data.startswith(b"missing"):
            continue
        records.append(said)
    records.append({"recordId": "nobody's", "result": "Ok", "data": ""})
    return {"records": records}
"""
ROWS = [
    b'{"id":1,"text":"plain","at":"2026-11-23T02:34:56.123Z"}',
    b'{"ID":2,"Text":"upper case","unknown":true}',
    b'{"id":"3","text":4}',
    b'{"id":5,"text":{"B":1}}',
    b'{"id":6}{"id":7}',
    b'{"id":8,"at":1518033528123}',
    b'{"id":9,"at":1518033528}',
    b'{"id":10,"at":"2018-2-7 19:58:48.123"}',
]
UNCONVERTIBLE = {
    "not JSON": b'{"id":',
    "wrong type": b'{"id":"oops"}',
    "empty": b" ",
    "offset": b'{"id":1,"at":"2026-11-23T02:34:56+00:00"}',
    "primitive": b"17",
    "array": b'[{"id":1}]',
}
UNTRANSFORMED = (b"dropped", b"failed", b"without data", b"another result", b"twice", b"missing")


@dataclass(frozen=True)
class Delivered:
    """What a delivery stream made of the records above."""

    account: Account
    function: str
    bucket: str
    delivery_stream: str

    def keys(self, prefix: str) -> list[str]:
        answer = self.account.s3.list_objects_v2(Bucket=self.bucket, Prefix=prefix)
        return [found["Key"] for found in answer.get("Contents", [])]

    def read(self, key: str) -> bytes:
        return bytes(self.account.s3.get_object(Bucket=self.bucket, Key=key)["Body"].read())

    def rows(self) -> dict[int, dict[str, Any]]:
        """The rows in the lake, by their id."""
        tables = [pq.ParquetFile(io.BytesIO(self.read(key))).read() for key in self.keys("events/")]
        return {row["id"]: row for table in tables for row in table.to_pylist()}

    def errors(self, kind: str) -> dict[bytes, dict[str, Any]]:
        """The lines of the error objects of a kind, by their raw data."""
        lines = [line for key in self.keys(f"errors/{kind}/") for line in self.read(key).splitlines()]
        return {base64.b64decode(error["rawData"]): error for error in map(json.loads, lines)}

    def events(self) -> list[dict[str, Any]]:
        return [seen["event"] for seen in self.account.seen_by(self.function)]


def catalogue(account: Account) -> dict[str, str]:
    """Create a Glue database with a table of three columns; the schema configuration that names it."""
    database = account.new_name("database", separator="_")
    glue = account.client("glue")
    glue.create_database(DatabaseInput={"Name": database})
    columns = {"id": "bigint", "text": "string", "at": "timestamp"}
    described = [{"Name": name, "Type": kind} for name, kind in columns.items()]
    glue.create_table(DatabaseName=database, TableInput={"Name": "events", "StorageDescriptor": {"Columns": described}})
    return {
        "RoleARN": account.role_arn,
        "DatabaseName": database,
        "TableName": "events",
        "Region": account.region,
        "VersionId": "LATEST",
    }


def destination(account: Account, bucket: str, function_arn: str, schema: dict[str, str]) -> dict[str, Any]:
    parameters = {
        "LambdaArn": function_arn,
        "NumberOfRetries": "0",
        "RoleArn": account.role_arn,
        "BufferSizeInMBs": "1",
        "BufferIntervalInSeconds": "0",
    }
    return {
        "BucketARN": f"arn:aws:s3:::{bucket}",
        "Prefix": "events/dt=!{timestamp:yyyy-MM-dd}/hour=!{timestamp:HH}/",
        "ErrorOutputPrefix": "errors/!{firehose:error-output-type}/",
        "BufferingHints": {"SizeInMBs": 64, "IntervalInSeconds": 0},
        "ProcessingConfiguration": {
            "Enabled": True,
            "Processors": [
                {
                    "Type": "Lambda",
                    "Parameters": [{"ParameterName": k, "ParameterValue": v} for k, v in parameters.items()],
                }
            ],
        },
        "DataFormatConversionConfiguration": {
            "SchemaConfiguration": schema,
            "InputFormatConfiguration": {"Deserializer": {"OpenXJsonSerDe": {}}},
            "OutputFormatConfiguration": {"Serializer": {"ParquetSerDe": {}}},
        },
    }


def put(account: Account, stream: str, *data: bytes) -> None:
    entries = [{"Data": each, "PartitionKey": "key"} for each in data]
    assert account.kinesis.put_records(StreamName=stream, Records=entries)["FailedRecordCount"] == 0


def deliver(account: Account) -> Delivered:
    """Deliver the records above, and an aggregate of two."""
    stream, bucket, function = account.stream(), account.bucket(), account.function(TRANSFORM)
    arn = account.lambda_.get_function(FunctionName=function)["Configuration"]["FunctionArn"]
    name = account.delivery_stream(stream, **destination(account, bucket, arn, catalogue(account)))
    (aggregate,) = pack([("k1", b'{"id":21}'), ("k2", b'{"id":22}')], 10_000, by_key=False)
    put(account, stream, *ROWS, *UNCONVERTIBLE.values(), *UNTRANSFORMED, aggregate.data)
    found = Delivered(account, function, bucket, name)
    account.wait_for(lambda: len(found.rows()) >= 11)
    account.wait_for(lambda: len(found.errors("processing-failed")) >= 5)
    account.wait_for(lambda: len(found.errors("format-conversion-failed")) >= len(UNCONVERTIBLE))
    return found
