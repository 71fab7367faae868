"""Automatic scaling on traffic: what it makes of the built-in traces, and that it keeps every limit on any other."""

from itertools import pairwise
from random import Random
from statistics import fmean

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from infra.shards import limits
from infra.shards.autoscaling import Thresholds
from infra.shards.errors import ShardsError
from infra.shards.load import Load
from infra.shards.plan import Bounds
from infra.shards.simulation import Simulation, simulate
from infra.shards.traffic import BUILT_IN, EVENT_BYTES, Moment, built_in, read_csv

BOUNDS = Bounds(minimum=1, maximum=2_500)


def run(name: str, **arguments: object) -> Simulation:
    return simulate(built_in(name, Random(7)), Thresholds(BOUNDS), shards=2, **arguments)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("name", "throttled", "most"),
    [
        ("daily-wave", 0.001, 8),
        ("flash-crowd", 0.05, 16),
        ("step", 0.01, 10),
        ("skewed-keys", 0.0, 6),
        ("growth-to-a-million", 0.0, 2_400),
    ],
)
def test_a_built_in_trace_is_carried(name, throttled, most):
    found = run(name)
    assert found.throttled_share <= throttled
    assert max(minute.shards for minute in found.minutes) <= most
    assert max(minute.lag_seconds for minute in found.minutes) < 60
    check_limits(found, BOUNDS)


def test_the_stream_shrinks_again_after_a_step_of_traffic():
    found = run("step")
    assert max(minute.shards for minute in found.minutes) == 7
    assert found.minutes[-1].shards == 2


def test_skewed_keys_are_met_by_splits_not_by_doubling():
    assert {taken.step.kind for taken in run("skewed-keys").taken} == {"split"}


def test_the_million_is_reached_within_two_days():
    found = run("growth-to-a-million")
    assert found.minutes[-1].offered / 60 == pytest.approx(1e6, rel=0.06)
    assert found.minutes[-1].utilisation < 0.8


def test_provisioned_is_cheaper_than_on_demand_where_it_is_well_used():
    last = run("daily-wave").minutes[-1]
    assert last.cost < last.on_demand_cost


def test_slow_readers_fall_behind_and_the_stream_does_not_shrink_under_them():
    found = run("step", reader_records_per_second=500)
    lags = {minute.at: minute.lag_seconds for minute in found.minutes}
    assert max(lags.values()) > 600
    check_limits(found, BOUNDS)
    assert all(lags[taken.at - 120] <= 60 for taken in found.taken if is_down(taken.step))


@given(
    st.lists(st.tuples(st.floats(0, 20_000), st.floats(1, 5_000), st.floats(0, 0.6)), min_size=2, max_size=12),
    st.integers(1, 12),
    st.integers(1, 4),
    st.integers(4, 40),
    st.floats(200, 3_000),
)
@settings(max_examples=25, deadline=None)
def test_every_limit_is_kept_on_any_traffic(phases, shards, minimum, maximum, reader_rate):
    trace = [
        Moment((number * 45 + minute) * 60.0, Load(records * size, records), hot)
        for number, (records, size, hot) in enumerate(phases)
        for minute in range(45)
    ]
    bounds = Bounds(minimum=minimum, maximum=maximum)
    found = simulate(trace, Thresholds(bounds), shards=shards, reader_records_per_second=reader_rate)
    check_limits(found, bounds, shards)


def check_limits(found: Simulation, bounds: Bounds, at_first: int = 2) -> None:
    """Every limit of AWS and every guard, over a whole simulation."""
    scalings = [taken.at for taken in found.taken if taken.step.kind == "scale"]
    assert all(b - a > limits.DAY_SECONDS for a, b in zip(scalings, scalings[limits.SCALINGS_PER_DAY :], strict=False))
    for earlier, later in pairwise(found.taken):
        assert later.at - earlier.at >= earlier.step.seconds, "never while UPDATING"
        assert later.at - earlier.at >= 120, "never without a whole minute of metrics in between"
    for taken in found.taken:
        step = taken.step
        assert step.after <= max(bounds.maximum, step.before)
        assert step.after >= min(bounds.minimum, step.before)
        if step.kind == "scale":
            assert step.before / 2 <= step.after <= 2 * step.before
        if is_down(step):
            before = [m.lag_seconds for m in found.minutes if taken.at - 600 <= m.at < taken.at - 300]
            since = [m.lag_seconds for m in found.minutes if taken.at - 300 <= m.at <= taken.at - 120]
            assert fmean(since) <= max(5.0, fmean(before) + 1.0), "never down while lag grows"
    assert all(m.shards <= max(bounds.maximum, at_first) for m in found.minutes)
    for minute in found.minutes:
        assert 0 <= minute.throttled <= minute.offered


def is_down(step) -> bool:
    return step.kind != "parallelize" and step.after < step.before


def test_built_in_traces_are_the_same_for_the_same_seed():
    for name in BUILT_IN:
        assert built_in(name, Random(3))[:50] == built_in(name, Random(3))[:50]
    assert built_in("step", Random(1))[0].load.bytes_per_second == pytest.approx(
        built_in("step", Random(1))[0].load.records_per_second * EVENT_BYTES
    )


def test_a_csv_file_is_a_trace(tmp_path):
    file = tmp_path / "trace.csv"
    file.write_text("minute,records_per_second,bytes_per_second,hot_share\n0,100,20000,\n1,200,40000,0.5\n")
    assert read_csv(file) == [Moment(0, Load(20_000, 100)), Moment(60, Load(40_000, 200), 0.5)]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", "lacks the column"),
        ("minute,records_per_second\n0,1\n", "lacks the column bytes_per_second"),
        ("minute,records_per_second,bytes_per_second\n", "holds no minute"),
        ("minute,records_per_second,bytes_per_second\n0,many,1\n", "line 2: could not convert"),
        ("minute,records_per_second,bytes_per_second\n0,1\n", "line 2"),
        ("minute,records_per_second,bytes_per_second\n0,-1,1\n", "line 2: rates are 0 or more"),
        ("minute,records_per_second,bytes_per_second\n0,nan,1\n", "line 2: rates are 0 or more"),
        ("minute,records_per_second,bytes_per_second\n0,1,1\n2,1,1\n", "after minute 0 comes 2"),
    ],
)
def test_what_is_no_trace_is_refused_with_its_line(tmp_path, content, message):
    file = tmp_path / "trace.csv"
    file.write_text(content)
    with pytest.raises(ShardsError, match=message):
        read_csv(file)


def test_bytes_that_are_no_text_are_refused(tmp_path):
    file = tmp_path / "trace.csv"
    file.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(ShardsError, match="cannot be read as CSV"):
        read_csv(file)
