"""What a stream says of itself: descriptions, lists of shards, tags, and what moto had right already."""

from datetime import UTC, datetime

import pytest

from tests.clock import FakeClock
from tests.infra.local.aws.kinesis.conftest import MakeStream
from tests.infra.local.aws.kinesis.stream_under_test import StreamUnderTest, refused


def arn_of(stream: StreamUnderTest) -> str:
    return stream.client.describe_stream_summary(StreamName=stream.name)["StreamDescriptionSummary"]["StreamARN"]


def test_a_name_is_taken_once(kinesis: StreamUnderTest) -> None:
    with refused("ResourceInUseException"):
        kinesis.client.create_stream(StreamName=kinesis.name, ShardCount=1)


def test_a_deleted_stream_is_gone(clock: FakeClock, kinesis: StreamUnderTest) -> None:
    kinesis.client.delete_stream(StreamName=kinesis.name)
    with refused("ResourceNotFoundException"):
        kinesis.client.describe_stream_summary(StreamName=kinesis.name)


def test_a_new_stream_has_equal_shards_and_the_defaults(make_stream: MakeStream) -> None:
    stream = make_stream(3)
    summary = stream.client.describe_stream_summary(StreamName=stream.name)["StreamDescriptionSummary"]
    assert summary["StreamStatus"] == "ACTIVE"
    assert summary["RetentionPeriodHours"] == 24
    assert summary["OpenShardCount"] == 3
    assert summary["StreamModeDetails"]["StreamMode"] == "PROVISIONED"
    assert summary["EncryptionType"] == "NONE"
    starts = [shard["HashKeyRange"]["StartingHashKey"] for shard in stream.shards()]
    assert starts == ["0", "113427455640312821154458202477256070485", "226854911280625642308916404954512140970"]


def test_tags_given_at_creation_are_there_in_both_lists(clock: FakeClock, kinesis: StreamUnderTest) -> None:
    name = f"{kinesis.name}-tagged"
    kinesis.client.create_stream(StreamName=name, ShardCount=1, Tags={"project": "spillway", "env": "test"})
    stream = StreamUnderTest(kinesis.client, name)
    expected = [{"Key": "env", "Value": "test"}, {"Key": "project", "Value": "spillway"}]
    assert kinesis.client.list_tags_for_stream(StreamName=name)["Tags"] == expected
    assert kinesis.client.list_tags_for_resource(ResourceARN=arn_of(stream))["Tags"] == expected


def test_tags_are_added_and_taken_off_by_name_and_by_arn(kinesis: StreamUnderTest) -> None:
    client, arn = kinesis.client, arn_of(kinesis)
    client.add_tags_to_stream(StreamName=kinesis.name, Tags={"a": "1", "b": "2"})
    client.tag_resource(ResourceARN=arn, Tags={"c": "3", "d": "4"})
    client.remove_tags_from_stream(StreamName=kinesis.name, TagKeys=["a"])
    client.untag_resource(ResourceARN=arn, TagKeys=["c"])
    assert [tag["Key"] for tag in client.list_tags_for_stream(StreamName=kinesis.name)["Tags"]] == ["b", "d"]


def test_tags_come_a_page_at_a_time_each_once(kinesis: StreamUnderTest) -> None:
    kinesis.client.add_tags_to_stream(StreamName=kinesis.name, Tags={"a": "1", "b": "2", "c": "3"})
    first = kinesis.client.list_tags_for_stream(StreamName=kinesis.name, Limit=2)
    second = kinesis.client.list_tags_for_stream(StreamName=kinesis.name, Limit=2, ExclusiveStartTagKey="b")
    assert [[tag["Key"] for tag in page["Tags"]] for page in (first, second)] == [["a", "b"], ["c"]]
    assert [first["HasMoreTags"], second["HasMoreTags"]] == [True, False]


def test_describe_stream_gives_a_page_of_shards(make_stream: MakeStream) -> None:
    stream = make_stream(3)
    first = stream.client.describe_stream(StreamName=stream.name, Limit=2)["StreamDescription"]
    last = first["Shards"][-1]["ShardId"]
    second = stream.client.describe_stream(StreamName=stream.name, ExclusiveStartShardId=last)["StreamDescription"]
    assert [shard["ShardId"] for page in (first, second) for shard in page["Shards"]] == stream.shard_ids()
    assert [first["HasMoreShards"], second["HasMoreShards"]] == [True, False]


def test_list_shards_gives_pages_that_keep_the_filter(make_stream: MakeStream) -> None:
    stream = make_stream(2)
    stream.split_in_half(stream.shard_ids()[0])
    found, token = [], None
    while True:
        page = (
            stream.client.list_shards(NextToken=token, MaxResults=1)
            if token
            else stream.client.list_shards(StreamName=stream.name, MaxResults=1, ShardFilter={"Type": "AT_LATEST"})
        )
        found += [shard["ShardId"] for shard in page["Shards"]]
        token = page.get("NextToken")
        if token is None:
            break
    assert found == stream.shard_ids("AT_LATEST")
    assert len(found) == 3


def test_a_page_token_stands_alone(make_stream: MakeStream) -> None:
    stream = make_stream(2)
    token = stream.client.list_shards(StreamName=stream.name, MaxResults=1)["NextToken"]
    with refused("InvalidArgumentException"):
        stream.client.list_shards(StreamName=stream.name, NextToken=token)


def test_a_page_token_expires_after_five_minutes(clock: FakeClock, kinesis: StreamUnderTest) -> None:
    token = kinesis.client.list_shards(StreamName=kinesis.name, MaxResults=1)["NextToken"]
    clock.advance(301)
    with refused("ExpiredNextTokenException"):
        kinesis.client.list_shards(NextToken=token)


def test_what_is_no_page_token_is_refused(kinesis: StreamUnderTest) -> None:
    with refused("InvalidArgumentException"):
        kinesis.client.list_shards(NextToken="nonsense")


def test_shards_are_listed_by_when_they_were_open(clock: FakeClock, make_stream: MakeStream) -> None:
    stream = make_stream(1)
    [parent] = stream.shard_ids()
    clock.advance(100)
    before = datetime.fromtimestamp(clock.time(), tz=UTC)
    clock.advance(100)
    children = stream.split_in_half(parent)
    clock.advance(100)
    now = datetime.fromtimestamp(clock.time(), tz=UTC)

    def at(at: datetime) -> list[str]:
        shards = stream.client.list_shards(
            StreamName=stream.name, ShardFilter={"Type": "AT_TIMESTAMP", "Timestamp": at}
        )["Shards"]
        return [shard["ShardId"] for shard in shards]

    def since(since: datetime) -> list[str]:
        shards = stream.client.list_shards(
            StreamName=stream.name, ShardFilter={"Type": "FROM_TIMESTAMP", "Timestamp": since}
        )["Shards"]
        return [shard["ShardId"] for shard in shards]

    assert at(before) == [parent]
    assert at(now) == children
    assert since(before) == [parent, *children]
    assert since(now) == children
    assert stream.shard_ids("AT_TRIM_HORIZON") == [parent]
    assert stream.shard_ids("FROM_TRIM_HORIZON") == [parent, *children]
    assert stream.shard_ids("AT_LATEST") == children
    clock.advance(24 * 3_600)
    assert stream.shard_ids("AT_TRIM_HORIZON") == children


def test_shards_are_listed_after_one_of_them(make_stream: MakeStream) -> None:
    stream = make_stream(3)
    first, *others = stream.shard_ids()
    by_filter = stream.client.list_shards(
        StreamName=stream.name, ShardFilter={"Type": "AFTER_SHARD_ID", "ShardId": first}
    )
    by_start = stream.client.list_shards(StreamName=stream.name, ExclusiveStartShardId=first)
    assert [shard["ShardId"] for shard in by_filter["Shards"]] == others
    assert [shard["ShardId"] for shard in by_start["Shards"]] == others


@pytest.mark.parametrize("filter_type", ["AFTER_SHARD_ID", "AT_TIMESTAMP", "FROM_TIMESTAMP"])
def test_a_filter_says_after_what(kinesis: StreamUnderTest, filter_type: str) -> None:
    with refused("InvalidArgumentException"):
        kinesis.client.list_shards(StreamName=kinesis.name, ShardFilter={"Type": filter_type})  # type: ignore[typeddict-item] # mypy does not see that the parameters are among the literals


def test_shard_level_metrics_are_switched_on_and_off(kinesis: StreamUnderTest) -> None:
    kinesis.client.enable_enhanced_monitoring(StreamName=kinesis.name, ShardLevelMetrics=["IncomingBytes"])
    kinesis.wait_until_active()
    summary = kinesis.client.describe_stream_summary(StreamName=kinesis.name)["StreamDescriptionSummary"]
    assert summary["EnhancedMonitoring"] == [{"ShardLevelMetrics": ["IncomingBytes"]}]
    kinesis.client.disable_enhanced_monitoring(StreamName=kinesis.name, ShardLevelMetrics=["ALL"])
    kinesis.wait_until_active()
    summary = kinesis.client.describe_stream_summary(StreamName=kinesis.name)["StreamDescriptionSummary"]
    assert summary["EnhancedMonitoring"] == [{"ShardLevelMetrics": []}]


def test_a_stream_is_encrypted_and_no_more(clock: FakeClock, kinesis: StreamUnderTest) -> None:
    kinesis.client.start_stream_encryption(StreamName=kinesis.name, EncryptionType="KMS", KeyId="alias/aws/kinesis")
    description = kinesis.client.describe_stream(StreamName=kinesis.name)["StreamDescription"]
    assert (description["EncryptionType"], description["KeyId"]) == ("KMS", "alias/aws/kinesis")
    kinesis.client.stop_stream_encryption(StreamName=kinesis.name, EncryptionType="KMS", KeyId="alias/aws/kinesis")
    assert kinesis.client.describe_stream(StreamName=kinesis.name)["StreamDescription"]["EncryptionType"] == "NONE"


def test_consumers_are_registered_counted_and_deregistered(clock: FakeClock, kinesis: StreamUnderTest) -> None:
    client, arn = kinesis.client, arn_of(kinesis)
    for name in ("one", "two"):
        client.register_stream_consumer(StreamARN=arn, ConsumerName=name)
    summary = client.describe_stream_summary(StreamName=kinesis.name)["StreamDescriptionSummary"]
    assert summary["ConsumerCount"] == 2
    client.deregister_stream_consumer(StreamARN=arn, ConsumerName="one")
    consumers = client.list_stream_consumers(StreamARN=arn)["Consumers"]
    assert [consumer["ConsumerName"] for consumer in consumers] == ["two"]
    client.deregister_stream_consumer(ConsumerARN=consumers[0]["ConsumerARN"])
    assert client.list_stream_consumers(StreamARN=arn)["Consumers"] == []


def test_an_on_demand_stream_begins_with_four_shards(clock: FakeClock, kinesis: StreamUnderTest) -> None:
    name = f"{kinesis.name}-on-demand"
    kinesis.client.create_stream(StreamName=name, StreamModeDetails={"StreamMode": "ON_DEMAND"})
    assert len(StreamUnderTest(kinesis.client, name).shards()) == 4
