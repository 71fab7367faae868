"""Charts as PNG. The only module that needs matplotlib, and imported only where a chart is asked for."""

from pathlib import Path
from typing import Final

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter

from infra.shards.limits import WRITE_RECORDS_PER_SECOND
from infra.shards.report import Report
from infra.shards.simulation import Simulation

FULL, HOT, FINE = "#b3261e", "#e08600", "#2f6f9f"  # over the limit, over 80 %, below
GREY: Final = "#8a8a8a"
DPI: Final = 120
MOST_BARS: Final = 64  # more could not be distinguished
SHARD_INCHES: Final = 0.28
_THOUSANDS: Final = FuncFormatter(lambda value, _: f"{value:,.10g}")


def draw_report(report: Report, path: Path) -> None:
    """Draw a bar for each shard, hottest first where there are too many to show them all."""
    shards = list(report.stream.shards)
    if len(shards) > MOST_BARS:
        shards = sorted(shards, key=report.utilisation, reverse=True)[:MOST_BARS]
    figure = _figure(9, 1.9 + SHARD_INCHES * len(shards))
    axes = figure.add_subplot()
    values = [report.utilisation(shard) * 100 for shard in shards]
    colours = [FULL if value > 100 else HOT if value > 80 else FINE for value in values]
    bars = axes.barh([shard.shard_id.removeprefix("shardId-") for shard in shards], values, color=colours, height=0.7)
    axes.bar_label(bars, labels=[f"{value:.0f} %" for value in values], padding=4, fontsize=9)
    axes.axvline(100, color=FULL, linewidth=1)
    axes.set_xlim(0, max(115.0, max(values) * 1.15))
    axes.set_ylim(len(shards) - 0.4, -0.6)
    axes.set_xlabel("used, % of what a shard takes (1 MiB or 1,000 records a second)")
    axes.set_ylabel("shard")
    shown = (
        f"the {len(shards)} hottest of {len(report.stream.shards)}" if len(shards) < len(report.stream.shards) else ""
    )
    axes.set_title(f"{report.stream.name} {shown}".strip(), loc="left")
    _plain(axes)
    _save(figure, path)


def draw_simulation(simulation: Simulation, title: str, path: Path) -> None:
    """Draw what happened over time: traffic against capacity, utilisation, refused records, lag and cost."""
    minutes = simulation.minutes
    hours = [minute.at / 3600 for minute in minutes]
    figure = _figure(10, 9)
    traffic, used, throttled, cost = figure.subplots(4, 1, sharex=True, height_ratios=(3, 2, 2, 2))
    traffic.plot(hours, [minute.offered / 60 for minute in minutes], color=FINE, linewidth=1, label="offered")
    capacity = [minute.shards * WRITE_RECORDS_PER_SECOND for minute in minutes]
    traffic.step(hours, capacity, where="post", color=GREY, linewidth=1.2, label="what the shards take")
    traffic.set_ylabel("records/s")
    if max(capacity) > 50 * max(1, min(capacity)):
        traffic.set_yscale("log")
    else:
        traffic.set_ylim(0)
        traffic.yaxis.set_major_formatter(_THOUSANDS)
    traffic.legend(frameon=False, loc="lower right", bbox_to_anchor=(1, 1), ncols=2)
    traffic.set_title(
        f"{title}: {min(m.shards for m in minutes):,} to {max(m.shards for m in minutes):,} shards", loc="left"
    )
    used.plot(hours, [minute.utilisation * 100 for minute in minutes], color=FINE, linewidth=1)
    used.axhline(100, color=FULL, linewidth=1)
    used.set_ylabel("hottest shard, %")
    used.set_ylim(0)
    throttled.fill_between(hours, [minute.throttled / 60 for minute in minutes], color=FULL, step="post", linewidth=0)
    throttled.set_ylabel("refused/s", color=FULL)
    throttled.set_ylim(0, max(1.0, 1.1 * max(minute.throttled / 60 for minute in minutes)))
    lag = throttled.twinx()
    lag.plot(hours, [minute.lag_seconds for minute in minutes], color=GREY, linewidth=1)
    lag.set_ylabel("lag, s", color=GREY)
    lag.set_ylim(0, max(1.0, 1.1 * max(minute.lag_seconds for minute in minutes)))
    cost.plot(hours, [minute.cost for minute in minutes], color=FINE, linewidth=1.2, label="provisioned")
    cost.plot(hours, [minute.on_demand_cost for minute in minutes], color=GREY, linewidth=1.2, label="on-demand")
    cost.set_ylabel("cost, $")
    cost.set_xlabel("hours")
    cost.set_ylim(0)
    cost.legend(frameon=False, loc="upper left", ncols=2)
    for axes in (throttled, cost):
        axes.yaxis.set_major_formatter(_THOUSANDS)
    for axes in (traffic, used, throttled, cost):
        _plain(axes)
        axes.set_xlim(0, hours[-1])
    lag.spines["top"].set_visible(False)
    figure.align_ylabels((traffic, used, throttled, cost))
    _save(figure, path)


def _figure(width: float, height: float) -> Figure:
    """A figure of so many inches, drawn without a display."""
    return Figure(figsize=(width, height), layout="constrained")


def _plain(axes: Axes) -> None:
    axes.spines[["top", "right"]].set_visible(False)
    axes.grid(axis="x" if axes.containers else "y", color="#e5e5e5", linewidth=0.6)
    axes.set_axisbelow(True)


def _save(figure: Figure, path: Path) -> None:
    with mpl.rc_context({"savefig.bbox": "standard"}):
        figure.savefig(path, format="png", dpi=DPI)
