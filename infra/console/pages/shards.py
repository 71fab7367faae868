"""The page Shards: heat by shard and minute, hot keys, and a plan with its cost beside today's."""

import re
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final

from flask import Blueprint, render_template, request

from infra.console import svg
from infra.console.console import Console
from infra.console.pages.applying import save_plan
from infra.console.remembered import Remembered
from infra.shards.changing import describe
from infra.shards.errors import ShardsError
from infra.shards.heat import heat_of
from infra.shards.limits import MAX_SHARDS, MINUTES_KEPT
from infra.shards.load import Load
from infra.shards.measuring import measure, plan_for
from infra.shards.plan import Bounds
from infra.shards.report import Clients, Report

MINUTES: Final = 60  # that the page looks back
REPORT_SECONDS: Final = 10.0  # a report samples the stream, and so takes reads from its consumers
SHOWN_SHARDS: Final = 64
SPANS: Final = {"1h": 60, "12h": 720, "1d": 1_440, "7d": 10_080, "15d": MINUTES_KEPT}
DEFAULTS: Final = {
    "for": "measured", "span": "1d", "peak": "", "event_bytes": "", "events_per_record": "1", "mean": "",
    "target": "0.6", "minimum": "1", "maximum": str(MAX_SHARDS),
}  # fmt: skip


class InvalidField(ShardsError):
    """A field of the form is not what it has to be."""


def register(blueprint: Blueprint, console: Console) -> None:
    """Add the page's routes."""

    def measured() -> Report:
        return measure(clients_of(console), console.names, minutes=MINUTES, with_sample=True)

    report = Remembered(measured, REPORT_SECONDS)

    @blueprint.get("/shards")
    def shards() -> str:
        return render_template("shards.html", asked=DEFAULTS, spans=[(span, span) for span in SPANS])

    @blueprint.get("/shards/now")
    def shards_now() -> str:
        return render_template("_shards.html", **_measured(console, report.value()))

    @blueprint.post("/shards/plan")
    def plan() -> str:
        asked = {name: request.form.get(name, default).strip() for name, default in DEFAULTS.items()}
        span = asked["span"] if asked["span"] in SPANS else "1d"
        try:
            bounds, expected = _bounds(asked), _expected(asked)
            found = measure(clients_of(console), console.names, minutes=SPANS[span], with_sample=True)
            made = plan_for(clients_of(console), found, bounds, expected, span)
        except ShardsError as error:
            return render_template("plan.html", asked=asked, spans=[(each, each) for each in SPANS], error=str(error))
        name = save_plan(console.folder, made) if made.steps else ""
        return render_template(
            "plan.html",
            asked=asked,
            spans=[(each, each) for each in SPANS],
            plan=made,
            name=name,
            steps=[(describe(step), step) for step in made.steps],
            now=time.time(),
        )


def _measured(console: Console, report: Report) -> dict[str, Any]:
    """The values of the template of a report."""
    heat = heat_of(console.environment.client("cloudwatch"), report)
    columns = [f"{datetime.fromtimestamp(at, UTC):%H:%M}" for at in heat.minutes]
    shards = report.stream.shards[:SHOWN_SHARDS]
    rows = [(shard.shard_id.removeprefix("shardId-000000"), row) for shard, row in zip(shards, heat.rows, strict=False)]
    used = {shard.shard_id: report.utilisation(shard) for shard in shards}
    return {
        "report": report,
        "bars": {shard_id: svg.bar(share, f"{share:.0%} used") for shard_id, share in used.items()},
        "heat": svg.heat("How full each shard was, by the minute", rows, columns),
        "is_measured": heat.is_measured,
        "shown": SHOWN_SHARDS,
    }


def clients_of(console: Console) -> Clients:
    """The clients that measuring and changing shards needs."""
    return Clients(
        *(console.environment.client(service) for service in ("kinesis", "cloudwatch", "lambda", "firehose"))
    )


def _bounds(asked: Mapping[str, str]) -> Bounds:
    try:
        return Bounds(_number(asked, "target"), round(_number(asked, "minimum")), round(_number(asked, "maximum")))
    except ValueError as error:
        raise InvalidField(str(error)) from error


def _expected(asked: Mapping[str, str]) -> tuple[Load, Load] | None:
    """The peak and the mean that are expected; None where the plan is for what was measured."""
    if asked["for"] != "expected":
        return None
    of_events = Load(_number(asked, "event_bytes"), 1 / max(1.0, _number(asked, "events_per_record")))
    peak = _number(asked, "peak")
    return of_events * peak, of_events * (_number(asked, "mean") if asked["mean"] else peak)


def _number(asked: Mapping[str, str], name: str) -> float:
    if not re.fullmatch(r"\d{1,12}(\.\d{1,6})?", asked[name]) or not float(asked[name]):
        raise InvalidField(f"{name.replace('_', ' ')}: {asked[name]!r} is not a number over 0")
    return float(asked[name])
