"""Plans of shards that were made on a page: kept as files, carried out after a confirmation, resumed."""

import re
import secrets
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from flask import Blueprint, abort, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from infra.console.console import Console
from infra.console.jobs import Job
from infra.shards.applying import Application
from infra.shards.errors import ShardsError
from infra.shards.journal import Entry, Journal
from infra.shards.plan import Plan
from infra.shards.plan_file import read_plan, write_plan
from infra.shards.report import Clients
from infra.shards.steps import SETTLE_SECONDS
from infra.shards.stream import read_stream
from infra.shards.watching import Watch
from producers.clock import SYSTEM_CLOCK, Clock

_NAME: Final = re.compile(r"plan-\d{8}T\d{6}Z-[0-9a-f]{6}\.json")
SHOWN_PLANS: Final = 20


class ApplyingStopped(ShardsError):
    """The operator stopped a plan between two steps."""


@dataclass(frozen=True, slots=True)
class KeptPlan:
    """A plan that was made here.

    Args:
        name: of its file.
        plan: itself.
        entries: of its journal.
    """

    name: str
    plan: Plan
    entries: list[Entry]

    @property
    def is_done(self) -> bool:
        """Whether every step is."""
        return {entry.step for entry in self.entries if entry.happening == "done"} >= set(
            range(1, len(self.plan.steps) + 1)
        )


def register(blueprint: Blueprint, console: Console) -> None:
    """Add the routes."""

    @blueprint.get("/shards/plans")
    def plans() -> str:
        return render_template("plans.html", plans=list(kept_plans(console.folder)))

    @blueprint.post("/shards/apply")
    def apply() -> Response:
        name = request.form.get("plan", "")
        if not _NAME.fullmatch(name) or not (console.folder / name).is_file():
            abort(404, "there is no such plan; make it again")
        if "sure" not in request.form:
            abort(400, "confirm that the stream is to be changed; nothing was changed")
        asked = {each: request.form.get(each, "") for each in ("plan", "settle", "without_age")}
        job = console.jobs.start("apply", "Shards", lambda job: _apply(console, job, asked), asked)
        return redirect(url_for("console.job_page", job_id=job.id), 303)


def save_plan(folder: Path, plan: Plan) -> str:
    """Keep a plan; return the name of its file."""
    folder.mkdir(parents=True, exist_ok=True)
    name = f"plan-{datetime.fromtimestamp(plan.made_at, UTC):%Y%m%dT%H%M%SZ}-{secrets.token_hex(3)}.json"
    write_plan(folder / name, plan)
    return name


def kept_plans(folder: Path) -> Iterator[KeptPlan]:
    """The newest plans, the newest first."""
    for path in sorted(folder.glob("plan-*.json"), reverse=True)[:SHOWN_PLANS]:
        if _NAME.fullmatch(path.name):
            plan, plan_id = read_plan(path)
            yield KeptPlan(path.name, plan, _journal(path).entries(plan_id))


def _journal(path: Path) -> Journal:
    return Journal(path.with_name(path.name + ".journal.jsonl"))


def _apply(console: Console, job: Job, asked: dict[str, str]) -> dict[str, Any]:
    path = console.folder / asked["plan"]
    plan, plan_id = read_plan(path)
    environment = console.environment
    clients = Clients(*(environment.client(service) for service in ("kinesis", "cloudwatch", "lambda", "firehose")))
    needs_age = not (asked["without_age"] or environment.is_local)  # the local Kinesis may not measure it
    application = Application(
        clients,
        plan,
        plan_id,
        _journal(path),
        Watch(clients.cloudwatch, plan.stream_name, console.names.prefix, needs_age=needs_age),
        by=str(environment.client("sts").get_caller_identity()["Arn"]),
        clock=_Stoppable(job, SYSTEM_CLOCK),
        settle_seconds=float(asked["settle"]) if asked["settle"].isdecimal() else SETTLE_SECONDS,
        show=job.say,
    )
    before = len(application.check().shards)
    application.run()
    after = len(read_stream(clients.kinesis, plan.stream_name, now=SYSTEM_CLOCK.time()).shards)
    return {"before": before, "after": after, "journal": path.name + ".journal.jsonl"}


class _Stoppable:
    """A clock whose sleep ends, with an error, when the job is to stop: a plan sleeps between steps, and within one.

    Args:
        job: that may be stopped.
        clock: the time.
    """

    def __init__(self, job: Job, clock: Clock) -> None:
        self._job = job
        self._clock = clock

    def time(self) -> float:
        """Seconds since the epoch."""
        return self._clock.time()

    def monotonic(self) -> float:
        """Seconds on a clock that never goes back."""
        return self._clock.monotonic()

    def sleep(self, seconds: float) -> None:
        """Wait.

        Raises:
            ApplyingStopped: the operator stopped it.
        """
        if self._job.stopping.wait(seconds):
            raise ApplyingStopped("You stopped it. What is done is noted; resume goes on from there.")
