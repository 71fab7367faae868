"""The whole mapping on its threads when something fails: the function, the queue, Kinesis."""

import json
import sqlite3
import threading
import time
from typing import Any

import pytest
from botocore.exceptions import EndpointConnectionError

from infra.local.event_sources.stream_mapping import StreamMapping
from infra.local.functions import FunctionThrottled, InvocationResult, RequestTooLarge
from tests.infra.local.event_sources.mapping_machine import (
    CRASH,
    OK,
    QUEUE_ARN,
    Machine,
    Recorder,
    drain,
)
from tests.waiting import wait_until


def test_what_is_given_up_leaves_a_pointer_in_the_queue_and_the_shard_moves_on(machine: Machine) -> None:
    url = machine.sqs.create_queue(QueueName="dead-letters")["QueueUrl"]
    machine.put("1", "poison", "3", key="one key")
    function = Recorder(lambda bodies: CRASH if "poison" in bodies else OK)
    mapping = machine.start(
        function,
        MaximumRetryAttempts=0,
        BisectBatchOnFunctionError=True,
        DestinationConfig={"OnFailure": {"Destination": QUEUE_ARN}},
    )
    drain(mapping)
    [message] = machine.sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10)["Messages"]
    info = json.loads(message["Body"])["KinesisBatchInfo"]
    records = [each for event in function.events for each in event["Records"]]
    poison = next(each for each in records if each["kinesis"]["data"] == "cG9pc29u")["kinesis"]["sequenceNumber"]
    assert (info["startSequenceNumber"], info["endSequenceNumber"], info["batchSize"]) == (poison, poison, 1)
    assert function.bodies == ["1", "3"]
    status = mapping.status()
    assert (status.received, status.delivered, status.failed) == (3, 2, 1)


def test_while_the_pointer_cannot_be_sent_the_shard_waits_and_then_it_is_sent(machine: Machine) -> None:
    machine.put("poison", "2", key="one key")
    function = Recorder(lambda bodies: CRASH if "poison" in bodies else OK)
    mapping = machine.start(
        function, BatchSize=1, MaximumRetryAttempts=0, DestinationConfig={"OnFailure": {"Destination": QUEUE_ARN}}
    )
    mapping.drain()
    wait_until(lambda: bool(function.events))
    time.sleep(0.05)  # time for it to go wrong
    assert function.bodies == []
    assert not mapping.is_drained()
    url = machine.sqs.create_queue(QueueName="dead-letters")["QueueUrl"]
    wait_until(mapping.is_drained)
    assert len(machine.sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10)["Messages"]) == 1
    assert function.bodies == ["2"]


def test_a_checkpoint_that_cannot_be_kept_stops_no_shard(machine: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    failures = [sqlite3.OperationalError("database is locked"), OSError("the disk is gone")]

    def keep(*_: Any) -> None:
        if failures:
            raise failures.pop()

    monkeypatch.setattr(StreamMapping, "_keep", keep)
    function = Recorder()
    mapping = machine.start(function, BatchSize=1)
    for body in ("1", "2", "3"):
        machine.put(body, key="one key")
        wait_until(lambda body=body: body in function.bodies)  # type: ignore[misc] # mypy knows no lambda's default
    drain(mapping)
    assert function.bodies == ["1", "2", "3"]


def test_while_a_batch_is_in_flight_it_is_never_drained(machine: Machine) -> None:
    entered, release = threading.Event(), threading.Event()

    def answer(_bodies: list[str]) -> InvocationResult:
        entered.set()
        release.wait(30)
        return OK

    mapping = machine.start(Recorder(answer))
    machine.put("1")
    mapping.drain()
    assert entered.wait(30)
    time.sleep(0.1)  # several polls that find nothing more
    assert not mapping.is_drained()
    release.set()
    wait_until(mapping.is_drained)


def test_a_throttled_function_gets_the_batch_again_and_no_retry_is_used(machine: Machine) -> None:
    left = iter([1, 2])
    function = Recorder()

    def invoke(event: Any) -> InvocationResult:
        if next(left, None):
            raise FunctionThrottled("busy")
        return function(event)

    machine.put("1")
    drain(machine.start(invoke, MaximumRetryAttempts=0))
    assert function.bodies == ["1"]


def test_a_record_too_large_for_any_event_is_given_up_and_does_not_block_its_shard(machine: Machine) -> None:
    function = Recorder()

    def invoke(event: Any) -> InvocationResult:
        if len(event["Records"][0]["kinesis"]["data"]) > 1_000:
            raise RequestTooLarge("over 6 MB")
        return function(event)

    machine.put("x" * 2_000, "2", key="one key")
    mapping = machine.start(invoke, BatchSize=1, MaximumRetryAttempts=0)
    drain(mapping)
    assert function.bodies == ["2"]
    assert mapping.status().failed == 1


def test_an_outage_of_kinesis_is_waited_for(machine: Machine) -> None:
    left = iter([1, 1, 1])

    def fail(**_: Any) -> None:
        if next(left, None):
            raise EndpointConnectionError(endpoint_url="https://kinesis")

    for operation in ("ListShards", "GetShardIterator", "GetRecords"):
        machine.kinesis.meta.events.register(f"before-call.kinesis.{operation}", fail)
    machine.put("1")
    function = Recorder()
    drain(machine.start(function))
    assert function.bodies == ["1"]


def test_a_stop_does_not_wait_for_what_is_backed_off(machine: Machine) -> None:
    machine.put("1")
    function = Recorder(lambda _: CRASH)
    mapping = machine.start(function)
    wait_until(lambda: len(function.events) >= 3)
    began = time.monotonic()
    mapping.stop()
    mapping.stop()
    assert time.monotonic() - began < 1
    assert mapping.status().waiting == 1
