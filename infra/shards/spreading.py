"""The load of single shards, from the best source there is."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Literal

from infra.shards.load import NOTHING, HotKey, Load, Shard
from infra.shards.sampling import ShardSample

Source = Literal["metrics", "sample", "key space", "nothing"]


def measured(
    shards: Sequence[Shard], total: Load, known: Mapping[str, Load], samples: Mapping[str, ShardSample]
) -> tuple[tuple[Shard, ...], Source]:
    """The shards with their loads, from the best source there is.

    Args:
        shards: without loads.
        total: of the stream, as CloudWatch has it; zero where it has none.
        known: by shard id, from shard-level metrics.
        samples: by shard id.
    """
    keys = {shard_id: found.hot_keys for shard_id, found in samples.items()}
    if known:
        loads: Mapping[str, Load] = known
        source: Source = "metrics"
    elif any(found.records for found in samples.values()):
        loads, source = _from_samples(shards, total, samples), "sample"
    else:
        loads = {shard.shard_id: total * shard.share for shard in shards}
        source = "key space" if total.records_per_second else "nothing"
    return tuple(_loaded(s, loads.get(s.shard_id, NOTHING), keys.get(s.shard_id, ()), samples) for s in shards), source


def _from_samples(shards: Sequence[Shard], total: Load, samples: Mapping[str, ShardSample]) -> dict[str, Load]:
    """The stream's load split as the sample is; what was not sampled has its share of the key space."""
    sampled = sum((found.load for found in samples.values()), NOTHING)
    share = sum(shard.share for shard in shards if shard.shard_id in samples)
    factor = Load(1.0, 1.0)
    if total.records_per_second and sampled.records_per_second and sampled.bytes_per_second:
        factor = Load(
            total.bytes_per_second * share / sampled.bytes_per_second,
            total.records_per_second * share / sampled.records_per_second,
        )
    loads = {}
    for shard in shards:
        found = samples.get(shard.shard_id)
        loads[shard.shard_id] = _times(found.load, factor) if found else total * shard.share
    return loads


def _loaded(shard: Shard, load: Load, keys: tuple[HotKey, ...], samples: Mapping[str, ShardSample]) -> Shard:
    """A shard with its load, and its hot keys with the share of it that they have in the sample."""
    if not keys:
        return replace(shard, load=load)
    of_sample = samples[shard.shard_id].load
    factor = Load(
        load.bytes_per_second / of_sample.bytes_per_second, load.records_per_second / of_sample.records_per_second
    )
    return replace(shard, load=load, hot_keys=tuple(replace(key, load=_times(key.load, factor)) for key in keys))


def _times(load: Load, factor: Load) -> Load:
    return Load(load.bytes_per_second * factor.bytes_per_second, load.records_per_second * factor.records_per_second)
