"""The page Pipeline: what it makes of the counts of the parts, without a pipeline."""

import html
import re
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from flask.testing import FlaskClient

from infra.console.app import application
from infra.console.console import Console
from infra.console.security import Guard
from infra.console.watch import Sample, Watch, flows
from infra.names import Names
from infra.settings import Settings, load
from infra.status import HopStatus

PORT = 18_080
PARTS = ("http_api", "stream_mapping", "table_writer", "firehose", "queue_mapping", "dead_letter_archiver")


class FakeEnvironment:
    """A pipeline on this machine with two shards and no alarms."""

    environment = "local"
    is_local = True

    def settings(self) -> Settings:
        return load("local")

    def names(self) -> Names:
        return Names("local", "000000000000")

    def client(self, service: str, *, attempts: int | None = None, connections: int = 10) -> Any:
        summary = {"StreamDescriptionSummary": {"OpenShardCount": 2}}
        pages = SimpleNamespace(paginate=lambda **_names: [])
        return SimpleNamespace(describe_stream_summary=lambda **_names: summary, get_paginator=lambda _operation: pages)


def hop(name: str, delivered: int = 0, waiting: int = 0, **others: Any) -> HopStatus:
    return HopStatus(name, "events", delivered + waiting, delivered, waiting, 0, **others)


def page_of(*samples: dict[str, HopStatus], seconds: float = 1.0) -> str:
    """The page after a sample each so many seconds, each with the parts that are not idle."""
    now = -seconds
    taken = iter(samples)

    def take() -> tuple[HopStatus, ...]:
        given = next(taken)
        return tuple(given.get(part, hop(part)) for part in PARTS)

    watch = Watch(take, every_seconds=1_000.0, clock=lambda: now)  # no thread takes one while the test runs
    for _ in samples:
        now += seconds
        watch.sample()
    guard = Guard(PORT, "token")
    console = Console(FakeEnvironment(), watch, explain=lambda _error: None, operator=lambda: "me", folder=Path())
    try:
        client = FlaskClient(application(console, guard), use_cookies=True)
        base = f"http://127.0.0.1:{PORT}"
        assert client.get("/console/?token=token", base_url=base).status_code == 303
        answer = client.get("/console/pipeline/now", base_url=base)
        assert answer.status_code == 200, answer.text
        return answer.text
    finally:
        watch.stop()


def of_part(page: str, name: str) -> str:
    """The text of one part."""
    found = re.search(rf'id="hop-{name}">(.*?)</li>', page, re.DOTALL)
    assert found, page
    return html.unescape(" ".join(re.sub("<svg.*?</svg>|<[^>]+>", " ", found[1], flags=re.DOTALL).split()))


def limits(page: str) -> list[tuple[str, str]]:
    """The limits with what is used of each, from the top."""
    table = page.partition('id="limits"')[2].partition("</table>")[0]
    return re.findall(r'<th scope="row">(.*?)</th>.*?(\d+)%</td>', table)


def test_what_holds_a_part_up_is_shown_as_text_and_so_is_what_was_sent_back():
    page = page_of({"table_writer": hop("table_writer", 5, retried=1_234, cause="Throttled: <b>slow\x1b down")})
    assert "Sent back for now 1,234" in of_part(page, "table_writer")
    assert "Why: Throttled: <b>slow" in of_part(page, "table_writer")
    assert "<b>slow" not in page
    assert "\x1b" not in page


def test_a_part_with_nothing_wrong_has_no_cause_and_nothing_sent_back():
    page = of_part(page_of({"table_writer": hop("table_writer", 5)}), "table_writer")
    assert "Why" not in page
    assert "Sent back" not in page


def test_the_lag_is_how_long_what_leaves_now_has_waited():
    arrived = [{"firehose": hop("firehose", 0, waiting)} for waiting in (0, 10, 10, 10)]
    page = page_of(*arrived, {"firehose": hop("firehose", 4, 6)})
    assert "Lag 3.0 s" in of_part(page, "firehose")  # the tenth event came at second 1, and it is second 4
    assert "Lag none" in of_part(page, "table_writer")


@pytest.mark.parametrize("waiting", [1, 10])
def test_what_waited_before_the_first_sample_is_over_a_minute_or_unknown(waiting):
    samples = [Sample(float(at), (hop("firehose", 0, waiting),)) for at in range(3)]
    assert flows(samples)[0].lag_seconds is None


def test_the_nearest_limit_is_first():
    quick = {"http_api": hop("http_api", 0), "stream_mapping": hop("stream_mapping", 0)}
    then = {"http_api": hop("http_api", 90), "stream_mapping": hop("stream_mapping", 90)}
    found = limits(page_of(quick, then))
    assert [name for name, _ in found] == [
        "Requests a second, at the door",
        "Records a second, of all shards",
        "Age of what waits, until the stream drops it",
    ]
    assert found[0][1] == "90"  # of 100 a second
    assert found[1][1] in ("4", "5")  # of 2,000


def test_a_batch_is_one_request_at_the_door():
    before = {"http_api": hop("http_api", 0), "stream_mapping": hop("stream_mapping", 0)}
    after = {"http_api": hop("http_api", 4_000), "stream_mapping": hop("stream_mapping", 10)}
    assert dict(limits(page_of(before, after)))["Requests a second, at the door"] == "10"


def test_a_stream_that_nobody_reads_comes_nearest_to_its_retention():
    samples = [{"firehose": hop("firehose", 0, 0)}, *({"firehose": hop("firehose", 0, 5)} for _ in range(3))]
    name, share = limits(page_of(*samples, seconds=21_600.0))[0]
    assert (name, share) == ("Age of what waits, until the stream drops it", "50")
