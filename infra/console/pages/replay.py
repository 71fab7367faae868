"""Putting failures back from a page: the edit with its difference, the dry run, the replay with its progress."""

import importlib.util
from collections.abc import Mapping
from typing import Any, Final, cast, get_args

from flask import Blueprint, abort, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from archive.dead_letters.selection import SelectionError
from archive.replay.destination_kinds import DESTINATIONS, STREAM
from archive.replay.editing import Edit, EditError, edit_of
from archive.replay.journal import Record
from archive.replay.plan import Tally
from archive.replay.run import history
from archive.replay.settling import OnDoubt
from infra.console.console import Console
from infra.console.jobs import Job
from infra.console.pages.dead_letters import field_of, names_in, selected
from infra.dead_letters.replaying import Replaying, Tried, count_unsettled, discard, order_of
from infra.dead_letters.session import session
from infra.dead_letters.wish import Wish, wish_of

EDITS: Final = 4  # members that a form sets
CHOICES: Final = {"into": (STREAM, DESTINATIONS), "in_doubt": ("ask", get_args(OnDoubt))}


def register(blueprint: Blueprint, console: Console) -> None:
    """Add the page's routes."""

    @blueprint.get("/dead-letters/put-back")
    def put_back() -> str:
        return _page(asked_of(request.args))

    @blueprint.post("/dead-letters/rehearse")
    def rehearse() -> str:
        asked = asked_of(request.form)
        tried: list[Tried] = []
        try:
            wish = wish_from(asked)
            with session(console.environment) as opened:
                found = Replaying(opened, wish, tried.extend).rehearse()
                unfit = opened.failures.seen.why_unfit
        except Exception as error:
            line = console.explain(error)
            if line is None:
                raise
            return _page(asked, tried=tried, error=line)
        return _page(asked, tried=tried, rehearsal=found, wish=wish, unfit=unfit)

    @blueprint.post("/dead-letters/replay")
    def replay() -> Response:
        asked = asked_of(request.form)
        wish = wish_from(asked)
        job = console.jobs.start("replay", "Dead letters", lambda job: _replay(console, job, wish), asked)
        return redirect(url_for("console.job_page", job_id=job.id), 303)

    @blueprint.post("/dead-letters/resume/<replay_id>")
    def resume(replay_id: str) -> Response:
        with session(console.environment) as opened:
            record = next((each for each, _ in history(opened.failures.documents) if each.id == replay_id), None)
        if record is None:
            abort(404, f"there is no replay {replay_id}")
        asked = asked_of(_fields_of(record))
        job = console.jobs.start("replay", "Dead letters", lambda job: _replay(console, job, wish_from(asked)), asked)
        return redirect(url_for("console.job_page", job_id=job.id), 303)

    @blueprint.post("/dead-letters/discard")
    def discard_all() -> Response | str:
        asked = asked_of(request.form)
        wish = wish_from({**asked, **{f"{kind}{at}": "" for kind in ("pointer", "value") for at in range(EDITS)}})
        if "sure" not in request.form:
            with session(console.environment) as opened:
                return render_template("discard.html", asked=asked, count=count_unsettled(opened, wish.selection))
        job = console.jobs.start("discard", "Dead letters", lambda job: _discard(console, job, wish), asked)
        return redirect(url_for("console.job_page", job_id=job.id), 303)


def asked_of(fields: Mapping[str, str]) -> dict[str, str]:
    """The fields of the form, each as text."""
    asked = selected(fields)
    for at in range(EDITS):
        asked |= {f"{kind}{at}": fields.get(f"{kind}{at}", "") for kind in ("pointer", "value")}
    asked |= {name: fields.get(name, "") for name in ("jq", "rate", "force", "again")}
    for name, (default, allowed) in CHOICES.items():
        given = fields.get(name, default)
        asked[name] = given if given in allowed else default
    asked["share"] = fields.get("share", "0.5")
    return asked


def _fields_of(record: Record) -> dict[str, str]:
    """The fields of the form that a replay was begun with, by a page or a command.

    Raises:
        EditError: it was edited in a way that a form does not have.
    """
    options = record.options
    fields = {"start": options["from"], "end": options["to"], "where": options["where"], "into": options["destination"]}
    fields |= {"stage": field_of(options["stage"]), "error": field_of(options["error"])}
    fields |= {name: "yes" for name in ("force", "again") if options[name]}
    sets = [each.removeprefix("--set ") for each in options["edits"] if each.startswith("--set ")]
    programs = [each.removeprefix("--jq ") for each in options["edits"] if each.startswith("--jq ")]
    if len(sets) > EDITS or len(sets) + len(programs) < len(options["edits"]):
        raise EditError(f"replay {record.id} has an edit that a page does not have; resume it with the same command")
    for at, text in enumerate(sets):
        fields[f"pointer{at}"], _, fields[f"value{at}"] = text.partition("=")
    return fields | {"jq": "".join(programs)}


def wish_from(asked: Mapping[str, str]) -> Wish:
    """The wish that a form expresses.

    Raises:
        SelectionError, EditError: a field cannot be understood.
    """
    return wish_of(
        asked["start"],
        asked["end"],
        stages=names_in(asked["stage"]),
        errors=names_in(asked["error"]),
        where=asked["where"],
        kind=asked["into"],
        edit=edit_from(asked),
        force=bool(asked["force"]),
        again=bool(asked["again"]),
        on_doubt=cast("OnDoubt", asked["in_doubt"]),
        rate=_number(asked["rate"], "events a second") if asked["rate"] else None,
        share=_share(asked["share"]),
    )


def edit_from(asked: Mapping[str, str]) -> Edit | None:
    """The edit of a form: members to set by JSON pointer, and a jq program where that package is installed."""
    sets = [
        f"{asked[f'pointer{at}'].strip()}={asked[f'value{at}']}" for at in range(EDITS) if asked[f"pointer{at}"].strip()
    ]
    return edit_of(sets, asked["jq"] or None)


def _number(text: str, what: str) -> float:
    try:
        number = float(text)
    except ValueError:
        number = 0.0
    if not 0 < number < float("inf"):
        raise SelectionError(f"{text!r} is not a number of {what}")
    return number


def _share(text: str) -> float:
    share = _number(text, "the share of what the stream has free, 0 to 1")
    if share > 1:
        raise SelectionError(f"a share is at most 1, not {text}")
    return share


def _page(asked: dict[str, str], **values: Any) -> str:
    has_jq = importlib.util.find_spec("jq") is not None
    return render_template("put_back.html", asked=asked, edits=range(EDITS), has_jq=has_jq, choices=CHOICES, **values)


def _replay(console: Console, job: Job, wish: Wish) -> dict[str, Any]:
    with session(console.environment) as opened:
        record, tally = Replaying(opened, wish).act(
            console.operator(),
            stop=job.stopping.is_set,
            on_start=lambda record: job.say(
                f"Replay {record.id}" + (f", resumed: {record.put_back:,} put back before" if record.resumed else "")
            ),
            on_batch=lambda tally: job.count(_counts(tally)),
        )
    return {"record": record, "tally": tally}


def _discard(console: Console, job: Job, wish: Wish) -> dict[str, Any]:
    as_written = {
        **{name: wish.as_written[name] for name in ("from", "to", "stage", "error", "where")},
        "discard": True,
    }
    with session(console.environment) as opened:
        order = order_of(console.operator(), as_written, wish.selection)
        record = discard(opened, order, stop=job.stopping.is_set, on_batch=lambda tally: job.count(_counts(tally)))
    return {"record": record}


def _counts(tally: Tally) -> str:
    left = "".join(f", {count:,} {kind}" for kind, count in tally.left.most_common())
    return f"{tally.put_back:,} put back, {tally.discarded:,} discarded, {tally.left.total():,} left{left}"
