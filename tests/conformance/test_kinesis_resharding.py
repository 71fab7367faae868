"""Kinesis: splitting, merging and scaling a stream, and reading it afterwards."""

from typing import Any

import pytest

from tests.conformance.account import Account
from tests.conformance.facts import fact
from tests.conformance.refusals import refused
from tests.conformance.shards import HASH_KEYS, hash_range, iterator_of, read_all, shards_of


@pytest.fixture(scope="module")
def split(account: Account) -> tuple[str, list[dict[str, Any]]]:
    """A stream of one shard with a record in it, split at the middle; its shards, the parent first."""
    stream = account.stream()
    (parent,) = shards_of(account, stream)
    account.kinesis.put_record(StreamName=stream, PartitionKey="k", Data=b"before")
    account.kinesis.split_shard(
        StreamName=stream, ShardToSplit=parent["ShardId"], NewStartingHashKey=str(HASH_KEYS // 2)
    )
    account.until_active(stream)
    return stream, shards_of(account, stream)


@fact("[m kinesis SplitShard]")
def test_a_split_gives_the_new_starting_hash_key_and_above_to_one_child(
    split: tuple[str, list[dict[str, Any]]],
) -> None:
    _, (_, *children) = split
    assert sorted(map(hash_range, children)) == [(0, HASH_KEYS // 2 - 1), (HASH_KEYS // 2, HASH_KEYS - 1)]


@fact("[m kinesis Shard]")
def test_the_children_of_a_split_name_their_parent(split: tuple[str, list[dict[str, Any]]]) -> None:
    _, (parent, *children) = split
    assert [child["ParentShardId"] for child in children] == [parent["ShardId"]] * 2
    assert all("AdjacentParentShardId" not in child for child in children)


@fact("[m kinesis SequenceNumberRange]")
def test_only_a_closed_shard_has_an_ending_sequence_number(split: tuple[str, list[dict[str, Any]]]) -> None:
    _, (parent, *children) = split
    assert "EndingSequenceNumber" in parent["SequenceNumberRange"]
    assert all("EndingSequenceNumber" not in child["SequenceNumberRange"] for child in children)


@fact("[KDS-guide after-resharding]")
def test_what_was_written_before_a_split_stays_in_the_parent(
    account: Account, split: tuple[str, list[dict[str, Any]]]
) -> None:
    stream, (parent, *_) = split
    assert [record["Data"] for record in read_all(account, stream, parent["ShardId"])] == [b"before"]


@fact("[KDS-guide after-resharding]")
def test_what_is_written_after_a_split_goes_to_the_children(
    account: Account, split: tuple[str, list[dict[str, Any]]]
) -> None:
    stream, (_, *children) = split
    placed = {
        account.kinesis.put_record(StreamName=stream, PartitionKey="k", Data=b"x", ExplicitHashKey=key)["ShardId"]
        for key in ("0", str(HASH_KEYS - 1))
    }
    assert placed == {child["ShardId"] for child in children}


@fact("[m kinesis GetRecordsOutput]")
def test_a_closed_shard_read_to_its_end_gives_no_iterator_and_names_its_children(
    account: Account, split: tuple[str, list[dict[str, Any]]]
) -> None:
    stream, (parent, *children) = split
    iterator = iterator_of(account, stream, parent["ShardId"])
    pages = []
    while iterator:
        pages.append(account.kinesis.get_records(ShardIterator=iterator))
        iterator = pages[-1].get("NextShardIterator")
        account.pause()
    assert {each["ShardId"] for each in pages[-1]["ChildShards"]} == {child["ShardId"] for child in children}
    assert all("ChildShards" not in page for page in pages[:-1])


@fact("[m kinesis SplitShard] [kinesalite]")
def test_a_closed_shard_is_not_split_again(account: Account, split: tuple[str, list[dict[str, Any]]]) -> None:
    stream, (parent, *_) = split
    with refused("InvalidArgumentException", "ResourceNotFoundException"):
        account.kinesis.split_shard(
            StreamName=stream, ShardToSplit=parent["ShardId"], NewStartingHashKey=str(HASH_KEYS // 4)
        )


@fact("[m kinesis ShardFilter]")
def test_the_filter_at_latest_lists_the_open_shards(account: Account, split: tuple[str, list[dict[str, Any]]]) -> None:
    stream, (_, *children) = split
    listed = shards_of(account, stream, ShardFilter={"Type": "AT_LATEST"})
    assert [shard["ShardId"] for shard in listed] == [child["ShardId"] for child in children]


@fact("[m kinesis ShardFilter]")
def test_the_filter_after_shard_id_lists_the_shards_behind_it(
    account: Account, split: tuple[str, list[dict[str, Any]]]
) -> None:
    stream, (parent, first, second) = split
    filter_ = {"Type": "AFTER_SHARD_ID", "ShardId": parent["ShardId"]}
    listed = shards_of(account, stream, ShardFilter=filter_)
    assert [shard["ShardId"] for shard in listed] == [first["ShardId"], second["ShardId"]]


@fact("[m kinesis ListShards]")
def test_a_list_of_shards_goes_on_by_its_token(account: Account, split: tuple[str, list[dict[str, Any]]]) -> None:
    stream, shards = split
    first = account.kinesis.list_shards(StreamName=stream, MaxResults=2)
    second = account.kinesis.list_shards(NextToken=first["NextToken"])
    assert [each["ShardId"] for each in first["Shards"] + second["Shards"]] == [each["ShardId"] for each in shards]


@fact("[m kinesis ListShards]")
def test_a_token_and_a_stream_name_exclude_each_other(
    account: Account, split: tuple[str, list[dict[str, Any]]]
) -> None:
    stream, _ = split
    token = account.kinesis.list_shards(StreamName=stream, MaxResults=2)["NextToken"]
    with refused("InvalidArgumentException"):
        account.kinesis.list_shards(StreamName=stream, NextToken=token)


@fact("[kinesalite]")
def test_a_merge_that_names_the_upper_shard_first_is_refused(account: Account) -> None:
    stream = account.stream(2)
    lower, upper = sorted(shards_of(account, stream), key=hash_range)
    with refused("InvalidArgumentException"):
        account.kinesis.merge_shards(
            StreamName=stream, ShardToMerge=upper["ShardId"], AdjacentShardToMerge=lower["ShardId"]
        )


@fact("[m kinesis Shard]")
def test_the_child_of_a_merge_names_both_parents_and_holds_both_ranges(account: Account) -> None:
    stream = account.stream(2)
    lower, upper = sorted(shards_of(account, stream), key=hash_range)
    account.kinesis.merge_shards(
        StreamName=stream, ShardToMerge=lower["ShardId"], AdjacentShardToMerge=upper["ShardId"]
    )
    account.until_active(stream)
    (child,) = shards_of(account, stream, ShardFilter={"Type": "AT_LATEST"})
    assert (child["ParentShardId"], child["AdjacentParentShardId"]) == (lower["ShardId"], upper["ShardId"])
    assert hash_range(child) == (0, HASH_KEYS - 1)


@fact("[m kinesis MergeShards]")
def test_shards_that_are_not_neighbours_do_not_merge(account: Account) -> None:
    stream = account.stream(3)
    first, _, third = sorted(shards_of(account, stream), key=hash_range)
    with refused("InvalidArgumentException"):
        account.kinesis.merge_shards(
            StreamName=stream, ShardToMerge=first["ShardId"], AdjacentShardToMerge=third["ShardId"]
        )


@fact("[m kinesis UpdateShardCount]")
def test_a_shard_count_is_doubled_at_most(account: Account) -> None:
    stream = account.stream(2)
    with refused("LimitExceededException"):
        account.kinesis.update_shard_count(StreamName=stream, TargetShardCount=5, ScalingType="UNIFORM_SCALING")


@fact("[m kinesis UpdateShardCount]")
def test_a_shard_count_is_halved_at_most(account: Account) -> None:
    stream = account.stream(3)
    with refused("LimitExceededException"):
        account.kinesis.update_shard_count(StreamName=stream, TargetShardCount=1, ScalingType="UNIFORM_SCALING")


@fact("[m kinesis UpdateShardCount]")
def test_a_new_shard_count_makes_ranges_of_equal_size(account: Account) -> None:
    stream = account.stream(2)
    answer = account.kinesis.update_shard_count(StreamName=stream, TargetShardCount=3, ScalingType="UNIFORM_SCALING")
    assert (answer["CurrentShardCount"], answer["TargetShardCount"]) == (2, 3)
    account.until_active(stream)
    ranges = sorted(map(hash_range, shards_of(account, stream, ShardFilter={"Type": "AT_LATEST"})))
    assert len(ranges) == 3
    sizes = [end - start for start, end in ranges]
    assert max(sizes) - min(sizes) <= 3
