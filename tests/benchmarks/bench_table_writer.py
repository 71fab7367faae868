"""The table writer: plain records and aggregates, the table 5 ms away, and what it costs in CPU."""

import importlib
from collections.abc import Callable
from typing import Any

from tests.benchmarks import handlers, machine
from tests.benchmarks.events import aggregate_batch, as_delivered, payloads, plain_batch
from tests.benchmarks.fake_aws import FakeAws
from tests.benchmarks.report import Report
from tests.benchmarks.timing import in_turn, times

LATENCY_MS = 5
PLAIN_RECORDS = 500
AGGREGATES = 100
PER_AGGREGATE = 50
CPU_RECORDS = 10_000


def run(report: Report) -> None:
    """Enter the rows of the table writer."""
    machine.pin(machine.measured_core())
    with FakeAws() as aws, handlers.quiet():
        ours = handlers.load("consumers.table_writer", aws)
        _plain(report, aws, ours)
        _cpu(report, aws, ours)
        _aggregates(report, aws, ours)


def _plain(report: Report, aws: FakeAws, ours: handlers.Handler) -> None:
    batch = as_delivered(plain_batch(payloads(PLAIN_RECORDS)))
    works = {
        "ours": _call(ours, batch),
        "each": _call(handlers.load(".table_powertools", aws), batch),
        "batch_writer": _call(handlers.load(".table_batch_writer", aws), batch),
        "threads": _call(handlers.load(".table_threads", aws), batch),
    }
    aws.set(latency_ms=LATENCY_MS)
    series = in_turn(works, report.rounds(9))
    for name, title, target in (
        ("each", "Powertools BatchProcessor, put_item", "≥ 40 x"),
        ("batch_writer", "boto3 batch_writer", "≥ 3.5 x"),
        ("threads", "batch_write_item, 16 threads", "≥ 1.3 x"),
    ):
        rates = PLAIN_RECORDS / series["ours"].wall, PLAIN_RECORDS / series[name].wall
        ratio = 1 / times(series["ours"], series[name], "wall")
        report.row("table writer, 500 records of 300 B, 5 ms", *rates, "records/s", target, title, ratio=ratio)


def _cpu(report: Report, aws: FakeAws, ours: handlers.Handler) -> None:
    batches = 2 if report.quick else CPU_RECORDS // PLAIN_RECORDS
    batch = as_delivered(plain_batch(payloads(PLAIN_RECORDS)))
    works = {
        "ours": _call(ours, batch, batches),
        "batch_writer": _call(handlers.load(".table_batch_writer", aws), batch, batches),
        "threads": _call(handlers.load(".table_threads", aws), batch, batches),
    }
    aws.set()
    series = in_turn(works, report.rounds(7))
    better = min(("batch_writer", "threads"), key=lambda name: series[name].cpu)
    titles = {"batch_writer": "boto3 batch_writer, the better", "threads": "16 threads, the better"}
    per_ten_thousand = CPU_RECORDS / (batches * PLAIN_RECORDS)
    report.row(
        "table writer, 10,000 records of 300 B",
        series["ours"].cpu * per_ten_thousand,
        series[better].cpu * per_ten_thousand,
        "s of CPU",
        "≤ 0.28 x",
        titles[better],
        ratio=times(series["ours"], series[better]),
    )


def _aggregates(report: Report, aws: FakeAws, ours: handlers.Handler) -> None:
    events = AGGREGATES * PER_AGGREGATE
    batch = as_delivered(aggregate_batch(payloads(events), PER_AGGREGATE))
    library, threads = (
        importlib.import_module(module, handlers.BASELINES).aggregates
        for module in (".table_batch_writer", ".table_threads")
    )
    aws.set(latency_ms=LATENCY_MS)
    works = {"ours": _call(ours, batch), "library": _call(library, batch), "threads": _call(threads, batch)}
    series = in_turn(works, report.rounds(5))
    for name, title, target in (
        ("library", "deaggregate_records, batch_writer", "≥ 8 x"),
        ("threads", "deaggregate_records, 16 threads", "≥ 3.5 x"),
    ):
        report.row(
            "table writer, 100 aggregates of 50, 5 ms",
            events / series["ours"].wall,
            events / series[name].wall,
            "records/s",
            target,
            title,
            ratio=1 / times(series["ours"], series[name], "wall"),
        )


def _call(handler: handlers.Handler, batch: dict[str, Any], times_over: int = 1) -> Callable[[], object]:
    """One piece of work: the handler called with the batch; one that leaves a record unwritten is an error."""

    def work() -> None:
        for _ in range(times_over):
            answer = handler(batch, handlers.context())
            if answer["batchItemFailures"]:
                raise RuntimeError(f"not everything was written: {answer}")

    return work
