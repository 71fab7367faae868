"""A delivery stream made through the API, and what the tests do with it."""

import base64
import io
import json
from typing import TYPE_CHECKING, Any, Final

import boto3
import pyarrow.parquet as pq
from botocore.config import Config
from botocore.exceptions import ClientError

from infra.local.firehose.delivery_stream import Firehose
from infra.local.functions import FunctionError, InvocationResult
from tests.clock import FakeClock

if TYPE_CHECKING:
    from collections.abc import Callable

    from types_boto3_kinesis import KinesisClient
    from types_boto3_s3 import S3Client

REGION: Final = "eu-west-2"
BUCKET = "lake"
STREAM = "events"
FUNCTION_ARN = "arn:aws:lambda:eu-west-2:123456789012:function:transform"
ROLE_ARN = "arn:aws:iam::123456789012:role/firehose"
COLUMNS = {"id": "bigint", "text": "string", "at": "timestamp"}

Event = dict[str, Any]


class RecordingFunction:
    """A transform: keeps the events it got, and answers by `answer`, or by what is queued in `failures` first."""

    def __init__(self) -> None:
        self.events: list[Event] = []
        self.failures: list[FunctionError | Exception] = []
        self.answer: Callable[[Event], Any] = unchanged

    def invoke(self, event: Event) -> InvocationResult:
        self.events.append(event)
        if self.failures:
            failure = self.failures.pop(0)
            if isinstance(failure, Exception):
                raise failure
            return InvocationResult(None, failure)
        return InvocationResult(json.loads(json.dumps(self.answer(event))), None)


def unchanged(event: Event) -> Any:
    """The answer of a transform that changes nothing."""
    return {"records": [{"recordId": r["recordId"], "result": "Ok", "data": r["data"]} for r in event["records"]]}


class DeliveryUnderTest:
    """A stream, a bucket, a table and a delivery stream; no buffers, unless asked for."""

    def __init__(self, session: boto3.Session, clock: FakeClock) -> None:
        once = Config(retries={"total_max_attempts": 1})
        self.clock = clock
        self._session = session
        self.kinesis: KinesisClient = session.client("kinesis", config=once)
        self.s3: S3Client = session.client("s3", config=once)
        self.glue: Any = session.client("glue", config=once)
        self.function = RecordingFunction()
        self.kinesis.create_stream(StreamName=STREAM, ShardCount=2)
        self.s3.create_bucket(Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": REGION})
        self.glue.create_database(DatabaseInput={"Name": "spillway_test"})
        self.create_table()

    def create_table(self, columns: dict[str, str] | None = None) -> None:
        described = [{"Name": name, "Type": kind} for name, kind in (columns or COLUMNS).items()]
        self.glue.create_table(
            DatabaseName="spillway_test",
            TableInput={"Name": "events", "StorageDescriptor": {"Columns": described}},
        )

    def drop_table(self) -> None:
        self.glue.delete_table(DatabaseName="spillway_test", Name="events")

    def describe(
        self,
        *,
        seconds: int = 0,
        transform: dict[str, str] | None = None,
        transforms: bool = True,
        **destination: Any,
    ) -> dict[str, Any]:
        """Create the delivery stream through the API, and read back what it is."""
        firehose = self._session.client("firehose")
        parameters = {"LambdaArn": FUNCTION_ARN, "BufferIntervalInSeconds": "0"} | (transform or {})
        configuration: dict[str, Any] = {
            "RoleARN": ROLE_ARN,
            "BucketARN": f"arn:aws:s3:::{BUCKET}",
            "Prefix": "events/dt=!{timestamp:yyyy-MM-dd}/",
            "ErrorOutputPrefix": "errors/!{firehose:error-output-type}/",
            "BufferingHints": {"SizeInMBs": 64, "IntervalInSeconds": seconds},
            "ProcessingConfiguration": {
                "Enabled": transforms,
                "Processors": [
                    {
                        "Type": "Lambda",
                        "Parameters": [
                            {"ParameterName": name, "ParameterValue": value} for name, value in parameters.items()
                        ],
                    }
                ],
            },
            "DataFormatConversionConfiguration": {
                "Enabled": True,
                "SchemaConfiguration": {
                    "RoleARN": ROLE_ARN,
                    "DatabaseName": "spillway_test",
                    "TableName": "events",
                    "Region": REGION,
                    "VersionId": "LATEST",
                },
                "InputFormatConfiguration": {"Deserializer": {"OpenXJsonSerDe": {}}},
                "OutputFormatConfiguration": {"Serializer": {"ParquetSerDe": {}}},
            },
        }
        firehose.create_delivery_stream(
            DeliveryStreamName="archive",
            DeliveryStreamType="KinesisStreamAsSource",
            KinesisStreamSourceConfiguration={
                "KinesisStreamARN": f"arn:aws:kinesis:{REGION}:123456789012:stream/{STREAM}",
                "RoleARN": ROLE_ARN,
            },
            ExtendedS3DestinationConfiguration=configuration | destination,  # type: ignore[arg-type]
        )
        return dict(firehose.describe_delivery_stream(DeliveryStreamName="archive"))

    def firehose(self, **settings: Any) -> Firehose:
        """The local Firehose for a delivery stream of these settings (see `describe`)."""
        return Firehose(
            self.describe(**settings), self.function.invoke, self.kinesis, self.s3, self.glue, clock=self.clock
        )

    def put(self, *documents: Any, key: str = "key") -> None:
        """Put records: bytes as they are, anything else as JSON."""
        for document in documents:
            data = document if isinstance(document, bytes) else json.dumps(document).encode()
            self.kinesis.put_record(StreamName=STREAM, PartitionKey=key, Data=data)

    def run(self, firehose: Firehose, seconds: float = 20.0) -> None:
        """Let it go round for so many seconds of the clock, or until it has nothing to do in all of them."""
        end = self.clock.monotonic() + seconds
        while self.clock.monotonic() < end:
            while firehose.step():
                pass
            self.clock.advance(0.25)

    def keys(self, prefix: str = "") -> list[str]:
        found = self.s3.list_objects_v2(Bucket=BUCKET, Prefix=prefix)
        return [entry["Key"] for entry in found.get("Contents", [])]

    def body(self, key: str) -> bytes:
        return self.s3.get_object(Bucket=BUCKET, Key=key)["Body"].read()

    def rows(self) -> list[dict[str, Any]]:
        """All rows of all Parquet objects."""
        return [row for key in self.keys("events/") for row in pq.read_table(io.BytesIO(self.body(key))).to_pylist()]

    def ids(self) -> list[int]:
        return sorted(row["id"] for row in self.rows())

    def errors(self, error_output_type: str) -> list[dict[str, Any]]:
        """All lines of all error objects of a type."""
        return [
            json.loads(line)
            for key in self.keys(f"errors/{error_output_type}/")
            for line in self.body(key).splitlines()
        ]


def raw_data(error: dict[str, Any]) -> bytes:
    return base64.b64decode(error["rawData"])


class Outage:
    """Makes calls of one operation fail, by botocore's own hook, until `over`.

    Args:
        client: whose calls.
        operation: such as `PutObject`.
        code: the error code of the answer.
    """

    def __init__(self, client: Any, operation: str, code: str = "InternalError") -> None:
        self.calls = 0
        self._events = client.meta.events
        self._name = f"before-call.{client.meta.service_model.service_name}.{operation}"
        self._operation, self._code = operation, code
        self._events.register(self._name, self._fail)

    def over(self) -> None:
        self._events.unregister(self._name, self._fail)

    def _fail(self, **_details: Any) -> None:
        self.calls += 1
        raise ClientError({"Error": {"Code": self._code, "Message": "for the test"}}, self._operation)
