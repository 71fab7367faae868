"""The whole mapping on its threads, against the local Kinesis and SQS."""

import logging
import threading
import time
from datetime import UTC, datetime

import boto3
import pytest

from infra.local.event_sources.stream_mapping import startable
from infra.local.functions import InvocationResult, LocalFunction
from tests.infra.local.event_sources.mapping_machine import (
    CRASH,
    FUNCTION_ARN,
    OK,
    REGION,
    ROLE_ARN,
    STREAM_ARN,
    Machine,
    Recorder,
    drain,
)
from tests.waiting import wait_until


def test_every_record_is_delivered_once_and_then_the_mapping_is_drained(machine: Machine) -> None:
    bodies = [str(n) for n in range(2_000)]
    function = Recorder()
    machine.put(*bodies[:1_000])
    mapping = machine.start(function, BatchSize=100)
    machine.put(*bodies[1_000:])
    drain(mapping)
    assert sorted(function.bodies) == sorted(bodies)
    status = mapping.status()
    assert (status.received, status.delivered, status.waiting, status.failed) == (2_000, 2_000, 0, 0)


def test_an_event_is_what_lambda_sends(machine: Machine) -> None:
    put = machine.kinesis.put_record(StreamName="events", PartitionKey="schlüssel", Data=b"\x00data")
    function = Recorder()
    drain(machine.start(function))
    [record] = function.events[0]["Records"]
    arrived_at = record["kinesis"].pop("approximateArrivalTimestamp")
    assert abs(arrived_at - time.time()) < 60
    assert arrived_at == round(arrived_at, 3)
    assert record == {
        "kinesis": {
            "kinesisSchemaVersion": "1.0",
            "partitionKey": "schlüssel",
            "sequenceNumber": put["SequenceNumber"],
            "data": "AGRhdGE=",
        },
        "eventSource": "aws:kinesis",
        "eventVersion": "1.0",
        "eventID": f"{put['ShardId']}:{put['SequenceNumber']}",
        "eventName": "aws:kinesis:record",
        "invokeIdentityArn": ROLE_ARN,
        "awsRegion": REGION,
        "eventSourceARN": STREAM_ARN,
    }


def test_a_batch_holds_records_of_one_shard_only(machine: Machine) -> None:
    function = Recorder()
    machine.put(*(str(n) for n in range(200)))
    drain(machine.start(function))
    shards = [{each["eventID"].split(":")[0] for each in event["Records"]} for event in function.events]
    assert all(len(of_event) == 1 for of_event in shards)
    assert len(set.union(*shards)) == 2


def test_children_are_begun_only_when_everything_in_their_parents_is_settled(machine: Machine) -> None:
    machine.put(*(f"{n}" for n in range(50)), key="one key")
    machine.kinesis.update_shard_count(StreamName="events", TargetShardCount=4, ScalingType="UNIFORM_SCALING")
    machine.put(*(f"{n}" for n in range(50, 100)), key="one key")
    machine.kinesis.update_shard_count(StreamName="events", TargetShardCount=2, ScalingType="UNIFORM_SCALING")
    machine.put(*(f"{n}" for n in range(100, 150)), key="one key")
    left = iter([CRASH, CRASH])
    function = Recorder(lambda bodies: next(left, OK) if "49" in bodies else OK)
    drain(machine.start(function, BatchSize=10))
    assert function.bodies == [str(n) for n in range(150)]


def test_resharding_while_it_runs_loses_nothing_and_keeps_the_order_of_a_key(machine: Machine) -> None:
    function = Recorder()
    mapping = machine.start(function, BatchSize=7)
    for n, shards in enumerate((4, 2, 1, 2)):
        machine.put(*(str(each) for each in range(n * 100, n * 100 + 100)), key="one key")
        machine.kinesis.update_shard_count(StreamName="events", TargetShardCount=shards, ScalingType="UNIFORM_SCALING")
    machine.put("end", key="one key")
    drain(mapping)
    assert function.bodies == [*(str(n) for n in range(400)), "end"]


def test_with_lanes_the_order_of_each_key_is_kept_and_invocations_overlap(machine: Machine) -> None:
    running, most, lock = 0, 0, threading.Lock()

    def answer(_bodies: list[str]) -> InvocationResult:
        nonlocal running, most
        with lock:
            running += 1
            most = max(most, running)
        time.sleep(0.003)  # so that invocations overlap
        with lock:
            running -= 1
        return OK

    function = Recorder(answer)
    for n in range(30):
        for key in range(8):
            machine.put(f"{key}:{n}", key=f"key {key}")
    drain(machine.start(function, BatchSize=3, ParallelizationFactor=4))
    for key in range(8):
        assert [body for body in function.bodies if body.startswith(f"{key}:")] == [f"{key}:{n}" for n in range(30)]
    assert 2 <= most <= 8


def test_latest_begins_with_what_comes_after_the_start(machine: Machine) -> None:
    machine.put("before")
    machine.kinesis.update_shard_count(StreamName="events", TargetShardCount=4, ScalingType="UNIFORM_SCALING")
    function = Recorder()
    mapping = machine.start(function, StartingPosition="LATEST")
    wait_until(lambda: len(mapping.checkpoints()) == 4)
    time.sleep(0.1)  # until each shard has its iterator
    machine.put("after")
    drain(mapping)
    assert function.bodies == ["after"]


def test_at_timestamp_begins_there(machine: Machine) -> None:
    machine.put("before")
    time.sleep(0.01)
    at = datetime.now(UTC)
    machine.put("after")
    function = Recorder()
    drain(machine.start(function, StartingPosition="AT_TIMESTAMP", StartingPositionTimestamp=at))
    assert function.bodies == ["after"]


def test_draining_ends_a_batching_window(machine: Machine) -> None:
    function = Recorder()
    mapping = machine.start(function, MaximumBatchingWindowInSeconds=300)
    machine.put("1")
    wait_until(lambda: mapping.status().waiting == 1)
    assert function.bodies == []
    drain(mapping)
    assert function.bodies == ["1"]


def test_a_mapping_made_through_lambdas_api_runs_a_local_function(machine: Machine) -> None:
    role = boto3.client("iam", REGION).create_role(RoleName="writer", AssumeRolePolicyDocument="{}")["Role"]["Arn"]
    lambda_ = boto3.client("lambda", REGION)
    lambda_.create_function(
        FunctionName="writer", Role=role, Runtime="python3.11", Handler="a.b", Code={"ZipFile": b""}, PackageType="Zip"
    )
    created = lambda_.create_event_source_mapping(
        FunctionName="writer", EventSourceArn=STREAM_ARN, StartingPosition="TRIM_HORIZON", BatchSize=2
    )
    seen: list[str] = []
    function = LocalFunction(
        "writer",
        lambda event, _: seen.extend(record["kinesis"]["partitionKey"] for record in event["Records"]),
        10,
        128,
        FUNCTION_ARN,
    )
    machine.put("1", "2", "3")
    drain(machine.start(function.invoke, **lambda_.get_event_source_mapping(UUID=created["UUID"])))
    function.close()
    assert sorted(seen) == ["1", "2", "3"]


def test_a_batch_is_one_line_of_log_without_its_data(machine: Machine, caplog: pytest.LogCaptureFixture) -> None:
    machine.put("confidential", key="one key")
    with caplog.at_level(logging.INFO, "spillway.stream_mapping"):
        drain(machine.start(Recorder()))
    [line] = [record.getMessage() for record in caplog.records if record.name == "spillway.stream_mapping"]
    assert "records=1 bytes=12 outcome=delivered milliseconds=" in line
    assert "confidential" not in caplog.text


def test_a_shard_is_begun_once_its_parents_are_finished_or_gone() -> None:
    shards = [
        {"ShardId": "a"},
        {"ShardId": "b", "ParentShardId": "a"},
        {"ShardId": "c", "ParentShardId": "expired"},
        {"ShardId": "d", "ParentShardId": "a", "AdjacentParentShardId": "c"},
    ]
    assert startable(shards, begun=[], finished=[]) == ["a", "c"]
    assert startable(shards, begun=["a", "c"], finished=[]) == []
    assert startable(shards, begun=["a", "c"], finished=["a"]) == ["b"]
    assert startable(shards, begun=["a", "c"], finished=["a", "c"]) == ["b", "d"]


def test_what_was_put_behind_a_drain_is_delivered_by_the_next(machine: Machine) -> None:
    machine.put("1")
    function = Recorder()
    mapping = machine.start(function)
    drain(mapping)
    machine.put("2")
    drain(mapping)
    assert function.bodies == ["1", "2"]
