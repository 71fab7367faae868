"""The page Dead letters: what failed by stage and reason, one failure whole, the queues, and who put back what."""

import glob
import shlex
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any, Final

from flask import Blueprint, render_template, request

from archive.dead_letters.draining import drain
from archive.dead_letters.failures import FailedRecord
from archive.dead_letters.outlook import outlook_of
from archive.dead_letters.selection import SelectionError
from archive.replay.document import document_of_event, pretty
from archive.replay.run import history
from infra.console.console import Console
from infra.dead_letters.session import report_of, selection_of, session
from infra.dead_letters.steps import steps_of

REPLAYS: Final = 20


def register(blueprint: Blueprint, console: Console) -> None:
    """Add the page's routes."""
    blueprint.add_app_template_filter(stage_field)
    blueprint.add_app_template_filter(error_field)

    @blueprint.get("/dead-letters")
    def dead_letters() -> str:
        asked = selected(request.args)
        with session(console.environment) as opened:
            records = history(opened.failures.documents, REPLAYS)[::-1]
            try:
                selection = selection_of(
                    asked["start"],
                    asked["end"],
                    names_in(asked["stage"]),
                    names_in(asked["error"]),
                    asked["where"],
                )
            except SelectionError as error:
                return render_template("dead_letters.html", asked=asked, records=records, error=str(error))
            report = report_of(opened, selection, everything="all" in request.args)
            unfit = opened.failures.seen.why_unfit
        return render_template(
            "dead_letters.html", asked=asked, records=records, report=report, selection=selection, unfit=unfit
        )

    @blueprint.get("/dead-letters/failure")
    def failure() -> str:
        with session(console.environment) as opened:
            failed, settled, stored = opened.failures.find(request.args.get("name", ""))
        outlook = outlook_of(failed)
        return render_template(
            "failure.html",
            failed=failed,
            outlook=outlook,
            steps=steps_of(failed, settled, stored.written_at, outlook),
            event=None if outlook.event is None else "\n".join(pretty(document_of_event(outlook.event))),
            one=_only(failed),
            asked=selected(request.args),
        )

    @blueprint.post("/dead-letters/drain")
    def drain_queues() -> str:
        with session(console.environment) as opened:
            results = [
                drain(
                    console.environment.client("sqs"),
                    opened.s3,
                    console.environment.client("kinesis"),
                    queue=queue,
                    bucket=opened.names.dead_letter_bucket,
                    stream=opened.names.stream,
                )
                for queue in (opened.names.dead_letter_queue, opened.names.parked_queue)
            ]
        return render_template("drained.html", results=results)


def names_in(field: str) -> tuple[str, ...]:
    """The stages or reasons in a field: a space stands between two, and quotes around one that has a space.

    Raises:
        SelectionError: a quote has no end.
    """
    try:
        return tuple(shlex.split(field))
    except ValueError as error:
        raise SelectionError(
            f'{field}: a quote has no end; write a name with a space or a quote as "a name"'
        ) from error


def field_of(names: Iterable[str]) -> str:
    """The field in which `names_in` finds these names."""
    return shlex.join(names)


def stage_field(stage: str) -> str:
    """The field that selects one stage."""
    return field_of([stage])


def error_field(error_type: str) -> str:
    """The field that selects one reason, and not what a `*` in it stands for."""
    return field_of([glob.escape(error_type)])


def selected(fields: Any) -> dict[str, str]:
    """The fields that select failures, as a form or an address has them; `names_in` reads stages and reasons."""
    defaults = {"start": "24h", "end": "now", "stage": "", "error": "", "where": ""}
    return {name: str(fields.get(name, value)).strip() or value for name, value in defaults.items()}


def _only(failed: FailedRecord) -> dict[str, str]:
    """The fields that select one failure alone: its name, and the second in which it failed."""
    at = int(failed.failed_at.timestamp())
    start, end = (datetime.fromtimestamp(each, UTC).isoformat() for each in (at, at + 1))
    name = failed.name.replace("\\", "\\\\").replace("'", "\\'")
    return {"start": start, "end": end, "stage": "", "error": "", "where": f"name == '{name}'"}
