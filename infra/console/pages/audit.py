"""The page Audit: the balance of a period as a picture that adds up, and what is missing."""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from flask import Blueprint, redirect, render_template, request, url_for
from markupsafe import Markup
from werkzeug.wrappers import Response

from archive.dead_letters.selection import SelectionError, parse_time
from infra.audit.balance import Balance, Clients, audit
from infra.audit.ledger import Missing
from infra.audit.sightings import Period
from infra.console import svg
from infra.console.console import Console
from infra.console.jobs import Job
from producers.explained import Explained

SHOWN_MISSING: Final = 200
SERVICES: Final = ("kinesis", "dynamodb", "s3", "sqs", "cloudwatch")


class AuditStopped(Explained):
    """The operator stopped it."""


@dataclass(frozen=True, slots=True)
class Audited:
    """What an audit found, for its page.

    Args:
        balance: of the period.
        missing: the first that are missing.
        table: the picture of what should be in the table.
        lake: likewise of the lake.
    """

    balance: Balance
    missing: list[Missing]
    table: Markup
    lake: Markup


def register(blueprint: Blueprint, console: Console) -> None:
    """Add the page's routes."""

    @blueprint.get("/audit")
    def audit_page() -> str:
        return render_template("audit.html", start="24h", end="now")

    @blueprint.post("/audit")
    def audit_start() -> Response | str:
        start, end = request.form.get("start", ""), request.form.get("end", "")
        try:
            period = period_of(start, end)
        except SelectionError as error:
            return render_template("audit.html", start=start, end=end, error=str(error))
        scan = "scan_table" in request.form
        job = console.jobs.start("audit", "Audit", lambda job: _audit(console, job, period, scan_table=scan))
        return redirect(url_for("console.job_page", job_id=job.id), 303)


def period_of(start: str, end: str) -> Period:
    """The period of two times, written as the commands take them.

    Raises:
        SelectionError: one of them is not a time, or the first is not before the second.
    """
    now = datetime.now(UTC)
    found = Period(parse_time(start, now), parse_time(end, now))
    if found.start >= found.end:
        raise SelectionError(f"{start} is not before {end}")
    return found


def _audit(console: Console, job: Job, period: Period, *, scan_table: bool) -> Audited:
    job.say(f"Accepted from {period.start:%Y-%m-%d %H:%M:%S} to {period.end:%Y-%m-%d %H:%M:%S} UTC")
    missing: list[Missing] = []

    def report(step: str, count: int) -> None:
        if job.stopping.is_set():
            raise AuditStopped("You stopped it. Nothing was changed.")
        job.say(f"{step}: {count:,} seen")

    def keep(each: Missing) -> None:
        if len(missing) < SHOWN_MISSING:
            missing.append(each)

    balance = audit(
        Clients(*(console.environment.client(service) for service in SERVICES)),
        console.names,
        console.environment.settings(),
        period,
        scan_table=scan_table,
        report=report,
        on_missing=keep,
    )
    return Audited(balance, missing, svg.stack("Table", table_parts(balance)), svg.stack("Lake", lake_parts(balance)))


def table_parts(balance: Balance) -> list[svg.Part]:
    """Everything that was seen, by what became of it at the table; the parts add up to all of it."""
    return [
        svg.Part("in the table", balance.in_table, 3),
        svg.Part("in dead letters alone", balance.only_in_dead_letters, 2),
        svg.Part("on the way", balance.on_the_way_to_table, 1),
        svg.Part("missing", balance.missing_from_table, 5),
    ]


def lake_parts(balance: Balance) -> list[svg.Part]:
    """The same at the lake."""
    return [
        svg.Part("in the lake", balance.in_lake, 3),
        svg.Part("in Firehose errors alone", balance.only_in_firehose_errors, 2),
        svg.Part("on the way", balance.on_the_way_to_lake, 1),
        svg.Part("missing", balance.missing_from_lake, 5),
    ]
