"""`spillway event`: where one event went."""

from datetime import UTC, datetime, timedelta
from typing import Any

import click

from infra.cli.context import CommandError, Context
from infra.cli.options import MOMENT, at_most_one, period, require_order
from infra.cli.tables import print_json, print_table, say
from infra.journey.asking import TRACES_PATH, asked_of
from infra.journey.journey import journey
from infra.journey.steps import Journey

AROUND = timedelta(seconds=1)
MAX_PAYLOAD_CHARACTERS = 500


@click.command()
@click.argument("request_id")
@click.option("--at", type=MOMENT, metavar="TIME", help="Accepted then: the timestamp that the POST answered.")
@period("1h", of="Accepted")
@click.option("--json", "as_json", is_flag=True, help="For programs.")
@click.pass_obj
def event(  # noqa: PLR0917 (click passes options by name)
    context: Context,
    request_id: str,
    at: datetime | None,
    start: datetime,
    end: datetime,
    as_json: bool,  # noqa: FBT001 (click passes flags by name)
) -> None:
    """Show where one event went, by its request id.

    The journey is HTTP, stream, row, lake file, failures and replays, with the times between.
    REQUEST_ID is what the POST answered; of an event of a batch with its number, such as 8f1c…#3. Every search has a
    bound. What was searched, and why there may be more, stands below. Exit 1 where nobody saw the event.

    \b
    spillway event 8f1c7d5e-… --at 2026-11-23T02:34:56.123456Z
    spillway event '8f1c7d5e-…#3' --from 6h
    """
    parameters = click.get_current_context()
    given = {name for name in ("start", "end") if parameters.get_parameter_source(name) != _DEFAULT}
    at_most_one({"--at": at, "--from": "start" in given, "--to": "end" in given}, "--at", "--from")
    if at is not None:
        start, end = at, at + AROUND
    require_order(start, end)
    found = journey(asked_of(context, _traces_url(context)), request_id, start, end)
    if as_json:
        print_json(found.document())
    else:
        _print(found)
    if not found.is_known:
        raise CommandError(
            f"nobody saw {request_id} from {start:%Y-%m-%d %H:%M:%S} to {end:%Y-%m-%d %H:%M:%S} UTC; is the id whole? "
            "Say with --at, or --from and --to, when it was accepted"
        )


_DEFAULT = click.core.ParameterSource.DEFAULT


def _traces_url(context: Context) -> str:
    """Where the pipeline on this machine shows traces; empty for an environment on AWS."""
    return "/".join(context.url().split("/")[:3]) + TRACES_PATH if context.is_local else ""


def _print(found: Journey) -> None:
    if found.event is not None:
        say(f"{found.request_id}  accepted {found.event.timestamp}")
        say(f"payload  {found.event.payload.text}", most=MAX_PAYLOAD_CHARACTERS)
    if found.steps:
        rows = []
        for step in found.steps:
            after = found.seconds_after(step)
            at = "unknown" if step.at is None else f"{step.at.astimezone(UTC):%Y-%m-%d %H:%M:%S.%f}"[:-3]
            rows.append((step.place, at, "" if after is None else f"+{after:,.3f} s", step.what))
        print_table(("place", "at (UTC)", "after", "what"), rows)
    print_table(
        ("searched", "found", "looked at", "not looked at"),
        [(each.place, each.found, each.looked_at, each.missed) for each in found.searches],
    )
    if found.trace is None:
        return
    say(f"Trace {found.trace.id}{'' if found.trace.is_sampled else ', not sampled'}: {found.trace.link}")
    if found.trace.segments:
        began = found.trace.segments[0]["start"]
        rows = [
            (each["name"], f"+{each['start'] - began:.3f} s", _lasted(each), each["outcome"] or "")
            for each in found.trace.segments
        ]
        print_table(("segment", "after", "lasted", "outcome"), rows)


def _lasted(segment: dict[str, Any]) -> str:
    return "" if segment["end"] is None else f"{segment['end'] - segment['start']:.3f} s"
