"""Segments of sampled traces reach the daemon; everything else costs nothing and breaks nothing."""

import json
import os
import socket
from typing import Any

import pytest

from producers.event import encode
from producers.tracing import DAEMON_VARIABLE, HEADER, MAX_SEGMENTS, Segments, trace_of, traced_call
from tests.events import an_event

ROOT = "1-6740a1b2-0123456789abcdef01234567"
TRACE = f"Root={ROOT};Parent=00112233445566ff;Sampled=1"
NOT_SAMPLED = f"Root={ROOT};Parent=00112233445566ff;Sampled=0"


class Daemon:
    """A daemon's port, and what came to it."""

    def __init__(self) -> None:
        self.listener = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
        self.listener.bind(("127.0.0.1", 0))
        self.listener.settimeout(0.2)

    def documents(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = []
        while True:
            try:
                datagram = self.listener.recv(1 << 16)
            except TimeoutError:
                return found
            assert datagram.startswith(HEADER)
            found.append(json.loads(datagram.removeprefix(HEADER)))


@pytest.fixture
def daemon(monkeypatch):
    daemon = Daemon()
    monkeypatch.setenv(DAEMON_VARIABLE, "{}:{}".format(*daemon.listener.getsockname()))
    yield daemon
    daemon.listener.close()


def ticking():
    """A clock that a second passes on at each look."""
    moments = iter(range(1_000, 2_000))
    return lambda: float(next(moments))


def test_a_call_becomes_a_subsegment_of_the_functions_own_segment(daemon):
    with traced_call(TRACE, "Kinesis", "PutRecords", ticking()):
        pass
    [document] = daemon.documents()
    assert document["trace_id"] == ROOT
    assert document["parent_id"] == "00112233445566ff"
    assert document["type"] == "subsegment"
    assert document["name"] == "Kinesis"
    assert document["aws"] == {"operation": "PutRecords"}
    assert (document["start_time"], document["end_time"]) == (1_000.0, 1_001.0)
    assert len(document["id"]) == 16
    assert not document["fault"]


def test_a_failed_call_is_traced_and_raises(daemon):
    with pytest.raises(KeyError), traced_call(TRACE, "Kinesis", "PutRecords"):
        raise KeyError("x")
    assert [document["fault"] for document in daemon.documents()] == [True]


@pytest.mark.parametrize("trace", [None, "", NOT_SAMPLED, f"Root={ROOT}", "Sampled=1", "Root=1-zz;Sampled=1"])
def test_what_is_not_sampled_or_no_trace_sends_nothing(daemon, trace):
    with traced_call(trace, "Kinesis", "PutRecords"):
        pass
    segments = Segments("table_writer")
    segments.add("written", [trace])
    segments.send()
    assert daemon.documents() == []


def test_an_invocation_adds_a_segment_to_each_trace_with_its_calls(daemon):
    segments = Segments("table_writer", ticking())
    with segments.call("DynamoDB", "BatchWriteItem"):
        pass
    segments.add("written", [TRACE, TRACE, None])
    segments.add("dead_letter", [TRACE.replace("0123", "4567")])
    segments.send()
    written, dead = daemon.documents()
    assert written["name"] == dead["name"] == "table_writer"
    assert written["trace_id"] == ROOT != dead["trace_id"]
    assert "type" not in written
    assert written["annotations"] == {"outcome": "written"}
    assert "error" not in written
    assert dead["annotations"] == {"outcome": "dead_letter"}
    assert dead["error"]
    [call] = written["subsegments"]
    assert (call["name"], call["namespace"], call["aws"]["operation"]) == ("DynamoDB", "aws", "BatchWriteItem")
    assert written["start_time"] < call["start_time"] < call["end_time"] < written["end_time"]


def test_the_segments_of_an_invocation_are_bounded(daemon):
    segments = Segments("table_writer")
    segments.add("written", [f"Root=1-6740a1b2-{n:024x};Sampled=1" for n in range(MAX_SEGMENTS * 3)])
    segments.send()
    assert len(daemon.documents()) == MAX_SEGMENTS


@pytest.mark.parametrize("address", ["", "nonsense", "127.0.0.1:1", "tcp:127.0.0.1:1", "256.1.1.1:2000"])
def test_no_daemon_is_no_error(monkeypatch, address):
    monkeypatch.setenv(DAEMON_VARIABLE, address)
    for _ in range(3):
        with traced_call(TRACE, "Kinesis", "PutRecords"):
            pass


def test_the_daemons_address_may_name_both_protocols(daemon, monkeypatch):
    monkeypatch.setenv(DAEMON_VARIABLE, f"tcp:127.0.0.1:1 udp:{os.environ[DAEMON_VARIABLE]}")
    with traced_call(TRACE, "Kinesis", "PutRecords"):
        pass
    assert len(daemon.documents()) == 1


@pytest.mark.parametrize(
    ("data", "trace"),
    [
        (encode(an_event(trace=TRACE)), TRACE),
        (encode(an_event(trace=NOT_SAMPLED)), None),
        (encode(an_event(trace=None)), None),
        (encode(an_event('{"trace":"Root=1;Sampled=1"}')), None),  # a client's own member
        (encode(an_event(user_agent=f'x","trace":"{TRACE}"', trace=None)), None),
        (f'Sampled=1 "trace":"{TRACE}"'.encode(), None),  # no event
        (b"\xff\xfeSampled=1", None),
    ],
)
def test_the_trace_is_found_in_an_events_bytes(data, trace):
    assert trace_of(data) == trace
