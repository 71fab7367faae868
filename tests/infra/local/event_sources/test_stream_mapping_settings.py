"""What a mapping's settings may be, and what they are when left out."""

from datetime import UTC, datetime
from typing import Any

import pytest

from infra.local.event_sources.mapping_settings import (
    FOREVER,
    MappingError,
    QueueMappingSettings,
    StreamMappingSettings,
)
from tests.infra.local.event_sources.lane_driver import FUNCTION, STREAM

QUEUE = "arn:aws:sqs:eu-west-2:123456789012:dead-letters"


def read(**changes: Any) -> StreamMappingSettings:
    mapping = {"UUID": "id", "FunctionArn": FUNCTION, "EventSourceArn": STREAM, "StartingPosition": "TRIM_HORIZON"}
    return StreamMappingSettings.from_api(mapping | changes)


def test_what_is_left_out_has_lambdas_defaults() -> None:
    assert read() == StreamMappingSettings(
        uuid="id",
        function_arn=FUNCTION,
        stream_arn=STREAM,
        batch_size=100,
        batching_window_seconds=0,
        parallelization_factor=1,
        starting_position="TRIM_HORIZON",
        bisect_batch_on_function_error=False,
        maximum_retry_attempts=FOREVER,
        maximum_record_age_seconds=FOREVER,
        reports_batch_item_failures=False,
    )


def test_every_setting_is_read() -> None:
    settings = read(
        BatchSize=500,
        MaximumBatchingWindowInSeconds=1,
        ParallelizationFactor=2,
        StartingPosition="AT_TIMESTAMP",
        StartingPositionTimestamp=datetime(2026, 11, 23, tzinfo=UTC),
        BisectBatchOnFunctionError=True,
        MaximumRetryAttempts=20,
        MaximumRecordAgeInSeconds=79_200,
        FunctionResponseTypes=["ReportBatchItemFailures"],
        DestinationConfig={"OnFailure": {"Destination": QUEUE}},
    )
    assert settings.starting_timestamp == datetime(2026, 11, 23, tzinfo=UTC).timestamp()
    assert (settings.batch_size, settings.batching_window_seconds, settings.parallelization_factor) == (500, 1, 2)
    assert (settings.maximum_retry_attempts, settings.maximum_record_age_seconds) == (20, 79_200)
    assert settings.bisect_batch_on_function_error
    assert settings.reports_batch_item_failures
    assert settings.on_failure_arn == QUEUE


@pytest.mark.parametrize(
    ("name", "least", "most"),
    [
        ("BatchSize", 1, 10_000),
        ("MaximumBatchingWindowInSeconds", 0, 300),
        ("ParallelizationFactor", 1, 10),
        ("MaximumRetryAttempts", -1, 10_000),
        ("MaximumRecordAgeInSeconds", 60, 604_800),
    ],
)
def test_a_setting_out_of_range_is_refused_by_its_name(name: str, least: int, most: int) -> None:
    for value in (least, most):
        read(**{name: value})
    for value in (least - 1, most + 1):
        with pytest.raises(MappingError, match=name):
            read(**{name: value})


def test_a_record_age_may_be_endless_but_not_under_a_minute() -> None:
    assert read(MaximumRecordAgeInSeconds=-1).maximum_record_age_seconds == FOREVER
    with pytest.raises(MappingError):
        read(MaximumRecordAgeInSeconds=0)


def test_a_large_batch_needs_no_window() -> None:
    assert read(BatchSize=10_000).batching_window_seconds == 0


@pytest.mark.parametrize(
    ("changes", "name"),
    [
        ({"StartingPosition": "AT_TIMESTAMP"}, "StartingPositionTimestamp"),
        ({"StartingPosition": "NOWHERE"}, "StartingPosition"),
        ({"TumblingWindowInSeconds": 60}, "TumblingWindowInSeconds"),
        ({"FilterCriteria": {"Filters": [{"Pattern": "{}"}]}}, "FilterCriteria"),
        ({"DestinationConfig": {"OnFailure": {"Destination": "arn:aws:s3:::bucket"}}}, "OnFailure"),
    ],
)
def test_what_is_not_run_here_is_refused_by_its_name(changes: dict[str, Any], name: str) -> None:
    with pytest.raises(MappingError, match=name):
        read(**changes)


def test_a_queue_mapping_with_event_filters_is_refused_by_their_name() -> None:
    mapping = {"UUID": "uuid", "FunctionArn": "function", "EventSourceArn": QUEUE}
    QueueMappingSettings.from_api(mapping | {"FilterCriteria": {"Filters": []}})
    with pytest.raises(MappingError, match="FilterCriteria"):
        QueueMappingSettings.from_api(mapping | {"FilterCriteria": {"Filters": [{"Pattern": "{}"}]}})
