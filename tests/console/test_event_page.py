"""The page of one event: the journey that `spillway event` shows, and payloads as text."""

import json

from tests.console.asking import Asking
from tests.end_to_end.conftest import RunningPipeline
from tests.waiting import wait_until


def test_the_page_shows_where_an_event_went_and_its_payload_as_text(running: RunningPipeline, asking: Asking):
    answer = json.loads(running.spillway("post", '{"name": "<script>alert(1)</script>"}'))
    asking.log_in()

    def page() -> str:
        shown = asking.ask("GET", f"/event?id={answer['request_id']}&at={answer['timestamp']}")
        assert shown.status == 200
        return shown.data.decode()

    def with_a_row() -> str:
        text = page()
        return text if "row of spillway-local-events" in text else ""

    text = wait_until(with_a_row)
    assert "Where it was seen" in text
    assert "shardId-" in text
    assert "&lt;script&gt;" in text
    assert "<script>alert" not in text
    assert f"/_local/traces?id={'1-'}" in text


def test_an_event_that_nobody_saw_and_a_time_that_is_not_one_are_said(asking: Asking):
    asking.log_in()
    text = asking.ask("GET", "/event?id=00000000-none").data.decode()
    assert "Nobody saw it" in text
    assert "What was searched" in text
    assert "is not a time" in asking.ask("GET", "/event?id=x&at=yesterday").data.decode()
    assert "Request id" in asking.ask("GET", "/event").data.decode()


def test_the_page_of_events_leads_to_the_page_of_one(running: RunningPipeline, asking: Asking):
    answer = json.loads(running.spillway("post", '{"linked": true}'))
    asking.log_in()
    link = f"/event?id={answer['request_id']}"
    wait_until(lambda: link in asking.ask("GET", "/events/now?start=5m").data.decode())
