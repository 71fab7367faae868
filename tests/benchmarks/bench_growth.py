"""CPU per event of each handler at two sizes: what infra/cost/growth.py reckons with. No baseline, no target."""

from collections.abc import Callable
from typing import Any

from tests.benchmarks import handlers, machine
from tests.benchmarks.events import (
    aggregate_batch,
    array,
    as_delivered,
    firehose_batch,
    payloads,
    plain_batch,
    request,
)
from tests.benchmarks.fake_aws import FakeAws
from tests.benchmarks.report import Report
from tests.benchmarks.timing import in_turn

PAYLOAD_BYTES = (300, 3_000)
BATCH = 500


def run(report: Report) -> None:
    """Enter a row for each handler and size."""
    machine.pin(machine.measured_core())
    repeats = 1 if report.quick else 4
    with FakeAws() as aws, handlers.quiet():
        http = handlers.load("producers.http_api", aws)
        writer = handlers.load("consumers.table_writer", aws)
        transform = handlers.load("archive.firehose_transform", aws)
        aws.set()
        for size in PAYLOAD_BYTES:
            texts = payloads(BATCH, size)
            works: dict[str, Callable[[], object]] = {
                "HTTP, single": _calls(http, [request(text) for text in texts]),
                "HTTP, batches of 500": _calls(http, [request(array(texts))] * repeats),
                "table writer, plain records": _calls(writer, [as_delivered(plain_batch(texts))] * repeats),
                "table writer, aggregates of 50": _calls(writer, [as_delivered(aggregate_batch(texts, 50))] * repeats),
                "transform": _calls(transform, [as_delivered(firehose_batch(texts))] * repeats),
            }
            for name, series in in_turn(works, report.rounds(7)).items():
                events = BATCH if name == "HTTP, single" else BATCH * repeats
                what = f"{name}, payloads of {size:,} B"
                report.row(what, series.cpu / events * 1_000_000, None, "µs of CPU an event", "", "")


def _calls(handler: handlers.Handler, events: list[dict[str, Any]]) -> Callable[[], object]:
    def work() -> None:
        for event in events:
            handler(event, handlers.context())

    return work
