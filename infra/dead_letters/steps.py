"""The way of one failure, step by step: accepted, on the stream, given up, archived, put back."""

from datetime import datetime

from archive.dead_letters.failures import FailedRecord
from archive.dead_letters.outlook import Outlook
from archive.dead_letters.settled_lines import SettledLines


def steps_of(
    failed: FailedRecord, settled: SettledLines, archived_at: datetime, outlook: Outlook
) -> list[tuple[str, str]]:
    """Each step's time, ISO 8601 or empty where it is that of the step before, and what happened."""
    event, source = outlook.event, failed.source
    steps = [] if event is None else [(event.timestamp, f"accepted as {event.request_id}")]
    if source is not None and source.shard_id:
        place = f"{source.stream}, {source.shard_id}, sequence number {source.sequence_number}"
        steps.append((failed.arrived_at, f"on the stream: {place}, place {source.subsequence_number}"))
        steps.append(("", f"partition key {source.partition_key}"))
    else:
        steps.append((failed.arrived_at, "on the stream"))
    if event is not None and event.replay is not None:
        token = event.replay.token.rpartition("/")[0]
        steps.append(("", f"put back there by replay {token}, for the {event.replay.bound or 'table and lake'}"))
    steps.append((failed.failed_at.isoformat(), f"given up by {failed.stage}"))
    steps.append((archived_at.isoformat(), "in the archive"))
    steps += [(each.at, f"{each.outcome} by replay {each.replay}") for each in settled.of_line(failed.line)]
    return steps
