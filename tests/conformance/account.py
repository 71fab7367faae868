"""The AWS account that the facts are asked of: this process's own, or a real one.

A test sees no difference. What it creates has the suite's prefix, and is in the ledger before it is created.
"""

import json
import time
import uuid
from collections.abc import Callable
from typing import Any

import boto3
from botocore.config import Config

from tests.conformance.doors import ServedDoor
from tests.conformance.ledger import Ledger, Resource
from tests.conformance.probe import PROBE, SUCCESS, package
from tests.conformance.removing import PREFIX, remove_all


class Account:
    """A real account, reached by the standard AWS settings.

    Args:
        ledger: where resources are written down.
        patience_seconds: how long to wait for what takes its time.
    """

    region_name: str = ""

    def __init__(self, ledger: Ledger, patience_seconds: float = 240.0) -> None:
        self._ledger = ledger
        self.patience_seconds = patience_seconds
        self._clients: dict[str, Any] = {}
        self._observing: str | None = None
        self._role_arn: str | None = None
        self.region = boto3.Session().region_name or "eu-west-2"

    def client(self, service: str) -> Any:
        """A client; several tests share it."""
        if service not in self._clients:
            config = Config(retries={"mode": "standard", "total_max_attempts": 8})
            self._clients[service] = boto3.client(service, region_name=self.region, config=config)  # type: ignore[call-overload]
        return self._clients[service]

    @property
    def kinesis(self) -> Any:
        return self.client("kinesis")

    @property
    def dynamodb(self) -> Any:
        return self.client("dynamodb")

    @property
    def sqs(self) -> Any:
        return self.client("sqs")

    @property
    def s3(self) -> Any:
        return self.client("s3")

    @property
    def lambda_(self) -> Any:
        return self.client("lambda")

    @property
    def account_id(self) -> str:
        return str(self.client("sts").get_caller_identity()["Account"])

    def new_name(self, kind: str, separator: str = "-") -> str:
        """A new name for a resource of a kind, in the ledger when this returns."""
        name = f"{PREFIX}{uuid.uuid4().hex[:12]}".replace("-", separator)
        self._ledger.will_create(Resource(kind, name))
        return name

    def stream(self, shards: int = 1) -> str:
        """Create a stream; its name, once it is ACTIVE."""
        name = self.new_name("stream")
        self.kinesis.create_stream(StreamName=name, ShardCount=shards)
        self.until_active(name)
        return name

    def until_active(self, stream: str) -> None:
        """Wait until a stream is ACTIVE."""
        self.wait_for(
            lambda: (
                self.kinesis.describe_stream_summary(StreamName=stream)["StreamDescriptionSummary"]["StreamStatus"]
                == "ACTIVE"
            )
        )

    def table(self, *, sort_key: bool = True) -> str:
        """Create an on-demand table with the keys of the events' table; its name."""
        name = self.new_name("table")
        keys = ["timestamp", *(["request_id"] if sort_key else [])]
        self.dynamodb.create_table(
            TableName=name,
            AttributeDefinitions=[{"AttributeName": key, "AttributeType": "S"} for key in keys],
            KeySchema=[
                {"AttributeName": key, "KeyType": kind} for key, kind in zip(keys, ("HASH", "RANGE"), strict=False)
            ],
            BillingMode="PAY_PER_REQUEST",
        )
        self.dynamodb.get_waiter("table_exists").wait(TableName=name, WaiterConfig={"Delay": 2, "MaxAttempts": 60})
        return name

    def queue(self, **attributes: str) -> str:
        """Create a queue; its URL."""
        name = self.new_name("queue")
        return str(self.sqs.create_queue(QueueName=name, Attributes=attributes)["QueueUrl"])

    def queue_arn(self, url: str) -> str:
        answer = self.sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])
        return str(answer["Attributes"]["QueueArn"])

    def bucket(self) -> str:
        """Create a bucket; its name."""
        name = self.new_name("bucket")
        self.s3.create_bucket(Bucket=name, CreateBucketConfiguration={"LocationConstraint": self.region})
        return name

    def stream_arn(self, stream: str) -> str:
        summary = self.kinesis.describe_stream_summary(StreamName=stream)["StreamDescriptionSummary"]
        return str(summary["StreamARN"])

    @property
    def role_arn(self) -> str:
        """A role that functions and delivery streams run under; created when first asked for."""
        if self._role_arn is None:
            self._role_arn = self._create_role()
        return self._role_arn

    def function(self, answer: str = SUCCESS, *, timeout_seconds: int = 30) -> str:
        """Create a function that keeps its events and answers by `answer(event)`, Python source; its name."""
        if self._observing is None:
            self._observing = self.bucket()
        name = self.new_name("function")
        source = PROBE.format(region=self.region, name=name, bucket=self._observing, answer=answer)
        self.lambda_.create_function(
            FunctionName=name,
            Runtime="python3.13",
            Role=self.role_arn,
            Handler="index.handler",
            Code={"ZipFile": package(source)},
            Timeout=timeout_seconds,
            MemorySize=256,
        )
        self._function_created(name, source, timeout_seconds)
        return name

    def seen_by(self, function: str) -> list[dict[str, Any]]:
        """What a function was invoked with, in order: `event`, `arn`, `request_id`."""
        bucket = self._observing
        answer = self.s3.list_objects_v2(Bucket=bucket, Prefix=f"{function}/")
        keys = sorted(found["Key"] for found in answer.get("Contents", []))
        return [json.loads(self.s3.get_object(Bucket=bucket, Key=key)["Body"].read()) for key in keys]

    def stream_mapping(self, stream: str, function: str, **settings: Any) -> dict[str, Any]:
        """Create an event source mapping of a stream, from its beginning; AWS's answer."""
        return self._mapping(self.stream_arn(stream), function, {"StartingPosition": "TRIM_HORIZON"} | settings)

    def queue_mapping(self, queue_url: str, function: str, **settings: Any) -> dict[str, Any]:
        """Create an event source mapping of a queue; AWS's answer."""
        return self._mapping(self.queue_arn(queue_url), function, settings)

    def _mapping(self, source_arn: str, function: str, settings: dict[str, Any]) -> dict[str, Any]:
        answer: dict[str, Any] = self.lambda_.create_event_source_mapping(
            EventSourceArn=source_arn, FunctionName=function, **settings
        )
        self.wait_for(
            lambda: self.lambda_.get_event_source_mapping(UUID=answer["UUID"])["State"] in {"Enabled", "Updating"}
        )
        self._mapping_created(self.lambda_.get_event_source_mapping(UUID=answer["UUID"]), function)
        return answer

    def delivery_stream(self, stream: str, **destination: Any) -> str:
        """Create a delivery stream from a stream to S3, once it is ACTIVE; its name."""
        name = self.new_name("delivery stream")
        firehose = self.client("firehose")
        firehose.create_delivery_stream(
            DeliveryStreamName=name,
            DeliveryStreamType="KinesisStreamAsSource",
            KinesisStreamSourceConfiguration={"KinesisStreamARN": self.stream_arn(stream), "RoleARN": self.role_arn},
            ExtendedS3DestinationConfiguration={"RoleARN": self.role_arn, **destination},
        )
        self.wait_for(lambda: self.described(name)["DeliveryStreamStatus"] == "ACTIVE")
        self._delivery_stream_created(name)
        return name

    def described(self, delivery_stream: str) -> dict[str, Any]:
        """A delivery stream's description."""
        answer = self.client("firehose").describe_delivery_stream(DeliveryStreamName=delivery_stream)
        description: dict[str, Any] = answer["DeliveryStreamDescription"]
        return description

    def throttled(self) -> str:
        """A function that may not run at all; its name."""
        name = self.function()
        self.lambda_.put_function_concurrency(FunctionName=name, ReservedConcurrentExecutions=0)
        return name

    def rest_api(self, function: str, *, binary: bool) -> ServedDoor:
        """A REST API with a stage dev and a resource /app, its function behind it."""
        name = self.new_name("REST API")
        gateway = self.client("apigateway")
        invocations = f"2015-03-31/functions/{self._arn(function)}/invocations"
        integration = {
            "type": "aws_proxy",
            "httpMethod": "POST",
            "uri": f"arn:aws:apigateway:{self.region}:lambda:path/{invocations}",
            "credentials": self.role_arn,
        }
        method = {"x-amazon-apigateway-any-method": {"x-amazon-apigateway-integration": integration}}
        description: dict[str, Any] = {
            "openapi": "3.0.1",
            "info": {"title": name, "version": "1"},
            "paths": {"/app": method},
        }
        if binary:
            description["x-amazon-apigateway-binary-media-types"] = ["*/*"]
        api = gateway.import_rest_api(body=json.dumps(description).encode())["id"]
        gateway.create_deployment(restApiId=api, stageName="dev")
        return self._answering(ServedDoor(f"https://{api}.execute-api.{self.region}.amazonaws.com/dev"))

    def http_api(self, function: str) -> ServedDoor:
        """An HTTP API with a stage dev and a route /app, its function behind it."""
        name = self.new_name("HTTP API")
        gateway = self.client("apigatewayv2")
        api = gateway.create_api(Name=name, ProtocolType="HTTP")["ApiId"]
        integration = gateway.create_integration(
            ApiId=api,
            IntegrationType="AWS_PROXY",
            IntegrationUri=self._arn(function),
            PayloadFormatVersion="2.0",
            CredentialsArn=self.role_arn,
        )["IntegrationId"]
        gateway.create_route(ApiId=api, RouteKey="ANY /app", Target=f"integrations/{integration}")
        gateway.create_stage(ApiId=api, StageName="dev", AutoDeploy=True)
        return self._answering(ServedDoor(f"https://{api}.execute-api.{self.region}.amazonaws.com/dev"))

    def _answering(self, door: ServedDoor) -> ServedDoor:
        """A new API, once it answers from everywhere."""
        self.wait_for(lambda: door.post(b"{}").status not in {403, 404})
        time.sleep(10)
        return door

    def _arn(self, function: str) -> str:
        return str(self.lambda_.get_function(FunctionName=function)["Configuration"]["FunctionArn"])

    def wait_for(self, condition: Callable[[], Any]) -> Any:
        """Wait until a condition gives something true; what it gives."""
        deadline = time.monotonic() + self.patience_seconds
        while not (found := condition()):
            assert time.monotonic() < deadline, f"it did not happen within {self.patience_seconds:.0f} s"
            self.pause()
        return found

    def pause(self) -> None:
        """Wait a moment before asking again."""
        time.sleep(2)

    def close(self) -> list[str]:
        """Delete everything; what could not be deleted."""
        return remove_all(self._ledger, self.client)

    def _create_role(self) -> str:
        name = self.new_name("role")
        services = ["lambda.amazonaws.com", "firehose.amazonaws.com", "apigateway.amazonaws.com"]
        statement = {"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"Service": services}}
        policy = {"Version": "2012-10-17", "Statement": [statement]}
        iam = self.client("iam")
        arn = iam.create_role(RoleName=name, AssumeRolePolicyDocument=json.dumps(policy))["Role"]["Arn"]
        actions = ["kinesis:*", "sqs:*", "s3:*", "glue:Get*", "lambda:InvokeFunction", "logs:*", "lambda:Get*"]
        allowed = {"Effect": "Allow", "Action": actions, "Resource": f"arn:aws:*:*:*:*{PREFIX}*"}
        catalog = {"Effect": "Allow", "Action": ["glue:Get*", "kinesis:ListStreams"], "Resource": "*"}
        buckets = {"Effect": "Allow", "Action": "s3:*", "Resource": f"arn:aws:s3:::{PREFIX}*"}
        document = {"Version": "2012-10-17", "Statement": [allowed, catalog, buckets]}
        iam.put_role_policy(RoleName=name, PolicyName="conformance", PolicyDocument=json.dumps(document))
        self._role_created()
        return str(arn)

    def _role_created(self) -> None:
        time.sleep(15)  # IAM is consistent only after a while

    def _function_created(self, name: str, source: str, timeout_seconds: int) -> None:
        self.lambda_.get_waiter("function_active_v2").wait(FunctionName=name)

    def _mapping_created(self, mapping: dict[str, Any], function: str) -> None:
        """Nothing: Lambda runs it."""

    def _delivery_stream_created(self, name: str) -> None:
        """Nothing: Firehose runs it."""
