"""A bounded sample of the stream: how much each shard takes, and with which keys.

Reading takes from what a shard gives its consumers (2 MiB and five calls a second), so the sample is small, and a
shard that refuses a read is left alone.
"""

import hashlib
import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final

from botocore.exceptions import ClientError

from infra.shards.errors import aws_errors
from infra.shards.heavy_hitters import HeavyHitters
from infra.shards.load import HotKey, Load, Shard

WINDOW_SECONDS: Final = 60.0  # how far back the sample begins
CALLS_A_SHARD: Final = 2
RECORDS_A_CALL: Final = 1_000
MOST_SHARDS: Final = 64
KEYS_A_SHARD: Final = 64
HOT_SHARE: Final = 0.05  # of a shard's sample: less is not worth a name
LEAST_RECORDS: Final = 20  # of a sample that says anything about keys


@dataclass(frozen=True, slots=True)
class ShardSample:
    """What was read of one shard.

    Args:
        shard_id: of the shard.
        records: read.
        load: so much a second, as far as the sample shows.
        hot_keys: those with a share worth a name, heaviest first.
        is_whole: whether everything since the window began was read.
        error: by which share the load may be wrong, as a standard deviation; 0 where everything was read.
    """

    shard_id: str
    records: int
    load: Load
    hot_keys: tuple[HotKey, ...]
    is_whole: bool
    error: float = 0.0


@dataclass(slots=True)
class _Part:
    """What one read gave of a part of the window: from when to when it is known, and what arrived."""

    start: float
    end: float
    arrivals: list[tuple[float, int]] = field(default_factory=list)  # the moment, and the bytes


@dataclass(slots=True)
class _Reading:
    """What was read of a shard: a part of the window for each read, until one came to the end."""

    parts: list[_Part]
    keys: HeavyHitters
    is_whole: bool


def sample(kinesis: Any, stream_name: str, shards: Sequence[Shard], *, now: float) -> dict[str, ShardSample]:
    """Read a little of each shard, of at most `MOST_SHARDS`.

    Args:
        kinesis: a boto3 client.
        stream_name: the stream.
        shards: the ones of most interest first.
        now: seconds since the epoch.

    Returns:
        By shard id; a shard that refused a read is absent.

    Raises:
        NotAllowed: reading is not allowed.
        ShardsError: it failed otherwise.
    """
    readings = {}
    for shard in shards[:MOST_SHARDS]:
        with aws_errors(f"stream {stream_name}"):
            try:
                readings[shard.shard_id] = _read(kinesis, stream_name, shard, now)
            except ClientError as error:
                if error.response["Error"]["Code"] != "ProvisionedThroughputExceededException":
                    raise
    spans = _common_spans([reading.parts for reading in readings.values()])
    return {shard_id: _sampled(shard_id, reading, spans) for shard_id, reading in readings.items()}


def _read(kinesis: Any, stream_name: str, shard: Shard, now: float) -> _Reading:
    """Read the last minute of a shard, or, where it is more than two reads, the beginnings of its two halves."""
    reading = _Reading([], HeavyHitters(KEYS_A_SHARD), is_whole=False)
    iterator, end = None, now - WINDOW_SECONDS
    for number in range(CALLS_A_SHARD):
        start = max(end, now - WINDOW_SECONDS * (1 - number / CALLS_A_SHARD))
        if iterator is None or start > end:
            iterator = _iterator_at(kinesis, stream_name, shard, start)
        answer = kinesis.get_records(ShardIterator=iterator, Limit=RECORDS_A_CALL)
        part = _Part(start, now)
        for record in answer["Records"]:
            size = len(record["Data"]) + len(record["PartitionKey"].encode())
            reading.keys.add(record["PartitionKey"], size)
            part.arrivals.append((record["ApproximateArrivalTimestamp"].timestamp(), size))
        reading.parts.append(part)
        iterator = answer.get("NextShardIterator")
        if iterator is None or answer["MillisBehindLatest"] == 0:
            reading.is_whole = number == 0 or start == end
            break
        end = part.end = part.arrivals[-1][0] if part.arrivals else start
    return reading


def _iterator_at(kinesis: Any, stream_name: str, shard: Shard, at: float) -> str:
    found = kinesis.get_shard_iterator(
        StreamName=stream_name,
        ShardId=shard.shard_id,
        ShardIteratorType="AT_TIMESTAMP",
        Timestamp=datetime.fromtimestamp(at, UTC),
    )
    return str(found["ShardIterator"])


def _common_spans(readings: Sequence[list[_Part]]) -> list[tuple[float, float]]:
    """The times that are known of every shard: only over the same time can shards be compared.

    Where a shard is known in part, they begin with the first record of any shard.
    """
    spans = [[(part.start, part.end) for part in parts] for parts in readings]
    common = spans[0] if spans else []
    for each in spans[1:]:
        common = [
            (max(start, other[0]), min(end, other[1]))
            for start, end in common
            for other in each
            if max(start, other[0]) < min(end, other[1])
        ]
    if any(part.end < parts[-1].end or len(parts) > 1 for parts in readings for part in parts):
        first = min((arrival for parts in readings for part in parts for arrival, _ in part.arrivals), default=0.0)
        common = [(max(start, first), end) for start, end in common if end > first]
    return common


def _sampled(shard_id: str, reading: _Reading, spans: Sequence[tuple[float, float]]) -> ShardSample:
    """What a shard carried within some spans of time."""
    arrivals = [each for part in reading.parts for each in part.arrivals]
    within = [[each for each in arrivals if start <= each[0] <= end] for start, end in spans]
    seconds = max(1.0, sum(end - start for start, end in spans))
    load = Load(sum(size for part in within for _, size in part) / seconds, sum(map(len, within)) / seconds)
    is_exact = reading.is_whole and sum(map(len, within)) == len(arrivals)
    error = 0.0 if is_exact else _error(within, spans)
    keys = _hot_keys(reading.keys, len(arrivals), sum(size for _, size in arrivals), load)
    return ShardSample(shard_id, len(arrivals), load, keys, reading.is_whole, error)


def _error(within: Sequence[Sequence[tuple[float, int]]], spans: Sequence[tuple[float, float]]) -> float:
    """By which share a rate may be wrong that was taken from some spans of a minute, as a standard deviation.

    Records that arrive at one moment come together, so the number of moments counts and not the number of records.
    Where the rate changes within the minute, the spans differ by more than that.
    """
    records = sum(map(len, within))
    if not records:
        return 1.0
    moments = Counter(arrival for part in within for arrival, _ in part)
    by_chance = math.sqrt(sum(count**2 for count in moments.values())) / records
    rates = [len(part) / (end - start) for part, (start, end) in zip(within, spans, strict=True) if end > start]
    mean = sum(rates) / len(rates) if rates else 0.0
    if len(rates) < 2 or not mean:
        return by_chance
    spread = math.sqrt(sum((rate - mean) ** 2 for rate in rates) / (len(rates) - 1) / len(rates)) / mean
    return max(by_chance, spread)


def hash_key_of(partition_key: str) -> int:
    """Where a partition key lies in the key space (PutRecord: MD5 of its UTF-8 bytes)."""
    return int.from_bytes(hashlib.md5(partition_key.encode(), usedforsecurity=False).digest())


def _hot_keys(keys: HeavyHitters, records: int, size_bytes: int, load: Load) -> tuple[HotKey, ...]:
    """The heaviest keys, with the share of the shard's load that they have of all that was read of it."""
    if records < LEAST_RECORDS or not size_bytes or not load.records_per_second:
        return ()
    return tuple(
        HotKey(
            found.key,
            hash_key_of(found.key),
            Load(
                load.bytes_per_second * found.size_bytes / size_bytes,
                load.records_per_second * found.records / records,
            ),
        )
        for found in keys.heaviest(HOT_SHARE)
    )
