"""The HTTP handler: one event a request, and 500 in one."""

import importlib
import os
from collections.abc import Callable
from typing import Any

from tests.benchmarks import handlers, machine
from tests.benchmarks.events import array, payloads, request, spaced
from tests.benchmarks.fake_aws import FakeAws
from tests.benchmarks.report import Report
from tests.benchmarks.timing import Series, in_turn, times

BATCH_EVENTS = 500
TRACE = "Root=1-6922d9d0-0123456789abcdef01234567;Parent=53995c3f42cd8ad8;Sampled=0"  # as Lambda sets it
ONE_EACH_EVENTS = 100  # of a batch put one by one, which is slow enough to be measured on fewer


def run(report: Report) -> None:
    """Enter the rows of the HTTP handler."""
    machine.pin(machine.measured_core())
    with FakeAws() as aws, handlers.quiet():
        _singles(report, aws)
        _batches(report, aws)


def _singles(report: Report, aws: FakeAws) -> None:
    requests = 50 if report.quick else 300
    os.environ["_X_AMZN_TRACE_ID"] = TRACE
    events = [request(spaced(payload)) for payload in payloads(requests)]
    loaded = {
        "ours": handlers.load("producers.http_api", aws),
        "minimal": handlers.load(".http_minimal", aws),
        "powertools": handlers.load(".http_powertools", aws),
    }
    works = {name: _calls(handler, events) for name, handler in loaded.items()}
    aws.set()
    cpu = in_turn(works, report.rounds(15), warm_ups=2)
    for name, title, target in (
        ("minimal", "json.loads and put_record", "≤ 0.7 x"),
        ("powertools", "Powertools resolver, no Tracer", ""),
    ):
        ours, baseline = cpu["ours"].cpu / requests * 1000, cpu[name].cpu / requests * 1000
        ratio = times(cpu["ours"], cpu[name])
        report.row("HTTP, one event of 300 B", ours, baseline, "ms of CPU a request", target, title, ratio=ratio)
    aws.set(latency_ms=5)
    wall = in_turn(works, report.rounds(5), warm_ups=0)
    for name, title in (("minimal", "json.loads and put_record"), ("powertools", "Powertools resolver, no Tracer")):
        ours, baseline = requests / wall["ours"].wall, requests / wall[name].wall
        ratio = 1 / times(wall["ours"], wall[name], "wall")
        report.row("HTTP, one event, Kinesis 5 ms away", ours, baseline, "requests/s", "", title, ratio=ratio)


def _batches(report: Report, aws: FakeAws) -> None:
    ways = importlib.import_module(".http_batches", handlers.BASELINES)
    repeats = 2 if report.quick else 10
    batch = [request(spaced(array(payloads(BATCH_EVENTS))))] * repeats
    small = [request(spaced(array(payloads(ONE_EACH_EVENTS))))]
    aws.set()
    series = in_turn(
        {
            "ours": _calls(handlers.load("producers.http_api", aws), batch),
            "each": _calls(ways.put_record_each, small),
            "entries": _calls(ways.put_records, batch),
            "library": _calls(ways.library_aggregates, batch),
            "hurried entries": _calls(ways.count_put_records, batch),
            "hurried library": _calls(ways.count_library_aggregates, batch),
        },
        report.rounds(15),
    )
    for name, title, target, events in (
        ("each", "a PutRecord for each", "≥ 30 x", ONE_EACH_EVENTS),
        ("entries", "the same work: a PutRecords entry for each", "≥ 1.5 x", BATCH_EVENTS * repeats),
        ("library", "the same work: aggregates of aws_kinesis_agg", "", BATCH_EVENTS * repeats),
    ):
        _rate(report, series["ours"], BATCH_EVENTS * repeats, series[name], events, title, target)
    for name, title in (
        ("hurried entries", "in a hurry: json.loads, a PutRecords entry for each, a count as answer"),
        ("hurried library", "in a hurry: json.loads, aws_kinesis_agg, a count as answer"),
    ):
        report.row(
            "HTTP, 500 events of 300 B in a request",
            series["ours"].cpu / repeats * 1000,
            series[name].cpu / repeats * 1000,
            "ms of CPU a request",
            "≤ 0.6 x",
            title,
            ratio=times(series["ours"], series[name]),
        )


def _rate(
    report: Report, ours: Series, our_events: int, baseline: Series, events: int, title: str, target: str
) -> None:
    ratio = our_events / events / times(ours, baseline)
    report.row(
        "HTTP, 500 events of 300 B in a request",
        our_events / ours.cpu,
        events / baseline.cpu,
        "events per CPU second",
        target,
        title,
        ratio=ratio,
    )


def _calls(handler: handlers.Handler, events: list[dict[str, Any]]) -> Callable[[], object]:
    """One piece of work: the handler called with each event; a call that is not answered 201 is an error."""
    context = handlers.context()

    def work() -> None:
        for event in events:
            status = handler(event, context)["statusCode"]
            if status != 201:
                raise RuntimeError(f"the handler answered {status}")

    return work
