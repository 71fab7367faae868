"""The call of the transform, and what its answer means for each record."""

import base64
import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from infra.local.firehose.records import SourceRecord
from infra.local.firehose.settings import read_settings
from infra.local.firehose.transform import MAX_EVENT_BYTES, Transform, Transformed, judge
from infra.local.functions import FunctionError, RequestTooLarge
from tests.clock import START, FakeClock
from tests.infra.local.firehose.delivery_under_test import DeliveryUnderTest, RecordingFunction

CRASH = FunctionError("ZeroDivisionError", "division by zero")


def record(number: int = 1, data: bytes = b"data", subsequence: int = 0, key: str = "key") -> SourceRecord:
    return SourceRecord(data, key, "shardId-000000000000", f"{number:056d}", subsequence, 1_790_000_000_123)


def answer(*records: Any) -> dict[str, Any]:
    return {"records": list(records)}


def ok(source: SourceRecord, data: Any = "ZGF0YQ==", **changed: Any) -> dict[str, Any]:
    return {"recordId": source.record_id, "result": "Ok", "data": data} | changed


@pytest.fixture
def function() -> RecordingFunction:
    return RecordingFunction()


@pytest.fixture
def transform(delivery: DeliveryUnderTest, function: RecordingFunction, clock: FakeClock) -> Transform:
    parameters = {"NumberOfRetries": "3", "BufferSizeInMBs": "0.2", "BufferIntervalInSeconds": "60"}
    return Transform(read_settings(delivery.describe(transform=parameters)), function.invoke, clock)


def settle(transform: Transform, clock: FakeClock) -> Transformed:
    """Run until a batch is settled."""
    for _ in range(1000):
        settled = transform.run(flush=True)
        if settled.rows or settled.failed or settled.dropped:
            return settled
        clock.advance(0.25)
    raise AssertionError("nothing was settled")


def test_the_event_is_the_one_firehose_sends(transform: Transform, function: RecordingFunction) -> None:
    transform.add([record(7, b"\x00\xff", subsequence=12)])
    transform.run(flush=True)
    (event,) = function.events
    assert event.pop("invocationId").count("-") == 4
    assert event == {
        "sourceKinesisStreamArn": "arn:aws:kinesis:eu-west-2:123456789012:stream/events",
        "deliveryStreamArn": "arn:aws:firehose:eu-west-2:123456789012:deliverystream/archive",
        "region": "eu-west-2",
        "records": [
            {
                "recordId": f"{7:056d}000012",
                "approximateArrivalTimestamp": 1_790_000_000_123,
                "data": "AP8=",
                "kinesisRecordMetadata": {
                    "sequenceNumber": f"{7:056d}",
                    "subsequenceNumber": 12,
                    "partitionKey": "key",
                    "shardId": "shardId-000000000000",
                    "approximateArrivalTimestamp": 1_790_000_000_123,
                },
            }
        ],
    }


def test_an_invocation_waits_for_the_size_or_the_interval(
    transform: Transform, function: RecordingFunction, clock: FakeClock
) -> None:
    transform.add([record(1, b"x" * 100_000)])
    transform.run(flush=False)
    assert function.events == []
    transform.add([record(2, b"x" * 150_000)])
    transform.run(flush=False)
    assert len(function.events) == 1
    transform.add([record(3)])
    clock.advance(59)
    transform.run(flush=False)
    assert len(function.events) == 1
    clock.advance(1)
    transform.run(flush=False)
    assert len(function.events) == 2


def test_no_event_is_over_six_megabytes(
    delivery: DeliveryUnderTest, function: RecordingFunction, clock: FakeClock
) -> None:
    settings = read_settings(delivery.describe(transform={"BufferSizeInMBs": "3"}))
    transform = Transform(settings, function.invoke, clock)
    tiny = [record(number, b"{}", key="\U0001f300" * 256) for number in range(4_000)]
    large = [record(number, b"x" * 1_048_576) for number in range(10)]
    transform.add(tiny + large)
    settled = 0
    while transform.waiting:
        settled += len(transform.run(flush=True).rows)
    assert settled == len(tiny) + len(large)
    assert len(function.events) > 2
    assert max(len(json.dumps(event, separators=(",", ":"))) for event in function.events) <= MAX_EVENT_BYTES


def test_the_new_data_goes_on_with_the_record_s_own_place(transform: Transform, clock: FakeClock) -> None:
    transform.add([record(7, b"old", subsequence=3)])
    (row,) = settle(transform, clock).rows
    assert (row.data, row.sequence_number, row.subsequence_number) == (b"old", f"{7:056d}", 3)


@pytest.mark.parametrize("failure", [CRASH, RequestTooLarge("too large"), ConnectionError("no answer")])
def test_a_failed_invocation_is_repeated_until_it_succeeds(
    transform: Transform, function: RecordingFunction, clock: FakeClock, failure: FunctionError | Exception
) -> None:
    function.failures = [failure] * 3
    transform.add([record()])
    assert len(settle(transform, clock).rows) == 1
    assert len(function.events) == 4


def test_after_the_last_retry_the_whole_batch_has_failed(
    transform: Transform, function: RecordingFunction, clock: FakeClock
) -> None:
    function.failures = [CRASH] * 4
    transform.add([record(1), record(2)])
    settled = settle(transform, clock)
    assert len(function.events) == 4
    assert [(each.code, each.attempts) for each in settled.failed] == [("Lambda.FunctionError", 4)] * 2
    assert {each.message for each in settled.failed} == {
        "The Lambda function was successfully invoked but it returned an error result."
    }
    assert transform.waiting == 0


def test_the_batch_after_a_failed_one_is_transformed(
    transform: Transform, function: RecordingFunction, clock: FakeClock
) -> None:
    function.failures = [CRASH] * 4
    transform.add([record(1)])
    settle(transform, clock)
    transform.add([record(2)])
    assert len(settle(transform, clock).rows) == 1


def test_a_failing_function_fills_the_buffer_and_then_takes_no_more(
    transform: Transform, function: RecordingFunction
) -> None:
    function.failures = [CRASH] * 4
    transform.add([record(1, b"x" * 300_000)])
    transform.run(flush=False)
    assert transform.has_room  # the batch is out; one more may gather behind it
    transform.add([record(2, b"x" * 300_000)])
    transform.run(flush=False)
    assert not transform.has_room
    assert transform.waiting == 2


@pytest.mark.parametrize(
    ("payload", "code"),
    [
        (None, "Lambda.MissingRecordId"),
        ("text", "Lambda.MissingRecordId"),
        ({}, "Lambda.MissingRecordId"),
        ({"records": None}, "Lambda.MissingRecordId"),
        (answer(), "Lambda.MissingRecordId"),
        (answer("text", {"recordId": 5}), "Lambda.MissingRecordId"),
        (answer(ok(record(1)), ok(record(1))), "Lambda.DuplicatedRecordId"),
        (answer(ok(record(1), result="ProcessingFailed")), "Lambda.ProcessingFailedStatus"),
        (answer(ok(record(1), result="ok")), "Lambda.InvalidReturnFormat"),
        (answer(ok(record(1), result=None)), "Lambda.InvalidReturnFormat"),
        (answer(ok(record(1), data=None)), "Lambda.InvalidReturnFormat"),
        (answer(ok(record(1), data="no base64")), "Lambda.InvalidReturnFormat"),
        (answer(ok(record(1), data="é")), "Lambda.InvalidReturnFormat"),
        (answer(ok(record(1), data={"a": 1})), "Lambda.InvalidReturnFormat"),
    ],
)
def test_a_malformed_answer_is_final(
    transform: Transform, function: RecordingFunction, clock: FakeClock, payload: Any, code: str
) -> None:
    function.answer = lambda _event: payload
    transform.add([record(1)])
    (failure,) = settle(transform, clock).failed
    assert (failure.code, failure.attempts, failure.source.data) == (code, 1, b"data")
    assert failure.ended_ms == int(START * 1000)
    assert len(function.events) == 1


def test_a_bad_answer_to_one_record_leaves_the_others(
    transform: Transform, function: RecordingFunction, clock: FakeClock
) -> None:
    good, dropped, failed, missing = (record(number) for number in range(4))
    function.answer = lambda _event: answer(
        ok(record(99)),
        ok(failed, result="ProcessingFailed"),
        {"recordId": dropped.record_id, "result": "Dropped"},
        ok(good),
    )
    transform.add([good, dropped, failed, missing])
    settled = settle(transform, clock)
    assert [row.sequence_number for row in settled.rows] == [good.sequence_number]
    assert [each.source for each in settled.failed] == [failed, missing]
    assert settled.dropped == 1


answers = st.lists(
    st.fixed_dictionaries(
        {},
        optional={
            "recordId": st.integers(0, 6).map(lambda number: record(number).record_id) | st.none(),
            "result": st.sampled_from(["Ok", "Dropped", "ProcessingFailed", "?", None]),
            "data": st.sampled_from([base64.b64encode(b"x").decode(), "?", None, 5]),
        },
    )
)


@settings(deadline=None)
@given(st.integers(1, 5), answers | st.none())
def test_every_record_is_settled_once_whatever_the_answer(count: int, records: Any) -> None:
    sources = [record(number) for number in range(count)]
    settled = judge(sources, {"records": records}, 1, 0)
    assert len(settled.rows) + len(settled.failed) + settled.dropped == count


def test_without_a_processor_records_pass_at_once(
    delivery: DeliveryUnderTest, function: RecordingFunction, clock: FakeClock
) -> None:
    configured = read_settings(delivery.describe(transforms=False))
    transform = Transform(configured, function.invoke, clock)
    transform.add([record(1, b"as it is")])
    assert [row.data for row in transform.run(flush=False).rows] == [b"as it is"]
    assert function.events == []
