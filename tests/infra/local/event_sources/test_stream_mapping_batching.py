"""What goes into a batch: size, window, and the 6 MB of a payload."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from infra.local.event_sources.stream_records import StreamRecord
from infra.local.event_sources.stream_steps import Invoke, Wait
from infra.local.functions import MAX_PAYLOAD_BYTES
from tests.infra.local.event_sources.lane_driver import EVENTS, OK, Driver, crash_with, record, sequence_number


def test_a_batch_has_at_most_batch_size_records_in_the_order_of_the_shard() -> None:
    driver = Driver(batch_size=3)
    driver.put(1, 2, 3, 4, 5, 6, 7)
    assert driver.run(crash_with()) == [[1, 2, 3], [4, 5, 6], [7]]


def test_without_a_window_a_batch_that_is_not_full_goes_at_once() -> None:
    driver = Driver(batch_size=100)
    driver.put(1)
    assert driver.step() == [1]


def test_nothing_is_invoked_without_records() -> None:
    assert Driver().lane.next_step() == Wait(None)


def test_a_batch_waits_for_its_window() -> None:
    driver = Driver(batch_size=3, batching_window_seconds=10)
    driver.put(1)
    driver.clock.advance(9.9)
    driver.put(2)
    assert driver.step() is None
    driver.clock.advance(0.1)
    assert driver.step() == [1, 2]


def test_a_full_batch_does_not_wait_for_its_window() -> None:
    driver = Driver(batch_size=3, batching_window_seconds=300)
    driver.put(1, 2, 3)
    assert driver.step() == [1, 2, 3]


def test_the_next_window_begins_when_the_invocation_before_ends() -> None:
    driver = Driver(batch_size=2, batching_window_seconds=10)
    driver.put(1, 2)
    assert driver.step() == [1, 2]
    driver.put(3)
    driver.clock.advance(60)  # the invocation takes a minute
    driver.settle(OK)
    assert driver.step() is None
    driver.clock.advance(10)
    assert driver.step() == [3]


def test_draining_waits_for_no_window() -> None:
    driver = Driver(batching_window_seconds=300)
    driver.put(1)
    assert driver.step(flush=True) == [1]


def test_a_payload_of_6_mb_closes_a_batch_before_its_window_and_its_size() -> None:
    driver = Driver(batch_size=10_000, batching_window_seconds=300)
    driver.put(*range(10), data=bytes(1024 * 1024))
    assert driver.step() == [0, 1, 2, 3]


def test_a_batch_is_as_large_as_6_mb_allow_and_not_a_byte_larger() -> None:
    driver = Driver(batch_size=10_000)
    driver.put(*range(9_000), data=bytes(500))
    step = driver.lane.next_step()
    assert isinstance(step, Invoke)
    one_more = (*step.records, record(len(step.records), arrived_at=driver.clock.time(), data=bytes(500)))
    assert json_bytes(step.records) <= MAX_PAYLOAD_BYTES < json_bytes(one_more)


def json_bytes(records: tuple[StreamRecord, ...]) -> int:
    return len(json.dumps(EVENTS.event(records), separators=(",", ":"), ensure_ascii=False).encode())


def test_a_record_larger_than_a_payload_is_invoked_alone() -> None:
    driver = Driver()
    driver.put(1)
    driver.put(2, data=bytes(MAX_PAYLOAD_BYTES))
    driver.put(3)
    assert driver.run(crash_with()) == [[1], [2], [3]]


@given(key=st.text(min_size=1, max_size=256), data=st.binary(max_size=300), milliseconds=st.integers(0, 2**41))
def test_a_records_size_is_that_of_its_json(key: str, data: bytes, milliseconds: int) -> None:
    key = key.encode("utf-8", "replace").decode()
    one = StreamRecord(key, sequence_number(1), data, milliseconds / 1000)
    assert EVENTS.record_bytes(one) == json_bytes((one, one)) - json_bytes((one,))


@pytest.mark.parametrize("step_seconds", [-7_200, 7_200])
def test_a_step_of_the_wall_clock_stalls_no_window(step_seconds: float) -> None:
    driver = Driver(batching_window_seconds=5)
    driver.put(0)
    driver.clock.step_wall(step_seconds)
    assert driver.step() is None
    driver.clock.advance(5)
    assert driver.step() == [0]
