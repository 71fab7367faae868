"""Automatic scaling on paper: a trace of traffic, and what the thresholds would make of it."""

from collections.abc import Mapping
from random import Random
from typing import Any, Final

from flask import Blueprint, render_template, request

from infra.console import svg
from infra.console.console import Console
from infra.shards.autoscaling import Thresholds
from infra.shards.limits import MAX_SHARDS
from infra.shards.plan import Bounds
from infra.shards.simulation import simulate
from infra.shards.traffic import BUILT_IN, built_in

DEFAULTS: Final = {
    "trace": "daily-wave", "shards": "2", "target": "0.6", "up_above": "0.75", "down_below": "0.4", "minimum": "1",
    "maximum": str(MAX_SHARDS), "reader_rate": "2000", "seed": "1",
}  # fmt: skip


def register(blueprint: Blueprint, _console: Console) -> None:
    """Add the routes."""

    @blueprint.get("/shards/simulation")
    def simulation() -> str:
        return _page(DEFAULTS)

    @blueprint.post("/shards/simulation")
    def simulation_run() -> str:
        asked = {name: request.form.get(name, default).strip() for name, default in DEFAULTS.items()}
        try:
            return _page(asked, **_simulated(asked))
        except ValueError as error:
            return _page(asked, error=str(error))


def _simulated(asked: Mapping[str, str]) -> dict[str, Any]:
    """The simulation and its picture.

    Raises:
        ValueError: a field is not a number, or the thresholds contradict each other.
    """
    if asked["trace"] not in BUILT_IN:
        raise ValueError(f"there is no trace {asked['trace']!r}")
    count, rate = int(asked["shards"]), float(asked["reader_rate"])
    if not 1 <= count <= MAX_SHARDS or not 0 < rate < float("inf"):
        raise ValueError(f"shards are 1 to {MAX_SHARDS:,}, and the readers' rate is over 0")
    bounds = Bounds(float(asked["target"]), int(asked["minimum"]), int(asked["maximum"]))
    thresholds = Thresholds(bounds, float(asked["up_above"]), float(asked["down_below"]))
    moments = built_in(asked["trace"], Random(int(asked["seed"])))  # noqa: S311 (no secret)
    found = simulate(moments, thresholds, shards=count, reader_records_per_second=rate)
    minutes = found.minutes
    picture = svg.lines(
        f"{asked['trace']}: shards, offered and refused records, lag",
        [
            ("shards", [float(minute.shards) for minute in minutes]),
            ("records offered in a minute", [minute.offered for minute in minutes]),
            ("lag, seconds", [minute.lag_seconds for minute in minutes]),
            ("used of the hottest shard, %", [minute.utilisation * 100 for minute in minutes]),
            ("records refused in a minute", [minute.throttled for minute in minutes]),
        ],
        "0:00",
        f"{len(minutes) // 60}:{len(minutes) % 60:02}",
    )
    return {"found": found, "picture": picture, "last": minutes[-1], "most": max(minute.shards for minute in minutes)}


def _page(asked: Mapping[str, str], **values: Any) -> str:
    return render_template("simulation.html", asked=asked, traces=[(name, name) for name in BUILT_IN], **values)
