"""A month of a stream, by the price list."""

import pytest

from infra.prices import GIB, KIB, SECONDS_A_MONTH
from infra.shards.cost import on_demand, provisioned
from infra.shards.load import NOTHING, Load


def test_shards_cost_by_the_hour_whatever_is_written():
    assert provisioned(4, NOTHING) == pytest.approx(4 * 730 * 0.015)


def test_a_record_is_paid_in_units_of_25_kib():
    units = SECONDS_A_MONTH / 1e6 * 0.014
    small, whole, over = Load(10 * 200, 10), Load(10 * 25 * KIB, 10), Load(10 * (25 * KIB + 1), 10)
    assert provisioned(1, small) - provisioned(1, NOTHING) == pytest.approx(10 * units)
    assert provisioned(1, whole) == pytest.approx(provisioned(1, small))
    assert provisioned(1, over) - provisioned(1, NOTHING) == pytest.approx(20 * units)


def test_long_retention_and_fan_out_are_paid_for_each_shard():
    assert provisioned(2, NOTHING, retention_hours=168) == pytest.approx(2 * 730 * (0.015 + 0.020))
    assert provisioned(2, NOTHING, fan_out=1) == pytest.approx(2 * 730 * 0.030)
    read = provisioned(2, Load(GIB, 1), fan_out=1) - provisioned(2, Load(GIB, 1))
    assert read == pytest.approx(2 * 730 * 0.015 + SECONDS_A_MONTH * 0.013)


def test_on_demand_rounds_each_record_up_to_a_kib():
    assert on_demand(NOTHING) == pytest.approx(730 * 0.04)
    small, packed = Load(1_000 * 200, 1_000), Load(1_000 * 200, 10)
    assert on_demand(small) - on_demand(NOTHING) > 4 * (on_demand(packed) - on_demand(NOTHING))
    a_kib = Load(1_000 * KIB, 1_000)
    assert on_demand(a_kib) - on_demand(NOTHING) == pytest.approx(SECONDS_A_MONTH * 1_000 * KIB / GIB * 0.08)
    assert on_demand(a_kib, readers=2) - on_demand(a_kib) == pytest.approx(SECONDS_A_MONTH * 2_000 * KIB / GIB * 0.04)
