"""The whole pipeline on this machine, from HTTP to DynamoDB and Parquet, its limits off."""

import os
import time
from statistics import median
from typing import Final

from tests.benchmarks import ministack
from tests.benchmarks.events import FLIGHTS
from tests.benchmarks.posting import post
from tests.benchmarks.report import Report
from tests.benchmarks.running_pipeline import (
    IN_MEMORY,
    Pipeline,
    in_memory_checkout,
    in_memory_run,
    spillway_run,
    unaggregated,
)

FLIGHTS_COUNT: Final = 20_000
CLIENTS: Final = 8


def run(report: Report) -> None:
    """Enter the rows of the whole pipeline."""
    _starts_and_posts(report)
    _posts_to_the_table(report)
    _loads(report)
    _beside_memory(report)


def _beside_memory(report: Report) -> None:
    """The durable pipeline and the one that kept everything in memory, in turn."""
    posts = 100 if report.quick else 500
    loads: list[tuple[float, float]] = []
    singles: list[tuple[float, float]] = []
    with in_memory_checkout() as checkout:
        for _ in range(report.rounds(5, 1)):
            with spillway_run() as ours, in_memory_run(checkout) as theirs:
                post(ours.url, CLIENTS, 50)
                post(theirs.url, CLIENTS, 50)
                singles.append((post(ours.url, CLIENTS, posts).per_second, post(theirs.url, CLIENTS, posts).per_second))
            with spillway_run() as ours:
                durable = _events_per_second(ours)
            with in_memory_run(checkout) as theirs:
                loads.append((durable, _events_per_second(theirs)))
    for what, pairs, unit, target in (
        ("local pipeline, 20,000 flights to both sinks, durable", loads, "events/s", "≥ 2.5 x"),
        ("local pipeline, single POSTs of 8 clients, durable", singles, "requests/s", "≥ 1.5 x"),
    ):
        one, other = (median(column) for column in zip(*pairs, strict=True))
        ratio = median(ours / theirs for ours, theirs in pairs)
        report.row(what, one, other, unit, target, f"in memory ({IN_MEMORY})", ratio=ratio)


def _starts_and_posts(report: Report) -> None:
    starts: list[float] = []
    rounds = report.rounds(5, 1)
    for number in range(rounds):
        with spillway_run() as pipeline:
            post(pipeline.url, 1, 1)
            starts.append(time.monotonic() - pipeline.started)
            if number == rounds - 1:
                report.row("local pipeline, start to first accepted POST", median(starts), None, "s", "≤ 5 s", "")
                _posts(report, pipeline)


def _posts(report: Report, pipeline: Pipeline) -> None:
    posts = 200 if report.quick else 1000
    post(pipeline.url, CLIENTS, 50)
    one = post(pipeline.url, 1, posts)
    many = post(pipeline.url, CLIENTS, posts // 2)
    report.row("local pipeline, POST p50, 1 client", one.percentile(50), None, "ms", "≤ 2 ms", "")
    report.row("local pipeline, POST p99, 1 client", one.percentile(99), None, "ms", "≤ 15 ms", "")
    report.row("local pipeline, POST p50, 8 clients", many.percentile(50), None, "ms", "", "")
    report.row("local pipeline, POST p99, 8 clients", many.percentile(99), None, "ms", "", "")
    report.row("local pipeline, single POSTs, 8 clients", many.per_second, None, "requests/s", "≥ 500 requests/s", "")


def _posts_to_the_table(report: Report) -> None:
    posts_each = 25 if report.quick else 150
    posts = CLIENTS * posts_each
    ours: list[float] = []
    theirs: list[float] = []
    for _ in range(report.rounds(3, 1)):
        with spillway_run() as pipeline:
            post(pipeline.url, CLIENTS, 10)
            posted, began = post(pipeline.url, CLIENTS, posts_each), time.monotonic()
            pipeline.wait_for(posts + CLIENTS * 10, "table_writer")
            ours.append(posts / (posted.seconds + time.monotonic() - began))
        if ministack.COMMAND_VARIABLE in os.environ:
            with ministack.running() as emulator:
                post(emulator.url, CLIENTS, 10)
                posted, began = post(emulator.url, CLIENTS, posts_each), time.monotonic()
                emulator.wait_for_rows(posts + CLIENTS * 10)
                theirs.append(posts / (posted.seconds + time.monotonic() - began))
    what = "local pipeline, single POSTs of 8 clients to DynamoDB"
    if theirs:
        ratio = median(one / other for one, other in zip(ours, theirs, strict=True))
        name = "MiniStack, plain handlers"
        report.row(what, median(ours), median(theirs), "requests/s", "≥ 4 x", name, ratio=ratio)
    else:
        report.row(what, median(ours), None, "requests/s", "", "", note="MINISTACK names no command to compare with")


def _loads(report: Report) -> None:
    ours: list[float] = []
    plain: list[float] = []
    memory: list[tuple[float, float]] = []
    for _ in range(report.rounds(5, 1)):
        with spillway_run() as pipeline:
            ours.append(_events_per_second(pipeline))
            memory.append(pipeline.memory_mib())
        with unaggregated() as pipeline:
            plain.append(_events_per_second(pipeline))
    report.row(
        "local pipeline, load of 20,000 flights to both sinks",
        median(ours),
        median(plain),
        "events/s",
        "≥ 3,000 events/s",
        "the same without aggregation",
        ratio=median(one / other for one, other in zip(ours, plain, strict=True)),
    )
    now, peak = (median(figures) for figures in zip(*memory, strict=True))
    what = "local pipeline, memory after 20,000 flights"
    report.row(what, now, None, "MiB", "≤ 500 MiB", "", note=f"peak {peak:.0f}")


def _events_per_second(pipeline: Pipeline) -> float:
    return FLIGHTS_COUNT / pipeline.load(FLIGHTS, delivered=FLIGHTS_COUNT)
