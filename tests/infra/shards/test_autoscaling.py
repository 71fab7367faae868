"""When automatic scaling takes a step, and every reason for which it does not."""

from dataclasses import replace
from typing import Any

import pytest

from infra.shards.autoscaling import Observation, Thresholds, decide, lag_grows
from infra.shards.load import Load
from infra.shards.plan import Bounds
from infra.shards.stream import Stream
from infra.shards.writer import Writer
from tests.infra.shards.streams import NOW, an_even_stream, with_hot_key

HOUR = [NOW - 60 * minute for minute in range(60, 0, -1)]
CALM = dict.fromkeys(HOUR, 0.0)
THRESHOLDS = Thresholds(Bounds(maximum=64))


def seen(stream: Stream, records_per_second: float, **fields: Any) -> Observation:
    """An hour of an even load, readers at the tip, nothing refused."""
    load = Load(records_per_second * 200, records_per_second)
    everything: dict[str, Any] = {
        "at": NOW,
        "stream": stream,
        "by_minute": dict.fromkeys(HOUR, load),
        "newest": NOW,
        "throttled": CALM,
        "iterator_age_ms": CALM,
    }
    return Observation(**everything | fields)


def test_between_the_thresholds_it_waits():
    for records in (1_650, 2_000, 2_900):
        assert decide(seen(an_even_stream(4, records), records), THRESHOLDS).step is None


def test_above_the_upper_threshold_it_grows_to_the_target():
    decision = decide(seen(an_even_stream(4, 3_100), 3_100), THRESHOLDS)
    assert decision.step is not None
    assert (decision.step.kind, decision.step.before, decision.step.after) == ("scale", 4, 6)


def test_it_takes_one_step_of_many():
    decision = decide(seen(an_even_stream(2, 5_000), 5_000), THRESHOLDS)
    assert decision.step is not None
    assert decision.step.after == 4


def test_below_the_lower_threshold_for_an_hour_it_shrinks():
    decision = decide(seen(an_even_stream(8, 800), 800), THRESHOLDS)
    assert decision.step is not None
    assert decision.step.after == 4


def waits(observation: Observation, reason: str, thresholds: Thresholds = THRESHOLDS) -> None:
    decision = decide(observation, thresholds)
    assert decision.step is None
    assert reason in decision.reason


def test_one_busy_minute_in_the_hour_keeps_it_from_shrinking():
    calm = seen(an_even_stream(8, 800), 800)
    busy = Load(800_000, 4_000)
    waits(replace(calm, by_minute={**calm.by_minute, HOUR[3]: busy}), "8 shards are right")


def test_it_does_not_shrink_on_less_than_an_hour_of_metrics():
    calm = seen(an_even_stream(8, 800), 800)
    waits(replace(calm, by_minute={at: calm.by_minute[at] for at in HOUR[10:]}), "not known to be so for an hour")


def test_it_does_not_shrink_while_lag_grows():
    growing = {at: 1_000.0 * number for number, at in enumerate(HOUR)}
    waits(seen(an_even_stream(8, 800), 800, iterator_age_ms=growing), "readers fall behind")


def test_it_does_not_shrink_where_nobody_knows_the_lag():
    waits(seen(an_even_stream(8, 800), 800, iterator_age_ms={}), "nobody knows")


def test_it_does_not_shrink_where_readers_were_behind_within_the_hour():
    waits(seen(an_even_stream(8, 800), 800, iterator_age_ms={**CALM, HOUR[5]: 90_000.0}), "were behind")


def test_it_cools_down_for_an_hour_before_it_shrinks():
    stream = an_even_stream(8, 800, last_step_at=NOW - 3_000)
    waits(seen(stream, 800), "cooling down")
    assert decide(seen(replace(stream, last_step_at=NOW - 3_601), 800), THRESHOLDS).step is not None


def test_it_keeps_some_changes_of_the_day_for_growing():
    used = tuple(NOW - 4_000 - number for number in range(6, 0, -1))
    waits(seen(an_even_stream(8, 800, scalings=used), 800), "are for growing")


def test_where_few_changes_are_left_it_doubles():
    used = tuple(NOW - 4_000 - number for number in range(6, 0, -1))
    decision = decide(seen(an_even_stream(8, 6_100, scalings=used), 6_100), THRESHOLDS)
    assert decision.step is not None
    assert decision.step.after == 16
    assert "only 4 of the ten changes" in decision.reason


def test_where_none_is_left_it_says_when_the_next_is():
    used = tuple(NOW - 80_000 - number for number in range(10, 0, -1))
    decision = decide(seen(an_even_stream(8, 6_100, scalings=used), 6_100), THRESHOLDS)
    assert decision.step is None
    assert "allowed in 1.8 h" in decision.reason
    assert decision.attention


def test_it_never_takes_two_steps_without_a_whole_minute_of_metrics_in_between():
    stream = an_even_stream(4, 4_000, last_step_at=NOW - 200)
    waits(seen(stream, 4_000, newest=NOW - 180), "no whole minute of metrics since the last step")
    assert decide(seen(stream, 4_000, newest=NOW - 120), THRESHOLDS).step is not None


@pytest.mark.parametrize("newest", [None, NOW - 601])
def test_without_metrics_it_does_nothing(newest):
    observation = seen(an_even_stream(4, 4_000), 4_000, newest=newest)
    waits(observation, "no metrics of the last ten minutes")
    assert decide(observation, THRESHOLDS).attention


def test_it_never_goes_above_the_ceiling():
    low = Thresholds(Bounds(maximum=6))
    decision = decide(seen(an_even_stream(4, 10_000), 10_000), low)
    assert decision.step is not None
    assert decision.step.after == 6
    waits(seen(an_even_stream(6, 10_000), 10_000), "the maximum is 6", low)
    assert decide(seen(an_even_stream(6, 10_000), 10_000), low).attention


def test_it_never_goes_below_the_floor():
    floored = Thresholds(Bounds(minimum=4, maximum=64))
    decision = decide(seen(an_even_stream(6, 100), 100), floored)
    assert decision.step is not None
    assert decision.step.after == 4
    waits(seen(an_even_stream(4, 100), 100), "4 shards are right", floored)


@pytest.mark.parametrize("change", [{"status": "UPDATING"}, {"mode": "ON_DEMAND"}])
def test_it_leaves_streams_alone_that_cannot_be_changed(change):
    waits(seen(replace(an_even_stream(4, 4_000), **change), 4_000), "try again" if "status" in change else "on demand")


def test_a_hot_key_is_said_and_not_scaled_for():
    decision = decide(seen(with_hot_key(an_even_stream(4, 400), 1, 1_800), 2_200), THRESHOLDS)
    assert decision.step is None
    assert decision.attention
    assert "customer-4711" in decision.reason


def test_refusals_without_a_full_shard_call_for_somebody():
    throttled = dict.fromkeys(HOUR[-4:], 500.0)
    decision = decide(seen(an_even_stream(4, 2_000), 2_000, throttled=throttled), THRESHOLDS)
    assert decision.step is None
    assert decision.attention
    assert "see spillway shards report" in decision.reason


def test_a_busy_writer_gets_another_lane():
    decision = decide(seen(an_even_stream(4, 2_000), 2_000, writer=Writer("writer", "uuid", 2, 0.95)), THRESHOLDS)
    assert decision.step is not None
    assert (decision.step.kind, decision.step.after) == ("parallelize", 4)


def test_lag_that_is_there_but_shrinks_is_not_growing():
    assert not lag_grows({at: 60_000.0 - 1_000 * number for number, at in enumerate(HOUR)}, NOW)
    assert not lag_grows(CALM, NOW)
    assert lag_grows({}, NOW)


def test_thresholds_have_to_rise():
    for up_above, down_below in ((0.5, 0.4), (0.75, 0.6), (1.2, 0.4), (0.75, 0.0)):
        with pytest.raises(ValueError, match="rise"):
            Thresholds(up_above=up_above, down_below=down_below)
