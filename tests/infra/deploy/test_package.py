"""The Lambda package: what is in it, and that it runs without anything else."""

import json
import platform
import subprocess
import sys
import zipfile
from importlib.util import find_spec
from pathlib import Path

import pytest
from click.testing import CliRunner

from infra.cli.main import spillway
from infra.deploy.package import MAX_ZIP_BYTES, PackageError, build
from infra.functions import (
    COMPACTOR,
    DEAD_LETTER_ARCHIVER,
    FIREHOSE_TRANSFORM,
    HTTP_API,
    SCALING_FUNCTION,
    TABLE_WRITER,
)
from infra.local.aws.endpoint import AwsEndpoint, local_aws

HERE = (f"manylinux2014_{platform.machine()}", f"manylinux_2_28_{platform.machine()}")
HANDLERS = (HTTP_API, TABLE_WRITER, FIREHOSE_TRANSFORM, DEAD_LETTER_ARCHIVER, COMPACTOR)

# Run by a Python that has the package and boto3, as Lambda's runtime has it, and nothing else on its path.
AS_THE_RUNTIME = """
import importlib, json, sys
sys.path[:] = [path for path in sys.path if "site-packages" not in path] + json.loads(sys.argv[1])
handlers = {name: importlib.import_module(name).handler for name in json.loads(sys.argv[2])}
class Context:
    aws_request_id = "1"
    function_name = "http-api"
    memory_limit_in_mb = 512
    invoked_function_arn = "arn:aws:lambda:eu-west-2:123456789012:function:http-api"
    def get_remaining_time_in_millis(self):
        return 10_000
answer = handlers["producers.http_api"](json.loads(sys.argv[3]), Context())
foreign = [name for name in sys.modules if name.split(".")[0] in ("infra", "moto", "pytest", "tests", "click")]
for name in json.loads(sys.argv[4]):
    handlers[name] = importlib.import_module(name).handler
unknown = [name for name in sys.modules if name.split(".")[0] in ("matplotlib", "moto", "pytest", "tests", "click")]
from datetime import datetime
from archive.compaction.athena import statement
from archive.lake.hours import Hour
statement(Hour.of(datetime.now().astimezone()), 0, 1)  # reads its file
print(json.dumps({"answer": answer, "foreign": foreign + unknown, "handlers": sorted(handlers)}))
"""


@pytest.fixture(scope="module")
def for_lambda(tmp_path_factory):
    return build(tmp_path_factory.mktemp("arm64") / "lambda.zip")


def test_the_same_source_gives_the_same_bytes(for_lambda, tmp_path):
    assert build(tmp_path / "again.zip").sha256 == for_lambda.sha256


def test_it_is_within_lambdas_limit_and_holds_no_more_than_is_run(for_lambda):
    assert for_lambda.size_bytes < MAX_ZIP_BYTES
    with zipfile.ZipFile(for_lambda.file) as package:
        names = package.namelist()
        assert {entry.date_time for entry in package.infolist()} == {(1980, 1, 1, 0, 0, 0)}
    assert names == sorted(names)
    of_infra = [name for name in names if name.startswith("infra/") and not name.startswith("infra/shards/")]
    assert of_infra == ["infra/__init__.py", "infra/event.schema.json", "infra/prices.py"]
    assert "archive/compaction/unload.sql" in names
    tops = {name.split("/")[0] for name in names}
    assert tops.isdisjoint({"tests", "moto", "boto3", "botocore", "pytest", "bin"})
    assert not [name for name in names if "__pycache__" in name or name.endswith(".pyc")]


def test_its_compiled_parts_are_for_lambdas_processor(for_lambda):
    with zipfile.ZipFile(for_lambda.file) as package:
        compiled = [name for name in package.namelist() if name.endswith(".so")]
        assert compiled
        for name in compiled:
            assert package.read(name)[18:20] == (183).to_bytes(2, "little"), name  # ELF: e_machine, AArch64


def test_alone_in_an_empty_environment_it_imports_every_handler_and_serves_an_event(tmp_path, monkeypatch):
    version = f"{sys.version_info.major}.{sys.version_info.minor}"
    package = build(tmp_path / "here.zip", platforms=HERE, python=version)
    unpacked = tmp_path / "task"
    with zipfile.ZipFile(package.file) as archive:
        archive.extractall(unpacked)
    runtime = _boto3_alone(tmp_path / "runtime")
    endpoint = AwsEndpoint(0)
    with local_aws("eu-west-2", "off"):
        endpoint.start()
        try:
            import boto3  # noqa: PLC0415 (within the local AWS)

            kinesis = boto3.client("kinesis")
            kinesis.create_stream(StreamName="events", ShardCount=1)
            done = subprocess.run(
                [
                    *(sys.executable, "-I", "-S", "-c", AS_THE_RUNTIME),
                    *(
                        json.dumps([str(unpacked), str(runtime)]),
                        json.dumps(HANDLERS),
                        json.dumps(_request()),
                        json.dumps([SCALING_FUNCTION]),
                    ),
                ],
                env={
                    "AWS_ENDPOINT_URL": endpoint.url,
                    "AWS_REGION": "eu-west-2",
                    "AWS_DEFAULT_REGION": "eu-west-2",
                    "AWS_ACCESS_KEY_ID": "any",
                    "AWS_SECRET_ACCESS_KEY": "any",
                    "STREAM_NAME": "events",
                    "AGGREGATE_BYTES": "262144",
                    "MAX_EVENT_BYTES": "400000",
                    "MAX_BATCH_EVENTS": "100",
                    "IDEMPOTENCY_TABLE": "idempotency",
                    "CORS_ORIGINS": "",
                },
                cwd=tmp_path,
                capture_output=True,
                text=True,
                timeout=120,
                check=False,
            )
            assert done.returncode == 0, done.stderr
            result = json.loads(done.stdout.splitlines()[-1])
            assert result["answer"]["statusCode"] == 201, result
            assert result["foreign"] == []
            assert result["handlers"] == sorted([*HANDLERS, SCALING_FUNCTION])
            [shard] = kinesis.list_shards(StreamName="events")["Shards"]
            iterator = kinesis.get_shard_iterator(
                StreamName="events", ShardId=shard["ShardId"], ShardIteratorType="TRIM_HORIZON"
            )["ShardIterator"]
            [record] = kinesis.get_records(ShardIterator=iterator)["Records"]
            assert b'"hello"' in record["Data"]
        finally:
            endpoint.stop()


def test_an_unavailable_requirement_is_reported_in_one_line(tmp_path):
    with pytest.raises(PackageError, match=r"pip could not fetch lambda\.txt for no_such_platform: ERROR: .+") as error:
        build(tmp_path / "never.zip", platforms=("no_such_platform",))
    assert "\n" not in str(error.value)
    assert not (tmp_path / "never.zip").exists()


def test_the_command_prints_where_it_is_and_how_large(tmp_path):
    file = tmp_path / "dist" / "lambda.zip"
    done = CliRunner().invoke(spillway, ["package", "--output", str(file)])
    assert done.exit_code == 0, done.output
    assert str(file) in done.output
    assert "MiB zipped" in done.output
    printed = json.loads(CliRunner().invoke(spillway, ["package", "--json", "--output", str(file)]).output)
    assert printed["size_bytes"] == file.stat().st_size


def _boto3_alone(folder: Path) -> Path:
    """A folder with boto3 and what it needs, as the runtime has them."""
    folder.mkdir()
    for name in ("boto3", "botocore", "s3transfer", "jmespath", "dateutil", "urllib3", "six"):
        spec = find_spec(name)
        assert spec is not None
        assert spec.origin is not None
        origin = Path(spec.origin)
        source = origin.parent if origin.name == "__init__.py" else origin
        (folder / source.name).symlink_to(source)
    return folder


def _request() -> dict:
    return {
        "resource": "/app",
        "path": "/app",
        "httpMethod": "POST",
        "headers": {"content-type": "application/json"},
        "multiValueHeaders": {"content-type": ["application/json"]},
        "queryStringParameters": None,
        "requestContext": {"requestId": "r", "identity": {"sourceIp": "203.0.113.9", "userAgent": "curl"}},
        "body": '{"hello":"world"}',
        "isBase64Encoded": False,
    }
