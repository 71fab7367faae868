"""`spillway tail`: events as they come."""

import shutil
import sys
import threading
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

import click
from rich.cells import cell_len, set_cell_size

from archive.dead_letters.selection import SelectionError, Where
from infra.aws_status import behind
from infra.cli.context import Context
from infra.cli.options import MOMENT, TIMES
from infra.shards.errors import ShardsError
from infra.tail.pace import READ_SECONDS, ConsumersAge
from infra.tail.reader import Tail
from infra.tail.tailed import Tailed
from infra.terminal import shown
from infra.value_text import json_text, shown_json
from producers import exact_json

if TYPE_CHECKING:
    from infra.names import Names

LOCAL_PAUSE_SECONDS: Final = 0.4  # the local pipeline's own readers do not share the five reads a second
AGE_WINDOW_SECONDS: Final = 600.0  # CloudWatch is up to some minutes behind


@click.command()
@click.option(
    "--from",
    "start",
    type=MOMENT,
    metavar="TIME",
    help=f"Begin with those that arrived then: {TIMES}. Left out: with the next one.",
)
@click.option(
    "--where",
    default="",
    metavar="JMESPATH",
    help="Only events for which this is true, such as \"event.payload.user_id == 'x'\"; --json shows the members.",
)
@click.option("--limit", type=click.IntRange(min=1), metavar="N", help="End after so many.")
@click.option("--json", "as_json", is_flag=True, help="For programs: a line of JSON for each.")
@click.pass_obj
def tail(
    context: Context,
    start: datetime | None,
    where: str,
    limit: int | None,
    as_json: bool,  # noqa: FBT001 (click passes flags by name)
) -> None:
    """Show events as they come: time of acceptance, request id and payload, until Ctrl-C.

    Bytes on the stream that are not an event are shown too, with the reason. The order is that of the stream within a
    shard. `spillway event REQUEST_ID` shows where one of them went.

    \b
    spillway tail --from 10m
    spillway tail --where "event.payload.user_id == 'x'"
    spillway tail --where "error" --json        only what is not an event

    On AWS a tail takes one of the five reads a second that each shard gives to all its readers. It reads less often
    while a shard refuses reads, and while the stream's consumers fall further behind.
    """
    try:
        condition = Where(where) if where else None
    except SelectionError as error:
        raise click.UsageError(str(error)) from error
    if start is not None and start > datetime.now(UTC):
        raise click.UsageError(f"--from {start:%Y-%m-%d %H:%M:%S} lies in the future (UTC)")
    names = context.names()
    if not context.is_local:
        _say(
            f"{names.stream}: this takes one of the five reads a second that each shard gives; it reads less often "
            "where the consumers need them"
        )
    followed = Tail(
        context.client("kinesis", attempts=1),  # a read that is refused is not tried again at once: the tail backs off
        names.stream,
        start=start,
        where=condition,
        pause_seconds=LOCAL_PAUSE_SECONDS if context.is_local else READ_SECONDS,
        consumers=None if context.is_local else _consumers(context, names),
        notify=_say,
    )
    try:
        for number, tailed in enumerate(followed.records(threading.Event()), 1):
            click.echo(json_of(tailed) if as_json else _fitted(line_of(tailed)))
            sys.stdout.flush()
            if number == limit:
                break
    except KeyboardInterrupt:
        return


def line_of(tailed: Tailed) -> str:
    """A record on one line: its time, its id, and its payload; of other bytes the reason and their text.

    What a terminal would obey is written out.
    """
    if tailed.event is None:
        text = tailed.data.decode("utf-8", "backslashreplace")
        return shown(f"{tailed.source.arrived_at}  {tailed.name}  not readable: {tailed.error}  {text}")
    return shown(f"{tailed.event.timestamp}  {tailed.event.request_id}  {tailed.event.payload.text}")


def json_of(tailed: Tailed) -> str:
    """A record as a line of JSON; an event with every digit of its numbers, as it stands on the stream."""
    document = tailed.document()
    if tailed.event is None:
        return json_text(document)
    del document["event"]
    event = exact_json.parse(tailed.data.decode()).text
    return f'{json_text(document | {"text": None})[:-1]}, "event": {shown_json(event)}}}'


def _fitted(line: str) -> str:
    """A line cut to the terminal's width; whole where the output is not a terminal."""
    if not sys.stdout.isatty():
        return line
    width = shutil.get_terminal_size().columns
    return line if cell_len(line) <= width else f"{set_cell_size(line, width - 1)}…"


def _consumers(context: Context, names: "Names") -> ConsumersAge:
    """How far the table writer and Firehose are behind, as CloudWatch has it; unknown where it cannot be asked."""
    cloudwatch = context.client("cloudwatch")
    denied = False

    def read() -> float | None:
        nonlocal denied
        now = datetime.now(UTC).timestamp()
        try:
            ages = behind(cloudwatch, names, since=now - AGE_WINDOW_SECONDS, now=now)
        except ShardsError as error:
            if not denied:
                _say(f"how far the consumers are behind is unknown: {error}")
            denied = True
            return None
        return max((age for age in ages.values() if age is not None), default=None)

    return ConsumersAge(read)


def _say(line: str) -> None:
    click.echo(shown(line), err=True)
