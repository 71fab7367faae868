"""One trace from the request to the row, and to the dead letter, over a running pipeline."""

import json
import time
from typing import Any

import pytest

import producers.aws
from tests.faults import Answer, Request, failure, injected
from tests.http.conftest import Api, Start, start  # noqa: F401 (a fixture)

ROOT = "1-6740a1b2-0123456789abcdef01234567"


@pytest.fixture
def behind() -> dict[str, Any]:
    """A REST API, which API Gateway traces; it traces no HTTP API."""
    return {"door": "rest", "wire_client": False}


@pytest.fixture(scope="module")
def door() -> str:
    """An HTTP API sends no segments to X-Ray, so the whole trace is of a REST API."""
    return "rest"


CLIENT = f"Root={ROOT};Parent=00112233445566ff;Sampled=1"
WAIT_SECONDS = 60


def trace(api: Api, trace_id: str, names: set[str]) -> dict[str, dict[str, Any]]:
    """The segments of a trace by name, once they are all there."""
    deadline = time.monotonic() + WAIT_SECONDS
    while True:
        found = {each["name"]: each for each in api.request("GET", f"/_local/traces?id={trace_id}").body}
        if names <= found.keys():
            assert all(each["trace_id"] == trace_id for each in found.values())
            return found
        assert time.monotonic() < deadline, found.keys()
        time.sleep(0.1)


def refusing(marker: bytes):
    """DynamoDB refuses every call that holds an event with this in it."""

    def fault(request: Request) -> Answer:
        return failure(request, "ValidationException") if marker in request.body else None

    return injected(producers.aws.client("dynamodb"), "BatchWriteItem", fault)


def test_one_trace_leads_through_all_four_functions_to_the_dead_letter(start: Start):  # noqa: F811
    api = start(archive={"buffer_seconds": 1})
    with refusing(b"unwritable"):
        reply = api.post(b'{"text":"unwritable"}', X_Amzn_Trace_Id=CLIENT)
        assert reply.status == 201
        names = {"spillway-local/dev", "Kinesis", "table_writer", "firehose_transform", "dead_letter_archiver"}
        found = trace(api, ROOT, names)
    gateway = found["spillway-local/dev"]
    assert gateway["parent_id"] == "00112233445566ff"
    assert gateway["http"]["response"]["status"] == 201
    for name in names - {"spillway-local/dev"}:
        assert found[name]["parent_id"] == gateway["id"]
    assert found["Kinesis"]["type"] == "subsegment"
    assert found["Kinesis"]["aws"]["operation"] == "PutRecords"
    calls = [each["aws"]["operation"] for each in found["table_writer"]["subsegments"]]
    assert calls == ["BatchWriteItem", "SendMessage"]
    outcomes = {name: each["annotations"]["outcome"] for name, each in found.items() if "annotations" in each}
    assert outcomes == {
        "table_writer": "dead_letter",
        "firehose_transform": "transformed",
        "dead_letter_archiver": "archived",
    }
    assert found["table_writer"]["error"]
    assert [each["aws"]["operation"] for each in found["dead_letter_archiver"]["subsegments"]] == ["PutObject"]


def test_a_trace_leads_to_the_row(start: Start):  # noqa: F811
    api = start(archive={"buffer_seconds": 1})
    assert api.post(b'{"n":1}').status == 201
    [event] = api.events()
    assert event.trace is not None
    trace_id = event.trace.partition(";")[0].removeprefix("Root=")
    found = trace(api, trace_id, {"spillway-local/dev", "Kinesis", "table_writer", "firehose_transform"})
    assert found["table_writer"]["annotations"] == {"outcome": "written"}
    assert [each["aws"]["operation"] for each in found["table_writer"]["subsegments"]] == ["BatchWriteItem"]
    latest = api.request("GET", "/_local/traces").body
    assert trace_id in [each["id"] for each in latest]


def test_what_is_not_sampled_leaves_no_segment_but_its_trace_id(start: Start):  # noqa: F811
    api = start(tracing={"reservoir_per_second": 0, "sample_rate": 0})
    assert api.post(json.dumps([{"n": n} for n in range(3)]).encode()).status == 201
    events = api.events()
    assert len(events) == 3
    assert {event.trace for event in events} == {events[0].trace}
    assert str(events[0].trace).endswith(";Sampled=0")
    deadline = time.monotonic() + WAIT_SECONDS
    while next(hop for hop in api.pipeline.status() if hop.hop == "table_writer").delivered < 3:
        assert time.monotonic() < deadline
        time.sleep(0.1)
    assert api.request("GET", "/_local/traces").body == []
