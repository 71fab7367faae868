"""Every page in a real browser: it moves, it says what is wrong where it is wrong, and hostile events do no harm."""

import json
import re
from urllib.parse import urlsplit

import pyarrow.parquet as pq
import pytest
import urllib3
from playwright.sync_api import expect

from producers.event import encode
from tests.console.browser import NARROW, TIMEOUT_MS, Screen, screen
from tests.console.conftest import console_url
from tests.end_to_end.conftest import RunningPipeline
from tests.end_to_end.put_directly import put_on_stream
from tests.events import an_event
from tests.waiting import wait_until

pytestmark = pytest.mark.slow
expect.set_options(timeout=TIMEOUT_MS)

PAGES = ("/pipeline", "/events", "/query", "/dead-letters", "/dead-letters/put-back", "/shards", "/shards/plans",
         "/shards/simulation", "/audit")  # fmt: skip
HOSTILE = (
    '<script>window.harmed = 1</script><img src=x onerror="window.harmed = 1">',
    "\x00\x1b[31m\u202e\u2028",
    "x" * 200_000,
)


def post(running: RunningPipeline, payload: object) -> str:
    """Post one event; its request id."""
    answer = urllib3.request("POST", running.url, json=payload, timeout=30)
    assert answer.status == 201, answer.data
    return str(answer.json()["request_id"])


def test_the_pipeline_page_moves_while_events_flow(shown: Screen, running: RunningPipeline):
    page = shown.go("/pipeline")
    written = page.locator("#hop-table_writer [data-count]")
    before = int(written.get_attribute("data-count") or 0)
    for number in range(5):
        post(running, {"number": number})
    shown.wait_until(lambda: int(written.get_attribute("data-count") or 0) >= before + 5)
    assert page.get_by_role("heading", name="Which limit is nearest").is_visible()
    shown.keep("pipeline")


def test_a_posted_event_is_on_both_pages(shown: Screen, running: RunningPipeline):
    page = shown.go("/events")
    expect(page.get_by_text("so far")).to_be_visible()
    with screen(shown.page.context.browser, shown.url) as other:  # type: ignore[arg-type] # it has a browser
        accepted = other.go("/pipeline").locator("#hop-http_api [data-count]")
        before = accepted.get_attribute("data-count") or ""
        request_id = post(running, {"wanted": 1})
        page.get_by_text(request_id).wait_for()
        expect(accepted).not_to_have_attribute("data-count", before)
        shown.keep("events")


def test_the_events_page_filters(shown: Screen, running: RunningPipeline):
    page = shown.go("/events?start=1m&where=event.payload.kind%20%3D%3D%20%27wanted%27")
    expect(page.get_by_text("so far")).to_be_visible()
    other, wanted = post(running, {"kind": "other"}), post(running, {"kind": "wanted"})
    page.get_by_text(wanted).wait_for()
    assert page.get_by_text(other).count() == 0
    shown.go("/events?where=event.payload.(")
    assert "not a JMESPath" in page.get_by_role("alert").inner_text()


def test_a_query_as_table_chart_and_files(shown: Screen, running: RunningPipeline, tmp_path):
    post(running, {"origin": "=1+1"})
    hops = running.hops()
    running.wait_until_drained(firehose=hops["http_api"]["delivered"])
    page = shown.go("/query")
    sql = page.get_by_label("SQL, in Athena's dialect")
    sql.fill("SELECT json_extract_scalar(payload, '$.origin') AS origin, count(*) AS events FROM events GROUP BY 1")
    shown.click("button", "Run")
    assert "costs nothing on this machine" in page.get_by_role("status").inner_text()
    assert page.get_by_role("columnheader", name="origin").is_visible()
    shown.keep("query")
    for name in ("Export CSV", "Export Parquet"):
        with page.expect_download() as download:
            shown.click("button", name)
        download.value.save_as(tmp_path / download.value.suggested_filename)
    assert "'=1+1,1" in (tmp_path / "spillway-result.csv").read_text().splitlines()
    assert "=1+1" in pq.read_table(tmp_path / "spillway-result.parquet")["origin"].to_pylist()
    page.get_by_label("Show as").select_option("chart")
    shown.click("button", "Run")
    assert page.get_by_role("img", name="events by origin").is_visible()
    shown.keep("query-chart")


def test_an_error_of_a_query_stands_at_its_place(shown: Screen):
    page = shown.go("/query")
    sql = page.get_by_label("SQL, in Athena's dialect")
    sql.fill("SELECT count(*)\nFROM nothing_like_it")
    shown.click("button", "Run")
    assert "line 2, column 6" in page.get_by_role("alert").inner_text()
    place = len("SELECT count(*)\nFROM ")
    shown.wait_until(lambda: sql.evaluate("field => field.selectionStart") == place)  # by the page's script
    shown.keep("query-error")


def test_saved_queries_fill_the_field(shown: Screen):
    page = shown.go("/query")
    page.get_by_label("Saved queries").select_option(index=1)
    assert "SELECT" in page.get_by_label("SQL, in Athena's dialect").input_value().upper()
    shown.click("button", "Run")
    assert page.get_by_role("status").is_visible()


def test_hostile_events_do_no_harm(shown: Screen, running: RunningPipeline):
    """Markup, control characters and a long payload on every page that shows payloads."""
    ids = [post(running, {"text": text}) for text in HOSTILE]
    put_on_stream(running, [HOSTILE[0].encode() + HOSTILE[1].encode(), b"\xff\xfe" + b"y" * 700_000])
    running.wait_until_drained(firehose=running.hops()["http_api"]["delivered"])
    page = shown.go("/events?start=5m")
    for request_id in ids:
        page.get_by_text(request_id).wait_for()
    page = shown.go("/query")
    page.get_by_label("SQL, in Athena's dialect").fill("SELECT * FROM events ORDER BY timestamp DESC LIMIT 50")
    shown.click("button", "Run")
    assert page.get_by_text("<script>").first.is_visible()
    assert len(page.content()) < 200_000
    wait_until(lambda: json.loads(running.spillway("dead-letters", "list", "--json"))["left"] >= 4)
    shown.go("/dead-letters")
    shown.click("link", re.compile("Sample of table_writer, PoisonEvent"))
    assert page.get_by_role("heading", name="One failure").is_visible()
    text = page.locator("pre").last.inner_text()
    assert "<script>" in text or "ff fe" in text
    assert len(page.content()) < 200_000
    shown.keep("hostile")
    assert page.evaluate("window.harmed") is None
    visible = page.locator("body").inner_text()
    assert not re.search("[\x00\x1b\u202e\u2028]", visible)


def test_an_audit_adds_up(shown: Screen, running: RunningPipeline):
    post(running, {"audited": True})
    running.wait_until_drained(firehose=running.hops()["http_api"]["delivered"])
    page = shown.go("/audit")
    shown.click("button", "Audit")
    page.get_by_text("Finished in").wait_for()
    for heading in ("The table", "The lake"):
        title = page.get_by_role("heading", name=re.compile(heading)).inner_text()
        whole = int(re.sub(r"\D", "", title))
        label = page.get_by_role(
            "img", name=re.compile(f"^{heading.removeprefix('The ')}:", re.IGNORECASE)
        ).get_attribute("aria-label")
        parts = [int(number.replace(",", "")) for number in re.findall(r" ([\d,]+)(?:,|$)", label or "")]
        assert sum(parts) == whole > 0, label
    shown.keep("audit")


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("page_path", PAGES)
def test_a_page_fits_a_telephone_in_both_colours_and_has_nothing_that_axe_finds(opened, running, page_path, scheme):
    """The policy would refuse axe-core in the page: so here, and only here, it is bypassed."""
    from axe_playwright_python.sync_playwright import Axe  # noqa: PLC0415 (loads axe-core)

    with screen(opened, console_url(running), NARROW, color_scheme=scheme, bypass_csp=True) as narrow:
        page = narrow.go(page_path)
        assert narrow.is_within_its_width(), page_path
        found = Axe().run(page)
        assert found.violations_count == 0, found.generate_report()
        narrow.keep(f"narrow-{scheme}{page_path.replace('/', '-')}")
    assert not narrow.problems


def test_the_keyboard_reaches_the_content_and_every_page(shown: Screen):
    page = shown.go("/pipeline")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.textContent") == "Skip to the content"
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.id") == "main"
    shown.go("/pipeline")
    names = []
    for _ in range(7):
        page.keyboard.press("Tab")
        names.append(page.evaluate("document.activeElement.textContent"))
    assert names[1:] == ["Pipeline", "Events", "Query", "Dead letters", "Shards", "Audit"]
    page.keyboard.press("Enter")
    page.wait_for_url("**/audit")


def test_a_hidden_page_asks_no_more(shown: Screen):
    page = shown.go("/pipeline")
    asked: list[str] = []
    page.on("request", lambda request: asked.append(urlsplit(request.url).path))
    shown.wait_until(lambda: "/console/pipeline/now" in asked)
    page.evaluate("Object.defineProperty(document, 'hidden', {value: true})")
    page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")
    page.wait_for_timeout(1_500)
    before = len(asked)
    page.wait_for_timeout(2_500)
    assert len(asked) == before


def test_a_measured_stream_is_shown_with_its_shards(shown: Screen, running: RunningPipeline):
    put_on_stream(running, [encode(an_event(number=number)) for number in range(100)])
    page = shown.go("/shards")
    page.get_by_role("rowheader", name="shardId-000000000000").wait_for()
    shown.keep("shards")
