"""Which requests the gateway samples, and what it takes from the client."""

import re
from typing import Any

import pytest

from infra.local.gateway_tracing import GatewayTracing
from infra.local.xray_daemon import XRayDaemon
from infra.settings import Tracing
from producers.tracing import HEADER
from tests.clock import FakeClock

ROOT = "1-6740a1b2-0123456789abcdef01234567"


def tracing(clock: FakeClock, recorded: list[dict[str, Any]], **settings: Any) -> GatewayTracing:
    values = {"reservoir_per_second": 0, "sample_rate": 0.0, **settings}
    return GatewayTracing("spillway/dev", Tracing(**values), recorded.append, clock, draw=lambda: 0.5)


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


def test_a_request_without_a_trace_begins_one(clock):
    begun = tracing(clock, []).begin("")
    assert re.fullmatch(r"Root=1-[0-9a-f]{8}-[0-9a-f]{24};Parent=[0-9a-f]{16};Sampled=0", begun.header)


def test_so_many_of_each_second_are_sampled(clock):
    gateway = tracing(clock, [], reservoir_per_second=2)
    assert [gateway.begin("").is_sampled for _ in range(4)] == [True, True, False, False]
    clock.sleep(1)
    assert [gateway.begin("").is_sampled for _ in range(3)] == [True, True, False]


def test_of_the_others_a_share_is_sampled(clock):
    assert not tracing(clock, [], sample_rate=0.5).begin("").is_sampled
    assert tracing(clock, [], sample_rate=0.51).begin("").is_sampled


@pytest.mark.parametrize(("sampled", "expected"), [("1", True), ("0", False), ("?", True)])
def test_a_clients_decision_is_kept_and_its_question_answered(clock, sampled, expected):
    begun = tracing(clock, [], sample_rate=1.0).begin(f"Root={ROOT};Parent=00112233445566ff;Sampled={sampled}")
    assert begun.is_sampled is expected
    assert begun.trace_id == ROOT
    assert begun.parent_id == "00112233445566ff"


def test_only_what_is_sampled_is_recorded(clock):
    recorded: list[dict[str, Any]] = []
    for rate in (0.0, 1.0):
        gateway = tracing(clock, recorded, sample_rate=rate)
        gateway.end(gateway.begin(""), "POST", "/dev/app", 429)
    [segment] = recorded
    assert segment["throttle"]
    assert segment["error"]
    assert not segment["fault"]


def segment(number: int) -> bytes:
    return HEADER + b'{"name":"x","id":"%016x","trace_id":"%s","start_time":%d}' % (number, ROOT.encode(), number)


def test_the_daemon_keeps_the_latest_segments_in_order_of_time():
    daemon = XRayDaemon(kept=3)
    for number in (5, 4, 3, 2):
        daemon.take(segment(number))
    assert [each["start_time"] for each in daemon.trace(ROOT)] == [2, 3, 4]
    assert daemon.trace("1-other") == []
    assert daemon.page({}) == [{"id": ROOT, "segments": ["x", "x", "x"]}]
    daemon.stop()


@pytest.mark.parametrize("datagram", [b"", b"{}", b"\xff", b'{"format":"json","version":1}\n{"name":"x"}', b"[]\n[]"])
def test_the_daemon_drops_what_is_no_segment(datagram):
    daemon = XRayDaemon()
    daemon.take(datagram)
    assert daemon.traces() == []
    daemon.stop()
