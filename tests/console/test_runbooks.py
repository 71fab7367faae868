"""Every step of both runbooks, on the pages: what a reader would click instead of the commands."""

import json
import re
from collections.abc import Iterator

import pytest
import yaml

from infra.settings import PIPELINE_FILE
from producers.event import encode
from tests.console.browser import Screen, screen
from tests.console.conftest import console_url
from tests.end_to_end.conftest import RunningPipeline, end, start
from tests.end_to_end.put_directly import put_on_stream
from tests.end_to_end.replayed import listed, table_and_lake
from tests.events import an_event
from tests.waiting import wait_until

pytestmark = pytest.mark.slow

QUEUE = "spillway-local-dead-letters"
POISON = "PoisonEvent Lambda.ProcessingFailedStatus"


@pytest.fixture
def broken(tmp_path) -> Iterator[RunningPipeline]:
    """A pipeline with failures of every kind that the runbook speaks of."""
    settings = yaml.safe_load(PIPELINE_FILE.read_text())
    settings["table_writer"] |= {"maximum_retry_attempts": 0, "bisect_batch_on_function_error": False}
    config = tmp_path / "pipeline.yaml"
    config.write_text(yaml.safe_dump(settings))
    running = start("--config", str(config))
    dynamodb = running.client("dynamodb")
    table = dynamodb.describe_table(TableName="spillway-local-events")["Table"]
    dynamodb.delete_table(TableName="spillway-local-events")
    put_on_stream(running, [encode(an_event('{"price":"n/a"}', number)) for number in range(3)])
    wait_until(lambda: listed(running)["left"] == 3)
    kept = {name: table[name] for name in ("TableName", "AttributeDefinitions", "KeySchema")}
    dynamodb.create_table(**kept, BillingMode="PAY_PER_REQUEST")
    large = json.dumps({"attachment": "x" * 410_000, "kept": 1})
    put_on_stream(running, [b"poison", encode(an_event(large, 7)), encode(an_event('{"fine":true}', 8))])
    sqs = running.client("sqs")
    sqs.send_message(QueueUrl=sqs.get_queue_url(QueueName=QUEUE)["QueueUrl"], MessageBody="of others")
    wait_until(lambda: listed(running)["left"] == 7)
    yield running
    end(running)


def test_dead_letters_from_the_page_to_the_all_clear(opened, broken: RunningPipeline):
    with screen(opened, console_url(broken)) as shown:
        page = shown.page
        _read(shown)
        _edit_and_put_back_in_five_clicks(shown)
        _put_back(shown, stage="table_writer", reason="RetryAttemptsExhausted")
        _put_back(shown, reason=POISON, pointer="/user_agent", value="edited")
        shown.go("/dead-letters/put-back?stage=unknown")
        shown.click("button", "Discard instead")
        shown.click("button", "Discard 1")
        page.locator(".good").get_by_text("1 discarded").wait_for()
        shown.go("/dead-letters")
        shown.click("button", "Drain the queues")
        assert page.get_by_role("rowheader", name=QUEUE, exact=True).is_visible()
        shown.go("/dead-letters")
        assert page.get_by_text("Nothing is left to do.").is_visible()
        assert page.get_by_role("cell", name="finished").count() == 4
        shown.keep("dead-letters-done")
    assert not shown.problems
    wait_until(lambda: len(table_and_lake(broken)[0]) == 6)
    in_table, in_lake = table_and_lake(broken)
    assert set(in_table) == set(in_lake)


def _read(shown: Screen) -> None:
    """The list, narrowed down, and one failure whole."""
    page = shown.go("/dead-letters?start=3h")
    assert page.get_by_role("heading", name="7 failures left to do").is_visible()
    assert page.get_by_text("3 would pass").is_visible()
    shown.keep("dead-letters")
    page.get_by_label("Where (JMESPath)").fill("event.payload.price == 'n/a'")
    shown.click("button", "Show")
    assert page.get_by_role("heading", name="3 failures left to do").is_visible()
    page.get_by_label("Where (JMESPath)").fill("")
    page.get_by_label("Stage").fill("table_writer")
    page.get_by_label("Reason").fill("Poison*")
    shown.click("button", "Show")
    shown.click("link", "Sample of table_writer, PoisonEvent")
    assert page.get_by_text("given up by table_writer").is_visible()
    assert page.get_by_text("poison", exact=True).is_visible()
    shown.keep("failure")


def _edit_and_put_back_in_five_clicks(shown: Screen) -> None:
    """From the list to an event that is back, its edit seen before."""
    page = shown.go("/pipeline")
    shown.clicks = 0
    shown.click("link", "Dead letters")
    shown.click("link", "Edit or put back table_writer, ItemTooLarge")
    page.get_by_label("JSON pointer 1").fill("/payload/attachment")
    page.get_by_label("Value 1").fill("null")
    shown.click("button", "Dry run")
    assert page.locator(".added").get_by_text('"attachment": null').is_visible()
    assert page.get_by_text("1 for table").is_visible()
    shown.keep("put-back")
    shown.click("button", "Put 1 back")
    page.get_by_text(re.compile(r"^1 put back, by replay")).wait_for()
    assert shown.clicks <= 5
    shown.keep("replayed")


def _put_back(shown: Screen, stage: str = "", reason: str = "", pointer: str = "", value: str = "") -> None:
    page = shown.go(f"/dead-letters/put-back?stage={stage}&error={reason.replace(' ', '+')}")
    page.get_by_label("JSON pointer 1").fill(pointer)
    page.get_by_label("Value 1").fill(value)
    shown.click("button", "Dry run")
    shown.click("button", re.compile(r"Put \d+ back"))
    page.get_by_text("Finished in").wait_for()


def test_a_stopped_replay_is_resumed_where_it_was(opened):
    running = start()
    try:
        put_on_stream(running, [b"poison %d" % number for number in range(60)])
        wait_until(lambda: listed(running)["left"] == 120)
        with screen(opened, console_url(running)) as shown:
            page = shown.go("/dead-letters/put-back?stage=table_writer&error=PoisonEvent")
            page.get_by_label("JSON pointer 1").fill("/user_agent")
            page.get_by_label("Value 1").fill("edited")
            page.get_by_text("Where to, and how fast").click()
            page.get_by_label("Or events a second").fill("2")
            shown.click("button", "Dry run")
            shown.click("button", "Put 60 back")
            page.get_by_text(re.compile("Replay .*")).first.wait_for()
            shown.click("button", "Stop")
            page.get_by_text("Ended early").wait_for()
            shown.keep("replay-stopped")
            shown.go("/dead-letters")
            shown.click("button", re.compile("^Resume "))
            page.get_by_text("Finished in").wait_for()
            assert page.get_by_text("resumed").is_visible()
        assert not shown.problems
        wait_until(lambda: len(table_and_lake(running)[0]) == 60)
        assert set(table_and_lake(running)[0].values()) == {1}
    finally:
        end(running)


def test_shards_measured_planned_applied_and_back(opened):
    running = start()
    try:
        put_on_stream(running, [encode(an_event(number=number)) for number in range(200)])
        with screen(opened, console_url(running)) as shown:
            page = shown.go("/shards")
            page.get_by_role("rowheader", name="shardId-000000000001").wait_for()
            page.get_by_label("Load").select_option("expected")
            page.get_by_label("Expected events a second").fill("2000")
            page.get_by_label("Bytes of an event").fill("600")
            shown.click("button", "Make a plan")
            assert page.get_by_text("scale 2 to 4 shards").is_visible()
            assert page.get_by_role("rowheader", name="Today").is_visible()
            shown.keep("plan")
            shown.click("button", "Apply")  # the browser asks for the confirmation, and nothing is sent
            assert page.get_by_role("heading", name="Plan", exact=True).is_visible()
            shown.click("checkbox", "Change the stream of local")
            shown.click("button", "Apply")
            page.get_by_text("had 2 shards and has 4").wait_for()
            shown.keep("applied")
            shown.go("/shards/plans")
            assert page.get_by_text("done: scale 2 to 4 shards").is_visible()
            page.goto(page.url.replace("/plans", ""))
            page.get_by_label("Shards at the least").fill("2")
            page.get_by_label("Shards at the most").fill("2")
            shown.click("button", "Make a plan")
            shown.click("checkbox", "Change the stream of local")
            shown.click("button", "Apply")
            page.get_by_text("had 4 shards and has 2").wait_for()
            shown.go("/shards/simulation")
            page.get_by_label("Trace").select_option("flash-crowd")
            shown.click("button", "Simulate")
            assert "of all records" in page.get_by_role("status").inner_text()
            shown.keep("simulation")
        assert not shown.problems
    finally:
        end(running)
