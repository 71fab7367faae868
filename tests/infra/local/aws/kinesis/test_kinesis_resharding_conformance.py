"""What SplitShard, MergeShards and UpdateShardCount promise."""

import pytest

from infra.local.aws import kinesis as local_kinesis
from tests.clock import FakeClock
from tests.infra.local.aws.kinesis.conftest import MakeStream
from tests.infra.local.aws.kinesis.stream_under_test import HASH_KEYS, StreamUnderTest, hash_range, middle, refused

HOUR = 3_600


def read_by_lineage(stream: StreamUnderTest) -> list[tuple[str, bytes]]:
    """Read everything, parents before their children, as consumers must; keys and data."""
    records = []
    shards = {shard["ShardId"]: shard for shard in stream.shards()}
    done: set[str] = set()
    while shards.keys() - done:
        for shard_id, shard in shards.items():
            parents = {shard.get("ParentShardId"), shard.get("AdjacentParentShardId")} & shards.keys()
            if shard_id not in done and parents <= done:
                records += [(record["PartitionKey"], record["Data"]) for record in stream.read(shard_id)]
                done.add(shard_id)
    return records


def open_ranges(stream: StreamUnderTest) -> list[tuple[int, int]]:
    return sorted(hash_range(shard) for shard in stream.shards("AT_LATEST"))


def test_a_closed_parent_takes_no_more_records(make_stream: MakeStream) -> None:
    stream = make_stream(1)
    [parent] = stream.shard_ids()
    stream.put("key", b"before")
    children = stream.split_in_half(parent)
    placed = {stream.put(f"key-{number}", b"after")[0] for number in range(20)}
    assert placed == set(children)
    assert [record["Data"] for record in stream.read(parent)] == [b"before"]


def test_a_split_gives_its_children_the_halves_of_the_parents_range(make_stream: MakeStream) -> None:
    stream = make_stream(1)
    [parent] = stream.shards()
    stream.split_in_half(parent["ShardId"])
    closed, *children = stream.shards()
    assert [hash_range(child) for child in children] == [(0, 2**127 - 1), (2**127, HASH_KEYS - 1)]
    assert [child["ParentShardId"] for child in children] == [parent["ShardId"]] * 2
    assert all("AdjacentParentShardId" not in child for child in children)
    assert int(closed["SequenceNumberRange"]["EndingSequenceNumber"]) < min(
        int(child["SequenceNumberRange"]["StartingSequenceNumber"]) for child in children
    )
    assert all("EndingSequenceNumber" not in child["SequenceNumberRange"] for child in children)


def test_a_merge_gives_its_child_the_ranges_of_both_parents(kinesis: StreamUnderTest) -> None:
    parents = kinesis.shard_ids()
    merged = kinesis.merge(*parents)
    [child] = kinesis.shards("AT_LATEST")
    assert child["ShardId"] == merged
    assert hash_range(child) == (0, HASH_KEYS - 1)
    assert [child["ParentShardId"], child["AdjacentParentShardId"]] == parents


def test_a_merge_names_the_lower_shard_first(kinesis: StreamUnderTest) -> None:
    lower, upper = kinesis.shard_ids()
    with refused("InvalidArgumentException"):
        kinesis.client.merge_shards(StreamName=kinesis.name, ShardToMerge=upper, AdjacentShardToMerge=lower)
    assert kinesis.shard_ids("AT_LATEST") == [lower, upper]


def test_the_end_of_a_closed_shard_has_no_next_iterator_and_names_its_children(make_stream: MakeStream) -> None:
    stream = make_stream(1)
    [parent] = stream.shard_ids()
    stream.put("key", b"before")
    children = stream.split_in_half(parent)
    *_, last = stream.pages(stream.iterator(parent))
    assert "NextShardIterator" not in last
    assert [child["ShardId"] for child in last["ChildShards"]] == children
    assert [child["ParentShards"] for child in last["ChildShards"]] == [[parent]] * 2


def test_children_are_named_at_the_end_only(clock: FakeClock, make_stream: MakeStream) -> None:
    stream = make_stream(1)
    [parent] = stream.shard_ids()
    for _ in range(3):
        stream.put("key")
    stream.split_in_half(parent)
    pages = list(stream.pages(stream.iterator(parent), limit=2))
    assert ["ChildShards" in page for page in pages] == [False, True]
    assert ["NextShardIterator" in page for page in pages] == [True, False]


def test_an_iterator_from_before_a_split_reads_the_parent_to_its_end(make_stream: MakeStream) -> None:
    stream = make_stream(1)
    [parent] = stream.shard_ids()
    iterator = stream.client.get_shard_iterator(StreamName=stream.name, ShardId=parent, ShardIteratorType="LATEST")
    stream.put("key", b"before")
    stream.split_in_half(parent)
    pages = list(stream.pages(iterator["ShardIterator"]))
    assert [record["Data"] for page in pages for record in page["Records"]] == [b"before"]
    assert "ChildShards" in pages[-1]


def test_a_key_is_read_in_order_parents_before_children_and_nothing_is_lost_or_doubled(
    kinesis: StreamUnderTest,
) -> None:
    keys = [f"key-{number}" for number in range(5)]

    def put_round(number: int) -> None:
        for key in keys:
            kinesis.put(key, str(number).encode())

    lower, upper = kinesis.shard_ids()
    put_round(0)
    lower_halves = kinesis.split_in_half(lower)
    put_round(1)
    kinesis.merge(lower_halves[1], upper)
    put_round(2)
    kinesis.client.update_shard_count(StreamName=kinesis.name, TargetShardCount=3, ScalingType="UNIFORM_SCALING")
    kinesis.wait_until_active()
    put_round(3)
    records = read_by_lineage(kinesis)
    assert len(records) == 4 * len(keys)
    for key in keys:
        assert [data for each, data in records if each == key] == [b"0", b"1", b"2", b"3"]


@pytest.mark.parametrize(("before", "after"), [(1, 2), (2, 3), (2, 4), (3, 2), (4, 2), (4, 3), (3, 5), (5, 3), (2, 2)])
def test_update_shard_count_ends_with_equal_ranges(make_stream: MakeStream, before: int, after: int) -> None:
    stream = make_stream(before)
    answer = stream.client.update_shard_count(
        StreamName=stream.name, TargetShardCount=after, ScalingType="UNIFORM_SCALING"
    )
    stream.wait_until_active()
    assert (answer["CurrentShardCount"], answer["TargetShardCount"]) == (before, after)
    ranges = open_ranges(stream)
    assert [start for start, _ in ranges] == [number * (HASH_KEYS // after) for number in range(after)]
    assert [end + 1 for _, end in ranges] == [start for start, _ in ranges[1:]] + [HASH_KEYS]


def test_update_shard_count_makes_uneven_shards_equal(kinesis: StreamUnderTest) -> None:
    kinesis.split_in_half(kinesis.shard_ids()[0])
    kinesis.client.update_shard_count(StreamName=kinesis.name, TargetShardCount=3, ScalingType="UNIFORM_SCALING")
    kinesis.wait_until_active()
    assert [start for start, _ in open_ranges(kinesis)] == [number * (HASH_KEYS // 3) for number in range(3)]


@pytest.mark.parametrize(("before", "after"), [(2, 5), (5, 2), (3, 1)])
def test_update_shard_count_goes_no_further_than_double_or_half(
    make_stream: MakeStream, before: int, after: int
) -> None:
    stream = make_stream(before)
    with refused("LimitExceededException"):
        stream.client.update_shard_count(StreamName=stream.name, TargetShardCount=after, ScalingType="UNIFORM_SCALING")


def test_update_shard_count_works_ten_times_in_a_rolling_day(clock: FakeClock, kinesis: StreamUnderTest) -> None:
    def scale(target: int) -> None:
        kinesis.client.update_shard_count(
            StreamName=kinesis.name, TargetShardCount=target, ScalingType="UNIFORM_SCALING"
        )

    for number in range(10):
        scale(2 + number % 2)
        clock.advance(HOUR)
    with refused("LimitExceededException"):
        scale(2)
    clock.advance(14 * HOUR)
    scale(2)


def test_an_on_demand_stream_is_not_resharded(clock: FakeClock, kinesis: StreamUnderTest) -> None:
    summary = kinesis.client.describe_stream_summary(StreamName=kinesis.name)["StreamDescriptionSummary"]
    kinesis.client.update_stream_mode(StreamARN=summary["StreamARN"], StreamModeDetails={"StreamMode": "ON_DEMAND"})
    lower, upper = kinesis.shard_ids()
    with refused("ValidationException"):
        kinesis.client.update_shard_count(StreamName=kinesis.name, TargetShardCount=3, ScalingType="UNIFORM_SCALING")
    with refused("ValidationException"):
        kinesis.client.split_shard(StreamName=kinesis.name, ShardToSplit=lower, NewStartingHashKey="9")
    with refused("ValidationException"):
        kinesis.client.merge_shards(StreamName=kinesis.name, ShardToMerge=lower, AdjacentShardToMerge=upper)


def test_a_closed_shard_is_neither_split_nor_merged(kinesis: StreamUnderTest) -> None:
    lower, upper = kinesis.shards()
    kinesis.split_in_half(lower["ShardId"])
    with refused("InvalidArgumentException"):
        kinesis.client.split_shard(
            StreamName=kinesis.name, ShardToSplit=lower["ShardId"], NewStartingHashKey=str(middle(lower))
        )
    with refused("InvalidArgumentException"):
        kinesis.client.merge_shards(
            StreamName=kinesis.name, ShardToMerge=lower["ShardId"], AdjacentShardToMerge=upper["ShardId"]
        )


def test_only_neighbours_merge(make_stream: MakeStream) -> None:
    stream = make_stream(3)
    first, _, third = stream.shard_ids()
    for pair in ((first, third), (third, first), (first, first)):
        with refused("InvalidArgumentException"):
            stream.client.merge_shards(StreamName=stream.name, ShardToMerge=pair[0], AdjacentShardToMerge=pair[1])


def test_a_shard_is_split_inside_its_range_only(kinesis: StreamUnderTest) -> None:
    _, upper = kinesis.shards()
    start, end = hash_range(upper)
    for key in (0, start - 1, start, start + 1, end, end + 1):
        with refused("InvalidArgumentException"):
            kinesis.client.split_shard(
                StreamName=kinesis.name, ShardToSplit=upper["ShardId"], NewStartingHashKey=str(key)
            )
    assert len(kinesis.shards()) == 2


def test_unknown_shards_are_not_found(kinesis: StreamUnderTest) -> None:
    unknown, known = "shardId-000000000099", kinesis.shard_ids()[0]
    with refused("ResourceNotFoundException"):
        kinesis.client.split_shard(StreamName=kinesis.name, ShardToSplit=unknown, NewStartingHashKey="9")
    with refused("ResourceNotFoundException"):
        kinesis.client.merge_shards(StreamName=kinesis.name, ShardToMerge=known, AdjacentShardToMerge=unknown)


def test_a_hash_key_that_is_no_number_is_refused(kinesis: StreamUnderTest) -> None:
    with refused("ValidationException"):
        kinesis.client.split_shard(
            StreamName=kinesis.name, ShardToSplit=kinesis.shard_ids()[0], NewStartingHashKey="half"
        )


def test_a_stream_is_read_and_written_while_it_is_updating_but_not_resharded(
    clock: FakeClock, kinesis: StreamUnderTest
) -> None:
    local_kinesis.install("off", clock, update_seconds=30)
    lower, upper = kinesis.shards()
    kinesis.client.split_shard(
        StreamName=kinesis.name, ShardToSplit=lower["ShardId"], NewStartingHashKey=str(middle(lower))
    )

    def status() -> str:
        summary = kinesis.client.describe_stream_summary(StreamName=kinesis.name)["StreamDescriptionSummary"]
        return summary["StreamStatus"]

    assert status() == "UPDATING"
    shard_id, _ = kinesis.put("key", b"meanwhile")
    assert [record["Data"] for record in kinesis.read(shard_id)] == [b"meanwhile"]
    with refused("ResourceInUseException"):
        kinesis.client.split_shard(
            StreamName=kinesis.name, ShardToSplit=upper["ShardId"], NewStartingHashKey=str(middle(upper))
        )
    with refused("ResourceInUseException"):
        kinesis.client.update_shard_count(StreamName=kinesis.name, TargetShardCount=4, ScalingType="UNIFORM_SCALING")
    with refused("ResourceInUseException"):
        kinesis.client.increase_stream_retention_period(StreamName=kinesis.name, RetentionPeriodHours=48)
    clock.advance(30)
    assert status() == "ACTIVE"
    kinesis.client.split_shard(
        StreamName=kinesis.name, ShardToSplit=upper["ShardId"], NewStartingHashKey=str(middle(upper))
    )
    assert len(kinesis.shards("AT_LATEST")) == 4


def test_a_closed_shard_is_listed_until_its_records_have_expired(clock: FakeClock, make_stream: MakeStream) -> None:
    stream = make_stream(1)
    [parent] = stream.shard_ids()
    children = stream.split_in_half(parent)
    clock.advance(24 * HOUR)
    assert stream.shard_ids() == [parent, *children]
    clock.advance(1)
    assert stream.shard_ids() == children
    assert {shard["ParentShardId"] for shard in stream.shards()} == {parent}
    with refused("ResourceNotFoundException"):
        stream.iterator(parent)


def test_shard_ids_are_not_given_twice_even_after_expiry(clock: FakeClock, make_stream: MakeStream) -> None:
    stream = make_stream(1)
    [first] = stream.shard_ids()
    [second, third] = stream.split_in_half(first)
    clock.advance(25 * HOUR)
    assert stream.merge(second, third) == "shardId-000000000003"


def test_the_open_shards_are_counted_in_the_summary(kinesis: StreamUnderTest) -> None:
    kinesis.split_in_half(kinesis.shard_ids()[0])
    summary = kinesis.client.describe_stream_summary(StreamName=kinesis.name)["StreamDescriptionSummary"]
    assert summary["OpenShardCount"] == 3
    assert len(kinesis.client.describe_stream(StreamName=kinesis.name)["StreamDescription"]["Shards"]) == 4
