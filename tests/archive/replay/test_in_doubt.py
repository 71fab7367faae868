"""Looking up on the stream what became of a put."""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from archive.replay.in_doubt import AFTER, BEFORE, OutOfReach, StreamSearch, numbers_in
from producers.aggregation import MAGIC, pack
from producers.event import encode
from producers.replay_mark import ReplayMark
from tests.clock import START, FakeClock
from tests.events import an_event

NOW = datetime.fromtimestamp(START, UTC)
REPLAY = "20261123T023456Z-abc123"
SECOND = timedelta(seconds=1)


def marked(number: int, replay: str = REPLAY) -> bytes:
    return encode(an_event(f"{number}", number, replay=ReplayMark("table", 1, f"{replay}/{number}")))


class PagedKinesis:
    """A stream whose shards come a page each, and whose records come one a read.

    Args:
        shards: the records of each, with the time of their arrival.
    """

    def __init__(self, *shards: list[tuple[datetime, bytes]]) -> None:
        self.shards = shards
        self.starts: list[datetime] = []
        self.reads = 0

    def describe_stream_summary(self, StreamName: str) -> dict[str, Any]:
        return {
            "StreamDescriptionSummary": {"RetentionPeriodHours": 24},
            "ResponseMetadata": {"HTTPHeaders": {}},
        }

    def list_shards(self, StreamName: str = "", NextToken: str = "0") -> dict[str, Any]:
        assert bool(StreamName) != (NextToken != "0"), "AWS refuses both, and neither"
        page = int(NextToken)
        more = {"NextToken": str(page + 1)} if page + 1 < len(self.shards) else {}
        return {"Shards": [{"ShardId": f"shard-{page}"}], **more}

    def get_shard_iterator(self, StreamName: str, ShardId: str, ShardIteratorType: str, Timestamp: datetime) -> dict:
        assert ShardIteratorType == "AT_TIMESTAMP"
        self.starts.append(Timestamp)
        shard = int(ShardId.rpartition("-")[2])
        first = sum(at < Timestamp for at, _ in self.shards[shard])
        return {"ShardIterator": f"{shard}/{first}"}

    def get_records(self, ShardIterator: str) -> dict[str, Any]:
        self.reads += 1
        shard, at = map(int, ShardIterator.split("/"))
        left = self.shards[shard][at:]
        records = [
            {"PartitionKey": "k", "Data": data, "ApproximateArrivalTimestamp": arrived} for arrived, data in left[:1]
        ]
        behind = 0 if len(left) <= 1 else 1000
        return {"Records": records, "MillisBehindLatest": behind, "NextShardIterator": f"{shard}/{at + len(records)}"}


def search(kinesis: Any, since: datetime = NOW - timedelta(hours=1)) -> set[int]:
    with ThreadPoolExecutor(2) as executor:
        return StreamSearch(kinesis, "events", executor, FakeClock()).numbers(REPLAY, since)


def test_every_page_of_shards_is_searched():
    at = NOW - timedelta(hours=1)
    assert search(PagedKinesis([(at, marked(1))], [(at, marked(2))], [(at, marked(3))])) == {1, 2, 3}


def test_every_page_of_records_is_read_and_other_replays_do_not_count():
    at = NOW - timedelta(hours=1)
    records = [(at, marked(1)), (at, b"poison"), (at, marked(2, "another")), (at, encode(an_event())), (at, marked(3))]
    assert search(PagedKinesis(records)) == {1, 3}


@pytest.mark.parametrize(
    ("offset", "is_found"),
    [(-BEFORE, True), (-BEFORE - SECOND, False), (-SECOND, True), (AFTER, True), (-timedelta(hours=2), False)],
)
def test_the_search_begins_ten_seconds_before_the_intent(offset, is_found):
    since = NOW - timedelta(hours=1)
    assert timedelta(seconds=10) == BEFORE
    kinesis = PagedKinesis([(since + offset, marked(1))])
    assert search(kinesis, since) == ({1} if is_found else set())
    assert kinesis.starts == [since - timedelta(seconds=10)]


def test_the_search_ends_a_minute_after_the_intent():
    since = NOW - timedelta(hours=1)
    assert timedelta(seconds=60) == AFTER
    after = [(since + AFTER + SECOND, encode(an_event())), *[(NOW, encode(an_event()))] * 50]
    kinesis = PagedKinesis([(since, marked(1)), (since + AFTER, marked(2)), *after])
    assert search(kinesis, since) == {1, 2}
    assert kinesis.reads == 3


@pytest.mark.parametrize(("late", "is_out_of_reach"), [(-SECOND, False), (timedelta(0), False), (SECOND, True)])
def test_what_the_stream_no_longer_holds_is_out_of_reach(late, is_out_of_reach):
    since = NOW - timedelta(hours=24) + BEFORE - late
    if not is_out_of_reach:
        assert search(PagedKinesis([]), since) == set()
        return
    with pytest.raises(OutOfReach, match=f"replay {REPLAY} was interrupted at .* --in-doubt"):
        search(PagedKinesis([]), since)


def test_numbers_are_read_out_of_aggregates_and_partition_keys():
    (packed,) = pack([("k", marked(1)), ("k", b"poison"), ("k", marked(7))], 10_000, by_key=False)
    assert numbers_in("k", packed.data, REPLAY) == {1, 7}
    assert numbers_in(ReplayMark(None, 1, f"{REPLAY}/5").to_partition_key(), b"raw", REPLAY) == {5}
    assert numbers_in(ReplayMark(None, 1, "another/5").to_partition_key(), b"raw", REPLAY) == set()
    assert numbers_in("k", MAGIC + REPLAY.encode(), REPLAY) == set()
    assert numbers_in("k", encode(an_event("1", replay=ReplayMark("lake", 1, f"{REPLAY}/x"))), REPLAY) == set()
