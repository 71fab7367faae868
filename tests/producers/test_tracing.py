"""Segments of sampled traces reach the daemon; everything else costs nothing and breaks nothing."""

import json
import os
import socket
from typing import Any

import pytest

from producers import tracing
from producers.event import encode
from producers.replay_mark import ReplayMark
from producers.tracing import (
    DAEMON_VARIABLE,
    HEADER,
    MAX_ENVELOPE_BYTES,
    MAX_SEGMENTS,
    Segments,
    trace_of,
    traced_call,
)
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


@pytest.mark.parametrize(("size", "is_found"), [(-1, True), (0, True), (1, False)])
def test_a_trace_is_looked_for_in_an_envelope_of_at_most_16_kib(size, is_found):
    event = encode(an_event(trace=TRACE, user_agent="x"))
    short = MAX_ENVELOPE_BYTES - event.index(b',"payload":') - len(b',"payload":')
    longer = encode(an_event(trace=TRACE, user_agent="x" * (1 + short + size)))
    assert trace_of(longer) == (TRACE if is_found else None)


@pytest.mark.parametrize("trace", [None, NOT_SAMPLED, TRACE])
def test_a_trace_in_the_payload_is_not_the_events(trace):
    payload = json.dumps({"trace": "Root=1;Sampled=1", "payload": 1}, separators=(",", ":"))
    found = TRACE if trace == TRACE else None
    assert trace_of(encode(an_event(payload, trace=trace))) == found
    assert trace_of(encode(an_event(payload, trace=trace, replay=ReplayMark("lake", 1, "id/1")))) == found


def test_the_last_trace_before_the_payload_counts():
    """Other producers may put members of their own before it."""
    assert trace_of(b'{"x":{"trace":"Sampled=1"},"trace":"Root=1;Sampled=0","payload":1}') is None
    assert trace_of(b'{"x":{"trace":"Sampled=0"},"trace":"Root=1;Sampled=1","payload":1}') == "Root=1;Sampled=1"


def test_a_trace_with_foreign_characters_breaks_nothing():
    assert trace_of('{"trace":"é;Sampled=1","payload":1}'.encode()) == "\ufffd\ufffd;Sampled=1"


def test_a_segment_without_calls_has_no_subsegments_and_one_with_calls_has_an_id_for_each(daemon):
    segments = Segments("table_writer")
    segments.add("written", [TRACE])
    segments.send()
    [document] = daemon.documents()
    assert "subsegments" not in document
    with segments.call("DynamoDB", "BatchWriteItem"):
        pass
    segments.add("written", [TRACE])
    segments.send()
    for document in daemon.documents():
        for part in (document, *document.get("subsegments", [])):
            assert len(part["id"]) == 16
            assert set(part) >= {"id", "name", "start_time", "end_time"}
            assert not {"ID", "XXidXX"} & set(part)


def test_a_document_is_compact_and_one_over_a_datagrams_size_is_dropped(daemon, monkeypatch):
    def send() -> bytes | None:
        with traced_call(TRACE, "Kinesis", "PutRecords", ticking()):
            pass
        try:
            return daemon.listener.recv(1 << 16)
        except TimeoutError:
            return None

    datagram = send()
    assert datagram is not None
    assert b", " not in datagram
    assert b": " not in datagram
    for limit, is_sent in ((len(datagram) + 1, True), (len(datagram), True), (len(datagram) - 1, False)):
        monkeypatch.setattr(tracing, "MAX_DATAGRAM_BYTES", limit)
        assert (send() is not None) == is_sent


def test_without_the_variable_of_a_daemon_nothing_is_sent(daemon, monkeypatch):
    monkeypatch.delenv(DAEMON_VARIABLE)
    with traced_call(TRACE, "Kinesis", "PutRecords"):
        pass
    assert daemon.documents() == []
