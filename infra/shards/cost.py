"""What a stream costs a month, provisioned and on demand: prices of `infra.prices`."""

from dataclasses import dataclass
from math import ceil

from infra.prices import (
    FAN_OUT_GIB,
    FAN_OUT_SHARD_HOUR,
    FREE_RETENTION_HOURS,
    GIB,
    HOURS_A_MONTH,
    KIB,
    LONG_RETENTION_SHARD_HOUR,
    MILLION,
    ON_DEMAND_IN_GIB,
    ON_DEMAND_OUT_GIB,
    ON_DEMAND_STREAM_HOUR,
    PUT_UNIT_BYTES,
    PUT_UNIT_MILLION,
    SECONDS_A_MONTH,
    SHARD_HOUR,
)
from infra.shards.load import LEAST_RATE, Load


@dataclass(frozen=True, slots=True)
class MonthlyCosts:
    """US dollars a month, for the plan's mean load.

    Args:
        now: with the shards there are.
        planned: with those the plan leads to.
        on_demand: were the stream on demand.
    """

    now: float
    planned: float
    on_demand: float


def provisioned(shards: int, mean: Load, *, retention_hours: int = 24, fan_out: int = 0) -> float:
    """A month of a provisioned stream.

    Args:
        shards: open all the month.
        mean: over the month, not its peak; records are taken to be of one size.
        retention_hours: of the stream; up to 7 days are reckoned.
        fan_out: consumers with enhanced fan-out.
    """
    shard_hour = SHARD_HOUR + fan_out * FAN_OUT_SHARD_HOUR
    if retention_hours > FREE_RETENTION_HOURS:
        shard_hour += LONG_RETENTION_SHARD_HOUR
    units = mean.records_per_second * max(1, ceil(_record_bytes(mean) / PUT_UNIT_BYTES))
    read = fan_out * FAN_OUT_GIB * mean.bytes_per_second / GIB
    return shards * HOURS_A_MONTH * shard_hour + SECONDS_A_MONTH * (units / MILLION * PUT_UNIT_MILLION + read)


def on_demand(mean: Load, *, readers: int = 0) -> float:
    """A month of an on-demand (standard) stream.

    Args:
        mean: over the month; records are taken to be of one size.
        readers: each reads everything once.
    """
    billed = mean.records_per_second * max(1, ceil(_record_bytes(mean) / KIB)) * KIB
    per_second = billed / GIB * ON_DEMAND_IN_GIB + readers * mean.bytes_per_second / GIB * ON_DEMAND_OUT_GIB
    return HOURS_A_MONTH * ON_DEMAND_STREAM_HOUR + SECONDS_A_MONTH * per_second


def _record_bytes(load: Load) -> float:
    if load.records_per_second < LEAST_RATE:
        return 0.0
    return load.bytes_per_second / load.records_per_second
