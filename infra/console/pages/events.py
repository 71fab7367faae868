"""The page Events: events as they come, with a filter."""

from datetime import UTC, datetime, timedelta
from typing import Any, Final

from flask import Blueprint, Response, render_template, request

from archive.dead_letters.selection import SelectionError, Where, parse_time
from infra.console.console import Console
from infra.console.tailing import Follows, Tails
from infra.tail.reader import Tail

START: Final = "10s"
PAUSE_SECONDS: Final = 1.0  # one of the five reads a second that a shard gives to all its readers
LOCAL_PAUSE_SECONDS: Final = 0.3  # the local pipeline's own readers do not share them
EVERY_MS: Final = 500


def register(blueprint: Blueprint, console: Console) -> None:
    """Add the page's routes."""
    tails = console.tails

    @blueprint.get("/events")
    def events() -> str:
        return render_template("events.html", every_ms=EVERY_MS, **_now(console, tails))

    @blueprint.get("/events/now")
    def events_now() -> str | Response:
        values = _now(console, tails)
        if request.headers.get("X-Seen") == str(values.get("seen")) and not values.get("error"):
            return Response(status=204)
        return render_template("_events.html", **values)


def _now(console: Console, tails: Tails) -> dict[str, Any]:
    """The values of the template."""
    start, where = request.args.get("start", START).strip() or START, request.args.get("where", "").strip()
    values: dict[str, Any] = {"start": start, "where": where}
    try:
        moment = parse_time(start, datetime.now(UTC))
        condition = Where(where) if where else None
    except SelectionError as error:
        return {**values, "error": str(error)}
    retention = timedelta(hours=console.environment.settings().stream.retention_hours)
    begin_at = max(moment, datetime.now(UTC) - retention)

    def begin(notify: Any) -> Follows:
        return Tail(
            console.environment.client("kinesis", attempts=1),
            console.names.stream,
            start=begin_at,
            where=condition,
            pause_seconds=LOCAL_PAUSE_SECONDS if console.environment.is_local else PAUSE_SECONDS,
            notify=notify,
        )

    followed = tails.followed(f"{start}\n{where}", begin)
    values |= {"seen": followed.seen, "rows": list(followed.rows), "notices": list(followed.notices)}
    if followed.error is not None:
        values["error"] = console.explain(followed.error) or f"the stream cannot be read: {followed.error}"
    return values
