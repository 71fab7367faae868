"""How full each shard was in each minute."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from infra.shards import metrics
from infra.shards.load import Load
from infra.shards.metrics import Query
from infra.shards.report import Report


@dataclass(frozen=True, slots=True)
class Heat:
    """Shards by minutes.

    Args:
        minutes: their starts, seconds since the epoch.
        rows: for each shard how full it was in each minute, 1 being full; in the order of the report's shards.
        is_measured: whether shard-level metrics gave it; else the stream's load is spread as it is at present.
    """

    minutes: tuple[float, ...]
    rows: tuple[tuple[float, ...], ...]
    is_measured: bool


def heat_of(cloudwatch: Any, report: Report) -> Heat:
    """The heat of a measured stream, over the time of its report.

    Args:
        cloudwatch: a boto3 client.
        report: of the stream.

    Raises:
        ShardsError: CloudWatch cannot be asked.
    """
    stream = report.stream
    wanted = (metrics.INCOMING_BYTES, metrics.INCOMING_RECORDS)
    if "ALL" in stream.shard_metrics or set(wanted) <= set(stream.shard_metrics):
        queries = [
            Query(name, {"StreamName": stream.name, "ShardId": shard.shard_id})
            for shard in stream.shards
            for name in wanted
        ]
        start = report.at - report.window_minutes * 60
        answers = iter(metrics.read(cloudwatch, queries, start=start, now=report.at))
        return _heat(
            [metrics.loads(next(answers), next(answers)) for _ in stream.shards], stream.readers, measured=True
        )
    total = report.load
    shares = [_share(shard.load, total, shard.share) for shard in stream.shards]
    spread = [{at: load * share for at, load in report.by_minute.items()} for share in shares]
    return _heat(spread, stream.readers, measured=False)


def _share(load: Load, total: Load, of_keys: float) -> float:
    """A shard's share of the stream's load by what is tightest; of its keys where nothing is written."""
    return load.shards() / total.shards() if total.shards() else of_keys


def _heat(by_shard: Sequence[Mapping[float, Load]], readers: int, *, measured: bool) -> Heat:
    minutes = tuple(sorted({at for loads in by_shard for at in loads}))
    rows = tuple(tuple(loads[at].shards(readers) if at in loads else 0.0 for at in minutes) for loads in by_shard)
    return Heat(minutes, rows, measured)
