"""The tail of a stream: every user record once, in order within a shard, and never at the consumers' expense."""

from datetime import UTC, datetime
from itertools import islice

import pytest
from botocore.exceptions import ClientError

from archive.dead_letters.selection import Where
from infra.tail.pace import (
    AGE_EVERY_SECONDS,
    LEAST_AGE_SECONDS,
    LONGEST_SECONDS,
    MAX_BYTES_PER_SECOND,
    ConsumersAge,
    Pace,
)
from infra.tail.reader import PATIENCE_SECONDS
from producers.aggregation import MAGIC, pack
from producers.event import encode
from tests.events import an_event
from tests.infra.tail.conftest import STREAM, Pauses, refuse


def encoded(*numbers: int) -> list[bytes]:
    return [encode(an_event(f'{{"n":{number}}}', number)) for number in numbers]


def numbers(found) -> list[int]:
    return [int(each.event.request_id[-12:]) for each in found if each.event]


def earliest(clock) -> datetime:
    return datetime.fromtimestamp(clock.time(), UTC)


def test_only_what_arrives_from_now_on_is_shown(put, tail_of, clock):
    put(*encoded(1, 2))
    stop = Pauses(clock, 5, lambda: put(*encoded(3, 4)))
    assert numbers(tail_of().records(stop)) == [3, 4]


def test_from_a_time_on_what_arrived_since_comes_first(put, tail_of, clock):
    put(*encoded(1))
    clock.advance(10)
    start = earliest(clock)
    put(*encoded(2, 3))
    assert numbers(tail_of(start=start).records(Pauses(clock, 5))) == [2, 3]


def test_an_aggregate_is_taken_apart_and_each_event_has_its_place(put, tail_of, clock):
    start = earliest(clock)
    [record] = pack([("key", data) for data in encoded(1, 2, 3)], 10_000, by_key=True)
    put(record.data)
    found = list(tail_of(start=start).records(Pauses(clock, 5)))
    assert numbers(found) == [1, 2, 3]
    assert [each.source.subsequence_number for each in found] == [0, 1, 2]
    assert len({each.source.sequence_number for each in found}) == 1


@pytest.mark.parametrize("poison", [b"not an event", b"\xff\xfe", MAGIC + b"cut", MAGIC + b"x" * 40, b"{}"])
def test_a_poison_record_is_shown_as_such_and_costs_no_other_event_anything(poison, put, tail_of, clock):
    start = earliest(clock)
    put(encoded(1)[0], poison, encoded(2)[0])
    found = list(tail_of(start=start).records(Pauses(clock, 5)))
    assert numbers(found) == [1, 2]
    assert found[1].event is None
    assert found[1].data == poison
    assert found[1].error


def test_poison_within_an_aggregate_is_one_record_of_it(put, tail_of, clock):
    start = earliest(clock)
    first, second = encoded(1, 2)
    [record] = pack([("key", data) for data in (first, b"poison", second)], 10_000, by_key=True)
    put(record.data)
    found = list(tail_of(start=start).records(Pauses(clock, 5)))
    assert [each.event is None for each in found] == [False, True, False]


def test_where_means_what_it_means_for_dead_letters(put, tail_of, clock):
    start = earliest(clock)
    put(*encoded(1, 2, 3), b"poison")
    tail = tail_of(start=start, where=Where("event.payload.n == `2`"))
    assert numbers(tail.records(Pauses(clock, 5))) == [2]
    assert (tail.seen, tail.unfit) == (4, 0)
    [poison] = tail_of(start=start, where=Where("error")).records(Pauses(clock, 5))
    assert poison.data == b"poison"


def test_what_where_cannot_be_applied_to_is_left_out_counted_and_said_once(put, tail_of, clock):
    said: list[str] = []
    start = earliest(clock)
    put(*encoded(1), b"poison", *encoded(2))
    tail = tail_of(start=start, where=Where("starts_with(event.payload.n, 'a')"), notify=said.append)
    assert list(tail.records(Pauses(clock, 5))) == []
    assert tail.unfit == 3
    assert len(said) == 1


def test_children_follow_their_parents_through_a_split_and_a_merge(kinesis, put, tail_of, clock):
    start = earliest(clock)
    keys = [f"key-{number}" for number in range(8)]
    expected = []

    def put_round(first: int) -> None:
        for at, key in enumerate(keys):
            put(*encoded(first + at), key=key)
            expected.append(first + at)

    put_round(0)
    shards = kinesis.list_shards(StreamName=STREAM)["Shards"]
    ranges = shards[0]["HashKeyRange"]
    middle = (int(ranges["StartingHashKey"]) + int(ranges["EndingHashKey"])) // 2
    kinesis.split_shard(StreamName=STREAM, ShardToSplit=shards[0]["ShardId"], NewStartingHashKey=str(middle))
    clock.advance(60)
    put_round(100)
    steps = (
        lambda: put_round(200),
        lambda: kinesis.merge_shards(
            StreamName=STREAM, ShardToMerge="shardId-000000000003", AdjacentShardToMerge="shardId-000000000001"
        ),
        lambda: put_round(300),
    )
    found = list(tail_of(start=start).records(Pauses(clock, 60, *steps)))
    assert sorted(numbers(found)) == sorted(expected)
    for at in range(len(keys)):  # of one key, in the order in which they were put
        assert [n for n in numbers(found) if n % 100 == at] == [at, 100 + at, 200 + at, 300 + at]


def test_a_shard_is_read_once_a_second(kinesis, tail_of, clock):
    calls = []
    kinesis.meta.events.register("before-call.kinesis.GetRecords", lambda **_: calls.append(clock.monotonic()))
    list(tail_of().records(Pauses(clock, 10)))
    assert 18 <= len(calls) <= 22  # two shards, ten seconds


def test_a_refused_read_doubles_the_pause_and_the_pause_recovers(kinesis, put, tail_of, clock):
    said: list[str] = []
    start = earliest(clock)
    refuse(kinesis, "GetRecords", *["ProvisionedThroughputExceededException"] * 4)
    put(*encoded(1))
    stop = Pauses(clock, 120)
    assert numbers(tail_of(start=start, notify=said.append).records(stop)) == [1]
    assert [line.rpartition("next read in ")[2] for line in said] == ["2 s", "2 s", "4 s", "4 s"]
    assert max(stop.waits) <= 4


def test_where_the_consumers_fall_behind_every_shard_is_read_less_often(tail_of, clock):
    said: list[str] = []
    ages = iter([0.0, 30.0, 60.0])
    consumers = ConsumersAge(lambda: next(ages, 60.0), clock)
    list(tail_of(consumers=consumers, notify=said.append).records(Pauses(clock, 150)))
    assert len(said) == 2
    assert "fall behind (30 s)" in said[0]


def test_an_iterator_that_expired_is_renewed_and_nothing_is_lost_or_doubled(put, tail_of, clock):
    put(*encoded(1))
    clock.advance(1)
    start = earliest(clock)
    put(*encoded(2))
    records = tail_of(start=start).records(Pauses(clock, 2_000))
    assert numbers(islice(records, 1)) == [2]
    clock.advance(400)  # an iterator lives five minutes
    put(*encoded(3, 4))
    assert numbers(islice(records, 2)) == [3, 4]


def test_a_new_tail_whose_first_iterator_expired_begins_where_it_began(put, tail_of, clock):
    stop = Pauses(clock, 900, lambda: clock.advance(400), lambda: put(*encoded(1)))
    assert numbers(tail_of().records(stop)) == [1]


def test_a_network_that_comes_back_ends_no_tail(kinesis, put, tail_of, clock):
    start = earliest(clock)
    put(*encoded(1))
    refuse(kinesis, "GetRecords", *["InternalFailure"] * 5)
    assert numbers(tail_of(start=start).records(Pauses(clock, 100))) == [1]


def test_a_shard_that_fails_for_longer_than_patience_ends_the_tail(kinesis, tail_of, clock):
    refuse(kinesis, "GetRecords", *["InternalFailure"] * 1_000)
    began = clock.monotonic()
    with pytest.raises(ClientError, match="InternalFailure"):
        list(tail_of().records(Pauses(clock, 1_000)))
    assert PATIENCE_SECONDS < clock.monotonic() - began < PATIENCE_SECONDS + 2 * LONGEST_SECONDS


def test_what_is_not_allowed_ends_the_tail_at_once(kinesis, tail_of, clock):
    refuse(kinesis, "GetRecords", "AccessDeniedException")
    with pytest.raises(ClientError, match="AccessDenied"):
        list(tail_of().records(Pauses(clock, 10)))


def test_a_stop_ends_it_between_two_records(put, tail_of, clock):
    start = earliest(clock)
    [record] = pack([("key", data) for data in encoded(*range(100))], 100_000, by_key=True)
    put(record.data)
    stop = Pauses(clock, 50)
    records = tail_of(start=start).records(stop)
    assert numbers(islice(records, 3)) == [0, 1, 2]
    clock.advance(50)
    assert list(records) == []


@pytest.mark.parametrize(
    ("size", "seconds"), [(MAX_BYTES_PER_SECOND - 1, 1.0), (MAX_BYTES_PER_SECOND, 1.0), (MAX_BYTES_PER_SECOND * 2, 2.0)]
)
def test_a_tail_takes_at_most_half_of_what_a_shard_gives(size, seconds):
    assert Pace(1.0, 1.0).admitted(size) == seconds


def test_the_pause_is_bounded_both_ways():
    pace = Pace(1.0, 1.0)
    for _ in range(10):
        pace.refused()
    assert pace.seconds == LONGEST_SECONDS
    for _ in range(100):
        pace.admitted(0)
    assert pace.seconds == 1.0


@pytest.mark.parametrize(
    ("before", "now", "grew"),
    [
        (LEAST_AGE_SECONDS - 5, LEAST_AGE_SECONDS - 0.1, False),
        (LEAST_AGE_SECONDS - 5, LEAST_AGE_SECONDS, True),
        (100.0, 120.0, False),
        (100.0, 120.1, True),
        (100.0, 50.0, False),
        (None, 500.0, False),
        (100.0, None, False),
    ],
)
def test_consumers_fall_behind_where_their_age_grows_by_a_fifth_in_a_minute(before, now, grew, clock):
    ages = iter([before, now])
    consumers = ConsumersAge(lambda: next(ages), clock)
    assert not consumers.grew()
    clock.advance(AGE_EVERY_SECONDS - 0.1)
    assert not consumers.grew()
    clock.advance(0.2)
    assert consumers.grew() is grew
