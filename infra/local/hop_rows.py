"""The rows of `spillway status` for a pipeline on this machine."""

from typing import Final

from infra.local.function_output import FunctionOutput
from infra.status import HopStatus

PROBLEM_SECONDS: Final = 60.0  # how long the HTTP API's last problem is shown


def rows(
    output: FunctionOutput, stream_mapping: HopStatus, firehose: HopStatus, queue_mapping: HopStatus
) -> list[HopStatus]:
    """A row for each part, in the order of the pipeline.

    Args:
        output: of the functions, which count and log.
        stream_mapping: the row of the stream's mapping.
        firehose: the row of the delivery stream.
        queue_mapping: the row of the queue's mapping.
    """
    metric, problem = output.metric, output.problem
    accepted, rejected = metric("AcceptedEvents"), metric("RejectedEvents")
    written, poison = metric("WrittenEvents"), metric("PoisonEvents")
    archived, lost = metric("ArchivedDeadLetters"), metric("LostRecords")
    return [
        HopStatus(
            *("http_api", "events", accepted + rejected, accepted, 0, rejected, metric("ThrottledEvents")),
            cause=problem("http_api", within_seconds=PROBLEM_SECONDS),
        ),
        stream_mapping,
        HopStatus(
            *("table_writer", "events", written + poison, written, 0, poison, metric("UnwrittenEvents")),
            cause=problem("table_writer") if stream_mapping.cause else "",
        ),
        firehose,
        queue_mapping,
        HopStatus(
            *("dead_letter_archiver", "dead letters", archived + lost, archived, 0, lost),
            cause=problem("dead_letter_archiver") if queue_mapping.cause else "",
        ),
    ]
