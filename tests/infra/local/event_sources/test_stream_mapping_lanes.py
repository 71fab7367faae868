"""The lanes of a shard: ParallelizationFactor, the checkpoint."""

import math
from typing import Any

from infra.local.event_sources.shard_lanes import ShardLanes
from infra.local.event_sources.stream_records import StreamRecord
from infra.local.event_sources.stream_steps import Invoke
from infra.local.store.checkpoints import Checkpoint, Kind
from tests.clock import FakeClock
from tests.infra.local.event_sources.lane_driver import CRASH, EVENTS, OK, numbers_of, record, sequence_number, settings


def lanes_of(factor: int, **changes: Any) -> ShardLanes:
    return ShardLanes(
        settings(parallelization_factor=factor, **changes), EVENTS, math.inf, FakeClock(0.0), jitter=lambda: 0.5
    )


def test_records_of_one_key_stay_in_one_lane_in_their_order() -> None:
    lanes = lanes_of(10)
    lanes.add([StreamRecord(f"key {n % 7}", sequence_number(n), b"", 0.0) for n in range(200)])
    seen: dict[str, list[int]] = {}
    for lane in lanes.lanes:
        step = lane.next_step()
        if isinstance(step, Invoke):
            for each in step.records:
                seen.setdefault(each.partition_key, []).extend(numbers_of((each,)))
    assert seen == {f"key {key}": [n for n in range(200) if n % 7 == key] for key in range(7)}


def test_many_keys_use_every_lane() -> None:
    lanes = lanes_of(10)
    lanes.add([record(n, arrived_at=0.0) for n in range(500)])
    assert all(isinstance(lane.next_step(), Invoke) for lane in lanes.lanes)


def test_a_blocked_lane_leaves_the_others_going_and_the_shards_checkpoint_with_it() -> None:
    lanes = lanes_of(2, batch_size=10_000)
    lanes.add([record(n, arrived_at=0.0) for n in range(100)])
    blocked, free = sorted(lanes.lanes, key=lambda lane: lane.first_held is not None and lane.first_held.data != b"0")
    for lane, result in ((blocked, CRASH), (free, OK)):
        lane.next_step()
        lane.settle(result)
    assert free.waiting == 0
    assert lanes.checkpoint == Checkpoint(Kind.AT, sequence_number(0))
    assert not lanes.is_empty()


def test_the_checkpoint_is_the_last_record_read_once_everything_is_settled() -> None:
    lanes = lanes_of(1)
    assert lanes.checkpoint is None
    lanes.add([record(n, arrived_at=0.0) for n in range(3)])
    lanes.lanes[0].next_step()
    lanes.lanes[0].settle(OK)
    assert lanes.checkpoint == Checkpoint(Kind.AFTER, sequence_number(2))


def test_reading_stops_when_enough_is_held_and_goes_on_when_it_was_delivered() -> None:
    lanes = lanes_of(1, batch_size=10_000)
    lanes.add([record(n, arrived_at=0.0, data=bytes(1024 * 1024)) for n in range(16)])
    assert not lanes.has_room()
    while not lanes.is_empty():
        lanes.lanes[0].next_step()
        lanes.lanes[0].settle(OK)
    assert lanes.has_room()
    assert lanes.lanes[0].held_bytes == 0
