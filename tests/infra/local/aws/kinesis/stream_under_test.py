"""A stream and what the tests do with it, through the client alone."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest
from botocore.exceptions import ClientError

if TYPE_CHECKING:
    from types_boto3_kinesis import KinesisClient
    from types_boto3_kinesis.literals import ShardFilterTypeType
    from types_boto3_kinesis.type_defs import GetRecordsOutputTypeDef, RecordTypeDef, ShardTypeDef

HASH_KEYS = 2**128


@dataclass(frozen=True, slots=True)
class StreamUnderTest:
    """A stream that is ACTIVE, and a client to it."""

    client: "KinesisClient"
    name: str

    def put(self, partition_key: str, data: bytes = b"data", *, hash_key: int | None = None) -> tuple[str, str]:
        """Put a record; returns its shard's id and its sequence number."""
        if hash_key is None:
            answer = self.client.put_record(StreamName=self.name, PartitionKey=partition_key, Data=data)
        else:
            answer = self.client.put_record(
                StreamName=self.name, PartitionKey=partition_key, Data=data, ExplicitHashKey=str(hash_key)
            )
        return answer["ShardId"], answer["SequenceNumber"]

    def shards(self, filter_type: "ShardFilterTypeType" = "FROM_TRIM_HORIZON") -> "list[ShardTypeDef]":
        return self.client.list_shards(StreamName=self.name, ShardFilter={"Type": filter_type})["Shards"]

    def shard_ids(self, filter_type: "ShardFilterTypeType" = "FROM_TRIM_HORIZON") -> list[str]:
        return [shard["ShardId"] for shard in self.shards(filter_type)]

    def iterator(self, shard_id: str) -> str:
        return self.client.get_shard_iterator(StreamName=self.name, ShardId=shard_id, ShardIteratorType="TRIM_HORIZON")[
            "ShardIterator"
        ]

    def pages(self, iterator: str, limit: int = 10_000) -> "Iterator[GetRecordsOutputTypeDef]":
        """Read from an iterator until caught up, or to the end of a closed shard."""
        page = self.client.get_records(ShardIterator=iterator, Limit=limit)
        yield page
        while page["MillisBehindLatest"] > 0 and "NextShardIterator" in page:
            page = self.client.get_records(ShardIterator=page["NextShardIterator"], Limit=limit)
            yield page

    def read(self, shard_id: str) -> "list[RecordTypeDef]":
        return [record for page in self.pages(self.iterator(shard_id)) for record in page["Records"]]

    def read_all(self) -> "list[RecordTypeDef]":
        return [record for shard_id in self.shard_ids() for record in self.read(shard_id)]

    def wait_until_active(self) -> None:
        """After a change; the local Kinesis is ACTIVE at once."""
        self.client.get_waiter("stream_exists").wait(StreamName=self.name)

    def split_in_half(self, shard_id: str) -> list[str]:
        """Split a shard; returns the ids of the two that follow it."""
        before = set(self.shard_ids())
        [shard] = [shard for shard in self.shards() if shard["ShardId"] == shard_id]
        self.client.split_shard(StreamName=self.name, ShardToSplit=shard_id, NewStartingHashKey=str(middle(shard)))
        self.wait_until_active()
        return [each for each in self.shard_ids() if each not in before]

    def merge(self, shard_id: str, adjacent_shard_id: str) -> str:
        """Merge two shards; returns the id of the one that follows them."""
        before = set(self.shard_ids())
        self.client.merge_shards(StreamName=self.name, ShardToMerge=shard_id, AdjacentShardToMerge=adjacent_shard_id)
        self.wait_until_active()
        [merged] = [each for each in self.shard_ids() if each not in before]
        return merged


def hash_range(shard: "ShardTypeDef") -> tuple[int, int]:
    """The hash keys of a shard, both ends included."""
    return int(shard["HashKeyRange"]["StartingHashKey"]), int(shard["HashKeyRange"]["EndingHashKey"])


def middle(shard: "ShardTypeDef") -> int:
    start, end = hash_range(shard)
    return (start + end + 1) // 2


@contextmanager
def refused(code: str) -> Iterator[None]:
    """What is done inside must be refused with this AWS error."""
    with pytest.raises(ClientError) as caught:
        yield
    assert caught.value.response["Error"]["Code"] == code
