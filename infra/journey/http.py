"""The HTTP request of an event: when it was accepted, the gateway's access log, and its X-Ray trace."""

import json
import re
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from botocore.exceptions import ClientError

from infra.journey.steps import Search, Step, Trace
from producers.event import Event
from producers.retry import error_code

WINDOW: Final = timedelta(minutes=2)  # around the acceptance, in which the access log has the request
MAX_PAGES: Final = 20
_TRACE: Final = re.compile(r"Root=(1-[0-9a-f]{8}-[0-9a-f]{24})")


def answer_of(
    logs: Any | None, prefix: str, request_id: str, accepted: datetime, *, known: bool, event: Event | None
) -> tuple[list[Step], Search]:
    """The acceptance of an event.

    Args:
        logs: a client of CloudWatch Logs; None where no access log is kept.
        prefix: of the environment's names.
        request_id: of the event.
        accepted: when, or when at the earliest.
        known: whether that is the exact time.
        event: it, where somebody saw it.
    """
    steps = []
    if known:
        origin = f" from {event.source_ip}" if event and event.source_ip else ""
        agent = f" ({event.user_agent})" if event and event.user_agent else ""
        facts = {
            "source_ip": event.source_ip if event else None,
            "user_agent": event.user_agent if event else None,
        }
        steps.append(Step("http", accepted, f"accepted{origin}{agent}", facts))
    if logs is None:
        return steps, Search("http", "the event itself; this machine keeps no access log", len(steps))
    group = f"/aws/apigateway/{prefix}-access"
    if not known:
        return steps, Search("http", group, 0, "the time of acceptance is unknown")
    lines, missed = _logged(logs, group, request_id.partition("#")[0], accepted)
    for at, line in lines:
        what = f"answered {line.get('status')} to {line.get('httpMethod')} {line.get('path')} (access log)"
        steps.append(Step("http", at, what, {"access_log": line}))
    return steps, Search("http", f"the event itself, and {group} around {accepted:%H:%M:%S} UTC", len(steps), missed)


def _logged(
    logs: Any, group: str, request_id: str, accepted: datetime
) -> tuple[list[tuple[datetime, dict[str, Any]]], str]:
    """The lines of the access log for a request, and why there may be more."""
    request: dict[str, Any] = {
        "logGroupName": group,
        "filterPattern": f"{{ $.requestId = {json.dumps(request_id)} }}",
        "startTime": int((accepted - WINDOW).timestamp() * 1000),
        "endTime": int((accepted + WINDOW).timestamp() * 1000),
    }
    found = []
    try:
        for _ in range(MAX_PAGES):
            page = logs.filter_log_events(**request)
            for line in page["events"]:
                at = datetime.fromtimestamp(line["timestamp"] / 1000, UTC)
                found.append((at, _fields(line["message"])))
            if "nextToken" not in page:
                return found, ""
            request["nextToken"] = page["nextToken"]
    except ClientError as error:
        if error_code(error) == "ResourceNotFoundException":
            return [], "access logs are off: access_logs in the environment's tfvars switches them on"
        raise
    return found, f"ended after {MAX_PAGES} pages"


def _fields(line: str) -> dict[str, Any]:
    try:
        fields = json.loads(line)
    except ValueError:
        return {}
    return fields if isinstance(fields, dict) else {}


def trace_of(
    segments: Callable[[str], Sequence[dict[str, Any]]], link: Callable[[str], str], header: str | None
) -> Trace | None:
    """The trace that an event carries.

    Args:
        segments: gives the segments of a trace.
        link: where a trace is shown.
        header: the event's trace header.
    """
    found = _TRACE.search(header or "")
    if found is None:
        return None
    is_sampled = "Sampled=1" in (header or "")
    kept = [_segment(each) for each in segments(found[1])] if is_sampled else []
    return Trace(found[1], is_sampled, link(found[1]), tuple(sorted(kept, key=lambda each: float(each["start"]))))


def _segment(document: dict[str, Any]) -> dict[str, Any]:
    annotations = document.get("annotations") or {}
    return {
        "name": str(document.get("name", "")),
        "start": float(document.get("start_time") or 0.0),
        "end": float(document["end_time"]) if document.get("end_time") else None,
        "outcome": annotations.get("outcome") if isinstance(annotations, dict) else None,
    }
