"""An environment's stream measured, and planned for: what the commands and the console begin with."""

from dataclasses import replace
from typing import Any

from infra.functions import TABLE_WRITER
from infra.names import Names
from infra.shards.certainty import doubt_of, with_hottest
from infra.shards.errors import MetricsMissing
from infra.shards.load import Load, reload
from infra.shards.plan import Bounds, Plan
from infra.shards.planning import make_plan
from infra.shards.readers import measure_writer, read_readers
from infra.shards.report import Clients, Report, collect
from infra.shards.stream import Stream, read_stream
from infra.shards.writer import Writer
from producers.clock import SYSTEM_CLOCK, Clock


def measure(clients: Clients, names: Names, *, minutes: int, with_sample: bool, clock: Clock = SYSTEM_CLOCK) -> Report:
    """Measure the stream of an environment.

    Args:
        clients: boto3 clients.
        names: of its resources.
        minutes: to look back.
        with_sample: whether to read a little of each shard, for the keys that are hot.
        clock: the time.
    """
    now = clock.time()
    stream = read_stream(clients.kinesis, names.stream, now=now)
    readers = read_readers(
        clients.kinesis,
        clients.lambda_,
        clients.firehose,
        stream_arn=stream.arn,
        delivery_stream=names.delivery_stream,
        writer_function=names.function(TABLE_WRITER),
    )
    return collect(clients, stream, readers, now=now, minutes=minutes, with_sample=with_sample)


def plan_for(clients: Clients, found: Report, bounds: Bounds, expected: tuple[Load, Load] | None, span: str) -> Plan:
    """Plan for what is expected, or for what was measured.

    Args:
        clients: boto3 clients.
        found: the stream, measured.
        bounds: that the plan keeps to.
        expected: the peak and the mean over a month; None for what was measured.
        span: that was measured, in words.

    Raises:
        MetricsMissing: nothing was measured that could be planned for.
    """
    if expected is not None:
        return _plan(clients.cloudwatch, found, bounds, *expected)
    if not found.by_minute:
        raise MetricsMissing(
            f"CloudWatch has no IncomingBytes of {found.stream.name} in the last {span}: nothing "
            "was put, or only in the last minutes; give --peak and --event-bytes instead"
        )
    return _plan(clients.cloudwatch, found, bounds, found.peak, found.mean)


def _plan(cloudwatch: Any, found: Report, bounds: Bounds, peak: Load, mean: Load) -> Plan:
    writer = found.readers.writer
    if writer:
        writer = measure_writer(cloudwatch, writer, len(found.stream.shards), now=found.at)
    stream = replace(found.stream, shards=reload(found.stream.shards, peak))
    made = make_plan(stream, bounds, now=found.at, mean=mean, writer=writer)
    return replace(made, doubt=_doubt(found, stream, made, bounds, writer))


def _doubt(found: Report, stream: Stream, made: Plan, bounds: Bounds, writer: Writer | None) -> str:
    """What else the plan might be, as far as the sample does not say how hot the hottest shard is."""
    if found.hottest.shard_id not in found.intervals:
        return ""
    hottest = next(shard for shard in stream.shards if shard.shard_id == found.hottest.shard_id)
    interval = found.intervals[hottest.shard_id]
    others = [
        make_plan(
            replace(stream, shards=with_hottest(stream.shards, hottest, factor)), bounds, now=found.at, writer=writer
        )
        for factor in (interval.low, interval.high)
    ]
    return doubt_of(made, others, found.sampled_records)
