"""A stream and a queue in this process, with the mappings a test runs between them."""

import contextlib
import threading
from base64 import b64decode
from collections.abc import Callable, Iterator
from typing import Any

import boto3
from moto import mock_aws

from infra.local.aws import kinesis as local_kinesis
from infra.local.aws import sqs as local_sqs
from infra.local.event_sources.stream_mapping import StreamMapping
from infra.local.functions import FunctionError, InvocationResult
from tests.waiting import wait_until

REGION = "eu-west-2"
STREAM_ARN = "arn:aws:kinesis:eu-west-2:123456789012:stream/events"
FUNCTION_ARN = "arn:aws:lambda:eu-west-2:123456789012:function:writer"
ROLE_ARN = "arn:aws:iam::123456789012:role/writer"
QUEUE_ARN = "arn:aws:sqs:eu-west-2:123456789012:dead-letters"
OK = InvocationResult(None, None)
CRASH = InvocationResult(None, FunctionError("KeyError", "'x'"))


class Machine:
    """A stream, a queue, and the mappings a test starts."""

    def __init__(self) -> None:
        self.kinesis = boto3.client("kinesis", REGION)
        self.sqs = boto3.client("sqs", REGION)
        self._mappings: list[StreamMapping] = []

    def start(self, invoke: Callable[[Any], InvocationResult], **settings: Any) -> StreamMapping:
        defaults = {"UUID": "id", "FunctionArn": FUNCTION_ARN, "EventSourceArn": STREAM_ARN}
        mapping = StreamMapping(
            {"StartingPosition": "TRIM_HORIZON", **defaults, **settings},
            invoke,
            self.kinesis,
            self.sqs,
            role_arn=ROLE_ARN,
            poll_seconds=0.02,
        )
        self._mappings.append(mapping)
        mapping.start()
        return mapping

    def put(self, *bodies: str, key: str | None = None) -> None:
        entries: list[Any] = [{"Data": body.encode(), "PartitionKey": key or body} for body in bodies]
        for begin in range(0, len(entries), 500):
            answer = self.kinesis.put_records(StreamName="events", Records=entries[begin : begin + 500])
            assert answer["FailedRecordCount"] == 0

    def stop(self) -> None:
        for mapping in self._mappings:
            mapping.stop()


@contextlib.contextmanager
def machine_with_two_shards() -> Iterator[Machine]:
    """A machine for one test; its mappings are stopped at the end."""
    with mock_aws(), local_kinesis.installed("off"), local_sqs.installed():
        machine = Machine()
        machine.kinesis.create_stream(StreamName="events", ShardCount=2)
        yield machine
        machine.stop()


class Recorder:
    """A function that keeps what it was given."""

    def __init__(self, answer: Callable[[list[str]], InvocationResult] = lambda _bodies: OK) -> None:
        self.bodies: list[str] = []
        self.events: list[Any] = []
        self._answer = answer
        self._lock = threading.Lock()

    def __call__(self, event: Any) -> InvocationResult:
        bodies = [b64decode(each["kinesis"]["data"]).decode() for each in event["Records"]]
        result = self._answer(bodies)
        with self._lock:
            self.events.append(event)
            if result.error is None:
                self.bodies += bodies
        return result


def drain(mapping: StreamMapping) -> None:
    mapping.drain()
    wait_until(mapping.is_drained)
