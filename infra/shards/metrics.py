"""What CloudWatch knows of a stream, by the minute."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import islice
from typing import Any, Final, Literal

from infra.shards.errors import aws_errors
from infra.shards.limits import MAX_QUERIES, METRIC_PERIOD_SECONDS
from infra.shards.load import NOTHING, Load

NAMESPACE: Final = "AWS/Kinesis"
INCOMING_BYTES: Final = "IncomingBytes"  # of records taken, not of those refused
INCOMING_RECORDS: Final = "IncomingRecords"
WRITES_THROTTLED: Final = "WriteProvisionedThroughputExceeded"  # records
READS_THROTTLED: Final = "ReadProvisionedThroughputExceeded"  # calls
ITERATOR_AGE: Final = "GetRecords.IteratorAgeMilliseconds"  # of the stream; the readers' slowest
SHARD_ITERATOR_AGE: Final = "IteratorAgeMilliseconds"  # of one shard

Statistic = Literal["Sum", "Maximum", "Average"]


@dataclass(frozen=True, slots=True)
class Query:
    """One metric of one thing.

    Args:
        metric: its name.
        dimensions: such as `{"StreamName": …}`.
        statistic: over each minute.
        namespace: of the metric.
    """

    metric: str
    dimensions: Mapping[str, str]
    statistic: Statistic = "Sum"
    namespace: str = NAMESPACE


@dataclass(frozen=True, slots=True)
class Minutes:
    """A metric's values by the minute.

    Args:
        values: by the minute's start, seconds since the epoch; minutes without a value are absent.
        until: the time of reading; a minute that was not over then is only part of one.
    """

    values: Mapping[float, float] = field(default_factory=dict)
    until: float = 0.0

    def __bool__(self) -> bool:
        return bool(self.values)

    def per_second(self) -> dict[float, float]:
        """The values as rates, of whole minutes; of the one that is not over yet where there is no other."""
        whole = {at: value / METRIC_PERIOD_SECONDS for at, value in self.values.items() if self._is_over(at)}
        return whole or {at: value / max(1.0, self.until - at) for at, value in self.values.items()}

    def total(self) -> float:
        """All of it."""
        return sum(self.values.values())

    def latest(self) -> float | None:
        """The newest value."""
        return self.values[max(self.values)] if self.values else None

    @property
    def newest_end(self) -> float | None:
        """When the newest whole minute ended."""
        whole = [at for at in self.values if self._is_over(at)]
        return max(whole) + METRIC_PERIOD_SECONDS if whole else None

    def since(self, at: float) -> "Minutes":
        """Those minutes that began at or after a time."""
        return Minutes({minute: value for minute, value in self.values.items() if minute >= at}, self.until)

    def _is_over(self, at: float) -> bool:
        return at + METRIC_PERIOD_SECONDS <= self.until


def read(cloudwatch: Any, queries: Sequence[Query], *, start: float, now: float) -> list[Minutes]:
    """Read metrics by the minute.

    Args:
        cloudwatch: a boto3 client.
        queries: any number; a call takes 500.
        start: seconds since the epoch, at most 15 days ago.
        now: likewise; the end.

    Returns:
        The answers in the order of the queries.

    Raises:
        ShardsError: CloudWatch cannot be asked.
    """
    answers: dict[str, dict[float, float]] = {f"q{number}": {} for number in range(len(queries))}
    first_minute = start // METRIC_PERIOD_SECONDS * METRIC_PERIOD_SECONDS
    span = {
        "StartTime": datetime.fromtimestamp(first_minute, UTC),
        "EndTime": datetime.fromtimestamp(now // 1 + 1, UTC),
    }
    for batch in _batches(enumerate(queries), MAX_QUERIES):
        asked = [_metric_query(number, query) for number, query in batch]
        with aws_errors("CloudWatch metrics"):
            for page in cloudwatch.get_paginator("get_metric_data").paginate(MetricDataQueries=asked, **span):
                for result in page["MetricDataResults"]:
                    points = zip(result["Timestamps"], result["Values"], strict=True)
                    answers[result["Id"]].update((at.timestamp(), value) for at, value in points)
    return [Minutes(values, now) for values in answers.values()]


def loads(size_bytes: Minutes, records: Minutes) -> dict[float, Load]:
    """Bytes and records as loads, by the minute."""
    of_records = records.per_second()
    return {at: Load(rate, of_records.get(at, 0.0)) for at, rate in sorted(size_bytes.per_second().items())}


def mean(of: Iterable[Load]) -> Load:
    """The mean of loads."""
    kept = list(of)
    return sum(kept, NOTHING) * (1 / len(kept)) if kept else NOTHING


def peak(of: Iterable[Load]) -> Load:
    """The highest of each measure, which need not be of one minute."""
    kept = list(of)
    return Load(
        max((load.bytes_per_second for load in kept), default=0.0),
        max((load.records_per_second for load in kept), default=0.0),
    )


def _metric_query(number: int, query: Query) -> dict[str, Any]:
    dimensions = [{"Name": name, "Value": value} for name, value in query.dimensions.items()]
    metric = {"Namespace": query.namespace, "MetricName": query.metric, "Dimensions": dimensions}
    statistic = {"Metric": metric, "Period": METRIC_PERIOD_SECONDS, "Stat": query.statistic}
    return {"Id": f"q{number}", "MetricStat": statistic}


def _batches(items: Iterable[tuple[int, Query]], size: int) -> Iterable[list[tuple[int, Query]]]:
    iterator = iter(items)
    while batch := list(islice(iterator, size)):
        yield batch
