"""What becomes of a batch that fails: retries, age, refusals, halving."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from infra.local.event_sources.mapping_settings import FOREVER
from infra.local.event_sources.stream_steps import Condition, GiveUp
from tests.infra.local.event_sources.lane_driver import (
    CRASH,
    OK,
    Driver,
    answer_naming,
    crash_with,
    given_up,
    name_failed,
    numbers_of,
    record,
)


def test_a_batch_is_invoked_once_and_then_as_often_as_retries_are_allowed() -> None:
    driver = Driver(maximum_retry_attempts=2)
    driver.put(1, 2)
    steps = driver.run(crash_with(1))
    assert steps[:3] == [[1, 2]] * 3
    [pointer] = given_up(steps)
    assert (numbers_of(pointer.records), pointer.invocations) == ([1, 2], 3)
    assert pointer.condition is Condition.RETRY_ATTEMPTS_EXHAUSTED
    assert (pointer.function_error, pointer.request_id) == ("Unhandled", "request")
    assert (driver.lane.delivered, driver.lane.failed, driver.lane.waiting) == (0, 2, 0)


def test_without_retries_a_batch_is_given_up_after_one_invocation() -> None:
    driver = Driver(maximum_retry_attempts=0)
    driver.put(1)
    assert [type(step) for step in driver.run(crash_with(1))] == [list, GiveUp]


def test_a_batch_given_up_does_not_hold_up_the_next() -> None:
    driver = Driver(batch_size=1, maximum_retry_attempts=1)
    driver.put(1, 2)
    assert driver.run(crash_with(1))[-1] == [2]


def test_endless_retries_go_on_until_it_works() -> None:
    driver = Driver(maximum_retry_attempts=FOREVER)
    driver.put(1)
    left = iter([CRASH] * 500 + [OK])
    assert driver.run(lambda _: next(left)) == [[1]] * 501
    assert driver.lane.delivered == 1


def test_a_poison_record_blocks_its_lane_while_it_is_retried() -> None:
    driver = Driver(batch_size=1)
    driver.put(1, 2)
    for _ in range(50):
        assert driver.wait() == [1]
        driver.settle(CRASH)


def test_retries_back_off_and_the_wait_is_bounded() -> None:
    driver = Driver()
    driver.put(1)
    waits = []
    for _ in range(12):
        assert driver.step() == [1]
        driver.settle(CRASH)
        before = driver.clock.time()
        assert driver.step() is None
        driver.wait()
        waits.append(driver.clock.time() - before)
    assert waits == sorted(waits)
    assert waits[0] < 1
    assert 15 <= waits[-1] <= 30


def test_sixty_seconds_of_endless_retries_are_eight_invocations_as_recorded_on_aws() -> None:
    driver = Driver(max_age_seconds=60)
    driver.put(1)
    [pointer] = given_up(driver.run(crash_with(1)))
    assert pointer.invocations == 8
    assert pointer.condition is Condition.RECORD_AGE_EXCEEDED


def test_records_too_old_are_cut_out_and_the_rest_of_the_batch_is_invoked() -> None:
    driver = Driver(max_age_seconds=60)
    driver.put(1)
    driver.clock.advance(30)
    driver.put(2, 3, 4, 5, 6)
    driver.clock.advance(30)
    steps = driver.run(crash_with())
    [pointer] = given_up(steps)
    assert numbers_of(pointer.records) == [1]
    assert (pointer.condition, pointer.invocations) == (Condition.RECORD_AGE_EXCEEDED, 1)
    assert steps[-1] == [2, 3, 4, 5, 6]
    assert (driver.lane.delivered, driver.lane.failed) == (5, 1)


def test_a_record_that_grows_too_old_while_retried_ends_without_retries_being_exhausted() -> None:
    driver = Driver(max_age_seconds=60, maximum_retry_attempts=10_000)
    driver.put(1)
    [pointer] = given_up(driver.run(crash_with(1)))
    assert pointer.condition is Condition.RECORD_AGE_EXCEEDED


def test_without_a_maximum_age_no_record_is_too_old() -> None:
    driver = Driver()
    driver.put(1)
    driver.clock.advance(10 * 365 * 86_400)
    assert driver.step() == [1]


def test_a_refusal_uses_no_retry() -> None:
    driver = Driver(maximum_retry_attempts=0)
    driver.put(1)
    for _ in range(100):
        assert driver.wait() == [1]
        driver.lane.refuse()
    assert driver.wait() == [1]
    driver.settle(OK)
    assert driver.lane.delivered == 1


def test_refusals_back_off() -> None:
    driver = Driver()
    driver.put(1)
    driver.step()
    driver.lane.refuse()
    assert driver.step() is None


def test_only_age_ends_refusals() -> None:
    driver = Driver(max_age_seconds=60, maximum_retry_attempts=0)
    driver.put(1)
    while not isinstance(step := driver.wait(), GiveUp):
        driver.lane.refuse()
    assert step.condition is Condition.RECORD_AGE_EXCEEDED


def test_a_pointer_that_cannot_be_sent_is_tried_again_and_the_lane_does_not_move_on() -> None:
    driver = Driver(batch_size=1, maximum_retry_attempts=0)
    driver.put(1, 2)
    assert driver.wait() == [1]
    driver.settle(CRASH)
    for _ in range(20):
        step = driver.wait()
        assert isinstance(step, GiveUp)
        assert numbers_of(step.records) == [1]
        driver.lane.refuse()
        assert driver.step() is None, "it backs off"
    driver.wait()
    driver.lane.released()
    assert driver.step() == [2]


def test_a_failed_batch_is_halved_until_the_poison_is_alone() -> None:
    driver = Driver(bisect_batch_on_function_error=True, maximum_retry_attempts=1)
    driver.put(*range(8))
    steps = driver.run(crash_with(5))
    assert steps[:4] == [[0, 1, 2, 3, 4, 5, 6, 7], [0, 1, 2, 3], [4, 5, 6, 7], [4, 5]]
    [pointer] = given_up(steps)
    assert numbers_of(pointer.records) == [5]
    assert (driver.lane.delivered, driver.lane.failed) == (7, 1)


def test_halving_uses_no_retry() -> None:
    driver = Driver(bisect_batch_on_function_error=True, maximum_retry_attempts=2)
    driver.put(*range(8))
    steps = driver.run(crash_with(0))
    assert steps.count([0]) == 3
    assert given_up(steps)[0].invocations == 3


def test_halving_works_without_any_retries() -> None:
    driver = Driver(bisect_batch_on_function_error=True, maximum_retry_attempts=0)
    driver.put(*range(4))
    [pointer] = given_up(driver.run(crash_with(3)))
    assert numbers_of(pointer.records) == [3]


def test_an_exception_halves_a_batch_though_partial_answers_are_on() -> None:
    driver = Driver(bisect_batch_on_function_error=True, reports_batch_item_failures=True)
    driver.put(*range(4))
    driver.step()
    driver.settle(CRASH)
    assert driver.wait() == [0, 1]


def test_with_bisect_on_a_partial_answer_splits_at_its_sequence_number_and_only_the_rest_is_retried() -> None:
    driver = Driver(bisect_batch_on_function_error=True, reports_batch_item_failures=True)
    driver.put(*range(10))
    driver.step()
    driver.settle(answer_naming(7))
    assert driver.lane.delivered == 7
    assert driver.wait() == [7, 8, 9]


def test_without_bisect_a_failed_batch_is_retried_whole() -> None:
    driver = Driver()
    driver.put(1, 2)
    driver.step()
    driver.settle(CRASH)
    assert driver.wait() == [1, 2]


@given(
    poison=st.sets(st.integers(0, 39)),
    partial=st.booleans(),
    bisect=st.booleans(),
    batch_size=st.integers(1, 20),
    retries=st.integers(0, 3),
)
def test_every_record_is_delivered_or_given_up_once_and_in_order(
    *, poison: set[int], partial: bool, bisect: bool, batch_size: int, retries: int
) -> None:
    driver = Driver(
        batch_size=batch_size,
        maximum_retry_attempts=retries,
        bisect_batch_on_function_error=bisect,
        reports_batch_item_failures=partial,
    )
    driver.put(*range(40))
    steps = driver.run(name_failed(*poison) if partial else crash_with(*poison))
    lost = [n for pointer in given_up(steps) for n in numbers_of(pointer.records)]
    assert lost == sorted(set(lost))
    assert driver.lane.delivered + len(lost) == 40
    assert driver.lane.failed == len(lost)
    assert poison <= set(lost)
    if bisect and not partial:
        assert set(lost) == poison, "only what is poison is given up"


@pytest.mark.parametrize("step_seconds", [-7_200, 7_200])
def test_a_step_of_the_wall_clock_neither_delays_a_retry_nor_ages_what_was_read(step_seconds: float) -> None:
    driver = Driver(max_age_seconds=60)
    driver.put(0)
    assert driver.step() == [0]
    driver.settle(CRASH)
    driver.clock.step_wall(step_seconds)
    driver.clock.advance(0.5)
    assert driver.step() == [0]
    driver.settle(CRASH)
    driver.clock.advance(59.5)
    [expired] = given_up(driver.run(crash_with(0)))
    assert expired.condition is Condition.RECORD_AGE_EXCEEDED


def test_a_record_from_before_a_step_back_of_the_wall_clock_is_as_good_as_new() -> None:
    driver = Driver(max_age_seconds=60)
    arrived_at = driver.clock.time()
    driver.clock.step_wall(-7_200)
    driver.lane.add(record(0, arrived_at=arrived_at))
    assert driver.step() == [0]
