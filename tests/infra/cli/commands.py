"""Every command of `spillway`, with arguments under which it would work."""

from collections.abc import Iterator
from pathlib import Path

import click

from infra.cli.main import spillway


def leaves(
    group: click.Group = spillway, path: tuple[str, ...] = ()
) -> Iterator[tuple[tuple[str, ...], click.Command]]:
    """Every command that is not a group, with the words that name it."""
    context = click.Context(group)
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        assert command is not None, name
        if isinstance(command, click.Group):
            yield from leaves(command, (*path, name))
        else:
            yield (*path, name), command


NAMES = [" ".join(path) for path, _ in leaves()]
PLAN = Path(__file__).with_name("plan.json")

ARGUMENTS = {
    "run": ["--memory", "--port", "0", "--aws-port", "0"],
    "post": ["{}"],
    "load": ["{entries}"],
    "tail": ["--from", "1h", "--limit", "1"],
    "event": ["8f1c7d5e-0000-4000-8000-000000000000"],
    "query": ["SELECT count(*) FROM events"],
    "compact": [],
    "schema check": ["--against", "{schema}"],
    "schema show": [],
    "schema ddl": [],
    "status": [],
    "console": ["--port", "0"],
    "audit": [],
    "shards report": [],
    "shards plan": ["--peak", "100", "--event-bytes", "600"],
    "shards apply": ["{plan}", "--yes"],
    "shards simulate": ["--trace", "{trace}"],
    "dead-letters list": [],
    "dead-letters show": ["dead-letters/dt=2026-11-23/hour=02/4f1c.json#0"],
    "dead-letters replay": [],
    "dead-letters discard": [],
    "dead-letters history": [],
    "dead-letters drain": [],
    "rebuild-table": ["--from", "2026-11-23T08:00", "--journal", "{folder}/rebuild.journal"],
    "cost": ["--events-per-second", "10", "--event-bytes", "600"],
    "doctor": ["--data", "{folder}"],
    "package": ["--output", "{folder}/lambda.zip"],
    "deploy": ["--plan"],
    "destroy": ["--yes"],
}
NEEDS_AWS = {  # those that ask AWS, or the HTTP API, before all else
    name
    for name in ARGUMENTS
    if name not in {"run", "schema check", "schema show", "shards simulate", "cost", "doctor", "package"}
}
FAILS_ANYWAY = {  # against a pipeline on this machine, with these arguments
    "dead-letters show",
    "deploy",
    "destroy",
    "event",  # of which nobody saw the id
}
_PICTURE = ["SELECT 'a' AS label, 1 AS number"]
WRITING = {  # for each option that names something to write, the arguments with which it is written
    ("run", "--data"): ["--port", "0", "--aws-port", "0"],
    ("load", "--rejects"): ["{invalid}"],
    ("query", "--parquet"): _PICTURE,
    ("query", "--png"): _PICTURE,
    ("audit", "--missing"): [],
    ("shards report", "--png"): [],
    ("shards plan", "--out"): ["--peak", "100", "--event-bytes", "600"],
    ("shards simulate", "--png"): ["--trace", "step"],
    ("console", "--plans"): ["--port", "0"],
    ("doctor", "--data"): [],
    ("rebuild-table", "--journal"): ["--from", "2026-11-23T08:00"],
    ("package", "--output"): [],
}
# Not written when the command starts: the console writes a plan when it makes one, and the doctor only looks.
LOOKED_AT = {("console", "--plans"), ("doctor", "--data")}
