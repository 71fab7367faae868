"""A delivery stream on a clock that stands still."""

from collections.abc import Iterator

import boto3
import pytest
from moto import mock_aws

from infra.local.aws import kinesis
from tests.clock import FakeClock
from tests.infra.local.firehose.delivery_under_test import REGION, DeliveryUnderTest


@pytest.fixture(scope="session")
def session() -> boto3.Session:
    """One for all tests, because it reads the models of the services, which takes most of a test's time."""
    return boto3.Session("testing", "testing", region_name=REGION)


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def delivery(session: boto3.Session, clock: FakeClock) -> Iterator[DeliveryUnderTest]:
    with mock_aws(), kinesis.installed("off", clock):
        yield DeliveryUnderTest(session, clock)
