"""How fast records are put back."""

from datetime import UTC, datetime
from typing import Any

import pytest

from archive.replay.rate import (
    LEAST_SHARE_OF_STREAM,
    MEASURE_SECONDS,
    SHARD_BYTES_PER_SECOND,
    SLOWEST,
    Capacity,
    OwnTraffic,
    Pace,
    Rate,
    measure,
)
from tests.clock import FakeClock

STREAM = "spillway-local-events"


class FakeKinesis:
    def describe_stream_summary(self, StreamName):
        return {"StreamDescriptionSummary": {"OpenShardCount": 4}}


class FakeCloudWatch:
    """Metrics of given minutes: bytes, and a hundredth of it as records."""

    def __init__(self, clock: FakeClock, *by_minute: int) -> None:
        first = int(clock.time()) // 60 - len(by_minute) + 1
        self.minutes = {first + n: value for n, value in enumerate(by_minute)}

    def get_metric_data(self, MetricDataQueries: Any, StartTime: datetime, EndTime: datetime) -> Any:
        inside = {
            at: value for at, value in self.minutes.items() if StartTime.timestamp() <= at * 60 < EndTime.timestamp()
        }
        return {
            "MetricDataResults": [
                {
                    "Id": query["Id"],
                    "Timestamps": [datetime.fromtimestamp(at * 60, UTC) for at in inside],
                    "Values": [value / (1 if query["Id"] == "incomingbytes" else 100) for value in inside.values()],
                }
                for query in MetricDataQueries
            ]
        }


def capacity(clock: FakeClock, *by_minute: int, own: OwnTraffic | None = None) -> Capacity:
    kinesis: Any = FakeKinesis()
    cloudwatch: Any = FakeCloudWatch(clock, *by_minute)
    return measure(kinesis, cloudwatch, STREAM, clock, own)


def test_the_busiest_of_the_last_minutes_counts():
    found = capacity(FakeClock(), 999_999_999, 0, 6_000_000, 1_200_000, 60, 60, 0)
    assert (found.shards, found.bytes_per_second, found.records_per_second) == (4, 100_000, 1_000)


def test_a_stream_without_traffic_is_free():
    assert capacity(FakeClock()) == Capacity(4, 0, 0)


def test_what_the_replay_puts_itself_is_no_traffic():
    clock, own = FakeClock(), OwnTraffic()
    own.add(clock.time(), 6_000_000, 60_000)
    assert capacity(clock, 7_200_000, own=own).bytes_per_second == 20_000


def test_a_share_is_of_what_is_left_over():
    rate = Capacity(2, SHARD_BYTES_PER_SECOND, 500).share(0.5)
    assert rate.bytes_per_second == SHARD_BYTES_PER_SECOND / 2
    assert rate.records_per_second == 750


def test_a_full_stream_is_still_given_a_little():
    rate = Capacity(1, 2 * SHARD_BYTES_PER_SECOND, 5_000).share(0.5)
    assert rate.bytes_per_second == SHARD_BYTES_PER_SECOND * LEAST_SHARE_OF_STREAM


@pytest.mark.parametrize(
    ("put", "seconds"), [((1_000, 1, 1), 1), ((0, 50, 1), 5), ((0, 0, 300), 3), ((2_000, 50, 300), 5)]
)
def test_what_takes_longest_decides(put, seconds):
    clock = FakeClock()
    pace = Pace(Rate(1_000, 10, 100), clock)
    pace.spent(*put, throttled=False)
    assert pace.seconds_to_wait == seconds


def test_throttling_halves_the_rate_and_quiet_brings_it_back():
    clock = FakeClock()
    pace = Pace(Rate(events_per_second=100), clock)
    pace.spent(0, 0, 100, throttled=True)
    assert pace.seconds_to_wait == 2
    for _ in range(8):
        clock.advance(10)
        pace.spent(0, 0, 100, throttled=False)
    assert pace.factor == 1
    for _ in range(50):
        pace.spent(0, 0, 0, throttled=True)
    assert pace.factor == SLOWEST


def test_the_stream_is_measured_again_every_minute():
    clock, asked = FakeClock(), list[OwnTraffic]()

    def measured(own: OwnTraffic) -> Rate:
        asked.append(own)
        return Rate(events_per_second=1)

    pace = Pace(Rate(events_per_second=100), clock, measured)
    pace.spent(0, 0, 1, throttled=False)
    assert not asked
    clock.advance(MEASURE_SECONDS)
    pace.spent(0, 0, 1, throttled=False)
    assert len(asked) == 1
    assert pace.rate.events_per_second == 1
