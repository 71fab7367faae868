"""`spillway post`: one event."""

import sys
import uuid
from pathlib import Path
from typing import Final

import click

from infra.cli.context import CommandError, Context
from infra.cli.http import request
from infra.cli.options import EXISTING_FILE
from infra.terminal import shown

STANDARD_INPUT: Final = "-"


@click.command()
@click.argument("event", required=False)
@click.option("--file", type=EXISTING_FILE, help="Read the event from a file.")
@click.option("--url", help="Where to post it; SPILLWAY_URL or the local pipeline if left out.")
@click.option("--api-key", envvar="SPILLWAY_API_KEY", help="Where the API asks for one.")
@click.option(
    "--idempotency-key", help="Accept the event once, however often it is sent with this key.  [default: a new key]"
)
@click.pass_obj
def post(
    context: Context,
    /,
    *,
    event: str | None,
    file: Path | None,
    url: str | None,
    api_key: str | None,
    idempotency_key: str | None,
) -> None:
    """Post one event, and print the answer.

    EVENT is JSON, or `-` for standard input; without EVENT and --file, standard input is read as well. A request whose
    answer is lost is sent again under the same key, so the event is accepted once.

    \b
    spillway post '{"hello": "world"}'
    echo '{"hello": "world"}' | spillway post -
    """
    if event is not None and file is not None:
        raise click.UsageError("give the event as an argument or with --file, not both")
    where = context.url(url)
    headers = {"Content-Type": "application/json", "Idempotency-Key": idempotency_key or str(uuid.uuid4())}
    if api_key:
        headers["x-api-key"] = api_key
    answer = request("POST", where, _body(event, file), headers)
    click.echo(shown(answer.data.decode("utf-8", "replace").rstrip("\n"), keep="\n"))
    if answer.status not in (200, 201):
        raise CommandError(f"the event was not accepted (HTTP {answer.status})")


def _body(event: str | None, file: Path | None) -> bytes:
    if file is not None:
        return file.read_bytes()
    if event is not None and event != STANDARD_INPUT:
        return event.encode()
    if sys.stdin.isatty():
        click.echo("Reading the event from the terminal; end it with Enter and Ctrl-D.", err=True)
    return sys.stdin.buffer.read()
