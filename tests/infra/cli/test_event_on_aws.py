"""`spillway event` of an environment on AWS: the access log, the trace and its link, besides what one machine has."""

import json
import time
from typing import Any

import boto3
import pytest
from click.testing import CliRunner

from infra.cli.main import spillway
from infra.local.aws import kinesis as local_kinesis
from producers.event import encode, format_timestamp
from tests.events import an_event
from tests.events_table import create_events_table

ACCOUNT = "123456789012"
TRACE = "1-0123abcd-0123456789abcdef01234567"


@pytest.fixture
def dev(aws: None, monkeypatch: pytest.MonkeyPatch) -> Any:
    """An environment with everything that a journey asks, and empty."""
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "testing")
    with local_kinesis.installed("aws"):
        boto3.client("kinesis").create_stream(StreamName="spillway-dev-events", ShardCount=1)
        s3 = boto3.client("s3")
        for bucket in (f"spillway-dev-lake-{ACCOUNT}", f"spillway-dev-dead-letters-{ACCOUNT}"):
            s3.create_bucket(Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": "eu-west-2"})
        create_events_table("spillway-dev-events")
        yield


def run(*words: str) -> dict[str, Any]:
    done = CliRunner().invoke(spillway, ["--env", "dev", "event", *words, "--json"])
    assert done.exit_code == 0, (done.output, done.exception)
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[0])
    return found


def test_the_journey_has_the_row_the_access_log_and_a_link_to_the_trace(dev, monkeypatch):
    now = time.time()
    timestamp = format_timestamp(int(now * 1_000_000))
    event = an_event(timestamp=timestamp, request_id="8f1c#3", trace=f"Root={TRACE};Parent=0123456789abcdef;Sampled=1")
    boto3.client("kinesis").put_record(StreamName="spillway-dev-events", PartitionKey="k", Data=encode(event))
    row = {"timestamp": {"S": timestamp}, "request_id": {"S": "8f1c#3"}, "payload_json": {"S": "1"}}
    boto3.client("dynamodb").put_item(TableName="spillway-dev-events", Item=row)
    logs, group = boto3.client("logs"), "/aws/apigateway/spillway-dev-access"
    logs.create_log_group(logGroupName=group)
    logs.create_log_stream(logGroupName=group, logStreamName="s")
    line = {"requestId": "8f1c", "status": "201", "httpMethod": "POST", "path": "/dev/app"}
    logs.put_log_events(
        logGroupName=group,
        logStreamName="s",
        logEvents=[{"timestamp": int(now * 1000), "message": json.dumps(line)}],
    )
    segment = {"name": "table_writer", "start_time": now, "end_time": now + 0.25, "annotations": {"outcome": "written"}}
    monkeypatch.setattr("infra.journey.asking.segments_of", lambda _xray, _id: [segment])  # moto keeps no segments

    found = run("8f1c#3", "--at", timestamp)

    steps = {step["place"]: step for step in found["steps"]}
    assert set(steps) == {"http", "stream", "table"}
    assert any(step.get("access_log") == line for step in found["steps"])
    assert steps["table"]["payload_as"] == "text"
    assert steps["table"]["seconds_after"] == pytest.approx(0.25, abs=0.01)
    assert found["trace"]["link"].endswith(f"region=eu-west-2#xray:traces/{TRACE}")
    assert found["trace"]["segments"][0]["outcome"] == "written"
    assert not any(each["missed"] for each in found["searched"])


def test_without_access_logs_the_search_says_so_and_the_row_is_found_by_its_key_after_the_stream(dev):
    timestamp = format_timestamp(int((time.time() - 30 * 86_400) * 1_000_000))
    row = {"timestamp": {"S": timestamp}, "request_id": {"S": "old"}, "payload": {"S": "x"}}
    boto3.client("dynamodb").put_item(TableName="spillway-dev-events", Item=row)
    found = run("old", "--at", timestamp)
    searched = {each["place"]: each for each in found["searched"]}
    assert [step["place"] for step in found["steps"]] == ["http", "table"]
    assert "access_logs" in searched["http"]["missed"]
    assert "older than the stream" in searched["stream"]["looked_at"]
