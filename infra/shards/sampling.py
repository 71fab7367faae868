"""A bounded sample of the stream: how much each shard takes, and with which keys.

Reading takes from what a shard gives its consumers (2 MiB and five calls a second), so the sample is small, and a
shard that refuses a read is left alone.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
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
    """

    shard_id: str
    records: int
    load: Load
    hot_keys: tuple[HotKey, ...]
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
    found = {}
    for shard in shards[:MOST_SHARDS]:
        with aws_errors(f"stream {stream_name}"):
            try:
                found[shard.shard_id] = _sample_shard(kinesis, stream_name, shard, now)
            except ClientError as error:
                if error.response["Error"]["Code"] != "ProvisionedThroughputExceededException":
                    raise
    return found


def _sample_shard(kinesis: Any, stream_name: str, shard: Shard, now: float) -> ShardSample:
    start = datetime.fromtimestamp(now - WINDOW_SECONDS, UTC)
    iterator = kinesis.get_shard_iterator(
        StreamName=stream_name, ShardId=shard.shard_id, ShardIteratorType="AT_TIMESTAMP", Timestamp=start
    )["ShardIterator"]
    keys = HeavyHitters(KEYS_A_SHARD)
    records = size_bytes = 0
    arrived: list[float] = []
    is_whole = False
    for _ in range(CALLS_A_SHARD):
        answer = kinesis.get_records(ShardIterator=iterator, Limit=RECORDS_A_CALL)
        for record in answer["Records"]:
            size = len(record["Data"]) + len(record["PartitionKey"].encode())
            keys.add(record["PartitionKey"], size)
            records += 1
            size_bytes += size
            arrived.append(record["ApproximateArrivalTimestamp"].timestamp())
        iterator = answer.get("NextShardIterator")
        is_whole = iterator is None or answer["MillisBehindLatest"] == 0
        if is_whole:
            break
    seconds = WINDOW_SECONDS if is_whole else max(1.0, arrived[-1] - arrived[0]) if arrived else WINDOW_SECONDS
    load = Load(size_bytes / seconds, records / seconds)
    return ShardSample(shard.shard_id, records, load, _hot_keys(keys, records, seconds), is_whole)


def hash_key_of(partition_key: str) -> int:
    """Where a partition key lies in the key space (PutRecord: MD5 of its UTF-8 bytes)."""
    return int.from_bytes(hashlib.md5(partition_key.encode(), usedforsecurity=False).digest())


def _hot_keys(keys: HeavyHitters, records: int, seconds: float) -> tuple[HotKey, ...]:
    if records < LEAST_RECORDS:
        return ()
    return tuple(
        HotKey(found.key, hash_key_of(found.key), Load(found.size_bytes / seconds, found.records / seconds))
        for found in keys.heaviest(HOT_SHARE)
    )
