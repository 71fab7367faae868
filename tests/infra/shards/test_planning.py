"""What the planner decides, case by case."""

from dataclasses import replace

import pytest

from infra.local.aws.kinesis import limits as local_limits
from infra.shards import limits
from infra.shards.errors import OnDemandStream, QuotaReached, StreamBusy
from infra.shards.load import Load, even_shards
from infra.shards.plan import Bounds
from infra.shards.writer import Writer
from tests.infra.shards.streams import NOW, a_stream, an_even_stream, plan_for, with_hot_key


def counts(plan) -> list[int]:
    return [plan.shards_before, *(step.after for step in plan.steps)]


def test_a_stream_at_its_target_is_left_alone():
    plan = plan_for(an_even_stream(5, 2_900))
    assert (plan.verdict, plan.steps, plan.shards_after) == ("nothing", (), 5)
    assert "5 shards are right" in plan.reason


def test_growth_beyond_double_takes_several_steps():
    plan = plan_for(an_even_stream(2, 5_000))
    assert plan.verdict == "scale"
    assert counts(plan) == [2, 4, 8, 10]
    assert plan.utilisation_after <= 0.6


def test_a_count_near_the_target_gives_way_to_a_multiple_of_25_percent():
    plan = plan_for(an_even_stream(8, 5_300))  # 9 would do
    assert counts(plan) == [8, 10]


def test_a_dear_multiple_of_25_percent_is_not_taken():
    plan = plan_for(an_even_stream(10, 7_700))  # 13 will do; 15 would cost two more
    assert counts(plan) == [10, 13]


def test_a_small_saving_is_not_worth_a_change():
    assert plan_for(an_even_stream(5, 2_300)).verdict == "nothing"  # 4 would do


def test_a_large_saving_is_taken_in_halves():
    plan = plan_for(an_even_stream(16, 1_100))
    assert counts(plan) == [16, 8, 4, 2]


@pytest.mark.parametrize(
    ("load", "shards"),
    [(Load(6 * 1024**2, 100), 10), (Load(1_000, 6_000), 10), (Load(3 * 1024**2, 100), 10)],
    ids=["bytes in", "records in", "bytes out to four readers that share"],
)
def test_the_tightest_limit_counts(load, shards):
    readers = 4 if load == Load(3 * 1024**2, 100) else 2
    assert plan_for(a_stream(even_shards(load, 5), readers=readers)).shards_after == shards


def test_one_hot_shard_is_split_where_its_load_falls_into_halves():
    plan = plan_for(with_hot_key(an_even_stream(8, 2_400), 3, 500))
    assert plan.verdict == "reshape"
    [step] = plan.steps
    assert (step.kind, step.shard_ids, step.after) == ("split", ("shardId-000000000003",), 9)
    assert plan.utilisation_after <= 0.6


def test_a_key_beyond_the_target_gets_a_shard_to_itself_and_the_advice_to_spread_it():
    plan = plan_for(with_hot_key(an_even_stream(4, 400), 2, 800))
    assert plan.verdict == "reshape"
    assert 0.8 <= plan.utilisation_after < 0.9
    assert any("spread it" in line for line in plan.advice)


def test_a_key_beyond_a_whole_shard_is_beyond_any_number_of_shards():
    plan = plan_for(with_hot_key(an_even_stream(4, 400), 2, 1_800))
    assert (plan.verdict, plan.steps) == ("hot key", ())
    assert "'customer-4711' alone fills 180%" in plan.reason
    assert "no number of shards helps" in plan.reason
    assert "aggregated" in plan.advice[0]


def test_the_rest_of_a_stream_grows_in_spite_of_an_unbearable_key():
    plan = plan_for(with_hot_key(an_even_stream(4, 4_000), 2, 1_800))
    assert plan.verdict == "scale"
    assert plan.shards_after >= 7
    assert "customer-4711" in plan.reason
    assert plan.utilisation_after == pytest.approx(1.8)


def test_the_maximum_is_reached_and_not_passed():
    plan = plan_for(an_even_stream(2, 10_000), Bounds(maximum=6))
    assert (plan.verdict, plan.shards_after) == ("ceiling", 6)
    assert "17 shards are needed, but the maximum is 6" in plan.reason


def test_the_minimum_is_kept_however_little_is_written():
    assert counts(plan_for(an_even_stream(2, 1), Bounds(minimum=8))) == [2, 4, 8]
    assert counts(plan_for(an_even_stream(16, 1), Bounds(minimum=3))) == [16, 8, 4, 3]


def test_more_shards_than_the_maximum_are_kept_while_they_are_needed():
    assert plan_for(an_even_stream(8, 4_000), Bounds(maximum=4)).steps == ()


def test_steps_beyond_ten_wait_for_the_day_to_pass():
    used = tuple(NOW - 3_600 * hours for hours in range(20, 11, -1))  # nine
    plan = plan_for(an_even_stream(2, 5_000, scalings=used))
    first, second, _ = plan.steps
    assert first.starts_at == NOW
    assert second.starts_at == used[0] + limits.DAY_SECONDS + 1


def test_a_million_events_a_second_take_ten_steps():
    plan = plan_for(an_even_stream(2, 1_000_000))
    assert len(plan.steps) == 10
    assert plan.shards_after >= 1_667


def test_a_quota_that_is_reached_refuses_the_plan():
    with pytest.raises(QuotaReached, match=r"opens up to 8 shards at once.*quota of 7 leaves 7"):
        plan_for(an_even_stream(4, 4_700, quota=7, quota_left=3))


def test_short_lived_shards_count_towards_the_quota():
    with pytest.raises(QuotaReached, match="opens up to 22 shards at once"):
        plan_for(an_even_stream(10, 7_700, quota=20, quota_left=10))


def test_on_demand_and_updating_streams_are_refused():
    with pytest.raises(OnDemandStream, match="on demand"):
        plan_for(replace(an_even_stream(4, 4_000), mode="ON_DEMAND"))
    with pytest.raises(StreamBusy, match="UPDATING"):
        plan_for(replace(an_even_stream(4, 4_000), status="UPDATING"))


def test_a_busy_writer_gets_more_lanes_before_the_stream_gets_more_shards():
    plan = plan_for(an_even_stream(4, 1_600), writer=Writer("writer", "uuid", 1, 0.9))
    assert plan.verdict == "writer"
    [step] = plan.steps
    assert (step.kind, step.before, step.after) == ("parallelize", 1, 2)
    assert plan.writer_mapping == "uuid"


def test_a_busy_writer_with_all_its_lanes_gets_more_shards():
    plan = plan_for(an_even_stream(4, 1_600), writer=Writer("writer", "uuid", 10, 0.9))
    assert (plan.verdict, plan.steps[0].kind, plan.shards_after) == ("writer", "scale", 6)


def test_a_writer_with_time_left_changes_nothing():
    assert plan_for(an_even_stream(4, 2_000), writer=Writer("writer", "uuid", 1, 0.5)).verdict == "nothing"


def test_a_stream_does_not_shrink_to_fewer_lanes_than_its_writer_needs():
    stream = an_even_stream(8, 1_000)
    assert plan_for(stream).shards_after == 2
    assert plan_for(stream, writer=Writer("writer", "uuid", 1, 0.5)).shards_after == 6
    assert plan_for(stream, writer=Writer("writer", "uuid", 1, 0.7)).verdict == "nothing"


def test_costs_are_of_the_mean_load_not_of_the_peak():
    plan = plan_for(an_even_stream(2, 5_000), mean=Load(200_000, 1_000))
    assert plan.costs.planned == pytest.approx(10 * 730 * 0.015 + 1_000 * 730 * 3_600 * 0.014 / 1e6)
    assert plan.costs.on_demand > plan.costs.planned


def test_bounds_that_contradict_each_other_are_refused():
    for arguments in ((0.0, 1, 2), (1.1, 1, 2), (0.6, 3, 2), (0.6, 0, 2), (0.6, 1, 10_001)):
        with pytest.raises(ValueError, match=r"target utilisation|minimum"):
            Bounds(*arguments)


def test_the_planner_and_the_local_kinesis_have_the_same_limits():
    assert limits.WRITE_BYTES_PER_SECOND == local_limits.WRITE_BYTES_PER_SECOND
    assert limits.WRITE_RECORDS_PER_SECOND == local_limits.WRITE_RECORDS_PER_SECOND
    assert limits.READ_BYTES_PER_SECOND == local_limits.READ_BYTES_PER_SECOND
    assert limits.READS_PER_SECOND == local_limits.GET_RECORDS_PER_SECOND


def test_a_maximum_that_the_load_does_not_allow_is_named_with_the_reason():
    plan = plan_for(an_even_stream(8, 4_000), Bounds(maximum=4))
    assert "8 shards are right" not in plan.reason
    assert plan.not_kept == (
        "the maximum of 4 is not kept, 8 shards will be open: the peak needs 7 to keep the hottest under the target of "
        "60%; raise --max or --target-utilisation"
    )


def test_one_number_as_both_bounds_leads_there_where_the_load_allows_it():
    plan = plan_for(an_even_stream(4, 100), Bounds(minimum=2, maximum=2))
    assert (counts(plan), plan.not_kept) == ([4, 2], "")


def test_a_hot_key_that_keeps_more_shards_than_the_maximum_is_the_reason():
    plan = plan_for(with_hot_key(an_even_stream(4, 100), 0, 900), Bounds(minimum=2, maximum=2))
    assert plan.verdict == "hot key"
    assert plan.not_kept.startswith("the maximum of 2 is not kept, 4 shards will be open: a partition key is too hot")


def test_a_writer_that_needs_more_lanes_than_the_maximum_gives_is_the_reason():
    writer = Writer("writer", "id", 1, busy=0.7)
    plan = plan_for(an_even_stream(4, 100), Bounds(minimum=1, maximum=2), writer=writer)
    assert plan.shards_after == 4
    assert "the table writer needs the lanes of" in plan.not_kept


@pytest.mark.parametrize(("shards", "minimum"), [(1, 2), (3, 4)])
def test_the_minimum_is_the_reason_in_words(shards, minimum):
    plan = plan_for(an_even_stream(shards, 10), Bounds(minimum=minimum))
    assert plan.reason.startswith(f"{'1 shard is' if shards == 1 else '3 shards are'} under the minimum of {minimum}")
