"""The status of an environment on AWS: alarms first, then the rows that the local pipeline shows."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import boto3
import pytest
from click.testing import CliRunner

from infra.aws_status import alarms, behind, hops
from infra.cli.context import CommandError
from infra.cli.main import spillway
from infra.names import Names
from infra.status import HopStatus
from infra.status_logs import problem_of

NAMES = Names("dev", "123456789012")


@pytest.fixture
def cloudwatch(aws, monkeypatch) -> Any:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "testing")
    return boto3.client("cloudwatch")


def put(cloudwatch: Any, namespace: str, name: str, value: float, minutes_ago: int = 5, **dimensions: str) -> None:
    at = datetime.now(UTC) - timedelta(minutes=minutes_ago)
    shown = [{"Name": key, "Value": each} for key, each in dimensions.items()]
    datum = {"MetricName": name, "Dimensions": shown, "Timestamp": at, "Value": value}
    cloudwatch.put_metric_data(Namespace=namespace, MetricData=[datum])


def put_own(cloudwatch: Any, service: str, **values: float) -> None:
    for name, value in values.items():
        function = f"spillway-dev-{service.replace('_', '-')}"
        put(cloudwatch, "Spillway", name, value, service=service, function=function)


def put_alarm(cloudwatch: Any, name: str, state: str) -> None:
    cloudwatch.put_metric_alarm(
        AlarmName=name,
        AlarmDescription=f"What {name} means. Runbook: docs/runbooks/alarms.md",
        MetricName="Errors",
        Namespace="AWS/Lambda",
        Statistic="Sum",
        Period=60,
        EvaluationPeriods=1,
        Threshold=0,
        ComparisonOperator="GreaterThanThreshold",
    )
    cloudwatch.set_alarm_state(AlarmName=name, StateValue=state, StateReason="as the test wants it")


@pytest.fixture
def busy(cloudwatch) -> Any:
    """An environment through which something went, with alarms in every state, beside another one."""
    put_own(cloudwatch, "http_api", AcceptedEvents=90, RejectedEvents=7, ThrottledEvents=3)
    put_own(cloudwatch, "table_writer", WrittenEvents=80, PoisonEvents=4)
    put_own(cloudwatch, "firehose_transform", TransformedEvents=85, FailedEvents=2)
    put_own(cloudwatch, "dead_letter_archiver", ArchivedDeadLetters=5, LostRecords=1)
    put(cloudwatch, "Spillway", "AcceptedEvents", 999, service="http_api", function="spillway-prod-http-api")
    put(cloudwatch, "AWS/Kinesis", "IncomingRecords", 60, StreamName="spillway-dev-events")
    put(cloudwatch, "AWS/Firehose", "DeliveryToS3.Records", 70, DeliveryStreamName="spillway-dev-archive")
    put(cloudwatch, "AWS/Firehose", "FailedConversion.Records", 1, DeliveryStreamName="spillway-dev-archive")
    put(cloudwatch, "AWS/Firehose", "DeliveryToS3.DataFreshness", 240, DeliveryStreamName="spillway-dev-archive")
    queue = "spillway-dev-dead-letters"
    put(cloudwatch, "AWS/SQS", "NumberOfMessagesSent", 6, QueueName=queue)
    put(cloudwatch, "AWS/SQS", "NumberOfMessagesDeleted", 5, QueueName=queue)
    for minutes_ago, visible in ((9, 8.0), (3, 1.0)):
        put(cloudwatch, "AWS/SQS", "ApproximateNumberOfMessagesVisible", visible, minutes_ago, QueueName=queue)
    put(cloudwatch, "AWS/Lambda", "IteratorAge", 1_500, FunctionName="spillway-dev-table-writer")
    put_alarm(cloudwatch, "spillway-dev-fine", "OK")
    put_alarm(cloudwatch, "spillway-dev-unknown", "INSUFFICIENT_DATA")
    put_alarm(cloudwatch, "spillway-dev-raised", "ALARM")
    put_alarm(cloudwatch, "spillway-prod-raised", "ALARM")
    return cloudwatch


@pytest.fixture
def logs(cloudwatch) -> Any:
    return boto3.client("logs")


def log(logs: Any, function: str, *lines: str) -> None:
    group = f"/aws/lambda/spillway-dev-{function}"
    logs.create_log_group(logGroupName=group)
    logs.create_log_stream(logGroupName=group, logStreamName="s")
    now = int(datetime.now(UTC).timestamp() * 1000)
    events = [{"timestamp": now - 60_000 + number, "message": line} for number, line in enumerate(lines)]
    logs.put_log_events(logGroupName=group, logStreamName="s", logEvents=events)


def period() -> dict[str, float]:
    now = datetime.now(UTC).timestamp()
    return {"since": now - 3600, "now": now}


def test_the_rows_are_those_of_the_local_pipeline(busy, logs):
    assert hops(busy, logs, NAMES, **period()) == [
        HopStatus("http_api", "events", 97, 90, 0, 7, retried=3),
        HopStatus("stream_mapping", "records", 60, 60, 0, 0),
        HopStatus("table_writer", "events", 84, 80, 0, 4),
        HopStatus("firehose", "events", 87, 70, 14, 3),
        HopStatus("queue_mapping", "messages", 6, 5, 1, 0),
        HopStatus("dead_letter_archiver", "dead letters", 6, 5, 0, 1),
    ]


def test_only_the_time_asked_for_counts(busy, logs):
    now = datetime.now(UTC).timestamp()
    assert [hop.received for hop in hops(busy, logs, NAMES, since=now - 60, now=now)] == [0, 0, 0, 0, 0, 0]


def test_reader_lag_is_reported_in_seconds(busy, cloudwatch):
    assert behind(busy, NAMES, **period()) == {"table_writer": 1.5, "firehose": 240.0}
    other = Names("prod", NAMES.account)
    assert behind(cloudwatch, other, **period()) == {"table_writer": None, "firehose": None}


def test_raised_alarms_come_first_and_only_this_environments(busy):
    found = alarms(busy, NAMES)
    assert [(alarm.name, alarm.state) for alarm in found] == [
        ("spillway-dev-raised", "ALARM"),
        ("spillway-dev-unknown", "INSUFFICIENT_DATA"),
        ("spillway-dev-fine", "OK"),
    ]
    assert "docs/runbooks/alarms.md" in found[0].description


def test_the_command_shows_alarms_before_rows(busy):
    shown = CliRunner().invoke(spillway, ["--env", "dev", "status"], catch_exceptions=False).output
    assert shown.index("spillway-dev-raised") < shown.index("1 of 3 alarms are OK") < shown.index("http_api")
    assert "table_writer 2 s, firehose 240 s" in shown
    shown = json.loads(
        CliRunner().invoke(spillway, ["--env", "dev", "status", "--json"], catch_exceptions=False).output
    )
    assert shown["hops"][0]["delivered"] == 90
    assert shown["alarms"][0]["state"] == "ALARM"


def test_an_environment_that_does_not_exist_is_an_error(cloudwatch):
    result = CliRunner().invoke(spillway, ["--env", "dev", "status"])
    assert isinstance(result.exception, CommandError)
    assert "dev does not exist in account 123456789012, region eu-west-2" in str(result.exception)


def test_an_environment_through_which_nothing_went_is_shown(cloudwatch):
    boto3.client("kinesis").create_stream(StreamName="spillway-dev-events", ShardCount=1)
    shown = CliRunner().invoke(spillway, ["--env", "dev", "status"], catch_exceptions=False).output
    assert "There are no alarms" in shown


def test_what_came_in_since_the_oldest_unread_record_waits(cloudwatch, logs):
    for minutes_ago, records in ((20, 1_000.0), (9, 20.0), (2, 3.0)):
        put(cloudwatch, "AWS/Kinesis", "IncomingRecords", records, minutes_ago, StreamName="spillway-dev-events")
    put(cloudwatch, "AWS/Lambda", "IteratorAge", 600_000, 1, FunctionName="spillway-dev-table-writer")
    put_own(cloudwatch, "http_api", AcceptedEvents=70)
    behind_ms = {"DeliveryStreamName": "spillway-dev-archive"}
    put(cloudwatch, "AWS/Firehose", "KinesisMillisBehindLatest", 600_000, 1, **behind_ms)
    rows = {hop.hop: hop for hop in hops(cloudwatch, logs, NAMES, **period())}
    mapping = rows["stream_mapping"]
    assert (mapping.received, mapping.delivered, mapping.waiting) == (1_023, 1_000, 23)
    assert rows["firehose"].waiting == 70


def test_where_the_readers_have_caught_up_nothing_waits(cloudwatch, logs):
    put(cloudwatch, "AWS/Kinesis", "IncomingRecords", 60, StreamName="spillway-dev-events")
    put(cloudwatch, "AWS/Lambda", "IteratorAge", 0, 1, FunctionName="spillway-dev-table-writer")
    assert [hop.waiting for hop in hops(cloudwatch, logs, NAMES, **period())] == [0] * 6


def test_the_cause_is_what_the_function_logged_last(cloudwatch, logs):
    put(cloudwatch, "AWS/Lambda", "Errors", 2, FunctionName="spillway-dev-table-writer")
    put_own(cloudwatch, "http_api", ThrottledEvents=5)
    older = json.dumps({"level": "WARNING", "message": "an older one", "service": "table_writer"})
    log(
        logs,
        "table-writer",
        older,
        "[ERROR] TableUnavailable: table t: AccessDenied\nTraceback (most recent call last):",
    )
    log(
        logs, "http-api", json.dumps({"level": "WARNING", "message": "the stream did not take events", "error": "E: x"})
    )
    causes = {hop.hop: hop.cause for hop in hops(cloudwatch, logs, NAMES, **period())}
    assert causes["table_writer"] == "TableUnavailable: table t: AccessDenied"
    assert causes["http_api"] == "the stream did not take events: E: x"
    assert causes["firehose"] == ""


def test_where_no_function_failed_no_log_is_read(busy):
    put_own(busy, "table_writer", WrittenEvents=1)
    queries = hops(busy, None, Names("prod", NAMES.account), **period())
    assert {hop.cause for hop in queries} == {""}


def test_a_log_that_does_not_exist_gives_no_cause(cloudwatch, logs):
    put(cloudwatch, "AWS/Lambda", "Errors", 2, FunctionName="spillway-dev-table-writer")
    assert {hop.cause for hop in hops(cloudwatch, logs, NAMES, **period())} == {""}


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        ('{"level": "INFO", "message": "fine"}', ""),
        ('{"level": "ERROR", "errorType": "KeyError", "errorMessage": "x"}', "KeyError: x"),
        ('{"level": "WARNING", "message": "m", "first_error": "e"}', "m: e"),
        ("START RequestId: ERROR", ""),
        ("[ERROR] KeyError: 'x'\nTraceback", "KeyError: 'x'"),
        ("[1]", ""),
    ],
)
def test_a_line_of_the_log_is_read_as_the_logger_or_lambda_writes_it(line, problem):
    assert problem_of(line) == problem
