"""What to say of a partition key that is too hot for any number of shards."""

from infra.shards.load import HotKey


def hot_key_reason(key: HotKey, readers: int) -> str:
    """Why no number of shards helps, in one line."""
    full, limit = key.load.shards(readers), key.load.tightest(readers)
    return (
        f"the partition key {shown(key.partition_key)} alone fills {full:.0%} of a shard ({limit}); all records of a "
        "key go to one shard, so no number of shards helps, and neither does on-demand"
    )


def hot_key_advice(key: HotKey, readers: int) -> tuple[str, ...]:
    """What would help, the least trouble first."""
    advice = []
    match key.load.tightest(readers):
        case "records":
            advice.append("send its events in batches: aggregated, many are one record of the thousand a second")
        case "reads":
            advice.append("give one of the consumers enhanced fan-out: reading is the limit, not writing")
    advice += [
        "spread it: append a number to the key (key-0 to key-7), where order is only needed within each of them",
        "choose a finer partition key (stream.partition_key in infra/pipeline.yaml; null: evenly, but without order)",
        "find out whether one client misbehaves, and limit its rate with a usage plan",
    ]
    return tuple(advice)


def shown(partition_key: str, most: int = 40) -> str:
    """A partition key as it may be printed: quoted, and cut where it is long."""
    return repr(partition_key if len(partition_key) <= most else partition_key[: most - 1] + "…")
