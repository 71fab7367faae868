"""The X-Ray daemon of the local pipeline: receives segments by UDP, keeps the latest, and returns their traces."""

import json
import logging
import os
import socket
import threading
from collections import deque
from typing import Any, Final

from producers.tracing import DAEMON_VARIABLE, HEADER

MAX_DATAGRAM_BYTES: Final = 64 * 1024
SEGMENTS_KEPT: Final = 20_000
TRACES_LISTED: Final = 50
_POLL_SECONDS: Final = 0.2
_HEADER: Final = json.loads(HEADER)
_REQUIRED: Final = ("name", "id", "trace_id", "start_time")  # X-Ray Developer Guide, segment documents

_log = logging.getLogger("spillway.xray")


class XRayDaemon:
    """Listens on a free UDP port of the loopback interface; the functions find it by `AWS_XRAY_DAEMON_ADDRESS`.

    Args:
        kept: how many segments it keeps: the latest.
    """

    def __init__(self, kept: int = SEGMENTS_KEPT) -> None:
        self._segments: deque[dict[str, Any]] = deque(maxlen=kept)
        self._lock = threading.Lock()
        self._stopping = threading.Event()
        self._listener = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._listener.bind(("127.0.0.1", 0))
        self._listener.settimeout(_POLL_SECONDS)
        self.address = "{}:{}".format(*self._listener.getsockname())
        self._thread = threading.Thread(target=self._listen, name="xray-daemon", daemon=True)

    def start(self) -> None:
        """Start to listen, and give the functions of this process the address."""
        os.environ[DAEMON_VARIABLE] = self.address
        self._thread.start()

    def stop(self) -> None:
        """Stop listening."""
        self._stopping.set()
        if self._thread.is_alive():
            self._thread.join()
        self._listener.close()

    def take(self, datagram: bytes) -> None:
        """Keep the segment of a datagram; log and drop any other datagram, as AWS's daemon does."""
        try:
            segment = _segment(datagram)
        except ValueError as error:
            _log.warning("dropped a datagram that is not a segment: %s", error)
            return
        self.keep(segment)

    def keep(self, segment: dict[str, Any]) -> None:
        """Keep a segment."""
        with self._lock:
            self._segments.append(segment)

    def trace(self, trace_id: str) -> list[dict[str, Any]]:
        """The segments and subsegments of a trace, by when they began."""
        with self._lock:
            found = [segment for segment in self._segments if segment["trace_id"] == trace_id]
        return sorted(found, key=lambda segment: float(segment["start_time"]))

    def traces(self) -> list[dict[str, Any]]:
        """The latest traces, newest first: the id of each, and the names of its segments."""
        names: dict[str, list[str]] = {}
        with self._lock:
            for segment in self._segments:
                names.setdefault(segment["trace_id"], []).append(segment["name"])
        latest = list(names.items())[-TRACES_LISTED:]
        return [{"id": trace_id, "segments": held} for trace_id, held in reversed(latest)]

    def page(self, query: dict[str, str]) -> list[dict[str, Any]]:
        """The answer of `/_local/traces`: the trace that the query's `id` names, or the latest traces."""
        trace_id = query.get("id")
        return self.traces() if trace_id is None else self.trace(trace_id)

    def _listen(self) -> None:
        while not self._stopping.is_set():
            try:
                datagram = self._listener.recv(MAX_DATAGRAM_BYTES)
            except TimeoutError:
                continue
            self.take(datagram)


def _segment(datagram: bytes) -> dict[str, Any]:
    """The segment in a datagram.

    Raises:
        ValueError: it is not a segment; the message says why.
    """
    header, _, document = datagram.partition(b"\n")
    if json.loads(header) != _HEADER:
        raise ValueError(f"the header is {header[:60]!r}")
    segment: dict[str, Any] = json.loads(document)
    missing = [member for member in _REQUIRED if member not in segment]
    if missing:
        raise ValueError(f"it lacks {', '.join(missing)}")
    return segment
