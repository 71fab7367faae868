"""Memory: each handler with the largest batches it may be given, in fresh processes, beside its configured size."""

from infra.settings import load
from tests.benchmarks import handlers, lambda_limits
from tests.benchmarks.fake_aws import FakeAws
from tests.benchmarks.fresh import event_file, first_call
from tests.benchmarks.report import Report


def run(report: Report) -> None:
    """Enter a row for each handler and kind of batch."""
    settings = load("dev")
    largest = {
        "producers.http_api": lambda_limits.http_requests(
            settings.http.max_event_bytes, settings.http.max_batch_events
        ),
        "consumers.table_writer": lambda_limits.stream_batches(settings.table_writer.batch_size),
        "archive.firehose_transform": lambda_limits.firehose_batches(),
        "archive.dead_letter_archiver": lambda_limits.queue_batches(),
    }
    with FakeAws() as aws:
        aws.answer("GetShardIterator", {"ShardIterator": "here"})
        aws.answer("GetRecords", lambda_limits.kinesis_answer())
        for module, events in largest.items():
            size = handlers.configured(aws.url)[module].memory_mib
            for kind, event in events:
                with event_file(event) as path:
                    call = first_call(module, path, aws)
                report.row(
                    f"peak memory of {module}", call.peak_mib, size, "MiB", "≤ 60 %", "its configured size", note=kind
                )
