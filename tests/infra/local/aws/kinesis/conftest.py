"""The Kinesis the suite runs against: the local one, or another where the environment names it.

`SPILLWAY_CONFORMANCE=aws` runs the conformance tests against AWS, `AWS_ENDPOINT_URL_KINESIS` against that endpoint;
tests that set the clock, or that would be slow or dear there, are then skipped.
"""

import os
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING
from uuid import uuid4

import boto3
import pytest
from botocore.config import Config
from moto import mock_aws

from infra.local.aws import kinesis as local_kinesis
from tests.clock import FakeClock
from tests.infra.local.aws.kinesis.stream_under_test import StreamUnderTest

if TYPE_CHECKING:
    from types_boto3_kinesis import KinesisClient

REGION = "eu-west-2"

MakeStream = Callable[[int], StreamUnderTest]


@pytest.fixture(scope="session")
def elsewhere() -> bool:
    """Whether the suite runs against AWS or a named endpoint."""
    return os.environ.get("SPILLWAY_CONFORMANCE") == "aws" or "AWS_ENDPOINT_URL_KINESIS" in os.environ


@pytest.fixture
def clock(elsewhere: bool) -> FakeClock:  # noqa: FBT001 (a fixture)
    """The clock of the local Kinesis."""
    if elsewhere:
        pytest.skip("sets the clock, or floods the stream, which only the local Kinesis allows")
    return FakeClock()


@pytest.fixture(scope="module")
def any_client(elsewhere: bool) -> "Iterator[KinesisClient]":  # noqa: FBT001 (a fixture)
    """A client, made once for a module, as that takes longer than most tests."""
    if elsewhere:
        yield boto3.client("kinesis", config=Config(retries={"mode": "standard", "total_max_attempts": 10}))
    else:
        with mock_aws():
            yield boto3.client("kinesis", region_name=REGION, config=Config(retries={"total_max_attempts": 1}))


@pytest.fixture
def client(
    elsewhere: bool,  # noqa: FBT001 (a fixture)
    any_client: "KinesisClient",
    request: pytest.FixtureRequest,
) -> "Iterator[KinesisClient]":
    """A client; no throughput limits locally, so that only the tests of limits meet them."""
    if elsewhere:
        yield any_client
    else:
        with local_kinesis.installed("off", request.getfixturevalue("clock")):
            yield any_client


@pytest.fixture
def make_stream(client: "KinesisClient") -> Iterator[MakeStream]:
    """Makes streams of so many shards, and deletes them afterwards."""
    made: list[str] = []

    def make(shard_count: int) -> StreamUnderTest:
        stream = StreamUnderTest(client, f"spillway-test-{uuid4().hex}")
        client.create_stream(StreamName=stream.name, ShardCount=shard_count)
        made.append(stream.name)
        stream.wait_until_active()
        return stream

    yield make
    there = client.list_streams(Limit=10_000)["StreamNames"]
    for name in made:
        if name in there:
            client.delete_stream(StreamName=name, EnforceConsumerDeletion=True)


@pytest.fixture
def kinesis(make_stream: MakeStream) -> StreamUnderTest:
    """A stream of two shards."""
    return make_stream(2)


@pytest.fixture
def limited(clock: FakeClock, kinesis: StreamUnderTest) -> StreamUnderTest:
    """A stream of two shards whose throughput limits bite."""
    local_kinesis.install("aws", clock)
    return kinesis
