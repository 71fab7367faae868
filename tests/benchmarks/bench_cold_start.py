"""Cold starts: importing each handler and answering its first call, in fresh processes."""

import statistics
from typing import Final

from tests.benchmarks import machine
from tests.benchmarks.events import firehose_batch, payloads, plain_batch, queue_batch, request
from tests.benchmarks.fake_aws import FakeAws
from tests.benchmarks.fresh import FirstCall, event_file, first_call
from tests.benchmarks.lambda_limits import a_dead_letter
from tests.benchmarks.report import Report

POWERTOOLS: Final = "Powertools handler"
MINIMAL: Final = "minimal boto3 handler"
BLUEPRINT: Final = "the console's blueprint, no boto3"

# Ours, its baselines, and whether the target for minimal boto3 handlers holds.
HANDLERS: Final = {
    "producers.http_api": {".http_powertools": POWERTOOLS, ".http_minimal": MINIMAL},
    "consumers.table_writer": {".table_powertools": POWERTOOLS, ".table_batch_writer": MINIMAL},
    "archive.firehose_transform": {".transform_powertools": POWERTOOLS, ".transform_minimal": BLUEPRINT},
    "archive.dead_letter_archiver": {".archiver_powertools": POWERTOOLS, ".archiver_minimal": MINIMAL},
}
TARGETS: Final = {POWERTOOLS: "≤ 0.45 x", MINIMAL: "≤ 0.55 x", BLUEPRINT: ""}


def run(report: Report) -> None:
    """Enter two rows for each handler."""
    machine.pin(machine.measured_core())
    few = payloads(10)
    events = {
        "producers.http_api": request(few[0]),
        "consumers.table_writer": plain_batch(few),
        "archive.firehose_transform": firehose_batch(few),
        "archive.dead_letter_archiver": queue_batch([a_dead_letter(number) for number in range(10)]),
    }
    with FakeAws() as aws:
        for ours, baselines in HANDLERS.items():
            aws.set()
            calls = _in_turn([ours, *baselines], events[ours], aws, report.rounds(15))
            for baseline, title in baselines.items():
                pairs = zip(calls[ours], calls[baseline], strict=True)
                report.row(
                    f"cold start of {ours}: import and first call",
                    statistics.median(call.cpu_ms for call in calls[ours]),
                    statistics.median(call.cpu_ms for call in calls[baseline]),
                    "ms of CPU",
                    TARGETS[title],
                    title,
                    ratio=statistics.median(one.cpu_ms / other.cpu_ms for one, other in pairs),
                )


def _in_turn(modules: list[str], event: dict, aws: FakeAws, rounds: int) -> dict[str, list[FirstCall]]:
    """Each module's first calls, in turn; the first round compiles and warms the disk, and is thrown away."""
    calls: dict[str, list[FirstCall]] = {module: [] for module in modules}
    with event_file(event) as path:
        for number in range(-1, rounds):
            for module in modules:
                call = first_call(module, path, aws)
                if number >= 0:
                    calls[module].append(call)
    return calls
