"""What a function logged last as a warning or an error, from CloudWatch Logs: the cause that `status` shows."""

import json
from collections.abc import Mapping
from typing import Any, Final

from botocore.exceptions import ClientError

LOOK_BACK_SECONDS: Final = 900.0  # an older problem is not what holds the pipeline up now
MAX_EVENTS: Final = 500  # of the log, that are looked through
PATTERN: Final = "?WARNING ?ERROR"
UNKNOWN_TO: Final = frozenset({"AccessDeniedException", "ResourceNotFoundException"})  # then there is no cause


def last_problem(logs: Any, function: str, *, since: float, now: float) -> str:
    """The last warning or error that a function logged; empty where it logged nothing, or the log cannot be read.

    Args:
        logs: a boto3 client.
        function: its name.
        since: seconds since the epoch; no more than `LOOK_BACK_SECONDS` are searched.
        now: likewise.
    """
    found = ""
    pages = logs.get_paginator("filter_log_events").paginate(
        logGroupName=f"/aws/lambda/{function}",
        startTime=int(max(since, now - LOOK_BACK_SECONDS) * 1000),
        endTime=int(now * 1000),
        filterPattern=PATTERN,
        PaginationConfig={"MaxItems": MAX_EVENTS},
    )
    try:
        for page in pages:
            for event in page["events"]:
                found = problem_of(event["message"]) or found
    except ClientError as error:
        if error.response["Error"]["Code"] not in UNKNOWN_TO:
            raise
    return found


def problem_of(line: str) -> str:
    """What a line of the log says that is wrong; empty for a line that says nothing of the kind.

    A line is JSON, of the functions' logger, or the text that Lambda writes for what a function raised.
    """
    try:
        entry = json.loads(line)
    except ValueError:
        first = line.strip().partition("\n")[0]
        return first.partition("]")[2].strip() if first.startswith(("[ERROR]", "[WARNING]")) else ""
    if not isinstance(entry, Mapping) or entry.get("level") not in {"WARNING", "ERROR", "CRITICAL"}:
        return ""
    cause = entry.get("error") or entry.get("first_error") or entry.get("errorMessage") or ""
    message = entry.get("message") or entry.get("errorType") or ""
    return f"{message}: {cause}" if message and cause else str(message or cause)
