"""The page of one event: where it went, and what was searched."""

from datetime import UTC, datetime, timedelta
from typing import Any, Final

from flask import Blueprint, render_template, request

from archive.dead_letters.selection import SelectionError, parse_time
from infra.console.console import Console
from infra.journey.asking import TRACES_PATH, asked_of
from infra.journey.journey import journey

AROUND: Final = timedelta(seconds=1)
START: Final = "1h"


def register(blueprint: Blueprint, console: Console) -> None:
    """Add the page's route."""

    @blueprint.get("/event")
    def event() -> str:
        return render_template("event.html", **_found(console))


def _found(console: Console) -> dict[str, Any]:
    """The values of the template."""
    request_id, at = request.args.get("id", "").strip(), request.args.get("at", "").strip()
    values: dict[str, Any] = {"id": request_id, "at": at}
    if not request_id:
        return values
    now = datetime.now(UTC)
    try:
        start = parse_time(at or START, now)
    except SelectionError as error:
        return {**values, "error": str(error)}
    traces = request.host_url.rstrip("/") + TRACES_PATH
    end = start + AROUND if at else now
    return {**values, "journey": journey(asked_of(console.environment, traces), request_id, start, end)}
