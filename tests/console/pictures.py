"""The pictures of docs/console.md: `make console-pictures`.

A pipeline of its own takes in real flights and some poison; Chromium opens each page and keeps a picture of it.
"""

import gzip
import io
import json
from pathlib import Path
from typing import Final

import urllib3
from PIL import Image

from tests.console.browser import Screen, browser, screen
from tests.console.conftest import console_url
from tests.end_to_end.conftest import ROOT, RunningPipeline, end, start
from tests.end_to_end.put_directly import put_on_stream
from tests.waiting import wait_until

FOLDER: Final = ROOT / "docs" / "console"
FLIGHTS: Final = ROOT / "tests" / "data" / "flights-20k.ndjson.gz"
EVENTS: Final = 4_000
BATCH_EVENTS: Final = 400
POISON: Final = (b"\x1f\x8b\x08 cut off", b"not JSON", b'{"no": "envelope"}', b"\xff\xfe")
COLOURS: Final = 64  # of the palette: text stays smooth, and a picture under 60 KB
MOST_HEIGHT: Final = 1_000  # pixels; what is further down is cut
SQL: Final = """SELECT json_extract_scalar(payload, '$.carrier') AS carrier, count(*) AS flights
FROM events GROUP BY 1 ORDER BY 2 DESC LIMIT 8"""


def main() -> None:
    """Take every picture anew."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    running = start()
    try:
        with browser() as opened, screen(opened, console_url(running), color_scheme="light") as shown:
            shown.go("/pipeline")
            _load(running, shown)
            keep(shown, "pipeline")
            _put_poison(running)
            _events(shown, running)
            _query(shown)
            shown.go("/dead-letters")
            keep(shown, "dead-letters")
            shown.go("/shards").get_by_role("rowheader", name="shardId-000000000000").wait_for()
            keep(shown, "shards")
            shown.go("/audit")
            shown.click("button", "Audit")
            shown.page.get_by_text("Finished in").wait_for()
            keep(shown, "audit")
    finally:
        end(running)


def flights(count: int) -> list[str]:
    """The first flights, a line of JSON each."""
    with gzip.open(FLIGHTS, "rt", encoding="utf-8") as lines:
        return [next(lines).strip() for _ in range(count)]


def keep(shown: Screen, name: str) -> Path:
    """Keep what the browser shows, with few colours."""
    height = int(shown.page.evaluate("Math.ceil(document.querySelector('main').getBoundingClientRect().bottom)"))
    clip: dict[str, float] = {"x": 0, "y": 0, "width": 1280, "height": min(height, MOST_HEIGHT)}
    drawn = shown.page.screenshot(full_page=True, clip=clip)  # type: ignore[arg-type] # it is a rectangle
    path = FOLDER / f"{name}.png"
    with Image.open(io.BytesIO(drawn)) as image:
        few = image.convert("RGB").quantize(COLOURS, Image.Quantize.MAXCOVERAGE, dither=Image.Dither.NONE)
    few.save(path, optimize=True)
    print(f"{path.relative_to(ROOT)}  {path.stat().st_size / 1000:.0f} KB")  # noqa: T201 (a command)
    return path


def _post(running: RunningPipeline, lines: list[str]) -> None:
    body = f"[{','.join(lines)}]".encode()
    answer = urllib3.request("POST", running.url, body=body, headers={"Content-Type": "application/json"}, timeout=60)
    assert answer.status == 201, answer.data


def _load(running: RunningPipeline, shown: Screen) -> None:
    """Post over some seconds, so that the page has a history to draw."""
    lines = flights(EVENTS)
    for at in range(0, EVENTS, BATCH_EVENTS):
        _post(running, lines[at : at + BATCH_EVENTS])
        shown.page.wait_for_timeout(700 + 40 * (at // BATCH_EVENTS % 3))


def _put_poison(running: RunningPipeline) -> None:
    put_on_stream(running, list(POISON))
    running.wait_until_drained(firehose=EVENTS, table_writer=EVENTS)
    wait_until(lambda: json.loads(running.spillway("dead-letters", "list", "--json"))["left"] >= len(POISON))


def _events(shown: Screen, running: RunningPipeline) -> None:
    page = shown.go("/events")
    page.get_by_text("so far").wait_for()
    for line in flights(11):
        _post(running, [line])
        page.wait_for_timeout(50)
    last = str(json.loads(running.spillway("post", '{"type":"flight","carrier":"BA","flight":178}'))["request_id"])
    page.get_by_text(last).wait_for()
    keep(shown, "events")
    running.wait_until_drained(firehose=EVENTS + 12, table_writer=EVENTS + 12)


def _query(shown: Screen) -> None:
    page = shown.go("/query")
    page.get_by_label("SQL, in Athena's dialect").fill(SQL)
    page.get_by_label("Show as").select_option("chart")
    shown.click("button", "Run")
    page.get_by_role("img", name="flights by carrier").wait_for()
    keep(shown, "query")


if __name__ == "__main__":
    main()
