"""Routing and resharding as properties: every hash key has one open shard after any splits and merges.

Each property holds as well for what a new process reads from the store after any of them.
"""

from collections.abc import Iterator
from itertools import pairwise
from uuid import uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from infra.local.aws.kinesis.shard_map import Entry, ShardMap
from infra.local.aws.kinesis.stored_shards import HASH_KEYS
from infra.local.store.store import Store, throwaway
from tests.clock import FakeClock

Reshardings = list[tuple[str, float, float]]

hash_keys = st.integers(0, HASH_KEYS - 1)
shares = st.floats(0, 1, exclude_max=True)
reshardings = st.lists(st.tuples(st.sampled_from(["split", "merge", "scale"]), shares, shares), max_size=12)


def reshard(shards: ShardMap, action: str, which: float, where: float) -> None:
    """Do one thing to a shard chosen by two shares of what there is to choose from."""
    open_shards = shards.open_shards()
    index = int(which * len(open_shards))
    chosen = open_shards[index]
    if action == "split":
        room = chosen.hash_range.end - chosen.hash_range.start - 2
        if room > 0:
            shards.split(chosen.shard_id, chosen.hash_range.start + 2 + int(where * room))
    elif action == "scale":
        shards.scale(1 + int(where * 8))
    elif index + 1 < len(open_shards):
        shards.merge(chosen.shard_id, open_shards[index + 1].shard_id)


@pytest.fixture(scope="module")
def store() -> Iterator[Store]:
    with throwaway() as store:
        yield store


def make_map(store: Store, shard_count: int, name: str = "") -> ShardMap:
    name = name or uuid4().hex
    return ShardMap(store.database, name, shard_count, label=name, retention_hours=24, clock=FakeClock())


def read_again(store: Store, shards: ShardMap) -> ShardMap:
    """The same stream as another process finds it."""
    again = make_map(store, 99, shards._label)
    assert [shard.describe() for shard in again.all_shards()] == [shard.describe() for shard in shards.all_shards()]
    assert again.incarnation == shards.incarnation
    return again


@given(st.integers(1, 7), reshardings)
def test_the_open_shards_cover_every_hash_key_once(store: Store, shard_count: int, actions: Reshardings) -> None:
    shards = make_map(store, shard_count)
    for action in actions:
        reshard(shards, *action)
        ranges = [shard.hash_range for shard in shards.open_shards()]
        assert (ranges[0].start, ranges[-1].end) == (0, HASH_KEYS - 1)
        assert all(lower.end + 1 == upper.start for lower, upper in pairwise(ranges))


@given(st.integers(1, 7), reshardings, st.lists(hash_keys, min_size=1, max_size=20))
def test_every_hash_key_is_put_where_its_range_is(
    store: Store, shard_count: int, actions: Reshardings, keys: list[int]
) -> None:
    shards = make_map(store, shard_count)
    for action in actions:
        reshard(shards, *action)
    edges = [key for shard in shards.open_shards() for key in (shard.hash_range.start, shard.hash_range.end)]
    for key in [*keys, *edges]:
        [placement] = shards.put([Entry("k", key, b"", 1)], limited=False)
        shard = shards.shard(placement.shard_id)
        assert shard.is_open
        assert shard.hash_range.start <= key <= shard.hash_range.end


@given(st.integers(1, 4), reshardings, st.lists(hash_keys, min_size=1, max_size=5))
def test_each_key_is_kept_in_order_along_its_lineage(
    store: Store, shard_count: int, actions: Reshardings, keys: list[int]
) -> None:
    shards = make_map(store, shard_count)
    sent = 0
    for action in [None, *actions]:
        if action:
            reshard(shards, *action)
            shards = read_again(store, shards)
        shards.put([Entry(str(key), key, str(sent).encode(), 1) for key in keys], limited=False)
        sent += 1
    written: dict[str, list[int]] = {}
    for shard in shards.all_shards():  # by number, and children have higher numbers than their parents
        for record in shard.read(0, 10_000, 1 << 30).records:
            written.setdefault(record.partition_key, []).append(int(record.data))
    for key in set(keys):
        expected = [number for number in range(sent) for _ in range(keys.count(key))]
        assert written[str(key)] == expected
