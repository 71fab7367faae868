"""The Lambda that a schedule calls: it compacts the hours that closed, and hours in which events arrived late."""

import os
from datetime import UTC, datetime, timedelta
from typing import Any

from archive.compaction.athena import AthenaEngine
from archive.compaction.cleaning import Cleaning
from archive.compaction.job import CHANGED, Compaction, Outcome, hours_with_events
from producers.aws import client
from producers.clock import SYSTEM_CLOCK
from producers.invocation import Context, deadline_of
from producers.telemetry import count, logger

SERVICE = "compactor"
RESERVE_SECONDS = 30.0  # to stop a statement and to log it


def handler(event: dict[str, Any], context: Context) -> dict[str, Any]:
    """Compact the hours between `from` and `to` (ISO 8601), or the last `LOOK_BACK_HOURS`.

    An hour that fails, whether Athena, S3 or a file is the reason, stays as it was; the others are compacted. The next
    call does what time does not suffice for.
    """
    now = datetime.fromtimestamp(SYSTEM_CLOCK.time(), UTC)
    look_back = timedelta(hours=int(os.environ["LOOK_BACK_HOURS"]))
    start = datetime.fromisoformat(event["from"]) if "from" in event else now - look_back
    end = datetime.fromisoformat(event["to"]) if "to" in event else now
    deadline = deadline_of(context, RESERVE_SECONDS)
    bucket, s3 = os.environ["LAKE_BUCKET"], client("s3")
    engine = AthenaEngine(
        client("athena"),
        s3,
        bucket,
        workgroup=os.environ["ATHENA_WORKGROUP"],
        database=os.environ["GLUE_DATABASE"],
        deadline=deadline,
    )
    compaction = Compaction(
        s3,
        bucket,
        engine,
        closed_after=timedelta(minutes=int(os.environ["CLOSED_AFTER_MINUTES"])),
        visible_after=timedelta(seconds=int(os.environ["VISIBLE_AFTER_SECONDS"])),
    )
    outcomes: list[Outcome] = []
    for hour in hours_with_events(s3, bucket, start, end):
        if SYSTEM_CLOCK.monotonic() > deadline:
            break
        outcomes += compaction.run([hour])
    failed = [outcome for outcome in outcomes if outcome.what == "failed"]
    for outcome in failed:
        logger(SERVICE).error("hour not compacted", extra={"hour": str(outcome.hour), "error": outcome.error})
    changed = [outcome for outcome in outcomes if outcome.what in CHANGED]
    count(SERVICE, {"CompactedHours": len(changed), "FailedHours": len(failed)})
    if SYSTEM_CLOCK.monotonic() <= deadline:
        Cleaning(s3, bucket).run(start, end)
    return {
        "compacted": [str(outcome.hour) for outcome in changed],
        "failed": [str(outcome.hour) for outcome in failed],
    }
