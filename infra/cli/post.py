"""`spillway post`: one event."""

import sys
from pathlib import Path

import click

from infra.cli.context import CommandError, Context
from infra.cli.http import request


@click.command()
@click.argument("event", required=False)
@click.option(
    "--file", type=click.Path(exists=True, dir_okay=False, path_type=Path), help="Read the event from a file."
)
@click.option("--url", envvar="SPILLWAY_URL", help="Where to post it; the local pipeline if left out.")
@click.option("--api-key", envvar="SPILLWAY_API_KEY", help="Where the API asks for one.")
@click.pass_obj
def post(context: Context, event: str | None, file: Path | None, url: str | None, api_key: str | None) -> None:
    """Post one event, and print the answer.

    EVENT is JSON; without it, and without --file, it is read from standard input.

    \b
    spillway post '{"hello": "world"}'
    echo '{"hello": "world"}' | spillway post
    """
    if event is not None and file is not None:
        raise click.UsageError("give the event as an argument or with --file, not both")
    if event is not None:
        body = event.encode()
    elif file is not None:
        body = file.read_bytes()
    else:
        body = sys.stdin.buffer.read()
    headers = {"Content-Type": "application/json"} | ({"x-api-key": api_key} if api_key else {})
    answer = request("POST", url or context.url(), body, headers)
    text = answer.data.decode("utf-8", "replace")
    click.echo(text)
    if answer.status not in (200, 201):
        raise CommandError(f"the event was not accepted (HTTP {answer.status})")
