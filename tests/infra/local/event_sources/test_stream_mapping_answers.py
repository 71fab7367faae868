"""What a function's answer says of its batch: ReportBatchItemFailures."""

from typing import Any

import pytest

from infra.local.event_sources.stream_records import StreamRecord
from infra.local.event_sources.stream_steps import Condition
from infra.local.functions import InvocationResult
from tests.infra.local.event_sources.lane_driver import (
    Driver,
    answer_naming,
    given_up,
    name_failed,
    numbers_of,
    sequence_number,
)

SUCCESSES: list[Any] = [[], None, {}, "", {"batchItemFailures": []}, {"batchItemFailures": None}]
FAILURES: list[Any] = [
    {"batchItemFailures": [{"itemIdentifier": ""}]},
    {"batchItemFailures": [{"itemIdentifier": None}]},
    {"batchItemFailures": [{"wrongKey": sequence_number(2)}]},
    {"batchItemFailures": [{"itemIdentifier": "123"}]},
    {"batchItemFailures": [{"itemIdentifier": 123}]},
    {"batchItemFailures": [{"itemIdentifier": sequence_number(2)}, {"itemIdentifier": "123"}]},
    {"batchItemFailures": ["2"]},
    {"batchItemFailures": "2"},
    "not an object",
    7,
]


@pytest.mark.parametrize("answer", SUCCESSES)
def test_every_form_of_complete_success_delivers_the_batch(answer: Any) -> None:
    driver = Driver(reports_batch_item_failures=True)
    driver.put(1, 2)
    driver.step()
    assert driver.settle(InvocationResult(answer, None)) == "delivered"
    assert driver.lane.delivered == 2
    assert driver.wait() is None


@pytest.mark.parametrize("answer", FAILURES)
def test_every_form_of_complete_failure_retries_the_whole_batch(answer: Any) -> None:
    driver = Driver(reports_batch_item_failures=True)
    driver.put(1, 2, 3)
    driver.step()
    driver.settle(InvocationResult(answer, None))
    assert driver.lane.delivered == 0
    assert driver.wait() == [1, 2, 3]


@pytest.mark.parametrize("answer", [*SUCCESSES, *FAILURES])
def test_without_the_response_type_the_answer_is_ignored(answer: Any) -> None:
    driver = Driver()
    driver.put(1, 2, 3)
    driver.step()
    driver.settle(InvocationResult(answer, None))
    assert driver.lane.delivered == 3


def test_the_lowest_sequence_number_is_the_checkpoint_and_later_successes_are_retried_too() -> None:
    driver = Driver(reports_batch_item_failures=True)
    driver.put(*range(1, 8))
    driver.step()
    driver.settle(answer_naming(6, 3))
    assert driver.lane.delivered == 2
    assert driver.wait() == [3, 4, 5, 6, 7]


def test_sequence_numbers_are_compared_as_numbers_and_not_as_text() -> None:
    driver = Driver(reports_batch_item_failures=True)
    for n in (9, 10):
        driver.lane.add(StreamRecord("key", str(n), b"", driver.clock.time()))
    driver.step()
    failures = [{"itemIdentifier": "10"}, {"itemIdentifier": "9"}]
    driver.settle(InvocationResult({"batchItemFailures": failures}, None))
    assert driver.lane.delivered == 0


def test_the_retry_counter_restarts_after_a_partial_advance_as_recorded_on_aws() -> None:
    driver = Driver(batch_size=3, maximum_retry_attempts=3, reports_batch_item_failures=True)
    driver.put(1, 2, 3, 4, 5, 6)
    steps = driver.run(name_failed(6))
    [pointer] = given_up(steps)
    assert [step for step in steps if step is not pointer] == [[1, 2, 3], [4, 5, 6], [6], [6], [6], [6]]
    assert (len(pointer.records), pointer.invocations) == (1, 4)


def test_a_partial_failure_that_uses_up_its_retries_has_no_function_error() -> None:
    driver = Driver(maximum_retry_attempts=1, reports_batch_item_failures=True)
    driver.put(1)
    [pointer] = given_up(driver.run(name_failed(1)))
    assert pointer.condition is Condition.RETRY_ATTEMPTS_EXHAUSTED
    assert pointer.function_error is None


def test_a_failure_of_the_first_record_is_no_advance_and_uses_a_retry() -> None:
    driver = Driver(maximum_retry_attempts=1, reports_batch_item_failures=True, bisect_batch_on_function_error=True)
    driver.put(1, 2, 3)
    [pointer] = given_up(driver.run(name_failed(1)))
    assert (numbers_of(pointer.records), pointer.invocations) == ([1, 2, 3], 2)
