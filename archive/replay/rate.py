"""How fast records are put back: a share of what the stream's shards have left over, less where it throttles."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

from producers.clock import SYSTEM_CLOCK, Clock

if TYPE_CHECKING:
    from types_boto3_cloudwatch import CloudWatchClient
    from types_boto3_kinesis import KinesisClient

# Kinesis quotas per shard (Kinesis Data Streams developer guide, "Quotas and limits", 2026).
SHARD_RECORDS_PER_SECOND: Final = 1_000
SHARD_BYTES_PER_SECOND: Final = 1024 * 1024

DEFAULT_SHARE: Final = 0.5
LEAST_SHARE_OF_STREAM: Final = 0.01  # of all its capacity, where traffic leaves nothing: the replay must end
TRAFFIC_MINUTES: Final = 5
MEASURE_SECONDS: Final = 60.0  # CloudWatch has a stream's traffic by the minute

SLOWER: Final = 0.5
FASTER: Final = 1.1
SLOWEST: Final = 0.02


@dataclass(frozen=True, slots=True)
class Rate:
    """How much may be put in a second; infinite where there is no limit.

    Args:
        bytes_per_second: data and partition keys.
        records_per_second: stream records, of which an aggregate is one.
        events_per_second: events.
    """

    bytes_per_second: float = float("inf")
    records_per_second: float = float("inf")
    events_per_second: float = float("inf")

    def seconds(self, size: int, records: int, events: int) -> float:
        """How long so much takes."""
        return max(
            size / self.bytes_per_second, records / self.records_per_second, events / self.events_per_second, 0.0
        )


@dataclass(frozen=True, slots=True)
class Capacity:
    """What a stream takes, and what it gets.

    Args:
        shards: open.
        bytes_per_second: written at present, of the busiest of the last minutes.
        records_per_second: written at present, of the busiest of the last minutes.
    """

    shards: int
    bytes_per_second: float
    records_per_second: float

    def share(self, share: float) -> Rate:
        """A share of what is left over; never nothing at all."""
        whole_bytes, whole_records = self.shards * SHARD_BYTES_PER_SECOND, self.shards * SHARD_RECORDS_PER_SECOND
        return Rate(
            max((whole_bytes - self.bytes_per_second) * share, whole_bytes * LEAST_SHARE_OF_STREAM),
            max((whole_records - self.records_per_second) * share, whole_records * LEAST_SHARE_OF_STREAM),
        )


def measure(
    kinesis: "KinesisClient",
    cloudwatch: "CloudWatchClient",
    stream: str,
    clock: Clock = SYSTEM_CLOCK,
    own: "OwnTraffic | None" = None,
) -> Capacity:
    """Measure a stream.

    Args:
        kinesis: the client.
        cloudwatch: the client.
        stream: its name.
        clock: the time.
        own: what of the traffic is the replay's own, and does not count.

    Raises:
        ClientError, BotoCoreError: a service cannot be asked.
    """
    shards = kinesis.describe_stream_summary(StreamName=stream)["StreamDescriptionSummary"]["OpenShardCount"]
    now = datetime.fromtimestamp(clock.time(), UTC)
    queries: list[Any] = [
        {
            "Id": metric.lower(),
            "MetricStat": {
                "Metric": {
                    "Namespace": "AWS/Kinesis",
                    "MetricName": metric,
                    "Dimensions": [{"Name": "StreamName", "Value": stream}],
                },
                "Period": 60,
                "Stat": "Sum",
            },
        }
        for metric in ("IncomingBytes", "IncomingRecords")
    ]
    answer = cloudwatch.get_metric_data(
        MetricDataQueries=queries,
        StartTime=now.replace(second=0, microsecond=0) - timedelta(minutes=TRAFFIC_MINUTES),
        EndTime=now + timedelta(seconds=1),
    )
    busiest = {"incomingbytes": 0.0, "incomingrecords": 0.0}
    for result in answer["MetricDataResults"]:
        for at, value in zip(result["Timestamps"], result["Values"], strict=True):
            ours = own.in_minute(int(at.timestamp()) // 60, result["Id"] == "incomingbytes") if own else 0
            busiest[result["Id"]] = max(busiest[result["Id"]], (value - ours) / 60)
    return Capacity(shards, busiest["incomingbytes"], busiest["incomingrecords"])


class OwnTraffic:
    """What a replay itself has put, by the minute."""

    def __init__(self) -> None:
        self._minutes: dict[int, tuple[int, int]] = {}

    def add(self, seconds: float, size: int, records: int) -> None:
        """Count what was put at a time."""
        minute = int(seconds) // 60
        known_size, known_records = self._minutes.get(minute, (0, 0))
        self._minutes[minute] = (known_size + size, known_records + records)
        for old in [each for each in self._minutes if each < minute - 2 * TRAFFIC_MINUTES]:
            del self._minutes[old]

    def in_minute(self, minute: int, is_bytes: bool) -> int:  # noqa: FBT001 (one of two numbers)
        """Bytes or records of a minute since the epoch."""
        return self._minutes.get(minute, (0, 0))[0 if is_bytes else 1]


class Pace:
    """Keeps to a rate, and backs off from it where the stream throttles.

    Args:
        rate: the most; measured again every minute where `measure` is given.
        clock: the time.
        measure: measures the rate again, given the replay's own traffic, which does not count.
    """

    def __init__(
        self, rate: Rate, clock: Clock = SYSTEM_CLOCK, measure: Callable[[OwnTraffic], Rate] | None = None
    ) -> None:
        self.rate = rate
        self.factor = 1.0
        self._clock = clock
        self._measure = measure
        self._measured_at = clock.monotonic()
        self._free_at = clock.monotonic()
        self._own = OwnTraffic()

    @property
    def seconds_to_wait(self) -> float:
        """Until the next may be put."""
        return max(0.0, self._free_at - self._clock.monotonic())

    def spent(self, size: int, records: int, events: int, *, throttled: bool) -> None:
        """Count what was put, and go slower where it was too fast."""
        now = self._clock.monotonic()
        self._own.add(self._clock.time(), size, records)
        if self._measure is not None and now - self._measured_at >= MEASURE_SECONDS:
            self.rate = self._measure(self._own)
            self._measured_at = now
        self.factor = max(self.factor * SLOWER, SLOWEST) if throttled else min(self.factor * FASTER, 1.0)
        self._free_at = max(now, self._free_at) + self.rate.seconds(size, records, events) / self.factor
