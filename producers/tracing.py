"""X-Ray segments of the functions, for traces that were sampled, sent to the daemon beside each function.

Kinesis and SQS carry no trace, so the event does (`Event.trace`), and each function adds a segment of its own to the
trace of every event that it handled. A segment is one UDP datagram: a header line and a JSON document (X-Ray Developer
Guide, "Sending trace data"). The SDK would do the same at the price of its import on every cold start.

Nothing here fails or delays a handler: sending never blocks, and what cannot be sent is dropped. A trace that is not
sampled costs one search of a short text.
"""

import functools
import json
import os
import re
import time
from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager, nullcontext
from typing import Any, Final

DAEMON_VARIABLE: Final = "AWS_XRAY_DAEMON_ADDRESS"  # set by Lambda, such as 169.254.79.129:2000
HEADER: Final = b'{"format":"json","version":1}\n'
MAX_SEGMENTS: Final = 50  # of one invocation; the traces beyond have none of it
MAX_DATAGRAM_BYTES: Final = 64 * 1024 - 29  # X-Ray's 64 KB, and what a datagram of IPv4 holds: 65,507
MAX_ENVELOPE_BYTES: Final = 16 * 1024  # where the trace lies in an event's bytes; request id and user agent are bounded
SAMPLED: Final = "Sampled=1"

_TRACE_MEMBER: Final = b'"trace":"'
_BEFORE_PAYLOAD: Final = b',"payload":'
_ROOT: Final = re.compile(r"(?:^|;)Root=(1-[0-9a-f]{8}-[0-9a-f]{24})(?:;|$)")
_PARENT: Final = re.compile(r"(?:^|;)Parent=([0-9a-f]{16})(?:;|$)")

Now = Callable[[], float]


def trace_of(data: bytes) -> str | None:
    """The trace header in an event's bytes, where it is sampled; the event is not decoded. None for any other bytes."""
    end = data.find(_BEFORE_PAYLOAD, 0, MAX_ENVELOPE_BYTES)
    start = data.rfind(_TRACE_MEMBER, 0, max(end, 0))
    if start < 0:
        return None
    # A quote within a JSON text is escaped, so the member's name is no value's, and its value ends at the next quote.
    header = data[start + len(_TRACE_MEMBER) : end].partition(b'"')[0].decode("ascii", "replace")
    return header if SAMPLED in header else None


def traced_call(
    trace: str | None, service: str, operation: str, now: Now = time.time
) -> AbstractContextManager[object]:
    """A block in which AWS is called; becomes a subsegment of the function's own segment where the trace is sampled.

    Args:
        trace: the invocation's trace header.
        service: as X-Ray names it, such as `Kinesis`.
        operation: such as `PutRecords`.
        now: seconds since the epoch.
    """
    return _Call(trace, service, operation, now) if trace is not None and SAMPLED in trace else _NOT_TRACED


class Segments:
    """What one invocation adds to the traces of the events in it: a segment for each, alike but for the outcome.

    Args:
        function: names the segments, such as `table_writer`.
        now: seconds since the epoch.
    """

    def __init__(self, function: str, now: Now = time.time) -> None:
        self._function = function
        self._now = now
        self._started = now()
        self._calls: list[tuple[str, str, float, float]] = []
        self._traces: dict[str, str] = {}

    def call(self, service: str, operation: str) -> "_Timed":
        """A block in which AWS is called for all events of the invocation; becomes a subsegment of each segment."""
        return _Timed(service, operation, self._calls, self._now)

    def add(self, outcome: str, traces: Iterable[str | None]) -> None:
        """Say what became of events, by their trace headers; of a trace with several outcomes the last one counts."""
        for trace in traces:
            if trace is not None and SAMPLED in trace:
                self._traces[trace] = outcome

    def send(self) -> None:
        """Send the segments, `MAX_SEGMENTS` at the most."""
        for trace in list(self._traces)[:MAX_SEGMENTS]:
            _send(trace, self._segment(self._traces[trace]))

    def _segment(self, outcome: str) -> dict[str, Any]:
        return {
            "name": self._function,
            "start_time": self._started,
            "end_time": self._now(),
            "annotations": {"outcome": outcome},
            **({_FLAGS[outcome]: True} if outcome in _FLAGS else {}),
            **({"subsegments": [_call_document(*call) for call in self._calls]} if self._calls else {}),
        }


class _Timed:
    """Notes a call with its times, whether it succeeds or fails."""

    __slots__ = ("_calls", "_now", "_operation", "_service", "_started")

    def __init__(self, service: str, operation: str, calls: list[tuple[str, str, float, float]], now: Now) -> None:
        self._service = service
        self._operation = operation
        self._calls = calls
        self._now = now

    def __enter__(self) -> None:
        self._started = self._now()

    def __exit__(self, *_: object) -> None:
        self._calls.append((self._service, self._operation, self._started, self._now()))


class _Call(AbstractContextManager[object]):
    """Sends a subsegment when the call is over."""

    def __init__(self, trace: str, service: str, operation: str, now: Now) -> None:
        self._trace = trace
        self._service = service
        self._operation = operation
        self._now = now
        self._started = now()

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        document = _call_document(self._service, self._operation, self._started, self._now())
        _send(self._trace, {**document, "type": "subsegment", "fault": kind is not None})


_NOT_TRACED: Final = nullcontext()
_FLAGS: Final = {"dead_letter": "error", "failed": "error", "unwritten": "fault"}  # what X-Ray shows in yellow or red


def _call_document(service: str, operation: str, started: float, ended: float) -> dict[str, Any]:
    return {
        "id": _new_id(),
        "name": service,
        "namespace": "aws",
        "start_time": started,
        "end_time": ended,
        "aws": {"operation": operation},
    }


def _send(trace: str, document: dict[str, Any]) -> None:
    """Send one document of a trace; drop it where its header is invalid, or no daemon takes it now."""
    root, parent = _ROOT.search(trace), _PARENT.search(trace)
    if root is None:
        return
    ids = {"trace_id": root[1], "id": _new_id()} | ({"parent_id": parent[1]} if parent else {})
    datagram = HEADER + json.dumps(document | ids, separators=(",", ":")).encode()
    address = _daemon(os.environ.get(DAEMON_VARIABLE, ""))
    if address is None or len(datagram) > MAX_DATAGRAM_BYTES:
        return
    import socket  # noqa: PLC0415 (only a sampled trace needs it)

    try:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
            sender.settimeout(0)  # never wait for room in the buffer
            sender.sendto(datagram, address)
    except OSError:
        return  # a segment less in a trace; a full buffer or a missing daemon is no reason to fail an event


def _new_id() -> str:
    return os.urandom(8).hex()


@functools.lru_cache(maxsize=4)
def _daemon(variable: str) -> tuple[str, int] | None:
    """Where the daemon listens: `host:port`, or `tcp:host:port udp:host:port`; None where that is not known."""
    for part in variable.split():
        host, _, port = part.removeprefix("udp:").rpartition(":")
        if host and port.isdecimal() and not host.startswith("tcp:"):
            return host, int(port)
    return None
