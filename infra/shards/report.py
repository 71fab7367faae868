"""The report: what each shard carries, who reads it, how long the headroom lasts."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final

from infra.shards import metrics
from infra.shards.certainty import Interval, intervals
from infra.shards.limits import MINUTES_KEPT
from infra.shards.load import NOTHING, Load, Shard, reload
from infra.shards.metrics import Minutes, Query
from infra.shards.readers import Readers
from infra.shards.sampling import sample
from infra.shards.spreading import Source, measured
from infra.shards.stream import Stream

PRESENT_MINUTES: Final = 5  # over which the present load is taken
PAST_SECONDS: Final = 600  # CloudWatch is some minutes behind; what is older than this is not the present
LEAST_MINUTES_OF_GROWTH: Final = 5  # fewer say nothing about where it goes
HOT: Final = 0.8  # of what a shard takes
SKEWED: Final = 1.5  # times the mean of its stream


@dataclass(frozen=True, slots=True)
class Clients:
    """The boto3 clients that reading and changing shards needs."""

    kinesis: Any
    cloudwatch: Any
    lambda_: Any
    firehose: Any


@dataclass(frozen=True, slots=True)
class ShardDetail:
    """What is known of one shard beside its load; None where shard-level metrics are not enabled.

    Args:
        throttled: records refused within the window.
        iterator_age_ms: of the slowest reader, now.
    """

    throttled: int | None = None
    iterator_age_ms: float | None = None


@dataclass(frozen=True, slots=True)
class Report:
    """A stream, measured.

    Args:
        stream: with the present load of each shard.
        at: seconds since the epoch.
        window_minutes: that were looked at.
        source: where the load of single shards is from; `nothing` where nothing was written.
        by_minute: the stream's load as written, plus what was refused, by the minute.
        peak: of those.
        mean: of those.
        details: by shard id.
        throttled_by_minute: records refused by the whole stream.
        reads_throttled: calls likewise.
        iterator_age_ms: of the slowest reader at its worst in each minute; empty where CloudWatch has none.
        newest: when the newest whole minute known ended; None before the first.
        readers: who reads.
        headroom_minutes: until the hottest shard is full at the present growth; None where it does not grow.
        intervals: by shard id, how sure the load is; absent where it is exact, or where nothing says how sure it is.
        sampled_records: that the sample read.
    """

    stream: Stream
    at: float
    window_minutes: float
    source: Source
    by_minute: Mapping[float, Load]
    peak: Load
    mean: Load
    details: Mapping[str, ShardDetail]
    throttled_by_minute: Minutes
    reads_throttled: int
    iterator_age_ms: Minutes
    newest: float | None
    readers: Readers
    headroom_minutes: float | None
    intervals: Mapping[str, Interval] = field(default_factory=dict)
    sampled_records: int = 0

    @property
    def load(self) -> Load:
        """The stream's present load."""
        return sum((shard.load for shard in self.stream.shards), NOTHING)

    def utilisation(self, shard: Shard) -> float:
        """How full a shard is, 1 being full."""
        return shard.load.shards(self.stream.readers)

    def between(self, shard: Shard) -> tuple[float, float]:
        """Between what a shard's utilisation lies, as far as that is known."""
        full, interval = self.utilisation(shard), self.intervals.get(shard.shard_id, Interval())
        return full * interval.low, full * interval.high

    @property
    def throttled(self) -> int:
        """Records refused within the window."""
        return round(self.throttled_by_minute.total())

    @property
    def hottest(self) -> Shard:
        """The fullest shard."""
        return max(self.stream.shards, key=self.utilisation)

    def hot_shards(self) -> list[Shard]:
        """The shards that are nearly full, or clearly fuller than the rest; hottest first."""
        usual = self.load.shards(self.stream.readers) / len(self.stream.shards)
        hot = [s for s in self.stream.shards if self.utilisation(s) > HOT or self.utilisation(s) > SKEWED * usual > 0]
        return sorted(hot, key=self.utilisation, reverse=True)

    def at_peak(self) -> Stream:
        """The stream as it is at its peak, the load spread as it is now."""
        return replace(self.stream, shards=reload(self.stream.shards, self.peak))


def collect(
    clients: Clients, stream: Stream, readers: Readers, *, now: float, minutes: float = 15, with_sample: bool = True
) -> Report:
    """Measure a stream.

    Args:
        clients: boto3 clients.
        stream: as it stands.
        readers: who reads it.
        now: seconds since the epoch.
        minutes: to look back.
        with_sample: whether to read a little of the stream, for the keys and for what metrics do not show.

    Raises:
        ShardsError: CloudWatch or the stream cannot be read.
    """
    start = now - min(minutes, MINUTES_KEPT) * 60
    whole = {"StreamName": stream.name}
    size_bytes, records, throttled, reads_throttled, age = metrics.read(
        clients.cloudwatch,
        [
            Query(metrics.INCOMING_BYTES, whole),
            Query(metrics.INCOMING_RECORDS, whole),
            Query(metrics.WRITES_THROTTLED, whole),
            Query(metrics.READS_THROTTLED, whole),
            Query(metrics.ITERATOR_AGE, whole, "Maximum"),
        ],
        start=start,
        now=now,
    )
    by_minute = _with_throttled(metrics.loads(size_bytes, records), throttled)
    known, details = _shard_metrics(clients.cloudwatch, stream, start=max(start, now - 3_600), now=now)
    total = present(by_minute, now)
    order = sorted(stream.shards, key=lambda shard: known.get(shard.shard_id, NOTHING).shards(), reverse=True)
    samples = sample(clients.kinesis, stream.name, order, now=now) if with_sample else {}
    shards, source = measured(stream.shards, total, known, samples)
    counted = replace(stream, shards=shards, readers=len(readers.shared), fan_out=len(readers.fan_out))
    hottest = max(shard.load.shards(counted.readers) for shard in shards)
    return Report(
        stream=counted,
        at=now,
        window_minutes=minutes,
        source=source,
        by_minute=by_minute,
        peak=metrics.peak(by_minute.values()),
        mean=metrics.mean(by_minute.values()),
        details=details,
        throttled_by_minute=throttled,
        reads_throttled=round(reads_throttled.total()),
        iterator_age_ms=age,
        newest=size_bytes.newest_end,
        readers=readers,
        headroom_minutes=headroom(by_minute, hottest),
        intervals=(
            intervals(shards, samples, total_is_known=total.records_per_second > 0) if source == "sample" else {}
        ),
        sampled_records=sum(found.records for found in samples.values()),
    )


def present(by_minute: Mapping[float, Load], now: float) -> Load:
    """The load of the newest minutes, as far as they are not long past."""
    newest = [at for at in sorted(by_minute) if at >= now - PAST_SECONDS][-PRESENT_MINUTES:]
    return metrics.mean(by_minute[at] for at in newest)


def headroom(by_minute: Mapping[float, Load], hottest: float) -> float | None:
    """Minutes until the hottest shard is full, if its load goes on growing as the stream's did, in a straight line.

    Args:
        by_minute: the stream's load.
        hottest: how full the hottest shard is, 1 being full.
    """
    points = [(at / 60, load.shards()) for at, load in sorted(by_minute.items())]
    if len(points) < LEAST_MINUTES_OF_GROWTH or hottest <= 0:
        return None
    middle = sum(at for at, _ in points) / len(points)
    usual = sum(full for _, full in points) / len(points)
    spread = sum((at - middle) ** 2 for at, _ in points)
    slope = sum((at - middle) * (full - usual) for at, full in points) / spread
    latest = usual + slope * (points[-1][0] - middle)
    if slope <= 0 or latest <= 0:
        return None
    return max(0.0, (1 - hottest) / (hottest * slope / latest))


def _shard_metrics(
    cloudwatch: Any, stream: Stream, *, start: float, now: float
) -> tuple[dict[str, Load], dict[str, ShardDetail]]:
    """Loads and details of single shards, as far as shard-level metrics are enabled."""
    enabled = stream.shard_metrics
    wanted = (metrics.INCOMING_BYTES, metrics.INCOMING_RECORDS, metrics.WRITES_THROTTLED, metrics.SHARD_ITERATOR_AGE)
    names = [name for name in wanted if name in enabled or "ALL" in enabled]
    queries = [
        Query(
            name,
            {"StreamName": stream.name, "ShardId": shard.shard_id},
            "Maximum" if name == metrics.SHARD_ITERATOR_AGE else "Sum",
        )
        for shard in stream.shards
        for name in names
    ]
    answers = iter(metrics.read(cloudwatch, queries, start=start, now=now)) if queries else iter(())
    loads, details = {}, {}
    for shard in stream.shards:
        found = {name: next(answers) for name in names}
        throttled, age = found.get(metrics.WRITES_THROTTLED), found.get(metrics.SHARD_ITERATOR_AGE)
        details[shard.shard_id] = ShardDetail(
            None if throttled is None else round(throttled.total()), age.latest() if age else None
        )
        if metrics.INCOMING_BYTES in found and metrics.INCOMING_RECORDS in found:
            of_minutes = metrics.loads(found[metrics.INCOMING_BYTES], found[metrics.INCOMING_RECORDS])
            loads[shard.shard_id] = present(_with_throttled(of_minutes, throttled or Minutes()), now)
    return (loads if any(load.records_per_second for load in loads.values()) else {}), details


def _with_throttled(by_minute: Mapping[float, Load], throttled: Minutes) -> dict[float, Load]:
    """What was asked for, as against what was taken: CloudWatch counts refused records apart.

    A record that is refused and tried again is counted each time, so at most as much again is added.
    """
    refused = throttled.per_second()
    asked = {}
    for at, load in by_minute.items():
        share = min(1.0, refused.get(at, 0.0) / load.records_per_second) if load.records_per_second else 0.0
        asked[at] = load * (1 + share)
    return asked
