"""What an audit reads: every shard, error objects as a stream, keys without the events, and in bounded memory."""

import io
import itertools
import json
import threading
from datetime import UTC, datetime, timedelta
from functools import partial
from types import SimpleNamespace
from typing import Any

import pytest
from botocore.response import StreamingBody
from hypothesis import example, given, settings
from hypothesis import strategies as st

from archive.dead_letters.stores import StoredObject, stores
from infra.audit.accepted import accepted_at_least
from infra.audit.failures import LINES_AT_ONCE, _in_object
from infra.audit.in_threads import WAITING, in_threads
from infra.audit.keys import key_of
from infra.audit.sightings import Period
from infra.audit.stream import on_stream
from infra.names import Names
from producers.event import Event, PoisonEvent, decode, encode, timestamp_micros
from producers.exact_json import parse
from tests.clock import FakeClock
from tests.events import an_event

NOW = FakeClock().time()
PERIOD = Period(datetime.fromtimestamp(NOW - 3600, UTC), datetime.fromtimestamp(NOW, UTC))


class Stream:
    """A stream whose shards are listed two a page, each with one record."""

    def __init__(self, shards: int) -> None:
        self.shards = [f"shardId-{number:012d}" for number in range(shards)]

    def list_shards(self, **request: str) -> Any:
        assert request.keys() in ({"StreamName"}, {"NextToken"})  # as the API has it: one or the other
        start = int(request.get("NextToken", "0"))
        page = {"Shards": [{"ShardId": each} for each in self.shards[start : start + 2]]}
        return page | ({"NextToken": str(start + 2)} if start + 2 < len(self.shards) else {})

    def get_shard_iterator(self, ShardId: str, **_: Any) -> Any:
        return {"ShardIterator": ShardId}

    def get_records(self, ShardIterator: str) -> Any:
        at = datetime.fromtimestamp(NOW - 60, UTC)
        record = {"PartitionKey": "p", "Data": ShardIterator.encode(), "ApproximateArrivalTimestamp": at}
        return {"Records": [record], "MillisBehindLatest": 0}


def test_every_shard_of_every_page_is_read():
    clock = FakeClock()
    found = list(itertools.chain.from_iterable(on_stream(Stream(7), "s", PERIOD, clock)))  # type: ignore[arg-type]
    assert len({sighting.identity for sighting in found}) == len(found) == 7


class Endless(io.RawIOBase):
    """An error object of a hundred thousand lines, made while it is read."""

    def __init__(self, lines: int) -> None:
        self.lines = lines
        self.read_lines = 0
        self._held = b""

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1) -> bytes:
        while len(self._held) < size and self.read_lines < self.lines:
            self.read_lines += 1
            self._held += json.dumps({"rawData": "AAAA", "errorCode": "x", "arrivalTimestamp": 1}).encode() + b"\n"
        chunk, self._held = self._held[:size], self._held[size:]
        return chunk


def test_a_large_error_object_is_read_as_a_stream():
    body: Any = Endless(100_000)
    length: Any = None
    store = stores("dead", "lake", timedelta(hours=24))[1]
    s3: Any = SimpleNamespace(get_object=lambda **_: {"Body": StreamingBody(body, length)})
    read = _in_object(s3, StoredObject(store, "k", 1, datetime.now(UTC)), PERIOD, SimpleNamespace())  # type: ignore[arg-type]
    next(read)
    assert LINES_AT_ONCE <= body.read_lines < 5 * LINES_AT_ONCE
    assert sum(1 for _ in read) == 100_000 / LINES_AT_ONCE - 1
    assert body.read_lines == 100_000


EVENT = an_event()


@settings(max_examples=300, deadline=None)
@given(
    st.builds(
        lambda payload, agent: encode(
            Event(EVENT.timestamp, EVENT.request_id, None, agent, None, parse(json.dumps(payload)))
        ),
        st.recursive(st.none() | st.booleans() | st.integers() | st.text(), lambda each: st.lists(each, max_size=3)),
        st.none() | st.text(max_size=5),
    ),
    st.integers(0, 10_000),
    st.none() | st.integers(0, 255),
)
@example(encode(EVENT).replace(b'"version":1', b'"version":1.0'), 0, None)
@example(encode(EVENT).replace(b'"version":1', b'"version":2'), 0, None)
@example(encode(EVENT).replace(b"{", b'{"payload":1,', 1), 0, None)
@example(b"\xff" + encode(EVENT), 0, None)
def test_the_key_of_bytes_is_that_of_the_event_or_they_are_not_one(data, at, byte):
    if byte is not None:
        damaged = bytearray(data)
        damaged[at % len(data)] = byte
        data = bytes(damaged)
    try:
        event = decode(data)
    except PoisonEvent:
        with pytest.raises(PoisonEvent):
            key_of(data)
    else:
        assert key_of(data) == (timestamp_micros(event.timestamp), event.request_id)


def test_iterators_are_read_together_in_bounded_memory_and_each_in_order():
    made = itertools.count()

    def numbers(start: int) -> Any:
        for number in range(start, start + 1000):
            next(made)
            yield number

    read = in_threads([partial(numbers, start) for start in (0, 1000, 2000)], 2)
    first = next(read)
    for _ in range(100):
        threading.Event().wait(0.001)
    assert next(made) <= WAITING + 5
    found = [first, *read]
    assert sorted(found) == list(range(3000))
    assert [number for number in found if number < 1000] == list(range(1000))


def test_an_error_in_a_thread_is_raised_where_the_items_are_taken():
    def fails() -> Any:
        yield 1
        raise OSError("gone")

    with pytest.raises(OSError, match="gone"):
        list(in_threads([fails, lambda: iter(range(10**9))], 2))


@pytest.mark.parametrize(
    ("age", "seconds"), [(timedelta(days=14), 60), (timedelta(days=16), 300), (timedelta(90), 3600)]
)
def test_only_whole_spans_within_the_period_are_counted(age, seconds):
    asked: list[Any] = []

    def statistics(**request: Any) -> Any:
        asked.append(request)
        return {"Datapoints": [{"Sum": 2.0}, {"Sum": 3.0}]}

    start = datetime.fromtimestamp(NOW, UTC) - age
    period = Period(start, start + timedelta(hours=5))
    cloudwatch = SimpleNamespace(get_metric_statistics=statistics)
    assert accepted_at_least(cloudwatch, Names("dev", "123456789012"), period, NOW) == 5 * len(asked)
    first, last = asked[0]["StartTime"], asked[-1]["EndTime"]
    assert asked[0]["Period"] == seconds
    assert timedelta(seconds=30) <= first - period.start < timedelta(seconds=30 + seconds)
    assert timedelta(0) <= period.end - last < timedelta(seconds=seconds)
    assert first.timestamp() % seconds == last.timestamp() % seconds == 0


def test_without_a_count_nothing_is_said():
    cloudwatch = SimpleNamespace(get_metric_statistics=lambda **_: {"Datapoints": []})
    assert accepted_at_least(cloudwatch, Names("dev", "123456789012"), PERIOD, NOW) is None
