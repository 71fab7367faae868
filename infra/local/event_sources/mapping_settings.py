"""The settings of an event source mapping, read from what Lambda's API says of it.

`get_event_source_mapping` and `list_event_source_mappings` answer in the same shape for mappings made by
Terraform, by boto3 or by hand; what an answer leaves out has Lambda's default. Ranges are the API's.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal, get_args

StartingPosition = Literal["TRIM_HORIZON", "LATEST", "AT_TIMESTAMP"]

FOREVER = -1  # of MaximumRetryAttempts and MaximumRecordAgeInSeconds


class MappingError(Exception):
    """An event source mapping that cannot be run; the message says which of its settings, and why."""


@dataclass(frozen=True, slots=True)
class StreamMappingSettings:
    """An event source mapping on a Kinesis stream.

    Args:
        uuid: the mapping's id.
        function_arn: the function it invokes.
        stream_arn: the stream it reads.
        batch_size: records to an invocation, at the most: 1 to 10,000.
        batching_window_seconds: how long records may wait for their batch to fill: 0 to 300.
        parallelization_factor: invocations at once for a shard: 1 to 10.
        starting_position: where in the stream to begin.
        starting_timestamp: seconds since the epoch, with AT_TIMESTAMP.
        bisect_batch_on_function_error: whether a batch that failed is retried in halves.
        maximum_retry_attempts: 0 to 10,000, or FOREVER.
        maximum_record_age_seconds: 60 to 604,800, or FOREVER.
        reports_batch_item_failures: whether the function's answer says which records failed.
        on_failure_arn: of the SQS queue that gets a pointer to what was given up.
    """

    uuid: str
    function_arn: str
    stream_arn: str
    batch_size: int = 100
    batching_window_seconds: int = 0
    parallelization_factor: int = 1
    starting_position: StartingPosition = "TRIM_HORIZON"
    starting_timestamp: float | None = None
    bisect_batch_on_function_error: bool = False
    maximum_retry_attempts: int = FOREVER
    maximum_record_age_seconds: int = FOREVER
    reports_batch_item_failures: bool = False
    on_failure_arn: str | None = None

    @classmethod
    def from_api(cls, mapping: Mapping[str, Any]) -> "StreamMappingSettings":
        """Read one mapping as Lambda's API returns it.

        Raises:
            MappingError: a setting is out of range, or this pipeline does not run it (tumbling windows, event
                filters, an on-failure destination that is not an SQS queue).
        """
        if mapping.get("TumblingWindowInSeconds"):
            raise MappingError("TumblingWindowInSeconds: tumbling windows are not run locally; set it to 0")
        _refuse_filters(mapping)
        maximum_age = _integer(mapping, "MaximumRecordAgeInSeconds", FOREVER, 60, 604_800, also=FOREVER)
        return cls(
            uuid=mapping["UUID"],
            function_arn=mapping["FunctionArn"],
            stream_arn=mapping["EventSourceArn"],
            batch_size=_integer(mapping, "BatchSize", 100, 1, 10_000),
            batching_window_seconds=_integer(mapping, "MaximumBatchingWindowInSeconds", 0, 0, 300),
            parallelization_factor=_integer(mapping, "ParallelizationFactor", 1, 1, 10),
            starting_position=_starting_position(mapping),
            starting_timestamp=_starting_timestamp(mapping),
            bisect_batch_on_function_error=bool(mapping.get("BisectBatchOnFunctionError")),
            maximum_retry_attempts=_integer(mapping, "MaximumRetryAttempts", FOREVER, 0, 10_000, also=FOREVER),
            maximum_record_age_seconds=maximum_age,
            reports_batch_item_failures=_reports_failures(mapping),
            on_failure_arn=_on_failure_queue(mapping),
        )


@dataclass(frozen=True, slots=True)
class QueueMappingSettings:
    """An event source mapping on an SQS queue.

    Args:
        uuid: the mapping's id.
        function_arn: the function it invokes.
        queue_arn: the queue it reads.
        batch_size: messages to an invocation, at the most: 1 to 10,000.
        batching_window_seconds: how long messages may wait for their batch to fill: 0 to 300.
        maximum_concurrency: invocations at once, 2 to 1,000; None leaves it to Lambda.
        reports_batch_item_failures: whether the function's answer says which messages failed.
    """

    uuid: str
    function_arn: str
    queue_arn: str
    batch_size: int = 10
    batching_window_seconds: int = 0
    maximum_concurrency: int | None = None
    reports_batch_item_failures: bool = False

    @classmethod
    def from_api(cls, mapping: Mapping[str, Any]) -> "QueueMappingSettings":
        """Read one mapping as Lambda's API returns it.

        Raises:
            MappingError: a setting is out of range, BatchSize is over 10 without a batching window, or the mapping
                has event filters, which this pipeline does not run.
        """
        _refuse_filters(mapping)
        scaling = mapping.get("ScalingConfig") or {}
        batch_size = _integer(mapping, "BatchSize", 10, 1, 10_000)
        window = _integer(mapping, "MaximumBatchingWindowInSeconds", 0, 0, 300)
        if batch_size > 10 and window == 0:  # the rule of Lambda's API, for SQS
            raise MappingError("BatchSize over 10 needs MaximumBatchingWindowInSeconds of at least 1")
        limited = scaling.get("MaximumConcurrency") is not None
        return cls(
            uuid=mapping["UUID"],
            function_arn=mapping["FunctionArn"],
            queue_arn=mapping["EventSourceArn"],
            batch_size=batch_size,
            batching_window_seconds=window,
            maximum_concurrency=_integer(scaling, "MaximumConcurrency", 2, 2, 1_000) if limited else None,
            reports_batch_item_failures=_reports_failures(mapping),
        )


def _integer(
    mapping: Mapping[str, Any], name: str, default: int, least: int, most: int, *, also: int | None = None
) -> int:
    value = mapping.get(name)
    if value is None:
        return default
    if least <= value <= most or value == also:
        return int(value)
    raise MappingError(f"{name} is {value}; it may be {least} to {most}{'' if also is None else f', or {also}'}")


def _starting_position(mapping: Mapping[str, Any]) -> StartingPosition:
    value = mapping.get("StartingPosition")
    for position in get_args(StartingPosition):
        if value == position:
            return position  # type: ignore[no-any-return]  # get_args is not typed
    raise MappingError(f"StartingPosition is {value}; it may be {', '.join(get_args(StartingPosition))}")


def _starting_timestamp(mapping: Mapping[str, Any]) -> float | None:
    value = mapping.get("StartingPositionTimestamp")
    if mapping.get("StartingPosition") != "AT_TIMESTAMP":
        return None
    if value is None:
        raise MappingError("StartingPosition AT_TIMESTAMP needs a StartingPositionTimestamp")
    return value.timestamp() if isinstance(value, datetime) else float(value)


def _reports_failures(mapping: Mapping[str, Any]) -> bool:
    return "ReportBatchItemFailures" in (mapping.get("FunctionResponseTypes") or ())


def _refuse_filters(mapping: Mapping[str, Any]) -> None:
    if (mapping.get("FilterCriteria") or {}).get("Filters"):
        raise MappingError("FilterCriteria: event filters are not run locally; remove the filters from this mapping")


def _on_failure_queue(mapping: Mapping[str, Any]) -> str | None:
    destination = ((mapping.get("DestinationConfig") or {}).get("OnFailure") or {}).get("Destination")
    if destination and destination.split(":")[2] != "sqs":
        raise MappingError(f"DestinationConfig.OnFailure is {destination}; locally it may be an SQS queue")
    return destination or None
