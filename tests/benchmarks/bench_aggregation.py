"""KPL aggregation, both ways, beside aws_kinesis_agg: from bytes to aggregates, from Lambda's event to bytes."""

import base64

from aws_kinesis_agg.aggregator import RecordAggregator
from aws_kinesis_agg.deaggregator import deaggregate_records

from producers.aggregation import deaggregate, pack
from tests.benchmarks import machine
from tests.benchmarks.report import Report
from tests.benchmarks.timing import Series, in_turn, times
from tests.events import kinesis_record

RECORDS = 10_000
RECORD_BYTES = 200
AGGREGATE_BYTES = 256 * 1024


def run(report: Report) -> None:
    """Enter the rows of aggregation."""
    machine.pin(machine.measured_core())
    data = [f"{number:0{RECORD_BYTES}d}".encode() for number in range(RECORDS)]
    keyed = [(f"8f1c7d5e-0000-4000-8000-000000000000#{number}", record) for number, record in enumerate(data)]
    rounds = report.rounds(25)

    aggregated = in_turn(
        {"ours": lambda: pack(keyed, AGGREGATE_BYTES, by_key=False), "library": lambda: library_aggregates(keyed)},
        rounds,
    )
    _row(report, "aggregation, 10,000 of 200 B", "≥ 2 x", aggregated)

    records = [
        kinesis_record(aggregate.data, number, aggregate.partition_key)
        for number, aggregate in enumerate(pack(keyed, AGGREGATE_BYTES, by_key=False))
    ]

    def ours() -> None:
        found = [deaggregate(r["kinesis"]["partitionKey"], base64.b64decode(r["kinesis"]["data"])) for r in records]
        if sum(map(len, found)) != RECORDS:
            raise RuntimeError("records were lost")

    def library() -> None:
        # Its README goes on so: the library gives data back as base64, and a handler needs bytes.
        found = [base64.b64decode(record["kinesis"]["data"]) for record in deaggregate_records(records)]
        if len(found) != RECORDS:
            raise RuntimeError("records were lost")

    _row(report, "de-aggregation, 10,000 of 200 B", "≥ 2.5 x", in_turn({"ours": ours, "library": library}, rounds))


def library_aggregates(keyed: list[tuple[str, bytes]]) -> list[bytes]:
    """The records in aggregates as the README of aws-kinesis-agg shows."""
    aggregates = []
    aggregator = RecordAggregator(AGGREGATE_BYTES)
    for key, data in keyed:
        full = aggregator.add_user_record(key, data)
        if full:
            aggregates.append(full.get_contents()[2])
    if aggregator.get_num_user_records():
        aggregates.append(aggregator.clear_and_get().get_contents()[2])
    return aggregates


def _row(report: Report, what: str, target: str, series: dict[str, Series]) -> None:
    ours, library = series["ours"], series["library"]
    rates = RECORDS / ours.cpu, RECORDS / library.cpu
    report.row(what, *rates, "records per CPU second", target, "aws_kinesis_agg", ratio=1 / times(ours, library))
