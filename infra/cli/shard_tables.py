"""How `spillway shards` shows what it found: bars and tables for people, plain data for programs."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any, Final

import click

from infra.cli.tables import print_table
from infra.shards.advice import shown
from infra.shards.changing import describe
from infra.shards.load import Shard
from infra.shards.plan import Plan
from infra.shards.report import Report
from infra.shards.simulation import Simulation
from infra.value_text import count_of

BAR_CELLS: Final = 16
SHORT_BAR_CELLS: Final = 8  # where more columns have to fit 80 characters
_EIGHTHS: Final = " ▏▎▍▌▋▊▉"
LIMITS: Final = {
    "bytes": "of the 1 MiB a second it takes",
    "records": "of the 1,000 records a second it takes",
    "reads": "of the 2 MiB a second it gives to the readers that share it",
}
SOURCES: Final = {
    "metrics": "shard-level metrics",
    "sample": "a sample of the stream",
    "key space": "the stream's metrics, spread by key space",
    "nothing": "nothing: no record was seen",
}


def bar(utilisation: float, length: int = BAR_CELLS) -> str:
    """How full a shard is, as a bar of so many cells and a percentage; beyond full it ends in an arrow."""
    eighths = round(min(utilisation, 1.0) * length * 8)
    cells = "█" * (eighths // 8) + (_EIGHTHS[eighths % 8] if eighths % 8 else "")
    cells = cells.ljust(length, "·")
    end = "▶" if utilisation > 1 else "▏"
    return f"{cells}{end}{utilisation:>5.0%}"


def hash_range(shard: Shard) -> str:
    """A shard's hash range by the first four of its 32 hexadecimal digits, and its share of all keys."""
    return f"{shard.start:032x}"[:4] + "-" + f"{shard.end:032x}"[:4] + f"{shard.share:>5.0%}"


def print_report(report: Report) -> None:
    """Print a report."""
    stream = report.stream
    mode, count = stream.mode.lower().replace("_", "-"), count_of(len(stream.shards), "shard")
    click.echo(f"{stream.name}: {stream.status}, {mode}, {count}, records kept for {stream.retention_hours} h")
    columns = ("shard", "hash keys", "used", "KiB/s", "rec/s")
    detailed = any(
        detail.throttled is not None or detail.iterator_age_ms is not None for detail in report.details.values()
    )
    print_table(
        (*columns, "refused", "age s") if detailed else columns,
        [_shard_row(report, shard, detailed=detailed) for shard in stream.shards],
    )
    for line in report_lines(report):
        click.echo(line)


def report_lines(report: Report) -> list[str]:
    """What there is to say below the table of shards."""
    stream, load = report.stream, report.load
    age = report.iterator_age_ms.latest()
    lag = "CloudWatch has no iterator age" if age is None else f"readers are {age / 1000:,.1f} s behind"
    rates = f"{load.records_per_second:,.1f} records/s, {load.bytes_per_second / 1024:,.1f} KiB/s"
    writes, reads = count_of(report.throttled, "record"), count_of(report.reads_throttled, "read")
    refused = f"{writes}, {reads} in {report.window_minutes:g} min"
    shared, fan_out = ", ".join(report.readers.shared) or "none", ", ".join(report.readers.fan_out) or "none"
    lines = [
        f"load      {rates}; of single shards from {SOURCES[report.source]}{_sample_size(report)}",
        f"throttled {refused}",
        f"lag       {lag}",
        f"readers   sharing: {shared}; enhanced fan-out: {fan_out}",
        f"changes   {len(stream.scalings)} of 10 in 24 hours; {stream.quota_left:,} more shards allowed by the quota",
        f"headroom  {_headroom(report)}",
    ]
    for shard in report.hot_shards():
        tightest = LIMITS[shard.load.tightest(stream.readers)]
        lines.append(
            f"hot       {shard.shard_id} uses {report.utilisation(shard):.0%} {tightest}{_between(report, shard)}"
        )
        lines += [f"          {_key_line(report, shard, number)}" for number in range(min(3, len(shard.hot_keys)))]
    return lines


def report_json(report: Report) -> dict[str, Any]:
    """A report as plain data."""
    stream = report.stream
    return {
        "stream": stream.name,
        "status": stream.status,
        "mode": stream.mode,
        "retention_hours": stream.retention_hours,
        "at": _time(report.at),
        "source": report.source,
        "records_per_second": report.load.records_per_second,
        "bytes_per_second": report.load.bytes_per_second,
        "throttled": report.throttled,
        "reads_throttled": report.reads_throttled,
        "iterator_age_ms": report.iterator_age_ms.latest(),
        "readers": list(report.readers.shared),
        "fan_out": list(report.readers.fan_out),
        "scalings_in_24_hours": len(stream.scalings),
        "quota_left": stream.quota_left,
        "headroom_minutes": report.headroom_minutes,
        "shards": [_shard_json(report, shard) for shard in stream.shards],
    }


def print_plan(plan: Plan) -> None:
    """Print a plan."""
    click.echo(f"{plan.verdict}: {plan.reason}")
    if plan.steps:
        print_table(
            ("step", "what", "not before (UTC)", "takes about"),
            [
                (number, describe(step), _time(step.starts_at, "%d %b %H:%M:%S"), _duration(step.seconds))
                for number, step in enumerate(plan.steps, 1)
            ],
        )
    load = plan.load
    click.echo(
        f"peak      {load.records_per_second:,.1f} records/s, {load.bytes_per_second / 1024:,.1f} KiB/s; the hottest "
        f"shard {plan.utilisation_before:.0%} full now, {plan.utilisation_after:.0%} afterwards"
    )
    costs = plan.costs
    click.echo(
        f"a month   {count_of(plan.shards_before, 'shard')} ${costs.now:,.2f}, "
        f"{count_of(plan.shards_after, 'shard')} ${costs.planned:,.2f}, on-demand ${costs.on_demand:,.2f} (us-east-1)"
    )
    if plan.not_kept:
        click.echo(f"bound     {plan.not_kept}")
    if plan.doubt:
        click.echo(f"not sure  {plan.doubt}")
    for line in plan.advice:
        click.echo(f"advice    {line}")


def print_simulation(simulation: Simulation) -> None:
    """Print a simulation: the steps taken, then the sums."""
    print_table(("at", "step", "because"), [(_hours(taken.at), taken.what, taken.reason) for taken in simulation.taken])
    for notice in simulation.notices:
        click.echo(f"notice    {notice}")
    summary = simulation_json(simulation)
    click.echo(f"shards    {summary['fewest']:,} to {summary['most']:,}, {summary['shards_at_the_end']:,} at the end")
    click.echo(f"throttled {summary['throttled_share']:.3%} of {summary['offered']:,.0f} records")
    click.echo(f"lag       {summary['worst_lag_seconds']:,.0f} s at the worst")
    click.echo(f"cost      ${summary['cost']:,.2f}, on-demand ${summary['on_demand_cost']:,.2f}")


def simulation_json(simulation: Simulation) -> dict[str, Any]:
    """A simulation's sums as plain data."""
    minutes = simulation.minutes
    return {
        "minutes": len(minutes),
        "offered": sum(minute.offered for minute in minutes),
        "throttled_share": simulation.throttled_share,
        "fewest": min(minute.shards for minute in minutes),
        "most": max(minute.shards for minute in minutes),
        "shards_at_the_end": minutes[-1].shards,
        "worst_lag_seconds": max(minute.lag_seconds for minute in minutes),
        "cost": minutes[-1].cost,
        "on_demand_cost": minutes[-1].on_demand_cost,
        "steps": [{"minute": t.at / 60, "what": t.what, "reason": t.reason} for t in simulation.taken],
        "notices": simulation.notices,
    }


def _shard_row(report: Report, shard: Shard, *, detailed: bool) -> Sequence[Any]:
    detail = report.details[shard.shard_id]
    age = detail.iterator_age_ms
    row = (
        shard.shard_id.removeprefix("shardId-000000"),
        hash_range(shard),
        bar(report.utilisation(shard), SHORT_BAR_CELLS if detailed else BAR_CELLS),
        round(shard.load.bytes_per_second / 1024, 1),
        round(shard.load.records_per_second, 1),
    )
    return (*row, detail.throttled, None if age is None else round(age / 1000, 1)) if detailed else row


def _shard_json(report: Report, shard: Shard) -> dict[str, Any]:
    detail = report.details[shard.shard_id]
    return {
        "shard_id": shard.shard_id,
        "starting_hash_key": str(shard.start),
        "ending_hash_key": str(shard.end),
        "share_of_keys": shard.share,
        "utilisation": report.utilisation(shard),
        "bytes_per_second": shard.load.bytes_per_second,
        "records_per_second": shard.load.records_per_second,
        "throttled": detail.throttled,
        "utilisation_between": list(report.between(shard)),
        "iterator_age_ms": detail.iterator_age_ms,
        "hot_keys": [
            {
                "partition_key": key.partition_key,
                "hash_key": str(key.hash_key),
                "bytes_per_second": key.load.bytes_per_second,
                "records_per_second": key.load.records_per_second,
            }
            for key in shard.hot_keys
        ],
    }


def _sample_size(report: Report) -> str:
    return f", {count_of(report.sampled_records, 'record')}" if report.source == "sample" else ""


def _between(report: Report, shard: Shard) -> str:
    """How sure a utilisation is, where it is not exact."""
    low, high = report.between(shard)
    return f"; by this sample between {low:.0%} and {high:.0%}" if low < high else ""


def _key_line(report: Report, shard: Shard, number: int) -> str:
    key = shard.hot_keys[number]
    full = key.load.shards(report.stream.readers)
    of_load = full / report.utilisation(shard)
    return f"key {shown(key.partition_key)} fills {full:.0%} of a shard: {of_load:.0%} of what this one carries"


def _headroom(report: Report) -> str:
    if report.source == "nothing":
        return "all of it"
    full = report.utilisation(report.hottest)
    if report.headroom_minutes is None:
        return f"{max(0.0, 1 - full):.0%} of the hottest shard; the load does not grow"
    return f"the hottest shard is full in {report.headroom_minutes:,.0f} minutes at the present growth"


def _time(at: float, pattern: str = "%Y-%m-%dT%H:%M:%SZ") -> str:
    return datetime.fromtimestamp(at, UTC).strftime(pattern)


def _duration(seconds: float) -> str:
    return f"{seconds:.0f} s" if seconds < 120 else f"{seconds / 60:.0f} min"


def _hours(seconds: float) -> str:
    return f"{seconds // 3600:.0f}:{seconds % 3600 // 60:02.0f}"
