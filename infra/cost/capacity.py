"""What stream and table cost in each of their capacity modes."""

from math import ceil
from typing import Final, Literal

from infra.cost.flow import Flow
from infra.prices import (
    ADVANTAGE_IN_GIB,
    ADVANTAGE_LEAST_BYTES,
    ADVANTAGE_OUT_GIB,
    GIB,
    HOURS_A_MONTH,
    KIB,
    MILLION,
    SECONDS_A_MONTH,
    WRITE_CAPACITY_HOUR,
    WRITE_UNIT_MILLION,
)
from infra.settings import Settings
from infra.shards.cost import on_demand, provisioned
from infra.shards.load import Load

READERS: Final = 2  # the table writer and Firehose
TABLE_FILL: Final = 0.7  # of provisioned capacity, as automatic scaling in Terraform aims at

Mode = Literal["provisioned", "on-demand", "on-demand advantage"]
TableMode = Literal["on-demand", "provisioned"]


def stream_dollars(found: Flow, settings: Settings) -> dict[Mode, float]:
    """US dollars a month by mode.

    Advantage is a commitment of the whole account to 25 MB/s; the bill is as if this were its only stream.
    """
    load = Load(found.records * found.record_bytes, found.records)
    billed_in = found.records * max(1.0, -(-found.record_bytes // KIB)) * KIB  # 1 KB rounding, as with standard
    advantage_in = max(billed_in, ADVANTAGE_LEAST_BYTES) * ADVANTAGE_IN_GIB
    advantage_out = max(READERS * load.bytes_per_second, ADVANTAGE_LEAST_BYTES) * ADVANTAGE_OUT_GIB
    return {
        "provisioned": provisioned(found.shards, load, retention_hours=settings.stream.retention_hours),
        "on-demand": on_demand(load, readers=READERS),
        "on-demand advantage": (advantage_in + advantage_out) / GIB * SECONDS_A_MONTH,
    }


def table_dollars(write_units_per_second: float) -> dict[TableMode, float]:
    """US dollars a month for the table's writes by mode; provisioned for an even load, scaled to `TABLE_FILL`."""
    capacity = ceil(write_units_per_second / TABLE_FILL)
    return {
        "on-demand": write_units_per_second * SECONDS_A_MONTH / MILLION * WRITE_UNIT_MILLION,
        "provisioned": capacity * HOURS_A_MONTH * WRITE_CAPACITY_HOUR,
    }
