"""What pages show of names with spaces, of very large events and of events that are missing, without a browser."""

import glob
import html
import json
import re
import time
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from archive.dead_letters.selection import SelectionError
from consumers.dead_letter import DeadLetter, Failure
from infra.console.pages.dead_letters import field_of, names_in
from producers.event import encode
from tests.console.asking import Asking
from tests.consumers.letters import SOURCE
from tests.end_to_end.conftest import RunningPipeline
from tests.end_to_end.put_directly import put_on_stream
from tests.end_to_end.what_arrived import DEAD_LETTERS, TABLE
from tests.events import an_event
from tests.waiting import wait_until

ODD = "It's [x] *"  # a space, a quote, and what stands for other characters in a pattern


@given(st.lists(st.text()))
def test_a_field_selects_the_names_that_it_was_made_of(names):
    assert names_in(field_of(names)) == tuple(names)


def test_a_space_stands_between_names_and_quotes_keep_one_together():
    assert names_in(" table_writer  'two words' Poison*") == ("table_writer", "two words", "Poison*")
    with pytest.raises(SelectionError, match="a quote has no end"):
        names_in("it's")


def test_a_group_whose_names_have_spaces_and_patterns_is_selected_alone(running: RunningPipeline, asking: Asking):
    put_letters(running, [("two words", ODD), ("two words", "It's x anything"), ("two", ODD), ("words", "It's")])
    asking.log_in()
    page = asking.ask("GET", "/dead-letters").data.decode()
    links = [html.unescape(link) for link in re.findall(r'href="([^"]*put-back[^"]*stage=[^"]+)"', page)]
    fields = [dict(parse_qsl(urlsplit(link).query, keep_blank_values=True)) for link in links]
    error = (glob.escape(ODD),)
    [wanted] = [
        each for each in fields if (names_in(each["stage"]), names_in(each["error"])) == (("two words",), error)
    ]
    dry_run = asking.post("/dead-letters/rehearse", **wanted, again="yes").data.decode()
    assert "Dry run: 1 selected" in dry_run
    narrowed = asking.ask("GET", f"/dead-letters?{urlencode(wanted)}")
    assert "1 failure left to do" in narrowed.data.decode()


def test_a_quote_without_an_end_is_said_on_the_page(asking: Asking):
    asking.log_in()
    assert "a quote has no end" in asking.ask("GET", "/dead-letters?stage=%22two").data.decode()


def test_a_megabyte_with_control_characters_is_cut_and_written_out(running: RunningPipeline, asking: Asking):
    text = "\x00\x1b[31m\u202e<script>harm()</script>" + "x" * 1_000_000
    event = an_event(json.dumps({"text": text}), 4_801)  # larger than the door takes, and not than the stream
    put_on_stream(running, [encode(event)])
    request_id = event.request_id
    asking.log_in()

    def with_it() -> str:
        page = asking.ask("GET", "/events?start=1m").data.decode()
        return page if request_id in page else ""

    page = wait_until(with_it)
    assert len(page) < 200_000
    assert re.search(r"… \(1,000,\d\d\d characters\)", page)
    assert "<script>harm" not in page
    assert not re.search("[\x00\x1b\u202e]", page)


def test_an_audit_lists_a_row_that_was_deleted(running: RunningPipeline, asking: Asking):
    accepted = datetime.now(UTC) - timedelta(minutes=30)  # so that it is not on the way any more
    event = an_event('{"deleted":true}', 4_802, timestamp=f"{accepted:%Y-%m-%dT%H:%M:%S}.000000Z")
    put_on_stream(running, [encode(event)])
    dynamodb = running.client("dynamodb")
    row = wait_until(lambda: row_of(dynamodb, event.request_id))
    described = dynamodb.describe_table(TableName=TABLE)["Table"]["KeySchema"]
    key = {each["AttributeName"]: row[each["AttributeName"]] for each in described}
    dynamodb.delete_item(TableName=TABLE, Key=key)
    try:
        page = wait_until(lambda: found if event.request_id in (found := audited(asking)) else "")
    finally:
        dynamodb.put_item(TableName=TABLE, Item=row)
    assert "Something is missing." in page
    listed = page.partition('id="missing"')[2]
    assert re.search(rf"{event.request_id}</th><td>table( and lake)?</td>", listed), listed
    assert f"{accepted:%Y-%m-%d %H:%M:%S}" in listed


def row_of(dynamodb: Any, request_id: str) -> dict[str, Any]:
    """The row of an event; empty while it is not there."""
    found: list[dict[str, Any]] = dynamodb.scan(
        TableName=TABLE, FilterExpression="request_id = :id", ExpressionAttributeValues={":id": {"S": request_id}}
    )["Items"]
    return found[0] if found else {}


def audited(asking: Asking) -> str:
    """The page of an audit of the last hour that has come to its end."""
    asking.log_in()
    started = asking.post("/audit", start="1h", end="now")
    assert started.status == 303, started.data
    path = urlsplit(started.headers["location"]).path.removeprefix("/console")

    def over() -> str:
        page = asking.ask("GET", path).data.decode()
        return page if "data-poll-done" in page else ""

    return wait_until(over)


def put_letters(running: RunningPipeline, names: list[tuple[str, str]]) -> None:
    """Put dead letters with a stage and a type of error each into the archive."""
    now = time.gmtime()
    at = time.strftime("%Y-%m-%dT%H:%M:%SZ", now)
    lines = [DeadLetter(stage, at, Failure(error, "why"), 1, SOURCE, b"bytes").to_json() for stage, error in names]
    key = time.strftime("dead-letters/dt=%Y-%m-%d/hour=%H/spaces.json", now)
    running.client("s3").put_object(Bucket=DEAD_LETTERS, Key=key, Body="\n".join(lines).encode())
