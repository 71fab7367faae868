"""Streams and plans for the tests of the planner."""

from dataclasses import replace
from typing import Any

from infra.shards.load import HotKey, Load, Shard, even_shards
from infra.shards.plan import Bounds, Plan
from infra.shards.planning import make_plan
from infra.shards.stream import Stream

NOW = 1_790_000_000.0
ARN = "arn:aws:kinesis:eu-west-2:123456789012:stream/events"


def a_stream(shards: tuple[Shard, ...], **fields: Any) -> Stream:
    """An active, provisioned stream with these shards, and a quota that does not matter."""
    return Stream(
        "events", ARN, "ACTIVE", "PROVISIONED", 24, shards, **{"quota": 50_000, "quota_left": 50_000} | fields
    )


def an_even_stream(count: int, records_per_second: float, record_bytes: float = 200.0, **fields: Any) -> Stream:
    """So many equal shards with so many records a second spread evenly over them."""
    load = Load(records_per_second * record_bytes, records_per_second)
    return a_stream(even_shards(load, count), **fields)


def with_hot_key(stream: Stream, index: int, records_per_second: float, place: float = 0.3) -> Stream:
    """The stream with one key more, so far into the hash range of one of its shards."""
    shard = stream.shards[index]
    hash_key = shard.start + int((shard.end - shard.start) * place)
    key = HotKey("customer-4711", hash_key, Load(records_per_second * 200, records_per_second))
    hot = replace(shard, load=shard.load + key.load, hot_keys=(*shard.hot_keys, key))
    return replace(stream, shards=(*stream.shards[:index], hot, *stream.shards[index + 1 :]))


def plan_for(stream: Stream, bounds: Bounds | None = None, **arguments: Any) -> Plan:
    """A plan made now."""
    return make_plan(stream, bounds or Bounds(), now=NOW, **arguments)
