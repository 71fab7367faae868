"""How far the local lake is behind what was accepted."""

import sys
import time
from typing import Final

import click

from infra.cli.context import CommandError, Context
from infra.cli.http import get_json
from infra.value_text import count_of

STATUS_PATH: Final = "/_local/status"
LONGEST_WAIT_SECONDS: Final = 600.0
POLL_SECONDS: Final = 0.2


def local_status(context: Context) -> list[dict[str, object]]:
    """What the pipeline on this machine says of its parts."""
    origin = "/".join(context.url().split("/")[:3])
    hops: list[dict[str, object]] = get_json(origin + STATUS_PATH)
    return hops


def note_of(context: Context) -> str:
    """A line on the events that a query did not see because they are on their way; empty where there are none."""
    try:
        accepted, arrived = _counts(context)
    except CommandError:  # only the lake is served, such as a copy of one
        return ""
    waiting = max(0, accepted - arrived)
    if not waiting:
        return ""
    events = "1 accepted event is" if waiting == 1 else f"{waiting:,} accepted events are"
    return f"{events} not in the lake yet; --wait waits for them"


def wait_for(context: Context) -> None:
    """Wait until the lake holds what was accepted before now.

    Raises:
        CommandError: the lake is on AWS, or the events do not arrive.
    """
    if not context.is_local:
        raise CommandError(
            "--wait works on this machine alone: on AWS Firehose delivers within archive.buffer_seconds of "
            "infra/pipeline.yaml; wait so long and ask again"
        )
    accepted, arrived = _counts(context)
    deadline = time.monotonic() + LONGEST_WAIT_SECONDS
    while arrived < accepted:
        if time.monotonic() > deadline:
            raise CommandError(
                f"{count_of(accepted - arrived, 'event')} did not reach the lake in {LONGEST_WAIT_SECONDS:.0f} s: "
                "`spillway status` shows where they wait"
            )
        if sys.stderr.isatty():
            click.echo(f"\rwaiting for {count_of(accepted - arrived, 'event')} ", nl=False, err=True)
        time.sleep(POLL_SECONDS)
        _, arrived = _counts(context)
    if sys.stderr.isatty():
        click.echo("\r\x1b[K", nl=False, err=True)


def _counts(context: Context) -> tuple[int, int]:
    """How many events were accepted, and how many came to the lake or to an error object."""
    hops = {str(hop["hop"]): hop for hop in local_status(context)}
    firehose = hops["firehose"]
    return int(str(hops["http_api"]["delivered"])), int(str(firehose["delivered"])) + int(str(firehose["failed"]))
