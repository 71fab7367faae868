"""The scheduled function of automatic scaling, against the local Kinesis."""

import json
import subprocess
import sys
from dataclasses import replace
from typing import Any

import pytest

from infra.shards.errors import NotAllowed
from infra.shards.report import Clients
from infra.shards.scaling_function import Scaling, scale
from infra.shards.stream import read_stream
from tests.aws_errors import aws_error
from tests.clock import FakeClock
from tests.infra.shards.conftest import STREAM, put_datum, shard_count
from tests.infra.shards.mappings import make_mapping

ENVIRONMENT = {
    "STREAM_NAME": STREAM,
    "DELIVERY_STREAM_NAME": "spillway-dev-archive",
    "TABLE_WRITER_NAME": "spillway-dev-table-writer",
    "TOPIC_ARN": "arn:aws:sns:eu-west-2:123456789012:low",
    "DRY_RUN": "false",
    "PERIOD_SECONDS": "60",
    "TARGET_UTILISATION": "0.6",
    "UP_ABOVE": "0.75",
    "DOWN_BELOW": "0.4",
    "MIN_SHARDS": "1",
    "MAX_SHARDS": "16",
    "UP_COOL_DOWN_SECONDS": "120",
    "DOWN_COOL_DOWN_SECONDS": "3600",
}


class Topic:
    """What was published."""

    def __init__(self) -> None:
        self.subjects: list[str] = []

    def publish(self, **message: str) -> None:
        assert message["TopicArn"] == ENVIRONMENT["TOPIC_ARN"]
        assert json.loads(message["Message"])["stream"] == STREAM
        self.subjects.append(message["Subject"])


@pytest.fixture
def topic() -> Topic:
    return Topic()


@pytest.fixture
def scaling() -> Scaling:
    return Scaling.from_environment(ENVIRONMENT)


def write(clients: Clients, clock: FakeClock, records_per_second: float) -> None:
    """A minute of traffic as CloudWatch shows it, and readers that keep up."""
    at = clock.time()
    put_datum(clients.cloudwatch, "IncomingRecords", records_per_second * 60, at)
    put_datum(clients.cloudwatch, "IncomingBytes", records_per_second * 60 * 200, at)
    put_datum(clients.cloudwatch, "GetRecords.IteratorAgeMilliseconds", 100, at)
    clock.advance(60)


def test_it_grows_step_by_step_with_fresh_metrics_in_between(clients, clock, scaling, topic):
    for _ in range(3):
        write(clients, clock, 5_000)
    assert scale(scaling, clients, topic, clock)["decision"] == "scale 2 to 4 shards"
    assert shard_count(clients) == 4
    clock.advance(30)
    assert "no whole minute" in scale(scaling, clients, topic, clock)["reason"]
    clock.advance(30)
    write(clients, clock, 5_000)
    assert "cooling down" not in scale(replace(scaling, dry_run=True), clients, topic, clock)["reason"]
    assert scale(scaling, clients, topic, clock)["decision"] == "scale 4 to 8 shards"
    assert shard_count(clients) == 8
    assert topic.subjects == [f"{STREAM}: scale 2 to 4 shards", f"{STREAM}: scale 4 to 8 shards"]
    assert len(read_stream(clients.kinesis, STREAM, now=clock.time()).scalings) == 2


def test_it_shrinks_after_an_idle_hour(clients, clock, scaling, topic):
    clients.kinesis.update_shard_count(StreamName=STREAM, TargetShardCount=4, ScalingType="UNIFORM_SCALING")
    for minute in range(60):
        write(clients, clock, 100)
        if minute in (10, 50):
            assert scale(scaling, clients, topic, clock)["decision"] == "wait"
    assert scale(scaling, clients, topic, clock)["decision"] == "scale 4 to 2 shards"
    assert shard_count(clients) == 2


def test_a_dry_run_reports_and_changes_nothing(clients, clock, scaling, topic):
    write(clients, clock, 5_000)
    outcome = scale(replace(scaling, dry_run=True), clients, topic, clock)
    assert (outcome["decision"], outcome["taken"]) == ("scale 2 to 4 shards", False)
    assert shard_count(clients) == 2


def test_what_calls_for_somebody_is_reported_once_an_hour(clients, clock, scaling, topic):
    clock.advance(3_600 - clock.time() % 3_600 - 120)
    for _ in range(60):
        write(clients, clock, 100_000)
        scale(replace(scaling, dry_run=True), clients, topic, clock)
    assert topic.subjects == [f"{STREAM}: dry run: would scale 2 to 4 shards"]


def test_a_stream_that_is_updating_is_left_alone(clients, clock, scaling, topic):
    write(clients, clock, 5_000)
    clients.kinesis.increase_stream_retention_period(StreamName=STREAM, RetentionPeriodHours=48)
    assert "UPDATING" in scale(scaling, clients, topic, clock)["reason"]


def test_without_metrics_it_waits(clients, clock, scaling, topic):
    assert "no metrics" in scale(scaling, clients, topic, clock)["reason"]
    assert shard_count(clients) == 2


def test_somebody_quicker_is_not_an_error(clients, clock, scaling, topic):
    write(clients, clock, 5_000)

    def interfere(**_: object) -> None:
        raise aws_error("ResourceInUseException", operation="UpdateShardCount")

    clients.kinesis.meta.events.register("before-call.kinesis.UpdateShardCount", interfere)
    assert scale(scaling, clients, topic, clock)["taken"] is False
    assert topic.subjects == []


def test_a_missing_permission_fails_the_invocation(clients, clock, scaling, topic):
    def deny(**_: object) -> None:
        raise aws_error("AccessDeniedException", operation="DescribeStreamSummary")

    clients.kinesis.meta.events.register("before-call.kinesis.DescribeStreamSummary", deny)
    with pytest.raises(NotAllowed, match="not allowed to call DescribeStreamSummary"):
        scale(scaling, clients, topic, clock)


def test_a_busy_writer_gets_more_lanes(clients, clock, scaling, topic):
    function = ENVIRONMENT["TABLE_WRITER_NAME"]
    arn = clients.kinesis.describe_stream_summary(StreamName=STREAM)["StreamDescriptionSummary"]["StreamARN"]
    mapping = make_mapping(clients, arn, function)
    for _ in range(2):
        put_duration(clients.cloudwatch, function, 2 * 60_000 * 0.95, clock.time())
        write(clients, clock, 1_000)
    assert scale(scaling, clients, topic, clock)["decision"].startswith(
        "raise the writer's parallelisation factor from 1 to"
    )
    assert clients.lambda_.get_event_source_mapping(UUID=mapping)["ParallelizationFactor"] == 2


def test_an_invocation_does_not_wait_for_the_mapping(clients, clock, scaling, topic):
    """The function has 60 seconds; the next invocation sees what became of the change."""
    function = ENVIRONMENT["TABLE_WRITER_NAME"]
    arn = clients.kinesis.describe_stream_summary(StreamName=STREAM)["StreamDescriptionSummary"]["StreamARN"]
    make_mapping(clients, arn, function)
    for _ in range(2):
        put_duration(clients.cloudwatch, function, 2 * 60_000 * 0.95, clock.time())
        write(clients, clock, 1_000)
    clients.lambda_.meta.events.register("after-call.lambda.GetEventSourceMapping", _updating)
    before = clock.time()
    assert scale(scaling, clients, topic, clock)["taken"]
    assert clock.time() == before


def _updating(parsed: dict[str, Any], **_: object) -> None:
    parsed["State"] = "Updating"


def put_duration(cloudwatch: Any, function: str, milliseconds: float, at: float) -> None:
    dimensions = [{"Name": "FunctionName", "Value": function}]
    datum = {"MetricName": "Duration", "Dimensions": dimensions, "Timestamp": at, "Value": milliseconds}
    cloudwatch.put_metric_data(Namespace="AWS/Lambda", MetricData=[datum])


def test_settings_that_make_no_sense_are_refused():
    for change in ({"MAX_SHARDS": "0"}, {"UP_ABOVE": "0.5"}, {"TARGET_UTILISATION": "many"}):
        with pytest.raises(ValueError, match=r"."):
            Scaling.from_environment(ENVIRONMENT | change)
    with pytest.raises(KeyError):
        Scaling.from_environment({})


def test_the_function_imports_nothing_that_a_lambda_would_not_have():
    heavy = "{'yaml', 'msgspec', 'click', 'rich', 'moto', 'pyarrow', 'duckdb', 'matplotlib', 'numpy'}"
    code = f"""
import sys, infra.shards.scaling_function
ours = {{name for name in sys.modules if name.startswith(("infra.", "consumers", "archive"))}}
others = {{name for name in ours if not name.startswith(("infra.shards", "infra.prices"))}}
print(sorted({heavy} & set(sys.modules)) + sorted(others))
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
