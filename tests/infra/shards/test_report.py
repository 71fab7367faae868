"""What the report says of a stream in the local Kinesis."""

from collections.abc import Callable
from typing import Any

import pytest

from infra.shards.load import Load
from infra.shards.readers import Readers, read_readers
from infra.shards.report import Clients, Report, collect, headroom
from infra.shards.sampling import CALLS_A_SHARD, hash_key_of, sample
from infra.shards.spreading import measured
from infra.shards.stream import list_shards, read_stream
from infra.shards.writer import Writer
from tests.clock import FakeClock
from tests.infra.shards.conftest import STREAM, put_datum

Put = Callable[..., int]
NOBODY = Readers((), (), None)


def report(clients: Clients, clock: FakeClock, *, with_sample: bool = True) -> Report:
    stream = read_stream(clients.kinesis, STREAM, now=clock.time())
    return collect(clients, stream, NOBODY, now=clock.time(), with_sample=with_sample)


def write_minutes(put: Put, clock: FakeClock, *minutes: list[str]) -> None:
    for keys in minutes:
        put(keys)
        clock.advance(60)


def test_the_load_of_a_minute_is_spread_over_its_seconds(clients, clock, put):
    write_minutes(put, clock, [f"key-{n}" for n in range(600)])
    found = report(clients, clock, with_sample=False)
    assert found.load.records_per_second == pytest.approx(10)
    assert found.load.bytes_per_second == pytest.approx(sum(200 + len(f"key-{n}") for n in range(600)) / 60)
    assert found.source == "key space"
    assert found.newest == clock.time()


def test_without_shard_level_metrics_a_sample_shows_the_load_of_each_shard(clients, clock, put):
    write_minutes(put, clock, ["hot"] * 300 + [f"key-{n}" for n in range(100)])
    found = report(clients, clock)
    assert found.source == "sample"
    place = next(s for s in found.stream.shards if s.start <= hash_key_of("hot") <= s.end)
    assert found.hottest == place
    assert found.hot_shards() == [place]
    [key] = [key for key in place.hot_keys if key.partition_key == "hot"]
    assert key.load.records_per_second == pytest.approx(5, rel=0.01)
    assert sum(s.load.records_per_second for s in found.stream.shards) == pytest.approx(400 / 60)


def test_shard_level_metrics_count_where_they_are_enabled(clients, clock, put):
    metrics = ["IncomingBytes", "IncomingRecords", "WriteProvisionedThroughputExceeded", "IteratorAgeMilliseconds"]
    clients.kinesis.enable_enhanced_monitoring(StreamName=STREAM, ShardLevelMetrics=metrics)
    refused = put(["hot"] * 1_500)
    put_datum(clients.cloudwatch, "IteratorAgeMilliseconds", 1_234, clock.time(), ShardId="shardId-000000000000")
    clock.advance(60)
    found = report(clients, clock, with_sample=False)
    assert found.source == "metrics"
    place = found.hottest
    assert refused == 500
    assert found.details[place.shard_id].throttled == 500
    assert found.details["shardId-000000000000"].iterator_age_ms == 1_234
    assert found.throttled == 500
    other = next(s for s in found.stream.shards if s != place)
    assert other.load.records_per_second == 0
    assert place.load.records_per_second == pytest.approx((1_000 + 500) / 60), (
        "what is refused is asked for all the same"
    )


def test_a_stream_nobody_writes_to_is_reported_as_idle(clients, clock):
    found = report(clients, clock)
    assert found.source == "nothing"
    assert (found.load.shards(), found.newest, found.headroom_minutes) == (0, None, None)


def test_the_sample_is_bounded(clients, clock, put):
    for _ in range(8):
        put([f"key-{n}" for n in range(1_500)])
        clock.advance(1)
    calls = []
    clients.kinesis.meta.events.register("before-call.kinesis.GetRecords", lambda **_: calls.append(1))
    shards = list_shards(clients.kinesis, STREAM)
    found = sample(clients.kinesis, STREAM, shards, now=clock.time())
    assert len(calls) == CALLS_A_SHARD * len(shards)
    assert all(s.records == 2_000 and not s.is_whole for s in found.values())
    assert all(s.load.records_per_second > 400 for s in found.values()), "the rate is that of the time it covers"


def test_a_shard_that_refuses_reads_is_left_to_its_consumers(clients, clock, put):
    put(["hot"] * 100)
    shards = list_shards(clients.kinesis, STREAM)
    place = next(s for s in shards if s.start <= hash_key_of("hot") <= s.end)
    where = {"StreamName": STREAM, "ShardId": place.shard_id, "ShardIteratorType": "LATEST"}
    iterator = clients.kinesis.get_shard_iterator(**where)["ShardIterator"]
    for _ in range(5):
        iterator = clients.kinesis.get_records(ShardIterator=iterator)["NextShardIterator"]
    assert place.shard_id not in sample(clients.kinesis, STREAM, shards, now=clock.time())


def test_readers_are_those_that_share_and_those_with_fan_out(clients):
    arn = clients.kinesis.describe_stream_summary(StreamName=STREAM)["StreamDescriptionSummary"]["StreamARN"]
    clients.kinesis.register_stream_consumer(StreamARN=arn, ConsumerName="analytics")
    names = {"delivery_stream": "spillway-dev-archive", "writer_function": "spillway-dev-table-writer"}
    found = read_readers(clients.kinesis, clients.lambda_, clients.firehose, stream_arn=arn, **names)
    assert found == Readers((), ("analytics",), None)


class Mappings:
    """Event source mappings as Lambda returns them where the function is named by its alias."""

    def __init__(self, source_arn: str) -> None:
        self._source_arn = source_arn

    def list_event_source_mappings(self, *, EventSourceArn: str) -> dict[str, Any]:
        function_arn = "arn:aws:lambda:eu-west-2:123456789012:function:spillway-dev-table-writer:live"
        shown = {"UUID": "id", "FunctionArn": function_arn, "ParallelizationFactor": 3}
        return {"EventSourceMappings": [shown] if EventSourceArn == self._source_arn else []}


@pytest.mark.parametrize("fan_out", [False, True])
def test_the_writer_is_known_by_its_alias_and_behind_its_consumer(clients, fan_out):
    arn = clients.kinesis.describe_stream_summary(StreamName=STREAM)["StreamDescriptionSummary"]["StreamARN"]
    writer = "spillway-dev-table-writer"
    consumer = clients.kinesis.register_stream_consumer(StreamARN=arn, ConsumerName=writer)["Consumer"]["ConsumerARN"]
    found = read_readers(
        clients.kinesis,
        Mappings(consumer if fan_out else arn),
        clients.firehose,
        stream_arn=arn,
        delivery_stream="spillway-dev-archive",
        writer_function=writer,
    )
    assert found == Readers(() if fan_out else (writer,), (writer,), Writer(writer, "id", 3))


def test_headroom_ends_where_the_line_meets_the_limit():
    by_minute = {60.0 * minute: Load(0, 100 + 10 * minute) for minute in range(10)}
    assert headroom(by_minute, hottest=0.19) == pytest.approx(81)
    assert headroom(by_minute, hottest=1.2) == 0
    assert headroom({at: Load(0, 100) for at in by_minute}, hottest=0.5) is None
    assert headroom({0.0: Load(0, 1), 60.0: Load(0, 9)}, hottest=0.5) is None, "two minutes say nothing"


def test_shards_that_were_not_sampled_have_their_share_of_the_keys(clients, clock, put):
    write_minutes(put, clock, [f"key-{n}" for n in range(600)])
    shards = list_shards(clients.kinesis, STREAM)
    samples = sample(clients.kinesis, STREAM, shards[:1], now=clock.time())
    loaded, source = measured(shards, Load(2_000, 10), {}, samples)
    assert source == "sample"
    assert [s.load.records_per_second for s in loaded] == pytest.approx([5, 5])
