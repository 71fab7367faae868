"""The functions that a schedule calls, through their handlers and with clients of botocore, which a recording sees.

The tests of `archive.compaction` and `infra.shards` give them fakes of Athena and SNS, which no recording sees.
"""

import json
import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import boto3
import pytest

import producers.aws
from archive import compactor
from archive.compaction import athena as athena_compaction
from archive.lake.columns import columns
from archive.lake.hours import Hour
from infra.functions import COMPACTOR, SCALING_FUNCTION, TABLE_WRITER, Function, scheduled_functions
from infra.local.aws import kinesis as local_kinesis
from infra.local.aws.shortcut import taken
from infra.names import Names
from infra.settings import load
from infra.shards import scaling_function
from infra.shards.autoscaling import Decision
from infra.shards.steps import Step
from producers.clock import SystemClock
from tests.archive.lake.lakes import parquet_of
from tests.events import Context
from tests.http.conftest import changed
from tests.infra.shards.mappings import make_mapping

NAMES = Names("local", "123456789012")
REGION = "eu-west-2"
HOUR = Hour.of(datetime.now(UTC) - timedelta(hours=5))
DAY = {"from": (HOUR.start - timedelta(hours=12)).isoformat(), "to": (HOUR.start + timedelta(hours=12)).isoformat()}
HALF = 1 << 127


def set_up(module: str, monkeypatch: pytest.MonkeyPatch, topic: str = "arn:aws:sns:eu-west-2:123456789012:low") -> None:
    """The environment variables of a function, as they are deployed."""
    settings = changed(load("local"), scaling={"enabled": True}, compaction={"visible_after_seconds": 0})
    functions: dict[str, Function] = {each.module: each for each in scheduled_functions(settings, NAMES, topic)}
    for name, value in functions[module].environment.items():
        monkeypatch.setenv(name, value)


class Athena:
    """Athena's answers; an UNLOAD leaves an object."""

    def __init__(self) -> None:
        self.state = "SUCCEEDED"
        self.statements: list[str] = []

    def calls(self) -> dict[str, Any]:
        columns = [{"Name": "_col0", "Type": "varchar"}]
        rows = [{"Data": [{"VarCharValue": value}]} for value in ("_col0", "1795401296000000")]
        result = {"ResultSet": {"ResultSetMetadata": {"ColumnInfo": columns}, "Rows": rows}}
        return {
            "StartQueryExecution": self._start,
            "GetQueryExecution": lambda *_: {"QueryExecution": {"Status": {"State": self.state}}},
            "GetQueryResults": lambda *_: result,
            "StopQueryExecution": lambda *_: {},
        }

    def _start(self, _region: str, body: bytes) -> dict[str, str]:
        sql = json.loads(body)["QueryString"]
        self.statements.append(sql)
        if sql.startswith("UNLOAD"):
            key = sql.split("TO 's3://")[1].partition("'")[0].partition("/")[2]
            # In a thread of its own: it is Athena that writes, not the function.
            thread = threading.Thread(target=_put, args=(f"{key}part-{len(self.statements)}",))
            thread.start()
            thread.join()
        return {"QueryExecutionId": str(len(self.statements))}


@pytest.fixture
def athena(aws: None, monkeypatch: pytest.MonkeyPatch) -> Iterator[Athena]:
    set_up(COMPACTOR, monkeypatch)
    s3: Any = boto3.client("s3")
    s3.create_bucket(Bucket=NAMES.lake_bucket, CreateBucketConfiguration={"LocationConstraint": REGION})
    athena = Athena()
    with taken("athena", athena.calls()):
        producers.aws.client.cache_clear()
        yield athena
    producers.aws.client.cache_clear()


def _put(key: str) -> None:
    boto3.client("s3").put_object(Bucket=NAMES.lake_bucket, Key=key, Body=parquet_of([], columns()))


def land(name: str) -> None:
    _put(f"events/{HOUR.path}/{name}.parquet")


def test_an_hour_is_compacted_extended_and_what_it_replaced_is_deleted(athena, monkeypatch):
    land("a")
    assert compactor.handler(DAY, Context(900))["compacted"] == [str(HOUR)]
    land("late")
    assert compactor.handler(DAY, Context(900))["compacted"] == [str(HOUR)]
    replaced = _data()
    later = SystemClock.time
    monkeypatch.setattr(SystemClock, "time", lambda clock: later(clock) + 7 * 86_400)
    land("later")
    compactor.handler(DAY, Context(900))
    compactor.handler(DAY, Context(900))
    assert set(replaced) - set(_data()), "nothing was deleted"


def test_a_large_hour_asks_for_its_quantiles_and_a_statement_out_of_time_is_stopped(athena, monkeypatch):
    monkeypatch.setattr(athena_compaction, "SLICE_BYTES", 2)
    land("a")
    assert compactor.handler(DAY, Context(900))["compacted"] == [str(HOUR)]
    land("late")
    athena.state = "RUNNING"
    assert compactor.handler(DAY, Context(compactor.RESERVE_SECONDS + 1))["failed"] == [str(HOUR)]


def _data() -> list[str]:
    found = boto3.client("s3").list_objects_v2(Bucket=NAMES.lake_bucket, Prefix="events_compacted/data/")
    return [each["Key"] for each in found.get("Contents", [])]


@pytest.fixture
def stream(aws: None, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """Two shards, and a topic that the function publishes to; the stream's ARN."""
    topic = boto3.client("sns").create_topic(Name=f"{NAMES.prefix}-low")["TopicArn"]
    set_up(SCALING_FUNCTION, monkeypatch, topic)
    with local_kinesis.installed("aws"):
        kinesis = boto3.client("kinesis")
        kinesis.create_stream(StreamName=NAMES.stream, ShardCount=2)
        scaling_function._client.cache_clear()
        yield kinesis.describe_stream_summary(StreamName=NAMES.stream)["StreamDescriptionSummary"]["StreamARN"]
    scaling_function._client.cache_clear()


@pytest.mark.parametrize(
    "step",
    [
        Step("scale", 2, 4),
        Step("split", 2, 3, ranges=((0, HALF - 1),), at=HALF >> 1),
        Step("merge", 2, 1, ranges=((0, HALF - 1), (HALF, 2 * HALF - 1))),
    ],
    ids=lambda step: step.kind,
)
def test_every_kind_of_step_on_shards_is_taken_and_published(stream, monkeypatch, step):
    decision: Any = Decision(step, "a test", plan=SimpleNamespace(writer_mapping=None))  # type: ignore[arg-type]
    monkeypatch.setattr(scaling_function, "decide", lambda *_: decision)
    assert scaling_function.handler({}, None)["taken"]
    shards = boto3.client("kinesis").describe_stream_summary(StreamName=NAMES.stream)["StreamDescriptionSummary"]
    assert shards["OpenShardCount"] == step.after


def test_the_writers_mapping_is_changed_and_published(stream, monkeypatch):
    clients: Any = SimpleNamespace(lambda_=boto3.client("lambda"))
    mapping = make_mapping(clients, stream, NAMES.function(TABLE_WRITER))
    plan: Any = SimpleNamespace(writer_mapping=mapping)
    decision = Decision(Step("parallelize", 1, 2), "a test", plan=plan)
    monkeypatch.setattr(scaling_function, "decide", lambda *_: decision)
    assert scaling_function.handler({}, None)["taken"]


def test_where_records_are_refused_a_little_of_the_stream_is_read(stream):
    kinesis = boto3.client("kinesis")
    kinesis.put_records(
        StreamName=NAMES.stream, Records=[{"Data": b"x", "PartitionKey": str(n)} for n in range(100)]
    )  # fmt: skip
    now = time.time()
    values = {"IncomingRecords": 60_000.0, "IncomingBytes": 6e6, "WriteProvisionedThroughputExceeded": 100.0}
    for metric, value in values.items():
        datum: Any = {
            "MetricName": metric,
            "Dimensions": [{"Name": "StreamName", "Value": NAMES.stream}],
            "Timestamp": now - now % 60 - 60,
            "Value": value,
        }
        boto3.client("cloudwatch").put_metric_data(Namespace="AWS/Kinesis", MetricData=[datum])
    assert scaling_function.handler({}, None)["reason"]
