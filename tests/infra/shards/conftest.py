"""A local Kinesis on a clock that stands still, and clients for it."""

from collections.abc import Callable, Iterator
from typing import Any

import boto3
import pytest
from botocore.config import Config

from infra.local.aws import kinesis as local_kinesis
from infra.shards.report import Clients
from tests.clock import FakeClock

STREAM = "spillway-dev-events"
MINUTE = 60.0


@pytest.fixture
def clock() -> FakeClock:
    """A clock at the beginning of a minute."""
    clock = FakeClock()
    clock.advance(MINUTE - clock.time() % MINUTE)
    return clock


@pytest.fixture
def local(aws: None, clock: FakeClock) -> Iterator[None]:
    """The local Kinesis, which takes ten seconds for a change."""
    with local_kinesis.installed("aws", clock, update_seconds=10):
        yield


@pytest.fixture
def clients(local: None) -> Clients:
    """Clients of everything that shards need, with a stream of two of them."""
    once = Config(retries={"total_max_attempts": 1})  # the local Kinesis refuses for good while its clock stands still
    services = ("kinesis", "cloudwatch", "lambda", "firehose")
    found = Clients(*(boto3.client(service, config=once) for service in services))  # type: ignore[call-overload]
    found.kinesis.create_stream(StreamName=STREAM, ShardCount=2)
    return found


@pytest.fixture
def put(clients: Clients) -> Callable[..., int]:
    """Puts records, and returns how many were refused."""

    def put_records(keys: list[str], size_bytes: int = 200) -> int:
        refused = 0
        for at in range(0, len(keys), 500):
            records = [{"Data": b"x" * size_bytes, "PartitionKey": key} for key in keys[at : at + 500]]
            refused += clients.kinesis.put_records(StreamName=STREAM, Records=records)["FailedRecordCount"]
        return refused

    return put_records


@pytest.fixture
def put_age(clients: Clients, clock: FakeClock) -> Callable[[float], None]:
    """Gives CloudWatch the iterator age of this minute, in milliseconds."""

    def put_metric(age_ms: float) -> None:
        put_datum(clients.cloudwatch, "GetRecords.IteratorAgeMilliseconds", age_ms, clock.time())

    return put_metric


def put_datum(cloudwatch: Any, metric: str, value: float, at: float, **dimensions: str) -> None:
    """Give CloudWatch a value of a stream's metric."""
    named = [{"Name": name, "Value": text} for name, text in {"StreamName": STREAM, **dimensions}.items()]
    datum = {"MetricName": metric, "Dimensions": named, "Timestamp": at, "Value": value}
    cloudwatch.put_metric_data(Namespace="AWS/Kinesis", MetricData=[datum])


def shard_count(clients: Clients) -> int:
    """How many shards are open."""
    summary = clients.kinesis.describe_stream_summary(StreamName=STREAM)["StreamDescriptionSummary"]
    return int(summary["OpenShardCount"])
