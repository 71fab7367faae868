"""The journey of one event: bounded, in time, and honest about what was not looked at."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from botocore.exceptions import ClientError

from infra.journey import stream as stream_search
from infra.journey.http import MAX_PAGES, answer_of, trace_of
from infra.journey.journey import _in_time
from infra.journey.steps import Journey, Step
from infra.journey.stream import SEARCH_SECONDS, StreamSearch
from producers.aggregation import pack
from producers.event import encode
from tests.clock import FakeClock
from tests.events import an_event

NOW = datetime.fromtimestamp(FakeClock().time(), UTC)
EVENT = an_event(number=2)


class Kinesis:
    """A stream of one shard, a record a call, and a clock that each call moves."""

    def __init__(self, datas: list[bytes], clock: FakeClock, seconds: float = 0.0) -> None:
        self._datas = datas
        self._clock = clock
        self._seconds = seconds

    def list_shards(self, **_: Any) -> Any:
        return {"Shards": [{"ShardId": "shardId-000000000000"}]}

    def get_shard_iterator(self, **_: Any) -> Any:
        return {"ShardIterator": "0"}

    def get_records(self, ShardIterator: str) -> Any:
        self._clock.advance(self._seconds)
        at = int(ShardIterator)
        record = {
            "SequenceNumber": str(at),
            "PartitionKey": "p",
            "Data": self._datas[at],
            "ApproximateArrivalTimestamp": NOW + timedelta(seconds=at),
        }
        is_last = at + 1 == len(self._datas)
        return {"Records": [record], "MillisBehindLatest": 0 if is_last else 1, "NextShardIterator": str(at + 1)}


def search_of(datas: list[bytes], *, seconds: float = 0.0, end: datetime = NOW + timedelta(hours=1)) -> StreamSearch:
    clock = FakeClock()
    kinesis: Any = Kinesis(datas, clock, seconds)
    return StreamSearch(kinesis, "s", EVENT.request_id, NOW, end, clock)


def test_an_event_within_an_aggregate_is_found_with_its_position():
    [record] = pack([("k", encode(an_event(number=number))) for number in range(4)], 10_000, by_key=True)
    search = search_of([b"poison", record.data])
    [found] = search.found()
    assert found.source.subsequence_number == 2
    assert found.source.sequence_number == "1"
    assert search.search(1).missed == ""
    assert "2 records" in search.search(1).looked_at


def test_an_event_that_was_put_back_is_found_as_often_as_it_was_put():
    assert len(search_of([encode(EVENT), b"x", encode(EVENT)]).found()) == 2


def test_an_id_within_another_events_payload_is_not_the_event():
    other = an_event(f'{{"about":"{EVENT.request_id}"}}', 9)
    assert search_of([encode(other)]).found() == []


def test_nothing_that_arrived_after_the_end_is_read():
    search = search_of([b"x", encode(EVENT)], end=NOW)
    assert search.found() == []
    assert search.records == 1


@pytest.mark.parametrize(("most", "found"), [(2, 0), (3, 1), (4, 1)])
def test_a_search_ends_at_its_bound_and_says_so(most, found, monkeypatch):
    monkeypatch.setattr(stream_search, "MAX_RECORDS", most)
    search = search_of([b"x", b"y", encode(EVENT)])
    assert len(search.found()) == found
    assert ("ended after" in search.search(0).missed) is (found == 0)


def test_a_search_ends_when_its_time_is_over():
    search = search_of([b"x"] * 100, seconds=SEARCH_SECONDS / 2)
    assert search.found() == []
    assert "ended after" in search.missed
    assert search.records == 3


class Logs:
    """An access log of one page, or of pages without an end."""

    def __init__(self, *messages: str, endless: bool = False, code: str | None = None) -> None:
        self._messages = messages
        self._endless = endless
        self._code = code
        self.requests: list[dict[str, Any]] = []

    def filter_log_events(self, **request: Any) -> Any:
        self.requests.append(dict(request))
        if self._code:
            raise ClientError({"Error": {"Code": self._code, "Message": "-"}}, "FilterLogEvents")
        events = [{"timestamp": int(NOW.timestamp() * 1000), "message": each} for each in self._messages]
        return {"events": events} | ({"nextToken": "more"} if self._endless else {})


def answered(logs: Logs, request_id: str = "8f1c#3") -> tuple[list[Step], str]:
    steps, search = answer_of(logs, "spillway-dev", request_id, NOW, known=True, event=EVENT)
    return steps, search.missed


def test_the_access_log_is_asked_for_the_request_of_a_batch():
    logs = Logs('{"requestId":"8f1c","status":"201","httpMethod":"POST","path":"/dev/app"}')
    steps, missed = answered(logs)
    assert [step.what for step in steps] == [
        "accepted from 203.0.113.9 (curl/8.5)",
        "answered 201 to POST /dev/app (access log)",
    ]
    assert missed == ""
    assert logs.requests[0]["filterPattern"] == '{ $.requestId = "8f1c" }'
    assert logs.requests[0]["logGroupName"] == "/aws/apigateway/spillway-dev-access"


def test_access_logs_that_are_off_are_said_to_be():
    steps, missed = answered(Logs(code="ResourceNotFoundException"))
    assert len(steps) == 1
    assert "access_logs" in missed


def test_a_log_that_may_not_be_read_is_an_error():
    with pytest.raises(ClientError, match="AccessDenied"):
        answered(Logs(code="AccessDeniedException"))


def test_an_endless_access_log_is_left_after_some_pages():
    logs = Logs(endless=True)
    assert "ended after" in answered(logs)[1]
    assert len(logs.requests) == MAX_PAGES


def test_a_line_of_the_log_that_is_not_json_harms_nothing():
    assert len(answered(Logs("not json"))[0]) == 2


@pytest.mark.parametrize("header", [None, "", "Root=x", "Sampled=1"])
def test_an_event_without_a_trace_has_none(header):
    assert trace_of(lambda _: pytest.fail("asked"), str, header) is None


@pytest.mark.parametrize(("sampled", "names"), [("1", ["b", "a"]), ("0", [])])
def test_a_sampled_trace_has_its_segments_by_their_start(sampled, names):
    documents = [{"name": "a", "start_time": 2.0}, {"name": "b", "start_time": 1.0, "end_time": 1.5}]
    trace = trace_of(lambda _: documents, str, f"Root=1-0123abcd-{'0' * 24};Parent=x;Sampled={sampled}")
    assert trace is not None
    assert [each["name"] for each in trace.segments] == names


def test_steps_are_in_time_and_one_without_a_time_follows_the_stream():
    at = [NOW + timedelta(seconds=number) for number in range(4)]
    http, stream = Step("http", at[0], ""), Step("stream", at[1], "")
    row, lake = Step("table", None, ""), Step("lake", at[2], "")
    assert _in_time([lake, row, stream, http]) == (http, stream, row, lake)
    journey = Journey("id", None, _in_time([lake, row, stream, http]), ())
    assert [journey.seconds_after(step) for step in journey.steps] == [0, 1, None, 2]


def test_nothing_seen_is_not_known():
    assert not Journey("id", None, (), ()).is_known
    assert Journey("id", None, (), ()).document()["steps"] == []
