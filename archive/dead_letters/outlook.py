"""What the pipeline would do now with something that failed, found out with the pipeline's own code."""

import functools
from dataclasses import dataclass
from typing import Final

from archive.dead_letters.failures import FailedRecord
from archive.lake.columns import columns
from archive.lake.rows import row_of as lake_row_of
from consumers.row import MAX_ITEM_BYTES
from consumers.row import row_of as table_row_of
from producers.event import Event, PoisonEvent, decode, encode
from producers.replay_mark import LAKE, TABLE, Bound
from producers.validation import PayloadSchema, load_schema

READY: Final = "ready"
STILL_FAILS: Final = "still failing"
NOTHING_TO_DO: Final = "nothing to do"
LOST: Final = "lost"

MAX_STREAM_BYTES: Final = 1024 * 1024 - 2048  # Kinesis quota: 1 MiB a record, with its key and the replay's mark
MAX_ROW_BYTES: Final = 4 * 1024 * 1024  # of a lake row; the transform answers in base64 within Lambda's 6 MB


@dataclass(frozen=True, slots=True)
class Outlook:
    """What would become of a failure.

    Args:
        verdict: `ready`, `still failing`, `nothing to do` or `lost`.
        reason: why, where it would not pass.
        event: what its bytes are, where they are an event.
        bound: where it would go; None for both table and lake.
    """

    verdict: str
    reason: str
    event: Event | None
    bound: Bound | None


def outlook_of(failed: FailedRecord) -> Outlook:
    """What the pipeline would do with a failure whose data is at hand, put back as it is."""
    if failed.data is None and not failed.is_lost:
        return Outlook(STILL_FAILS, failed.error.message, None, failed.bound)
    if failed.data is None:
        return Outlook(LOST, "its bytes had left the stream before they could be read", None, failed.bound)
    try:
        event = decode(failed.data)
    except PoisonEvent as error:
        return Outlook(STILL_FAILS, str(error), None, failed.bound)
    return outlook_of_event(event, failed.bound)


def outlook_of_event(event: Event, failed_on: Bound | None) -> Outlook:
    """What the pipeline would do with an event that failed on one of its ways, or on none (None)."""
    meant_for = None if event.replay is None else event.replay.bound
    if failed_on is not None and meant_for not in (None, failed_on):
        return Outlook(NOTHING_TO_DO, f"it was put back for the {meant_for} alone", event, failed_on)
    bound = failed_on or meant_for
    problem = (
        _stream_problem(event)
        or (bound != LAKE and _table_problem(event))
        or (bound != TABLE and _lake_problem(event))
        or ""
    )
    return Outlook(STILL_FAILS if problem else READY, problem, event, bound)


def schema_problem(event: Event) -> str:
    """What the contract of payloads says against an event; empty where the event keeps it.

    Only edited events are held to it: what was accepted once is not refused under a newer contract.
    """
    problem = _schema().problem_with(event.payload.text)
    return "" if problem is None else f"payload{problem.path}: {problem.message}"


def _stream_problem(event: Event) -> str:
    size = len(encode(event))
    return f"it has {size:,} bytes; a stream record takes {MAX_STREAM_BYTES:,}" if size > MAX_STREAM_BYTES else ""


def _table_problem(event: Event) -> str:
    size = table_row_of(event).size
    return f"its row would have {size:,} bytes; the table takes {MAX_ITEM_BYTES:,}" if size > MAX_ITEM_BYTES else ""


def _lake_problem(event: Event) -> str:
    size = len(lake_row_of(event, columns()))
    return f"its row would have {size:,} bytes; the lake takes {MAX_ROW_BYTES:,}" if size > MAX_ROW_BYTES else ""


@functools.cache
def _schema() -> PayloadSchema:
    return load_schema()
