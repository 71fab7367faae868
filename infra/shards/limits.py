"""The limits of AWS that a plan has to keep, each with where it comes from.

Sources: the API's own model (botocore, 2026), "Quotas and limits" of the Kinesis Data Streams developer guide (2026),
and for Lambda the model of CreateEventSourceMapping.
"""

from typing import Final

# One shard.
WRITE_BYTES_PER_SECOND: Final = 1024 * 1024  # PutRecords: 1 MiB/s with partition keys; the 10 MiB are a burst
WRITE_RECORDS_PER_SECOND: Final = 1_000  # PutRecords
READ_BYTES_PER_SECOND: Final = 2 * 1024 * 1024  # GetRecords: shared by every reader without enhanced fan-out
READS_PER_SECOND: Final = 5  # GetRecords: calls, shared likewise
HASH_KEYS: Final = 1 << 128  # PutRecord: MD5 of the partition key

# One stream.
MAX_SHARDS: Final = 10_000  # UpdateShardCount
SCALINGS_PER_DAY: Final = 10  # UpdateShardCount: per rolling 24 hours and stream; splits and merges do not count
DAY_SECONDS: Final = 86_400
CHEAP_QUARTERS: Final = 4  # UpdateShardCount: multiples of 25 % of the shards there are take less time

# The event source mapping of the table writer.
MAX_PARALLELIZATION: Final = 10  # CreateEventSourceMapping: ParallelizationFactor, 1 to 10

# CloudWatch.
METRIC_PERIOD_SECONDS: Final = 60  # Kinesis reports to CloudWatch once a minute
MAX_QUERIES: Final = 500  # GetMetricData: queries in a call
MINUTES_KEPT: Final = 15 * 24 * 60  # CloudWatch: data points of 60 seconds are kept for 15 days


def most_after(shards: int) -> int:
    """The most shards that one UpdateShardCount reaches: double."""
    return min(2 * shards, MAX_SHARDS)


def fewest_after(shards: int) -> int:
    """The fewest shards that one UpdateShardCount reaches: half, rounded up (AWS does not say how; this is safe)."""
    return (shards + 1) // 2


def is_cheap(shards: int, target: int) -> bool:
    """Whether a target is a multiple of 25 % of the shards there are."""
    return CHEAP_QUARTERS * target % shards == 0


def most_open_while_scaling(shards: int, target: int) -> int:
    """An upper bound of the shards open at once while UpdateShardCount works, short-lived ones included.

    They count towards the account's quota. Where one count is a multiple of the other, every shard is split or merged
    on the spot. Otherwise shards are at the worst split at every boundary old and new before any are merged.
    """
    if target % shards == 0 or shards % target == 0:
        return max(shards, target)
    return shards + target - 1
