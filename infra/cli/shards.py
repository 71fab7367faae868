"""`spillway shards`: measure the stream's shards, plan another number of them, carry the plan out, try it on paper."""

import re
from pathlib import Path
from typing import Final

import click

from infra.cli.context import Context
from infra.cli.edge import writing
from infra.cli.shard_options import JSON, MAXIMUM, MINIMUM, PNG, TARGET, bounds_of, charts
from infra.cli.shard_simulate import simulate_command
from infra.cli.shard_tables import print_plan, print_report, report_json
from infra.cli.tables import print_json
from infra.shards.applying import Application
from infra.shards.changing import describe
from infra.shards.journal import Journal
from infra.shards.limits import MINUTES_KEPT
from infra.shards.load import Load
from infra.shards.measuring import measure, plan_for
from infra.shards.plan import Plan
from infra.shards.plan_file import plan_to_json, read_plan, write_plan
from infra.shards.report import Clients, Report
from infra.shards.steps import SETTLE_SECONDS
from infra.shards.stream import read_stream
from infra.shards.watching import MAX_AGE_SECONDS, Watch
from producers.clock import SYSTEM_CLOCK

MINUTES_OF: Final = {"m": 1, "h": 60, "d": 1_440}


@click.group()
def shards() -> None:
    """Measure, plan and scale the stream's shards; see docs/runbooks/shard-scaling.md."""


shards.add_command(simulate_command)


@shards.command()
@click.option(
    "--minutes", type=click.IntRange(1, MINUTES_KEPT), default=15, show_default=True, help="How far to look back."
)
@click.option("--sample/--no-sample", default=True, help="Read a little of each shard, to find the keys that are hot.")
@JSON
@PNG
@click.pass_obj
def report(context: Context, *, minutes: int, sample: bool, as_json: bool, png: Path | None) -> None:
    """Show what each shard carries, how near it is to its limits, and which keys make it hot."""
    found = _measure(context, minutes, with_sample=sample)
    if png:
        with writing(png):
            charts().draw_report(found, png)
    if as_json:
        print_json(report_json(found))
    else:
        print_report(found)


@shards.command()
@TARGET
@click.option("--peak", type=click.FloatRange(0, min_open=True), help="Plan for so many events a second.")
@click.option("--event-bytes", type=click.IntRange(1, 10_485_760), help="Of an event on the stream; with --peak.")
@click.option(
    "--events-per-record",
    type=click.FloatRange(1),
    default=1.0,
    show_default=True,
    help="Aggregated events to a stream record; with --peak.",
)
@click.option("--mean", type=click.FloatRange(0), help="Events a second over the month, for the cost; with --peak.")
@click.option("--from-metrics", metavar="7d", help="Plan for the highest minute of so long, such as 12h or 7d (1d).")
@MINIMUM
@MAXIMUM
@click.option(
    "--out", type=click.Path(dir_okay=False, path_type=Path), help="Keep the plan, for spillway shards apply."
)
@JSON
@click.pass_obj
def plan(
    context: Context,
    *,
    target_utilisation: float,
    peak: float | None,
    event_bytes: int | None,
    events_per_record: float,
    mean: float | None,
    from_metrics: str | None,
    minimum: int,
    maximum: int,
    out: Path | None,
    as_json: bool,
) -> None:
    """Say how many shards are needed, and by which steps to get there. Nothing is changed.

    From what was: spillway shards plan --from-metrics 7d --out plan.json

    From what is expected: spillway shards plan --peak 5000 --event-bytes 600
    """
    if (peak is None) != (event_bytes is None):
        raise click.UsageError("--peak and --event-bytes go together")
    if peak is not None and from_metrics is not None:
        raise click.UsageError("give --peak or --from-metrics, not both")
    bounds = bounds_of(target_utilisation, minimum, maximum)
    found = _measure(context, _minutes(from_metrics or "1d"), with_sample=True)
    found.stream.require_reshardable()
    expected = None
    if peak is not None and event_bytes is not None:
        of_events = Load(float(event_bytes), 1 / events_per_record)
        expected = (of_events * peak, of_events * (peak if mean is None else mean))
    made = plan_for(_clients(context), found, bounds, expected, from_metrics or "1d")
    if out:
        with writing(out):
            write_plan(out, made)
    if as_json:
        print_json(plan_to_json(made))
        return
    print_plan(made)
    if out and made.steps:
        click.echo(f"next      spillway --env {context.environment} shards apply {out}")


@shards.command()
@click.argument("plan_file", metavar="PLAN", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.option(
    "--settle",
    type=click.FloatRange(0),
    default=SETTLE_SECONDS,
    show_default=True,
    help="Seconds from a step to the look at what it did.",
)
@click.option(
    "--max-age",
    type=click.FloatRange(0),
    default=MAX_AGE_SECONDS,
    show_default=True,
    help="Seconds that readers may be behind; beyond it the plan stops.",
)
@click.option("--without-age", is_flag=True, help="Go on where CloudWatch has no iterator age.")
@JSON
@click.pass_obj
def apply(
    context: Context,
    *,
    plan_file: Path,
    yes: bool,
    settle: float,
    max_age: float,
    without_age: bool,
    as_json: bool,
) -> None:
    """Carry out a plan of `spillway shards plan --out PLAN`, step by step.

    It goes on where it stopped: run it again. Each step is noted in PLAN.journal.jsonl. Between two steps it looks at
    alarms, iterator age and throttles, and stops where they are worse than before.
    """
    journal = Journal(plan_file.with_name(plan_file.name + ".journal.jsonl"))
    made, plan_id = read_plan(plan_file)
    clients = _clients(context)
    watch = Watch(
        clients.cloudwatch,
        made.stream_name,
        context.names().prefix,
        max_age_seconds=max_age,
        needs_age=not (without_age or context.is_local),  # the local Kinesis may not measure it
    )
    application = Application(
        clients,
        made,
        plan_id,
        journal,
        watch,
        by=str(context.client("sts").get_caller_identity()["Arn"]),
        settle_seconds=settle,
        show=lambda line: click.echo(line, err=as_json),
    )
    before = len(application.check().shards)
    if application.next_step is None:
        click.echo("nothing is left to do", err=as_json)
    elif yes or _agreed(made, application.next_step):
        application.run()
        click.echo(f"done: see {journal.path}", err=as_json)
    after = len(read_stream(clients.kinesis, made.stream_name, now=SYSTEM_CLOCK.time()).shards)
    if as_json:
        print_json({"plan": plan_id, "shards_before": before, "shards_after": after, "journal": str(journal.path)})


def _clients(context: Context) -> Clients:
    return Clients(*(context.client(service) for service in ("kinesis", "cloudwatch", "lambda", "firehose")))


def _measure(context: Context, minutes: int, *, with_sample: bool) -> Report:
    return measure(_clients(context), context.names(), minutes=minutes, with_sample=with_sample)


def _minutes(text: str) -> int:
    """A span such as `7d` in minutes."""
    found = re.fullmatch(r"([1-9]\d{0,5})([mhd])", text)
    minutes = int(found[1]) * MINUTES_OF[found[2]] if found else 0
    if not 0 < minutes <= MINUTES_KEPT:
        raise click.UsageError(f"--from-metrics takes 30m, 12h or 7d, and at most 15d (CloudWatch); not {text!r}")
    return minutes


def _agreed(made: Plan, next_step: int) -> bool:
    """Ask, after showing what is about to happen."""
    click.echo(f"{made.stream_name}: {made.reason}")
    for number, step in enumerate(made.steps, 1):
        click.echo(f"  {number}. {describe(step)}{' (done)' * (number < next_step)}")
    if not click.confirm("Carry this out?"):
        click.echo("nothing was changed")
        return False
    return True
