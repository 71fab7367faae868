"""The command `spillway`: its options, its commands, its exit status."""

import io
import logging
import os
import sys
from typing import Final

import click

from infra.cli.context import LOCAL, CommandError, Context
from infra.cli.edge import Edge
from infra.terminal import shown

COMMANDS: Final = {  # a command's place, and the first line of its help
    "run": ("infra.cli.run:run", "Start the whole pipeline on this machine, until Ctrl-C."),
    "post": ("infra.cli.post:post", "Post one event, and print the answer."),
    "load": ("infra.cli.load:load", "Post the entries of files as events."),
    "tail": ("infra.cli.tail:tail", "Show events as they come."),
    "event": ("infra.cli.event:event", "Show where one event went, by its request id."),
    "query": ("infra.cli.query:query", "Query the lake, in Athena's dialect of SQL."),
    "compact": ("infra.cli.compact:compact", "Merge the small files of closed hours into few large ones."),
    "schema": (
        "infra.cli.schema:schema",
        "The contract of an event's payload, infra/event.schema.json, and the lake's columns.",
    ),
    "status": ("infra.cli.status:status", "Show a row for each part of the pipeline: in, out, waiting, failed."),
    "console": ("infra.cli.console:console", "Serve the web console on this machine, and print its address."),
    "audit": ("infra.cli.audit:audit", "Account for every event accepted in a period."),
    "shards": ("infra.cli.shards:shards", "Measure, plan and scale the stream's shards."),
    "dead-letters": ("infra.cli.dead_letters:dead_letters", "See what failed, and put it back."),
    "rebuild-table": (
        "infra.cli.rebuild_table:rebuild_table",
        "Write the table's rows of a period from the lake, as the table writer wrote them.",
    ),
    "cost": ("infra.cli.cost:cost", "Estimate a month's bill, and what would make it smaller."),
    "doctor": ("infra.cli.doctor:doctor", "Look for what could keep Spillway from working, and say what to do."),
    "package": ("infra.cli.package:package", "Build the Lambda package: the same bytes from the same source."),
    "deploy": ("infra.cli.deploy:deploy", "Put an environment on AWS, or bring it up to date."),
    "destroy": ("infra.cli.deploy:destroy", "Take an environment on AWS down."),
}
LIBRARIES: Final = ("urllib3", "sqlglot", "botocore", "boto3", "asyncio")  # their warnings are not for users


@click.group(
    cls=Edge,
    lazy=COMMANDS,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
@click.option("--env", "environment", default=LOCAL, show_default=True, help="The environment to work on.")
@click.version_option(package_name="spillway")
@click.pass_context
def spillway(context: click.Context, environment: str) -> None:
    """Spillway takes events in over HTTP and keeps every one of them.

    \b
    Start the whole pipeline on this machine:   spillway run
    Post an event, in another terminal:         spillway post '{"hello": "world"}'
    See it in the lake:                         spillway query "SELECT * FROM events"
    """
    context.obj = Context(environment)


def main() -> None:
    """Run the command; exit 0 when done, 1 when it failed, 2 for wrong usage."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")  # a terminal of ASCII shows what it can
    for library in LIBRARIES:
        logging.getLogger(library).setLevel(logging.ERROR)
    try:
        try:
            spillway()
        finally:
            _flush()
    except CommandError as error:
        click.echo(f"spillway: {shown(str(error), keep=chr(10))}", err=True)
        sys.exit(1)


def _flush() -> None:
    """Write what standard output still holds, and nothing more if that fails: Python would try again at its end.

    Raises:
        CommandError: standard output takes nothing more, such as a file on a full disk.
    """
    try:
        sys.stdout.flush()
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(1)
    except OSError as error:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise CommandError(f"standard output cannot be written: {error.strerror}") from error
