"""A local Kinesis on a clock that stands still, and a tail of it."""

from collections.abc import Callable, Iterator
from typing import Any

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from infra.local.aws import kinesis as local_kinesis
from infra.tail.reader import Tail
from tests.clock import FakeClock

STREAM = "spillway-dev-events"


class Pauses:
    """A stop whose waits move the clock, each with a step after it, and which is set after so many seconds."""

    def __init__(self, clock: FakeClock, seconds: float, *steps: Callable[[], object]) -> None:
        self._clock = clock
        self._end = clock.monotonic() + seconds
        self._steps = iter(steps)
        self.waits: list[float] = []

    def is_set(self) -> bool:
        return self._clock.monotonic() >= self._end

    def wait(self, timeout: float) -> bool:
        self.waits.append(timeout)
        self._clock.advance(timeout)
        next(self._steps, lambda: None)()
        return self.is_set()


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def kinesis(aws: None, clock: FakeClock) -> Iterator[Any]:
    """A client of the local Kinesis with its limits, and a stream of two shards."""
    with local_kinesis.installed("aws", clock):
        client = boto3.client("kinesis", config=Config(retries={"total_max_attempts": 1}))
        client.create_stream(StreamName=STREAM, ShardCount=2)
        yield client


@pytest.fixture
def put(kinesis: Any, clock: FakeClock) -> Callable[..., None]:
    """Puts bytes on the stream, as one record each."""

    def put_records(*datas: bytes, key: str = "key") -> None:
        clock.advance(0.001)
        for data in datas:
            kinesis.put_record(StreamName=STREAM, Data=data, PartitionKey=key)

    return put_records


@pytest.fixture
def tail_of(kinesis: Any, clock: FakeClock) -> Callable[..., Tail]:
    """A tail of the stream."""
    return lambda **arguments: Tail(kinesis, STREAM, clock=clock, **arguments)


def refuse(client: Any, operation: str, *codes: str | None) -> None:
    """Make calls of a client fail with these codes, one after another; None lets one through."""
    left = iter(codes)

    def fail(**_: Any) -> None:
        if (code := next(left, None)) is not None:
            raise ClientError({"Error": {"Code": code, "Message": "injected"}}, operation)

    client.meta.events.register(f"before-call.kinesis.{operation}", fail)
