"""The Lambda that a schedule calls: it compacts the hours that closed, and those that something late arrived in."""

import os
from datetime import UTC, datetime, timedelta
from typing import Any

from archive.compaction.athena import AthenaEngine
from archive.compaction.job import Compaction, CompactionFailed, Outcome, landed_hours
from producers.aws import client
from producers.clock import SYSTEM_CLOCK
from producers.invocation import Context, deadline_of
from producers.telemetry import count, logger

SERVICE = "compactor"
RESERVE_SECONDS = 30.0  # to stop a statement and to say so


def handler(event: dict[str, Any], context: Context) -> dict[str, Any]:
    """Compact the hours between `from` and `to` (ISO 8601), or those of the last `LOOK_BACK_HOURS`.

    An hour that fails stays as it was and does not keep the others; what time does not suffice for, the next call does.
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
    failed: list[str] = []
    for hour in landed_hours(s3, bucket, start, end):
        if SYSTEM_CLOCK.monotonic() > deadline:
            break
        try:
            outcomes += compaction.run([hour])
        except CompactionFailed as error:
            logger(SERVICE).error("hour not compacted", extra={"hour": str(hour), "error": str(error)})
            failed.append(str(hour))
    changed = [outcome for outcome in outcomes if outcome.what in ("compacted", "extended")]
    count(SERVICE, {"CompactedHours": len(changed), "FailedHours": len(failed)})
    return {"compacted": [str(outcome.hour) for outcome in changed], "failed": failed}
