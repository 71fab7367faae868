"""Firehose's transform: 500 records with the columns as they come, and 5,000 flights with twelve typed columns."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

from aws_lambda_powertools.utilities.data_classes import KinesisFirehoseEvent
from aws_lambda_powertools.utilities.data_classes.kinesis_firehose_event import (
    KinesisFirehoseDataTransformationResponse,
)
from aws_lambda_powertools.utilities.serialization import base64_from_json

from archive import firehose_transform
from archive.lake.columns import ENVELOPE, payload_columns
from tests.benchmarks import handlers, machine
from tests.benchmarks.events import as_delivered, firehose_batch, payloads
from tests.benchmarks.fake_aws import FakeAws
from tests.benchmarks.report import Report
from tests.benchmarks.timing import in_turn, times

SCHEMA: Final = Path(__file__).parents[1] / "data" / "flights.schema.json"
RECORDS: Final = 500
FLIGHTS: Final = 5_000


def run(report: Report) -> None:
    """Enter the rows of the transform."""
    machine.pin(machine.measured_core())
    with FakeAws() as aws, handlers.quiet():
        _as_they_come(report, aws)
        _typed(report)


def _as_they_come(report: Report, aws: FakeAws) -> None:
    repeats = 2 if report.quick else 20
    batch = as_delivered(firehose_batch(payloads(RECORDS)))
    series = in_turn(
        {
            "ours": _calls(handlers.load("archive.firehose_transform", aws), batch, repeats),
            "powertools": _calls(handlers.load(".transform_powertools", aws), batch, repeats),
            "plain": _calls(handlers.load(".transform_minimal", aws), batch, repeats),
        },
        report.rounds(15),
    )
    for name, title, target in (
        ("powertools", "Powertools' data classes, the same rows", "≥ 3 x"),
        ("plain", "json and base64, the same rows", "≥ 2.6 x"),
    ):
        report.row(
            "transform, 500 records of 300 B",
            RECORDS * repeats / series["ours"].cpu,
            RECORDS * repeats / series[name].cpu,
            "records/s of a core",
            target,
            title,
            ratio=1 / times(series["ours"], series[name]),
        )


def _typed(report: Report) -> None:
    batch = firehose_batch(payloads(FLIGHTS, size=0))
    columns = ENVELOPE + payload_columns(json.loads(SCHEMA.read_text(encoding="utf-8")))
    vars(firehose_transform)["columns"] = lambda: columns  # in place of the schema's own
    works = {"ours": _calls(firehose_transform.handler, batch), "theirs": _calls(_powertools, batch)}
    series = in_turn(works, report.rounds(25))
    report.row(
        "transform to rows with 12 typed columns, flights",
        FLIGHTS / series["ours"].cpu,
        FLIGHTS / series["theirs"].cpu,
        "records/s of a core",
        "≥ 1.5 x",
        "Powertools' data classes, rows as they came",
        ratio=1 / times(series["ours"], series["theirs"]),
    )


def _powertools(event: dict[str, Any], _context: Any) -> dict[str, Any]:
    """As in the documentation of Powertools: every record parsed, and returned."""
    response = KinesisFirehoseDataTransformationResponse()
    for record in KinesisFirehoseEvent(event).records:
        data = base64_from_json(record.data_as_json)
        response.add_record(record.build_data_transformation_response(result="Ok", data=data))
    return response.asdict()


def _calls(handler: handlers.Handler, batch: dict[str, Any], repeats: int = 1) -> Callable[[], object]:
    def work() -> None:
        for _ in range(repeats):
            handler(batch, handlers.context())

    return work
