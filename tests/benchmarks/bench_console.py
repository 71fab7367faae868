"""What an open console takes from posting: single POSTs of 8 clients, without a page and with two pages open."""

import contextlib
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path
from statistics import median
from typing import Final

import yaml

from infra.settings import PIPELINE_FILE
from tests.benchmarks.posting import post
from tests.benchmarks.report import Report
from tests.console.asking import Asking
from tests.console.conftest import console_url
from tests.end_to_end.conftest import RunningPipeline, end, start

CLIENTS: Final = 8
POLLED: Final = (("/pipeline/now", 0.75), ("/events/now?start=10s&where=", 0.5))  # as the console's script does


def run(report: Report) -> None:
    """Enter the row: a fresh pipeline for each run, since a console's readers go on for a while after its pages."""
    posts = 100 if report.quick else 1000
    pairs: list[tuple[float, float]] = []
    for number in range(report.rounds(5)):
        found = {pages: _posts_per_second(posts, pages=pages) for pages in ((0, 2) if number % 2 else (2, 0))}
        pairs.append((found[2], found[0]))
    ours, baseline = (median(column) for column in zip(*pairs, strict=True))
    ratio = median(watched / alone for watched, alone in pairs)
    what = "local pipeline, single POSTs of 8 clients, two pages open"
    report.row(what, ours, baseline, "requests/s", "≥ 0.97 x", "no page open", ratio=ratio)


def _posts_per_second(posts_each: int, *, pages: int) -> float:
    with _pipeline() as running, _open_pages(running, pages):
        post(running.url, CLIENTS, 50)
        return post(running.url, CLIENTS, posts_each).per_second


@contextlib.contextmanager
def _pipeline() -> Iterator[RunningPipeline]:
    with tempfile.TemporaryDirectory() as folder:
        config = Path(folder) / "pipeline.yaml"
        settings = yaml.safe_load(PIPELINE_FILE.read_text(encoding="utf-8"))
        settings["local"]["limits"] = "off"
        config.write_text(yaml.safe_dump(settings), encoding="utf-8")
        running = start("--config", str(config))
        try:
            yield running
        finally:
            end(running)


@contextlib.contextmanager
def _open_pages(running: RunningPipeline, count: int) -> Iterator[None]:
    """Ask as often as so many pages do, from threads of this process."""
    closed = threading.Event()
    threads = [threading.Thread(target=_page, args=(running, closed, *each)) for each in POLLED[:count]]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        closed.set()
        for thread in threads:
            thread.join()


def _page(running: RunningPipeline, closed: threading.Event, path: str, seconds: float) -> None:
    asking = Asking(console_url(running)).log_in()
    while not closed.wait(seconds):
        answer = asking.ask("GET", path)
        if answer.status not in (200, 204):
            raise RuntimeError(f"{path} answered {answer.status}")
