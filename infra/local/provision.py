"""Everything the pipeline consists of, made by boto3 calls in the local AWS.

Terraform makes the same on AWS, and applied to the local endpoint here; a test compares the two.
"""

import io
import json
import zipfile
from collections.abc import Sequence
from typing import Any

import boto3

from archive.lake.layout import FIREHOSE_ERROR_PREFIX, FIREHOSE_PREFIX
from archive.lake.tables import LANDING_TABLE, tables, view_glue_input
from infra.functions import DEAD_LETTER_ARCHIVER, FIREHOSE_TRANSFORM, TABLE_WRITER, functions
from infra.names import Names
from infra.settings import Settings

VISIBILITY_FACTOR = 6  # Lambda's advice: a queue hides a message for six times the function's time-out
ARCHIVER_CONCURRENCY = 5  # as many pollers as Lambda begins with on a queue
MAX_MESSAGE_BYTES = 262_144  # the most that Terraform's AWS provider 5 sets, though SQS takes 1 MiB
DAY_SECONDS = 86_400


def provision(settings: Settings, names: Names, api_key_digests: Sequence[str] = ()) -> None:
    """Create every resource of one environment; they must not exist yet.

    Args:
        settings: of the environment.
        names: of its resources.
        api_key_digests: see `infra.functions.functions`.
    """
    _Provisioning(settings, names, api_key_digests).run()


class _Provisioning:
    """The calls that make one environment, in the order that they depend on each other."""

    def __init__(self, settings: Settings, names: Names, api_key_digests: Sequence[str]) -> None:
        self.settings = settings
        self.names = names
        self._api_key_digests = api_key_digests
        self._arn = f"{settings.region}:{names.account}"

    def run(self) -> None:
        self._stream()
        self._table()
        self._idempotency_table()
        queue_url, queue_arn = self._queues()
        self._buckets()
        self._catalogue()
        role_arn = self._role()
        function_arns = self._functions(role_arn, queue_url)
        self._mappings(function_arns, queue_arn)
        self._delivery_stream(role_arn, function_arns[FIREHOSE_TRANSFORM])

    def _client(self, service: str) -> Any:
        return boto3.client(service, region_name=self.settings.region)  # type: ignore[call-overload]

    def _stream(self) -> None:
        kinesis = self._client("kinesis")
        stream = self.settings.stream
        kinesis.create_stream(StreamName=self.names.stream, ShardCount=stream.shards)
        summary = kinesis.describe_stream_summary(StreamName=self.names.stream)["StreamDescriptionSummary"]
        change = {"StreamName": self.names.stream, "RetentionPeriodHours": stream.retention_hours}
        # A stream that the store held has the shards and the retention of before.
        if stream.retention_hours > summary["RetentionPeriodHours"]:
            kinesis.increase_stream_retention_period(**change)
        elif stream.retention_hours < summary["RetentionPeriodHours"]:
            kinesis.decrease_stream_retention_period(**change)

    def _table(self) -> None:
        dynamodb = self._client("dynamodb")
        dynamodb.create_table(
            TableName=self.names.table,
            AttributeDefinitions=[
                {"AttributeName": "timestamp", "AttributeType": "S"},
                {"AttributeName": "request_id", "AttributeType": "S"},
            ],
            KeySchema=[
                {"AttributeName": "timestamp", "KeyType": "HASH"},
                {"AttributeName": "request_id", "KeyType": "RANGE"},
            ],
            BillingMode="PAY_PER_REQUEST",
        )
        if self.settings.table.ttl_days is not None:
            dynamodb.update_time_to_live(
                TableName=self.names.table,
                TimeToLiveSpecification={"Enabled": True, "AttributeName": "expires_at"},
            )

    def _idempotency_table(self) -> None:
        dynamodb = self._client("dynamodb")
        dynamodb.create_table(
            TableName=self.names.idempotency_table,
            AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
            KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
            BillingMode="PAY_PER_REQUEST",
        )
        dynamodb.update_time_to_live(
            TableName=self.names.idempotency_table,
            TimeToLiveSpecification={"Enabled": True, "AttributeName": "expiration"},
        )

    def _queues(self) -> tuple[str, str]:
        sqs = self._client("sqs")
        dead_letters = self.settings.dead_letters
        retention = str(dead_letters.retention_days * DAY_SECONDS)
        common = {"MessageRetentionPeriod": retention, "MaximumMessageSize": str(MAX_MESSAGE_BYTES)}
        sqs.create_queue(QueueName=self.names.parked_queue, Attributes=common)
        parked_arn = f"arn:aws:sqs:{self._arn}:{self.names.parked_queue}"
        url = sqs.create_queue(
            QueueName=self.names.dead_letter_queue,
            Attributes={
                **common,
                "VisibilityTimeout": str(VISIBILITY_FACTOR * dead_letters.timeout_seconds),
                "RedrivePolicy": json.dumps(
                    {"deadLetterTargetArn": parked_arn, "maxReceiveCount": dead_letters.max_receive_count}
                ),
            },
        )["QueueUrl"]
        return url, f"arn:aws:sqs:{self._arn}:{self.names.dead_letter_queue}"

    def _buckets(self) -> None:
        s3 = self._client("s3")
        for bucket in (self.names.lake_bucket, self.names.dead_letter_bucket, self.names.athena_bucket):
            s3.create_bucket(Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": self.settings.region})

    def _catalogue(self) -> None:
        glue = self._client("glue")
        glue.create_database(DatabaseInput={"Name": self.names.database})
        buckets = {"lake": self.names.lake_bucket, "dead_letters": self.names.dead_letter_bucket}
        for table in tables():
            glue.create_table(DatabaseName=self.names.database, TableInput=table.glue_input(buckets[table.bucket]))
        glue.create_table(DatabaseName=self.names.database, TableInput=view_glue_input(self.names.database))

    def _role(self) -> str:
        trust = {
            "Version": "2012-10-17",
            "Statement": [
                {
                    "Effect": "Allow",
                    "Action": "sts:AssumeRole",
                    "Principal": {"Service": ["lambda.amazonaws.com", "firehose.amazonaws.com"]},
                }
            ],
        }
        role = self._client("iam").create_role(
            RoleName=f"{self.names.prefix}-local", AssumeRolePolicyDocument=json.dumps(trust)
        )
        return str(role["Role"]["Arn"])

    def _functions(self, role_arn: str, queue_url: str) -> dict[str, str]:
        """Create the functions; the code stays in this process, so the package is an empty one."""
        lambda_ = self._client("lambda")
        arns = {}
        for function in functions(self.settings, self.names, queue_url, self._api_key_digests):
            arns[function.module] = lambda_.create_function(
                FunctionName=self.names.function(function.module),
                Runtime="python3.13",
                Architectures=["arm64"],
                Role=role_arn,
                Handler=f"{function.module}.handler",
                Code={"ZipFile": _empty_package()},
                Timeout=function.timeout_seconds,
                MemorySize=function.memory_mib,
                Environment={"Variables": function.environment},
            )["FunctionArn"]
        return arns

    def _mappings(self, function_arns: dict[str, str], queue_arn: str) -> None:
        lambda_ = self._client("lambda")
        writer = self.settings.table_writer
        lambda_.create_event_source_mapping(
            EventSourceArn=f"arn:aws:kinesis:{self._arn}:stream/{self.names.stream}",
            FunctionName=function_arns[TABLE_WRITER],
            StartingPosition="TRIM_HORIZON",
            BatchSize=writer.batch_size,
            MaximumBatchingWindowInSeconds=writer.batching_window_seconds,
            ParallelizationFactor=writer.parallelization_factor,
            MaximumRetryAttempts=writer.maximum_retry_attempts,
            MaximumRecordAgeInSeconds=writer.maximum_record_age_seconds,
            BisectBatchOnFunctionError=writer.bisect_batch_on_function_error,
            FunctionResponseTypes=["ReportBatchItemFailures"],
            DestinationConfig={"OnFailure": {"Destination": queue_arn}},
        )
        lambda_.create_event_source_mapping(
            EventSourceArn=queue_arn,
            FunctionName=function_arns[DEAD_LETTER_ARCHIVER],
            BatchSize=self.settings.dead_letters.batch_size,
            FunctionResponseTypes=["ReportBatchItemFailures"],
            ScalingConfig={"MaximumConcurrency": ARCHIVER_CONCURRENCY},
        )

    def _delivery_stream(self, role_arn: str, transform_arn: str) -> None:
        archive = self.settings.archive
        parameters = {
            "LambdaArn": transform_arn,
            "NumberOfRetries": archive.transform_retries,
            "BufferSizeInMBs": archive.transform_buffer_mib,
            "BufferIntervalInSeconds": archive.transform_buffer_seconds,
        }
        self._client("firehose").create_delivery_stream(
            DeliveryStreamName=self.names.delivery_stream,
            DeliveryStreamType="KinesisStreamAsSource",
            KinesisStreamSourceConfiguration={
                "KinesisStreamARN": f"arn:aws:kinesis:{self._arn}:stream/{self.names.stream}",
                "RoleARN": role_arn,
            },
            ExtendedS3DestinationConfiguration={
                "RoleARN": role_arn,
                "BucketARN": f"arn:aws:s3:::{self.names.lake_bucket}",
                "Prefix": FIREHOSE_PREFIX,
                "ErrorOutputPrefix": FIREHOSE_ERROR_PREFIX,
                "BufferingHints": {"SizeInMBs": archive.buffer_mib, "IntervalInSeconds": archive.buffer_seconds},
                "CompressionFormat": "UNCOMPRESSED",
                "ProcessingConfiguration": {
                    "Enabled": True,
                    "Processors": [
                        {
                            "Type": "Lambda",
                            "Parameters": [
                                {"ParameterName": name, "ParameterValue": str(value)}
                                for name, value in parameters.items()
                            ],
                        }
                    ],
                },
                "DataFormatConversionConfiguration": {
                    "Enabled": True,
                    "SchemaConfiguration": {
                        "RoleARN": role_arn,
                        "DatabaseName": self.names.database,
                        "TableName": LANDING_TABLE,
                        "Region": self.settings.region,
                        "VersionId": "LATEST",
                    },
                    "InputFormatConfiguration": {"Deserializer": {"OpenXJsonSerDe": {}}},
                    "OutputFormatConfiguration": {"Serializer": {"ParquetSerDe": {"Compression": "SNAPPY"}}},
                },
            },
        )


def _empty_package() -> bytes:
    package = io.BytesIO()
    with zipfile.ZipFile(package, "w") as archive:
        archive.writestr("README", "The code runs in the local pipeline's own process.")
    return package.getvalue()
