"""The Lambda that Firehose calls: events in, rows of the lake out."""

from binascii import a2b_base64, b2a_base64
from typing import Any

from archive.lake.columns import columns
from archive.lake.rows import writer_for
from producers.event import PoisonEvent
from producers.invocation import Context
from producers.telemetry import count, logger
from producers.tracing import Segments, trace_of

SERVICE = "firehose_transform"


def handler(event: dict[str, Any], _context: Context) -> dict[str, Any]:
    """Turn one batch of events into rows; bytes that are not an event come back as failed, and land in an error object.

    An event that was put back for the table alone is dropped: its copy lies in the lake.
    """
    segments = Segments(SERVICE)
    traces: list[str | None] = []
    answers = []
    errors: list[str] = []
    dropped = 0
    writer = writer_for(columns())
    for record in event["records"]:
        data = record["data"]
        result = "Ok"
        try:
            event_data = a2b_base64(data)
            traces.append(trace_of(event_data))
            row = writer.row(event_data)
        except PoisonEvent as error:
            errors.append(str(error))
            result = "ProcessingFailed"
        else:
            if row is None:
                dropped += 1
                result = "Dropped"
            else:
                data = b2a_base64(row, newline=False).decode("ascii")
        answers.append({"recordId": record["recordId"], "result": result, "data": data})
    if errors:
        logger(SERVICE).warning("records are no events", extra={"failed": len(errors), "first_error": errors[0]})
    count(
        SERVICE,
        {
            "TransformedEvents": len(answers) - len(errors) - dropped,
            "FailedEvents": len(errors),
            "EventsBoundForTheTable": dropped,
        },
    )
    segments.add("transformed", traces)
    segments.send()
    return {"records": answers}
