"""One step, carried out: the call, and what the stream has to look like before and after it."""

from collections.abc import Sequence
from typing import Any, Final

from infra.shards.errors import ShardsError, StalePlan, Stopped, aws_errors
from infra.shards.limits import DAY_SECONDS, SCALINGS_PER_DAY
from infra.shards.load import Shard
from infra.shards.steps import Step
from infra.shards.stream import Stream, note_step
from producers.clock import Clock

POLL_SECONDS: Final = 5.0  # DescribeStreamSummary: 20 calls a second for the account
PATIENCE: Final = 10.0  # times the estimate, and then somebody should look
LEAST_PATIENCE_SECONDS: Final = 900.0


def describe(step: Step) -> str:
    """A step in words, such as `scale 2 to 4 shards`."""
    match step.kind:
        case "scale":
            return f"scale {step.before:,} to {step.after:,} shards"
        case "split":
            return f"split {_named(step)} at {_digits(step.at or 0)}"
        case "merge":
            return f"merge {_named(step)}"
        case "parallelize":
            return f"raise the writer's parallelisation factor from {step.before} to {step.after}"


def is_done(step: Step, shards: Sequence[Shard]) -> bool:
    """Whether the open shards are what a step on shards leads to."""
    ranges = {(shard.start, shard.end) for shard in shards}
    match step.kind:
        case "scale":
            return len(shards) == step.after
        case "split":
            [(start, end)] = step.ranges
            at = step.at or 0
            return {(start, at - 1), (at, end)} <= ranges
        case _:
            (start, _), (_, end) = step.ranges
            return (start, end) in ranges


def is_possible(step: Step, shards: Sequence[Shard]) -> bool:
    """Whether the open shards are what a step on shards begins with."""
    if step.kind == "scale":
        return len(shards) == step.before
    return set(step.ranges) <= {(shard.start, shard.end) for shard in shards}


def seconds_until_allowed(stream: Stream, now: float) -> float:
    """How long until UpdateShardCount may be called again; 0 where it may be now."""
    if len(stream.scalings) < SCALINGS_PER_DAY:
        return 0.0
    return max(0.0, stream.scalings[-SCALINGS_PER_DAY] + DAY_SECONDS + 1 - now)


def change(kinesis: Any, stream: Stream, step: Step, *, now: float) -> None:
    """Ask AWS for a step on shards; it goes on after this returns.

    Args:
        kinesis: a boto3 client.
        stream: as it was read just now.
        step: of a kind other than `parallelize`.
        now: seconds since the epoch.

    Raises:
        StalePlan: the shards it is about are not there.
        ShardsError: AWS refuses.
    """
    if not is_possible(step, stream.shards):
        raise StalePlan(f"{stream.name} is not as planned any more: cannot {describe(step)}; make a new plan")
    ids = {(shard.start, shard.end): shard.shard_id for shard in stream.shards}
    note_step(kinesis, stream, now, scaling=step.kind == "scale")
    with aws_errors(f"stream {stream.name}"):
        match step.kind:
            case "scale":
                kinesis.update_shard_count(
                    StreamName=stream.name, TargetShardCount=step.after, ScalingType="UNIFORM_SCALING"
                )
            case "split":
                kinesis.split_shard(
                    StreamName=stream.name, ShardToSplit=ids[step.ranges[0]], NewStartingHashKey=str(step.at)
                )
            case "merge":
                lower, upper = (ids[hash_range] for hash_range in step.ranges)
                kinesis.merge_shards(StreamName=stream.name, ShardToMerge=lower, AdjacentShardToMerge=upper)


def wait_until_active(kinesis: Any, stream_name: str, step: Step, clock: Clock) -> None:
    """Wait until the stream is ACTIVE again.

    Raises:
        Stopped: it takes far longer than it should.
        ShardsError: the stream cannot be read.
    """
    deadline = clock.monotonic() + max(LEAST_PATIENCE_SECONDS, PATIENCE * step.seconds)
    while True:
        with aws_errors(f"stream {stream_name}"):
            summary = kinesis.describe_stream_summary(StreamName=stream_name)["StreamDescriptionSummary"]
        if summary["StreamStatus"] == "ACTIVE":
            return
        if clock.monotonic() > deadline:
            raise Stopped(f"{stream_name} is still {summary['StreamStatus']}; run the same command again later")
        clock.sleep(POLL_SECONDS)


def parallelize(lambda_: Any, mapping_id: str, step: Step) -> None:
    """Ask AWS for another ParallelizationFactor of the writer; it comes into force after this returns.

    Where the factor is already as asked for, nothing is called.

    Raises:
        StalePlan: it is neither what the step begins with nor what it leads to.
        ShardsError: AWS refuses.
    """
    with aws_errors("the table writer's event source mapping"):
        mapping = lambda_.get_event_source_mapping(UUID=mapping_id)
        factor = mapping.get("ParallelizationFactor", 1)
        if factor not in (step.before, step.after):
            raise StalePlan(f"the writer's parallelisation factor is {factor}, not {step.before}; make a new plan")
        if factor == step.before:
            lambda_.update_event_source_mapping(UUID=mapping_id, ParallelizationFactor=step.after)


def wait_until_parallelized(lambda_: Any, mapping_id: str, clock: Clock) -> None:
    """Wait until the writer's event source mapping is no longer Updating.

    Raises:
        ShardsError: it takes far longer than it should, or the mapping cannot be read.
    """
    with aws_errors("the table writer's event source mapping"):
        deadline = clock.monotonic() + LEAST_PATIENCE_SECONDS
        while lambda_.get_event_source_mapping(UUID=mapping_id).get("State") == "Updating":
            if clock.monotonic() > deadline:
                raise ShardsError("the event source mapping is still Updating; run the same command again later")
            clock.sleep(POLL_SECONDS)


def _named(step: Step) -> str:
    """The shards a step is about: by id where they are known, else by where their hash ranges begin."""
    return " and ".join(step.shard_ids) or " and ".join(f"the shard from {_digits(start)}" for start, _ in step.ranges)


def _digits(hash_key: int) -> str:
    """The first eight of a hash key's 32 hexadecimal digits: no two shards share them."""
    return f"{hash_key:032x}"[:8] + "…"
