"""Who reads a stream, and how busy the table writer is."""

from dataclasses import dataclass
from typing import Any, Final

from infra.shards import metrics
from infra.shards.errors import aws_errors
from infra.shards.metrics import Query
from infra.shards.writer import Writer

WRITER_MINUTES: Final = 5  # over which its time is measured
FUNCTION_NAME: Final = 6  # where it stands in arn:aws:lambda:<region>:<account>:function:<name>[:<alias>]


@dataclass(frozen=True, slots=True)
class Readers:
    """A stream's consumers.

    Args:
        shared: those that share the shards' read throughput: event source mappings and Firehose.
        fan_out: those with enhanced fan-out.
        writer: the table writer, where there is one.
    """

    shared: tuple[str, ...]
    fan_out: tuple[str, ...]
    writer: Writer | None


def read_readers(
    kinesis: Any, lambda_: Any, firehose: Any, *, stream_arn: str, delivery_stream: str, writer_function: str
) -> Readers:
    """Find out who reads a stream.

    Args:
        kinesis: a boto3 client.
        lambda_: a boto3 client.
        firehose: a boto3 client.
        stream_arn: the stream.
        delivery_stream: name of the one that may read it.
        writer_function: name of the table writer's Lambda.

    Raises:
        ShardsError: one of the three services cannot be asked.
    """
    with aws_errors(f"readers of {stream_arn.rpartition('/')[2]}"):
        consumers = kinesis.list_stream_consumers(StreamARN=stream_arn)["Consumers"]
        sharing = _mappings(lambda_, stream_arn)
        by_fan_out = {name: one for each in consumers for name, one in _mappings(lambda_, each["ConsumerARN"]).items()}
        archives = [delivery_stream] if _reads(firehose, delivery_stream, stream_arn) else []
    writer = (sharing | by_fan_out).get(writer_function)
    return Readers(
        shared=(*sharing, *archives),
        fan_out=tuple(consumer["ConsumerName"] for consumer in consumers),
        writer=Writer(writer_function, writer["UUID"], writer.get("ParallelizationFactor", 1)) if writer else None,
    )


def measure_writer(cloudwatch: Any, writer: Writer, shards: int, *, now: float) -> Writer:
    """The writer with the share of its lanes' time that it is busy, from Lambda's own metrics.

    Args:
        cloudwatch: a boto3 client.
        writer: as the mapping has it.
        shards: open.
        now: seconds since the epoch.

    Raises:
        ShardsError: CloudWatch cannot be asked.
    """
    query = Query("Duration", {"FunctionName": writer.function_name}, "Sum", "AWS/Lambda")
    [milliseconds] = metrics.read(cloudwatch, [query], start=now - WRITER_MINUTES * 60, now=now)
    rates = milliseconds.per_second()
    if not rates:
        return writer
    lanes = shards * writer.factor
    busy = max(rates.values()) / 1000 / lanes
    return Writer(writer.function_name, writer.mapping_id, writer.factor, busy)


def _mappings(lambda_: Any, source_arn: str) -> dict[str, Any]:
    """The mappings that read a stream, or one of its consumers, by the name of their function, without its alias."""
    mappings = lambda_.list_event_source_mappings(EventSourceArn=source_arn)["EventSourceMappings"]
    return {mapping["FunctionArn"].split(":")[FUNCTION_NAME]: mapping for mapping in mappings}


def _reads(firehose: Any, delivery_stream: str, stream_arn: str) -> bool:
    """Whether there is such a delivery stream, and it reads the stream."""
    try:
        answer = firehose.describe_delivery_stream(DeliveryStreamName=delivery_stream)
    except firehose.exceptions.ResourceNotFoundException:
        return False
    source = answer["DeliveryStreamDescription"].get("Source", {}).get("KinesisStreamSourceDescription", {})
    return bool(source.get("KinesisStreamARN") == stream_arn)
