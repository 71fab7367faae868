"""A plan keeps every limit of AWS, for any traffic and any request."""

from dataclasses import replace
from itertools import pairwise

from hypothesis import given, settings
from hypothesis import strategies as st

from infra.shards import limits
from infra.shards.changing import is_done, is_possible
from infra.shards.errors import QuotaReached
from infra.shards.load import Demand, HotKey, Load, Shard, reload, uniform_ranges
from infra.shards.plan import Bounds, Plan
from infra.shards.planning import make_plan
from infra.shards.steps import cheap_target, scale_path, scale_steps, scheduled
from infra.shards.stream import Stream
from tests.infra.shards.streams import NOW, a_stream

LOADS = st.builds(Load, st.floats(0, 3e6), st.floats(0, 3_000))
COUNTS = st.integers(1, limits.MAX_SHARDS)


@st.composite
def streams(draw: st.DrawFn) -> Stream:
    """Any stream: shards of any ranges, loads and hot keys, any quota, any changes before."""
    keys = st.integers(3, limits.HASH_KEYS - 4)
    starts = sorted({0, *draw(st.lists(keys, max_size=12, unique_by=lambda key: key >> 100))})
    shards = []
    for number, (start, end) in enumerate(pairwise([*starts, limits.HASH_KEYS])):
        hashes = draw(st.lists(st.integers(start, end - 1), max_size=2, unique=True))
        hot = tuple(HotKey(f"key-{hash_key}", hash_key, draw(LOADS)) for hash_key in hashes)
        load = sum((key.load for key in hot), draw(LOADS))
        shards.append(Shard(f"shardId-{number:012d}", start, end - 1, load, hot))
    used = draw(st.lists(st.floats(NOW - limits.DAY_SECONDS + 1, NOW), max_size=limits.SCALINGS_PER_DAY).map(sorted))
    left = draw(st.sampled_from([0, 1, 5, 20_000]))
    return a_stream(tuple(shards), scalings=tuple(used), quota=30_000, quota_left=left, readers=draw(st.integers(0, 5)))


@st.composite
def bounds(draw: st.DrawFn) -> Bounds:
    minimum = draw(st.integers(1, 40))
    return Bounds(draw(st.floats(0.05, 1.0)), minimum, draw(st.integers(minimum, 200)))


def planned(stream: Stream, within: Bounds) -> Plan | None:
    try:
        return make_plan(stream, within, now=NOW)
    except QuotaReached:
        return None


@given(streams(), bounds())
@settings(max_examples=40, deadline=None)
def test_every_step_keeps_every_limit(stream: Stream, within: Bounds):
    plan = planned(stream, within)
    if plan is None:
        return
    count = len(stream.shards)
    times = list(stream.scalings)
    at = NOW
    for step in plan.steps:
        assert step.before == count
        assert step.starts_at >= at
        at = step.starts_at + step.seconds
        assert step.most_open <= len(stream.shards) + stream.quota_left
        if step.kind == "scale":
            assert count / 2 <= step.after <= 2 * count
            assert step.after <= limits.MAX_SHARDS
            times.append(step.starts_at)
        else:
            assert abs(step.after - count) == 1
        count = step.after
    assert count == plan.shards_after
    assert all(later - earlier > limits.DAY_SECONDS for earlier, later in zip(times, times[10:], strict=False))
    if plan.steps:
        assert count <= max(within.maximum, len(stream.shards))
        assert count >= min(within.minimum, len(stream.shards), within.maximum)


@given(streams(), bounds())
@settings(max_examples=40, deadline=None)
def test_a_plan_that_says_it_is_enough_is_enough(stream: Stream, within: Bounds):
    plan = planned(stream, within)
    if plan is None or plan.verdict not in ("scale", "reshape") or "alone fills" in plan.reason:
        return
    heaviest = max((key.load.shards(stream.readers) for s in stream.shards for key in s.hot_keys), default=0.0)
    assert plan.utilisation_after <= max(within.target_utilisation, 1.15 * heaviest) * (1 + 1e-6)


@given(streams(), bounds())
@settings(max_examples=40, deadline=None)
def test_splits_and_merges_fit_the_shards_they_find(stream: Stream, within: Bounds):
    plan = planned(stream, within)
    if plan is None or plan.verdict != "reshape":
        return
    shards = {(shard.start, shard.end) for shard in stream.shards}
    for step in plan.steps:
        present = [Shard("", *ends) for ends in shards]
        assert is_possible(step, present)
        shards -= set(step.ranges)
        if step.kind == "split":
            [(start, end)] = step.ranges
            assert step.at is not None
            assert start + 1 < step.at < end
            shards |= {(start, step.at - 1), (step.at, end)}
        else:
            (start, middle), (upper, end) = step.ranges
            assert middle + 1 == upper
            shards.add((start, end))
        assert is_done(step, [Shard("", *ends) for ends in shards])
    edges = sorted(shards)
    assert (edges[0][0], edges[-1][1]) == (0, limits.HASH_KEYS - 1)
    assert all(lower[1] + 1 == upper[0] for lower, upper in pairwise(edges))


@given(COUNTS, COUNTS)
def test_any_count_is_reached_from_any_other_by_doubling_and_halving(shards: int, target: int):
    path = [shards, *scale_path(shards, target)]
    assert path[-1] == target
    assert all(later <= 2 * earlier and 2 * later >= earlier and later != earlier for earlier, later in pairwise(path))


@given(COUNTS, COUNTS, COUNTS)
def test_a_cheap_target_is_never_too_few_nor_over_the_maximum(shards: int, target: int, maximum: int):
    chosen = cheap_target(shards, min(target, maximum), maximum)
    assert min(target, maximum) <= chosen <= maximum
    assert chosen - target <= max(1, target // 10)


@given(st.lists(st.floats(0, limits.DAY_SECONDS), max_size=10).map(sorted), st.integers(1, 2_000))
def test_no_24_hours_hold_more_than_ten_changes(ago: list[float], target: int):
    used = [NOW - seconds for seconds in reversed(ago)]
    steps = scheduled(scale_steps(1, target), used, NOW)
    times = [*used, *(step.starts_at for step in steps)]
    assert all(later - earlier > limits.DAY_SECONDS for earlier, later in zip(times, times[10:], strict=False))


@given(streams(), st.integers(1, 50))
@settings(deadline=None)
def test_a_load_is_the_same_however_the_key_space_is_cut(stream: Stream, count: int):
    demand = Demand(stream.shards)
    parts = [demand.between(start, end) for start, end in uniform_ranges(count)]
    assert abs(sum(part.bytes_per_second for part in parts) - demand.total.bytes_per_second) < 1
    assert abs(sum(part.records_per_second for part in parts) - demand.total.records_per_second) < 0.01


@given(streams(), LOADS)
@settings(deadline=None)
def test_another_load_is_spread_as_the_present_one(stream: Stream, load: Load):
    shards = reload(stream.shards, load)
    total = sum((shard.load for shard in shards), Load(0, 0))
    assert abs(total.records_per_second - load.records_per_second) < 1e-6 * (1 + load.records_per_second)
    assert replace(stream, shards=shards).shards == shards
