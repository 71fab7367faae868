"""ListShards: which shards, and a page of them at a time."""

from collections.abc import Callable
from typing import Any

from infra.local.aws.kinesis.errors import Invalid, InvalidArgument
from infra.local.aws.kinesis.shard import Shard
from infra.local.aws.kinesis.stream import LocalStream
from infra.local.aws.kinesis.tokens import ShardPage

MAX_PAGE_SHARDS = 1_000  # ListShards: the default, and the most

FILTER_TYPES = "AFTER_SHARD_ID, AT_TRIM_HORIZON, FROM_TRIM_HORIZON, AT_LATEST, AT_TIMESTAMP, FROM_TIMESTAMP"


def list_shards(
    stream: LocalStream,
    *,
    shard_filter: dict[str, Any] | None,
    after_shard_id: str,
    max_results: int | None,
) -> dict[str, Any]:
    """A page of a stream's shards, as ListShards answers.

    Args:
        stream: the stream.
        shard_filter: `Type`, and `ShardId` or `Timestamp` (seconds since the Unix epoch) where the type asks for it.
        after_shard_id: pass over the shards up to this one; empty for none.
        max_results: so many at the most.

    Raises:
        Invalid, InvalidArgument: the filter's type is unknown, or lacks what it asks for.
    """
    with stream.log.lock:
        passes = _filter(stream, shard_filter or {"Type": "FROM_TRIM_HORIZON"})
        shards = [shard for shard in stream.log.all_shards() if shard.shard_id > after_shard_id and passes(shard)]
        page = shards[: min(max_results or MAX_PAGE_SHARDS, MAX_PAGE_SHARDS)]
        answer: dict[str, Any] = {"Shards": [shard.describe() for shard in page]}
        if len(page) < len(shards):
            token = ShardPage(stream.stream_name, page[-1].shard_id, shard_filter, stream.log.now_ms())
            answer["NextToken"] = token.encode()
        return answer


def _filter(stream: LocalStream, shard_filter: dict[str, Any]) -> Callable[[Shard], bool]:
    horizon_ms = stream.log.trim_horizon_ms()
    match shard_filter.get("Type"):
        case "FROM_TRIM_HORIZON":
            return lambda _: True
        case "AT_TRIM_HORIZON":
            return lambda shard: shard.was_open_at(horizon_ms)
        case "AT_LATEST":
            return lambda shard: shard.is_open
        case "AFTER_SHARD_ID":
            after = _required(shard_filter, "ShardId")
            return lambda shard: shard.shard_id > after
        case "AT_TIMESTAMP":
            at_ms = max(horizon_ms, _required(shard_filter, "Timestamp") * 1000)
            return lambda shard: shard.was_open_at(at_ms)
        case "FROM_TIMESTAMP":
            from_ms = _required(shard_filter, "Timestamp") * 1000
            return lambda shard: shard.closed_ms is None or shard.closed_ms >= from_ms
        case _:
            raise Invalid("shardFilter.type", f"satisfy enum value set: [{FILTER_TYPES}]")


def _required(shard_filter: dict[str, Any], name: str) -> Any:
    value = shard_filter.get(name)
    if value is None:
        raise InvalidArgument(f"{name} must be specified when the ShardFilter type is {shard_filter['Type']}.")
    return value
