"""Shards and what is read from them, through the client alone."""

from typing import Any

from tests.conformance.account import Account

HASH_KEYS = 2**128


def shards_of(account: Account, stream: str, **filter_: Any) -> list[dict[str, Any]]:
    shards: list[dict[str, Any]] = account.kinesis.list_shards(StreamName=stream, **filter_)["Shards"]
    return shards


def iterator_of(account: Account, stream: str, shard_id: str, kind: str = "TRIM_HORIZON", **position: Any) -> str:
    answer = account.kinesis.get_shard_iterator(StreamName=stream, ShardId=shard_id, ShardIteratorType=kind, **position)
    return str(answer["ShardIterator"])


def read_all(account: Account, stream: str, shard_id: str, kind: str = "TRIM_HORIZON", **position: Any) -> list[Any]:
    """Every record from a position to the tip, or to the end of a closed shard."""
    iterator: str | None = iterator_of(account, stream, shard_id, kind, **position)
    records: list[Any] = []
    while iterator:
        answer = account.kinesis.get_records(ShardIterator=iterator)
        records += answer["Records"]
        iterator = answer.get("NextShardIterator")
        if iterator and answer["MillisBehindLatest"] == 0:
            break
        account.pause()
    return records


def hash_range(shard: dict[str, Any]) -> tuple[int, int]:
    return int(shard["HashKeyRange"]["StartingHashKey"]), int(shard["HashKeyRange"]["EndingHashKey"])


def shard_of(shards: list[dict[str, Any]], hash_key: int) -> str:
    """The open shard whose range holds a hash key."""
    (found,) = [
        shard["ShardId"]
        for shard in shards
        if hash_range(shard)[0] <= hash_key <= hash_range(shard)[1]
        and "EndingSequenceNumber" not in shard["SequenceNumberRange"]
    ]
    return str(found)
