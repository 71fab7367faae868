"""`spillway event` on the running pipeline: every place that an event passed, and what was searched in vain."""

import json
import time
from collections.abc import Iterator
from typing import Any

import pytest

from producers.event import encode, format_timestamp
from tests.end_to_end.conftest import RunningPipeline, end, start
from tests.end_to_end.put_directly import put_on_stream
from tests.end_to_end.replayed import listed
from tests.events import an_event
from tests.waiting import wait_until


@pytest.fixture(scope="module")
def running() -> Iterator[RunningPipeline]:
    pipeline = start()
    yield pipeline
    end(pipeline)


def journey_of(running: RunningPipeline, request_id: str, *options: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(running.spillway("event", request_id, "--json", *options))
    return found


def places(found: dict[str, Any]) -> list[str]:
    return [step["place"] for step in found["steps"]]


@pytest.fixture(scope="module")
def posted(running: RunningPipeline) -> dict[str, Any]:
    """What a POST answered, once the event is in the lake."""
    answer: dict[str, Any] = json.loads(running.spillway("post", '{"hello":"journey"}'))
    wait_until(lambda: "lake" in places(journey_of(running, answer["request_id"], "--at", answer["timestamp"])))
    return answer


def test_an_event_is_seen_at_every_place_that_it_passed(running, posted):
    found = journey_of(running, posted["request_id"], "--from", "10m")
    assert places(found)[:2] == ["http", "stream"]
    assert set(places(found)) == {"http", "stream", "table", "lake"}
    steps = {step["place"]: step for step in found["steps"]}
    assert steps["stream"]["shard_id"].startswith("shardId-")
    assert steps["stream"]["subsequence_number"] == 0
    assert steps["lake"]["key"].endswith(".parquet")
    assert steps["http"]["seconds_after"] == 0
    assert 0 <= steps["stream"]["seconds_after"] < 60
    assert all(each["missed"] == "" for each in found["searched"])


def test_the_row_has_the_time_of_the_table_writers_segment_where_the_event_is_traced(running, posted):
    found = journey_of(running, posted["request_id"], "--at", posted["timestamp"])
    assert found["trace"]["sampled"]
    assert found["trace"]["id"] in found["trace"]["link"]
    assert {"table_writer", "firehose_transform"} <= {each["name"] for each in found["trace"]["segments"]}
    [row] = [step for step in found["steps"] if step["place"] == "table"]
    assert row["seconds_after"] > 0


def test_people_see_the_same_with_what_was_searched(running, posted):
    text = running.spillway("event", posted["request_id"], "--at", posted["timestamp"])
    assert posted["timestamp"] in text
    assert '{"hello":"journey"}' in text
    for word in ("http", "stream", "table", "lake", "searched", "looked at", "Trace 1-"):
        assert word in text


def test_a_failed_event_has_its_failure_and_what_replays_did(running):
    timestamp = format_timestamp(int(time.time() * 1_000_000))
    event = an_event(json.dumps({"attachment": "x" * 410_000}), 7, timestamp=timestamp)
    put_on_stream(running, [encode(event)])
    wait_until(lambda: listed(running)["left"] == 1)
    running.spillway("dead-letters", "discard", "--yes", "--error", "ItemTooLarge")
    found = journey_of(running, event.request_id, "--from", "5m")
    [failure] = [step for step in found["steps"] if step["place"] == "failure"]
    assert failure["error"] == "ItemTooLarge"
    [replay] = [step for step in found["steps"] if step["place"] == "replay"]
    assert replay["outcome"] == "discarded"
    assert "table" not in places(found)
    assert {"http", "stream"} <= set(places(found))


def test_an_event_that_nobody_saw_ends_with_1_and_says_where_it_looked(running):
    assert "looked at" in running.spillway("event", "00000000-none", status=1)
    found = running.spillway("event", "00000000-none", "--json", status=1)
    searched = {each["place"]: each for each in json.loads(found.splitlines()[0])["searched"]}
    assert set(searched) == {"http", "stream", "table", "lake", "failure"}
    assert "time of acceptance is unknown" in searched["table"]["missed"]


def test_at_and_from_contradict_each_other(running):
    running.spillway("event", "x", "--at", "10m", "--from", "20m", status=2)
