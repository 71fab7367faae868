"""A stream's metrics for CloudWatch: counted by the minute, turned into data points on request."""

from collections import Counter
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime

from moto.cloudwatch.models import MetricDatum

NAMESPACE = "AWS/Kinesis"
MINUTE_MS = 60_000
MINUTES_KEPT = 24 * 60

INCOMING_RECORDS = "IncomingRecords"
INCOMING_BYTES = "IncomingBytes"
WRITES_THROTTLED = "WriteProvisionedThroughputExceeded"
UNITS = {INCOMING_RECORDS: "Count", INCOMING_BYTES: "Bytes", WRITES_THROTTLED: "Count"}


class MinuteCounts:
    """Counts of the latest day, a minute each. The caller holds the stream's lock."""

    __slots__ = ("_minutes",)

    def __init__(self) -> None:
        self._minutes: dict[int, dict[str, int]] = {}

    def count(self, now_ms: int, *, records: int = 0, size_bytes: int = 0, throttled: int = 0) -> None:
        """Add to the minute at hand."""
        minute = now_ms // MINUTE_MS
        counts = self._minutes.get(minute)
        if counts is None:
            counts = self._minutes[minute] = dict.fromkeys(UNITS, 0)
            if len(self._minutes) > MINUTES_KEPT:
                del self._minutes[next(iter(self._minutes))]
        counts[INCOMING_RECORDS] += records
        counts[INCOMING_BYTES] += size_bytes
        counts[WRITES_THROTTLED] += throttled

    def totals(self) -> Counter[tuple[int, str]]:
        """The counts by minute (since the Unix epoch) and metric."""
        return Counter(
            {(minute, metric): value for minute, counts in self._minutes.items() for metric, value in counts.items()}
        )


def stream_data(stream_name: str, shards: Iterable[MinuteCounts]) -> Iterator[MetricDatum]:
    """The data points of a stream: the sums over its shards."""
    total: Counter[tuple[int, str]] = Counter()
    for counts in shards:
        total.update(counts.totals())
    return _data([{"Name": "StreamName", "Value": stream_name}], total, UNITS)


def shard_data(stream_name: str, shard_id: str, counts: MinuteCounts, metrics: Iterable[str]) -> Iterator[MetricDatum]:
    """The data points of one shard, which AWS has for those metrics enhanced monitoring was enabled for."""
    dimensions = [{"Name": "StreamName", "Value": stream_name}, {"Name": "ShardId", "Value": shard_id}]
    return _data(dimensions, counts.totals(), metrics)


def _data(
    dimensions: list[dict[str, str]], totals: Counter[tuple[int, str]], metrics: Iterable[str]
) -> Iterator[MetricDatum]:
    wanted = set(UNITS) if "ALL" in metrics else set(metrics)
    for (minute, metric), value in totals.items():
        if metric in wanted:
            at = datetime.fromtimestamp(minute * MINUTE_MS / 1000, tz=UTC).replace(tzinfo=None)
            yield MetricDatum(NAMESPACE, metric, value, dimensions, at, UNITS[metric])
