"""What API Gateway does for X-Ray: begins a trace for each request, decides whether it is sampled, adds its segment."""

import random
import re
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from infra.local.token_bucket import TokenBucket
from infra.settings import Tracing
from producers.clock import SYSTEM_CLOCK, Clock
from producers.tracing import SAMPLED

_ROOT = re.compile(r"(?:^|;)Root=(1-[0-9a-f]{8}-[0-9a-f]{24})(?:;|$)")
_PARENT = re.compile(r"(?:^|;)Parent=([0-9a-f]{16})(?:;|$)")
_DECISION = re.compile(r"(?:^|;)Sampled=([01])(?:;|$)")


@dataclass(frozen=True, slots=True)
class Begun:
    """A request's trace.

    Args:
        trace_id: of the trace.
        segment_id: of the gateway's segment in it.
        parent_id: of the client's segment, where its header names one.
        is_sampled: whether segments are kept.
        started: seconds since the epoch.
    """

    trace_id: str
    segment_id: str
    parent_id: str | None
    is_sampled: bool
    started: float

    @property
    def header(self) -> str:
        """`X-Amzn-Trace-Id` as the function is given it."""
        return f"Root={self.trace_id};Parent={self.segment_id};{SAMPLED if self.is_sampled else 'Sampled=0'}"


class GatewayTracing:
    """Traces the requests of one stage.

    Args:
        name: of the segments, such as `spillway-local/dev`.
        settings: how many requests are sampled, as in X-Ray's sampling rules.
        record: takes a segment.
        clock: the time.
        draw: gives a number from 0 to 1.
    """

    def __init__(
        self,
        name: str,
        settings: Tracing,
        record: Callable[[dict[str, Any]], None],
        clock: Clock = SYSTEM_CLOCK,
        draw: Callable[[], float] = random.random,
    ) -> None:
        self._name = name
        self._rate = settings.sample_rate
        self._record = record
        self._clock = clock
        self._draw = draw
        reservoir = settings.reservoir_per_second
        self._reservoir = TokenBucket(reservoir, reservoir, clock) if reservoir else None

    def begin(self, client_header: str) -> Begun:
        """A request's trace: the client's own where its header names one, with its decision on sampling."""
        root, parent = _ROOT.search(client_header), _PARENT.search(client_header)
        decision = _DECISION.search(client_header)
        now = self._clock.time()
        return Begun(
            trace_id=root[1] if root else f"1-{int(now):08x}-{secrets.token_hex(12)}",
            segment_id=secrets.token_hex(8),
            parent_id=parent[1] if root and parent else None,
            is_sampled=decision[1] == "1" if decision else self._is_sampled(),
            started=now,
        )

    def end(self, begun: Begun, method: str, path: str, status: int) -> None:
        """Add the gateway's segment, if the request is sampled."""
        if not begun.is_sampled:
            return
        document: dict[str, Any] = {
            "name": self._name,
            "origin": "AWS::ApiGateway::Stage",
            "id": begun.segment_id,
            "trace_id": begun.trace_id,
            "start_time": begun.started,
            "end_time": self._clock.time(),
            "http": {"request": {"method": method, "url": path}, "response": {"status": status}},
            "error": 400 <= status < 500,
            "throttle": status == 429,
            "fault": status >= 500,
        }
        if begun.parent_id is not None:
            document["parent_id"] = begun.parent_id
        self._record(document)

    def _is_sampled(self) -> bool:
        if self._reservoir is not None and self._reservoir.take():
            return True
        return self._draw() < self._rate
