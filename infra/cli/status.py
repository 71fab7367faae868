"""`spillway status`: how much went through each part of the pipeline, and on AWS what is wrong with it."""

import time
from dataclasses import asdict

import click

from infra import aws_status
from infra.cli.context import CommandError, Context
from infra.cli.http import get_json
from infra.cli.tables import print_hops, print_json, print_table
from infra.cli.watch import watch
from infra.names import Names
from infra.status import HopStatus

STATUS_PATH = "/_local/status"
STORE_PATH = "/_local/store"
LOCAL_SECONDS = 2.0
AWS_SECONDS = 30.0  # CloudWatch has a value a minute, and bills every metric that is read


@click.command()
@click.option(
    "--minutes",
    type=click.IntRange(1, 15 * 24 * 60),
    default=60,
    show_default=True,
    help="On AWS: of the last so many minutes.",
)
@click.option("--watch", "is_watched", is_flag=True, help="Show it again and again, until Ctrl-C.")
@click.option(
    "--every",
    "every_seconds",
    type=click.FloatRange(min=0.5),
    metavar="SECONDS",
    help="With --watch: between two refreshes; left out, 2 on this machine, and 30 on AWS, where each costs requests.",
)
@click.option("--limit", type=click.IntRange(min=1), metavar="N", help="With --watch: end after so many refreshes.")
@click.option("--json", "as_json", is_flag=True, help="For programs; with --watch a line for each refresh.")
@click.pass_obj
def status(  # noqa: PLR0917 (click passes options by name)
    context: Context,
    minutes: int,
    is_watched: bool,  # noqa: FBT001
    every_seconds: float | None,
    limit: int | None,
    as_json: bool,  # noqa: FBT001
) -> None:
    """Show a row for each part of the pipeline: in, out, waiting, failed. On AWS, alarms come first.

    Units differ: a stream record holds one event or, aggregated, many. On this machine the counts begin at the
    start; on AWS they are of the last minutes, as CloudWatch has them, some minutes late.

    \b
    spillway status --watch
    spillway --env prod status --watch --minutes 10
    """
    if not is_watched:
        if every_seconds is not None or limit is not None:
            raise click.UsageError("--every and --limit belong to --watch")
        _show(context, minutes, as_json=as_json)
        return
    every_seconds = every_seconds or (LOCAL_SECONDS if context.is_local else AWS_SECONDS)
    watch(lambda: _show(context, minutes, as_json=as_json), every_seconds, limit=limit, plain=as_json)


def _show(context: Context, minutes: int, *, as_json: bool) -> None:
    if context.is_local:
        _show_local(context, as_json=as_json)
    else:
        _show_aws(context, minutes, as_json=as_json)


def _show_local(context: Context, *, as_json: bool) -> None:
    origin = "/".join(context.url().split("/")[:3])
    hops = get_json(origin + STATUS_PATH)
    if as_json:
        print_json(hops)
    else:
        print_hops(HopStatus(**hop) for hop in hops)
        parts: dict[str, int] = get_json(origin + STORE_PATH)
        click.echo("On disk: " + ", ".join(f"{part} {size:,} bytes" for part, size in parts.items()))


def _require(context: Context, names: Names) -> None:
    """Say that an environment does not exist, where its stream does not."""
    kinesis = context.client("kinesis")
    try:
        kinesis.describe_stream_summary(StreamName=names.stream)
    except kinesis.exceptions.ResourceNotFoundException as error:
        raise CommandError(
            f"{context.environment} does not exist in account {names.account}, region {context.region()}: there is no "
            f"stream {names.stream}. Correct --env or AWS_PROFILE, or deploy it: spillway --env {context.environment} "
            "deploy"
        ) from error


def _show_aws(context: Context, minutes: int, *, as_json: bool) -> None:

    now = time.time()
    since = now - minutes * 60
    names, cloudwatch = context.names(), context.client("cloudwatch")
    alarms = aws_status.alarms(cloudwatch, names)
    hops = aws_status.hops(cloudwatch, context.client("logs"), names, since=since, now=now)
    behind = aws_status.behind(cloudwatch, names, since=since, now=now)
    if not alarms and not any(hop.received or hop.waiting for hop in hops):
        _require(context, names)
    if as_json:
        print_json(
            {
                "minutes": minutes,
                "alarms": [asdict(alarm) for alarm in alarms],
                "hops": [asdict(hop) for hop in hops],
                "behind_seconds": behind,
            }
        )
        return
    raised = [alarm for alarm in alarms if alarm.state != "OK"]
    if raised:
        rows = [(alarm.state, alarm.name, alarm.since, alarm.description or alarm.reason) for alarm in raised]
        print_table(("state", "alarm", "since", "what it means"), rows)
    click.echo(f"{len(alarms) - len(raised)} of {len(alarms)} alarms are OK" if alarms else "There are no alarms")
    print_hops(hops)
    ages = (f"{reader} {'unknown' if age is None else f'{age:,.0f} s'}" for reader, age in behind.items())
    click.echo(f"Last {minutes} minutes. Behind the stream: {', '.join(ages)}")
