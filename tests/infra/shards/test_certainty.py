"""A sample says how sure it is, and a plan from it says what else it might be."""

from random import Random

import pytest

from infra.shards.certainty import DEVIATIONS, Interval, doubt_of, intervals, with_hottest
from infra.shards.load import HotKey, Load, Shard, even_shards
from infra.shards.plan import Bounds
from infra.shards.sampling import ShardSample, sample
from infra.shards.stream import list_shards
from tests.infra.shards.conftest import STREAM
from tests.infra.shards.streams import a_stream, an_even_stream, plan_for


def a_sample(shard: Shard, error: float) -> ShardSample:
    return ShardSample(shard.shard_id, 1_000, shard.load, (), is_whole=error == 0, error=error)


def test_a_shard_that_was_read_whole_is_exact(clients, clock, put):
    put([f"key-{n}" for n in range(600)])
    clock.advance(60)
    found = sample(clients.kinesis, STREAM, list_shards(clients.kinesis, STREAM), now=clock.time())
    assert [each.error for each in found.values()] == [0.0, 0.0]


def test_shards_are_compared_over_the_same_time(clients, clock, put):
    """One shard takes 900 records a second, so two reads of it cover seconds; the other takes 10, and is read whole."""
    shards = list_shards(clients.kinesis, STREAM)
    random = Random(1)
    keys = [f"key-{n}" for n in range(100_000)]
    of = {shard.shard_id: iter([k for k in keys if shard.start <= hash_of(k) <= shard.end]) for shard in shards}
    hot, cold = shards
    for _ in range(62):
        for _ in range(10):
            put([next(of[hot.shard_id]) for _ in range(70)], size_bytes=10)
            put([next(of[cold.shard_id])] * random.choice((1, 1, 1)), size_bytes=10)
            clock.advance(0.1)
    found = sample(clients.kinesis, STREAM, shards, now=clock.time())
    rates = {shard_id: each.load.records_per_second for shard_id, each in found.items()}
    assert rates[hot.shard_id] == pytest.approx(700, rel=0.1)
    assert rates[cold.shard_id] == pytest.approx(10, rel=0.35)
    assert 0 < found[hot.shard_id].error < 0.35


def hash_of(key: str) -> int:
    from infra.shards.sampling import hash_key_of  # noqa: PLC0415

    return hash_key_of(key)


@pytest.mark.parametrize("error", [0.05, 0.2])
def test_the_interval_holds_what_95_of_100_samples_give(error):
    shards = even_shards(Load(1_000, 10), 2)
    samples = {each.shard_id: a_sample(each, error) for each in shards}
    alone = intervals(shards, samples, total_is_known=False)
    assert alone[shards[0].shard_id] == Interval(1 - DEVIATIONS * error, 1 + DEVIATIONS * error)
    of_total = intervals(shards, samples, total_is_known=True)[shards[0].shard_id]
    assert of_total.high - 1 == pytest.approx(DEVIATIONS * error * 0.5**0.5), "half of each error, together"


def test_the_only_shard_of_a_stream_whose_load_is_known_is_exact():
    shards = even_shards(Load(1_000, 10), 1)
    assert intervals(shards, {shards[0].shard_id: a_sample(shards[0], 0.3)}, total_is_known=True) == {}


def test_a_hotter_shard_leaves_less_of_the_same_total_to_the_others():
    shards = even_shards(Load(400, 400), 4)
    hotter = with_hottest(shards, shards[1], 1.3)
    assert [each.load.records_per_second for each in hotter] == pytest.approx([90, 130, 90, 90])
    key = HotKey("k", 5, Load(10, 10))
    (alone,) = with_hottest((Shard("s", 0, 9, Load(100, 100), (key,)),), Shard("s", 0, 9, Load(100, 100)), 0.5)
    assert (alone.load.records_per_second, alone.hot_keys[0].load.records_per_second) == (50, 5)


def test_a_plan_that_is_the_same_within_the_interval_is_not_in_doubt():
    stream = an_even_stream(4, 1_000)
    made = plan_for(stream)
    assert doubt_of(made, [made, made], 2_000) == ""


def test_a_plan_that_might_be_another_says_so_with_the_numbers():
    stream = an_even_stream(4, 2_300)
    hottest = stream.shards[0]
    made, low, high = (
        plan_for(a_stream(with_hottest(stream.shards, hottest, factor)), Bounds()) for factor in (1, 0.9, 1.2)
    )
    assert (made.verdict, low.verdict) == ("nothing", "nothing")
    assert high.verdict != "nothing"
    doubt = doubt_of(made, [low, high], 2_000)
    assert doubt.startswith(
        "by a sample of 2,000 records the hottest shard is between 59% and 69% full at the peak; at 69%"
    )  # 59 %: where that shard carries less, the others carry more, and one of them is the hottest
    assert f"the plan is {high.verdict} to {high.shards_after} shards. Shard-level metrics say it exactly" in doubt
