"""The message that goes to the on-failure destination, key for key."""

from typing import Any

from infra.local.event_sources.on_failure import pointer
from infra.local.event_sources.stream_steps import Condition, GiveUp
from tests.infra.local.event_sources.lane_driver import FUNCTION, STREAM, record, sequence_number

FIRST_ARRIVED_AT, LAST_ARRIVED_AT, NOW = 1_573_691_884.835, 1_573_691_885.0, 1_573_691_886.021


def message(condition: Condition, function_error: str | None) -> dict[str, Any]:
    records = (record(1, arrived_at=FIRST_ARRIVED_AT), record(5, arrived_at=LAST_ARRIVED_AT))
    given_up = GiveUp(records, condition, 3, function_error, "c9b8fa9f")
    return pointer(given_up, "shardId-000000000001", FUNCTION, STREAM, NOW)


def test_retries_exhausted_by_exceptions_are_reported_as_lambda_reports_them() -> None:
    assert message(Condition.RETRY_ATTEMPTS_EXHAUSTED, "Unhandled") == {
        "requestContext": {
            "requestId": "c9b8fa9f",
            "functionArn": FUNCTION,
            "condition": "RetryAttemptsExhausted",
            "approximateInvokeCount": 3,
        },
        "responseContext": {"statusCode": 200, "executedVersion": "$LATEST", "functionError": "Unhandled"},
        "version": "1.0",
        "timestamp": "2019-11-14T00:38:06.021Z",
        "KinesisBatchInfo": {
            "shardId": "shardId-000000000001",
            "startSequenceNumber": sequence_number(1),
            "endSequenceNumber": sequence_number(5),
            "approximateArrivalOfFirstRecord": "2019-11-14T00:38:04.835Z",
            "approximateArrivalOfLastRecord": "2019-11-14T00:38:05.000Z",
            "batchSize": 2,
            "streamArn": STREAM,
        },
    }


def test_retries_exhausted_by_partial_answers_have_a_null_function_error() -> None:
    response = message(Condition.RETRY_ATTEMPTS_EXHAUSTED, None)["responseContext"]
    assert response == {"statusCode": 200, "executedVersion": "$LATEST", "functionError": None}


def test_records_too_old_have_no_response_context() -> None:
    shown = message(Condition.RECORD_AGE_EXCEEDED, None)
    assert shown["requestContext"]["condition"] == "RecordAgeExceeded"
    assert "responseContext" not in shown


def test_the_message_holds_no_data() -> None:
    assert "data" not in str(message(Condition.RETRY_ATTEMPTS_EXHAUSTED, "Unhandled"))
