"""MiniStack running plain handlers: the same way from HTTP to DynamoDB on an emulator of AWS from the package index.

Follows its README: API Gateway's REST API, Lambda run as local processes, Kinesis with an event source mapping. The
handlers are the minimal ones of `baselines`. It is not among the requirements; a benchmark uses it where the
environment variable MINISTACK names its command.
"""

import contextlib
import io
import os
import subprocess
import sys
import tempfile
import time
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError
from botocore.session import get_session

from tests.benchmarks.ports import free_port

COMMAND_VARIABLE: Final = "MINISTACK"
START_SECONDS: Final = 60
DRAIN_SECONDS: Final = 180
REGION: Final = "eu-west-2"
STREAM: Final = "events"
TABLE: Final = "events"
BASELINES: Final = Path(__file__).parent / "baselines"
SITE_PACKAGES: Final = str(Path(sys.prefix) / "lib" / f"python3.{sys.version_info.minor}" / "site-packages")
KEYS: Final = ("timestamp", "HASH"), ("request_id", "RANGE")


@dataclass(frozen=True, slots=True)
class MiniStack:
    """A running MiniStack with the pipeline of plain handlers in it.

    Args:
        endpoint: of its AWS APIs.
        url: where events are posted.
    """

    endpoint: str
    url: str

    def rows(self) -> int:
        """How many rows the table holds."""
        pages = _client("dynamodb", self.endpoint).get_paginator("scan").paginate(TableName=TABLE, Select="COUNT")
        return sum(page["Count"] for page in pages)

    def wait_for_rows(self, count: int) -> None:
        """Wait until the table holds so many rows.

        Raises:
            RuntimeError: it took too long.
        """
        deadline = time.monotonic() + DRAIN_SECONDS
        while (found := self.rows()) < count:
            if time.monotonic() > deadline:
                raise RuntimeError(f"MiniStack brought {found} of {count} events to the table")
            time.sleep(0.1)


@contextlib.contextmanager
def running() -> Iterator[MiniStack]:
    """Start it, and end it by its pid."""
    port = free_port()
    endpoint = f"http://127.0.0.1:{port}"
    environment = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
    environment |= {"GATEWAY_PORT": str(port), "LOG_LEVEL": "WARNING", "MINISTACK_REGION": REGION}
    with tempfile.TemporaryDirectory() as folder:
        process = subprocess.Popen(
            [os.environ[COMMAND_VARIABLE]],
            env=environment,
            cwd=folder,
            stdout=subprocess.DEVNULL,
            start_new_session=True,
        )
        try:
            _wait_until_it_answers(endpoint)
            yield MiniStack(endpoint, _deploy(endpoint))
        finally:
            process.terminate()
            try:
                process.wait(timeout=20)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait(timeout=20)


def _deploy(endpoint: str) -> str:
    """Make the stream, the table, the functions and the API; where events are posted."""
    kinesis, dynamodb, api = (_client(name, endpoint) for name in ("kinesis", "dynamodb", "apigateway"))
    kinesis.create_stream(StreamName=STREAM, ShardCount=2)
    dynamodb.create_table(
        TableName=TABLE,
        AttributeDefinitions=[{"AttributeName": name, "AttributeType": "S"} for name, _ in KEYS],
        KeySchema=[{"AttributeName": name, "KeyType": kind} for name, kind in KEYS],
        BillingMode="PAY_PER_REQUEST",
    )
    http = _function("http_minimal", endpoint)
    stream_arn = kinesis.describe_stream_summary(StreamName=STREAM)["StreamDescriptionSummary"]["StreamARN"]
    _client("lambda", endpoint).create_event_source_mapping(
        EventSourceArn=stream_arn,
        FunctionName=_function("table_batch_writer", endpoint),
        StartingPosition="TRIM_HORIZON",
        BatchSize=500,
        FunctionResponseTypes=["ReportBatchItemFailures"],
    )
    rest = api.create_rest_api(name="events")["id"]
    root = api.get_resources(restApiId=rest)["items"][0]["id"]
    resource = api.create_resource(restApiId=rest, parentId=root, pathPart="app")["id"]
    api.put_method(restApiId=rest, resourceId=resource, httpMethod="POST", authorizationType="NONE")
    api.put_integration(
        restApiId=rest,
        resourceId=resource,
        httpMethod="POST",
        type="AWS_PROXY",
        integrationHttpMethod="POST",
        uri=f"arn:aws:apigateway:{REGION}:lambda:path/2015-03-31/functions/{http}/invocations",
    )
    api.create_deployment(restApiId=rest, stageName="dev")
    return f"{endpoint}/restapis/{rest}/dev/_user_request_/app"


def _function(module: str, endpoint: str) -> str:
    """Make a function of a baseline; its ARN."""
    package = io.BytesIO()
    with zipfile.ZipFile(package, "w") as archive:
        archive.write(BASELINES / f"{module}.py", f"{module}.py")
    variables = {
        "STREAM_NAME": STREAM,
        "TABLE_NAME": TABLE,
        "AWS_ENDPOINT_URL": endpoint,
        "AWS_DEFAULT_REGION": REGION,
        "PYTHONPATH": SITE_PACKAGES,
    }
    made = _client("lambda", endpoint).create_function(
        FunctionName=module,
        Runtime=f"python3.{sys.version_info.minor}",
        Role="arn:aws:iam::000000000000:role/bench",
        Handler=f"{module}.handler",
        Code={"ZipFile": package.getvalue()},
        Timeout=60,
        MemorySize=512,
        Environment={"Variables": variables},
    )
    return str(made["FunctionArn"])


def _client(service: str, endpoint: str) -> Any:
    return get_session().create_client(
        service,
        endpoint_url=endpoint,
        region_name=REGION,
        aws_access_key_id="test",
        aws_secret_access_key="test",  # noqa: S106 (the emulator takes any)
        config=Config(retries={"total_max_attempts": 1}, read_timeout=60),
    )


def _wait_until_it_answers(endpoint: str) -> None:
    deadline = time.monotonic() + START_SECONDS
    while True:
        try:
            _client("kinesis", endpoint).list_streams()
        except (BotoCoreError, ClientError) as error:
            if time.monotonic() > deadline:
                raise RuntimeError("MiniStack did not start; its error is above") from error
            time.sleep(0.2)
        else:
            return
