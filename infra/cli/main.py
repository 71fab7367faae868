"""The command `spillway`: its options, its groups, its exit status."""

import sys

import click

from infra.cli.audit import audit
from infra.cli.compact import compact
from infra.cli.context import CommandError, Context
from infra.cli.cost import cost
from infra.cli.dead_letters import dead_letters
from infra.cli.deploy import deploy, destroy
from infra.cli.load import load
from infra.cli.package import package
from infra.cli.post import post
from infra.cli.query import query
from infra.cli.rebuild_table import rebuild_table
from infra.cli.run import run
from infra.cli.schema import schema
from infra.cli.shards import shards
from infra.cli.status import status


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
@click.option("--env", "environment", default="local", show_default=True, help="Which environment to talk to.")
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


DAILY = (run, post, load, query, compact, schema, status, audit, shards, dead_letters)
for command in (*DAILY, rebuild_table, cost, package, deploy, destroy):
    spillway.add_command(command)


def main() -> None:
    """Run the command; exit 0 when done, 1 when it failed, 2 for wrong usage."""
    try:
        spillway()
    except CommandError as error:
        click.echo(f"spillway: {error}", err=True)
        sys.exit(1)
