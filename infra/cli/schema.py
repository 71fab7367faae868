"""`spillway schema`: the event schema and the lake's columns that it gives."""

import json
import subprocess
from pathlib import Path
from typing import Any

import click

from archive.lake.columns import columns
from archive.lake.evolution import changes
from archive.lake.tables import tables
from infra.cli.context import CommandError, Context
from infra.cli.tables import print_json, print_table
from producers.validation import EVENT_SCHEMA_FILE

ROOT = Path(__file__).parents[2]


@click.group()
def schema() -> None:
    """The contract of an event's payload, infra/event.schema.json, and the lake's columns."""


@schema.command()
@click.option("--against", required=True, metavar="REV", help="What it was before: a git revision, or a file.")
@click.option(
    "--schema",
    "path",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    default=EVENT_SCHEMA_FILE,
    help="What it is now, if not infra/event.schema.json.",
)
@click.option("--json", "as_json", is_flag=True, help="For programs: a list of changes.")
def check(against: str, path: Path, as_json: bool) -> None:  # noqa: FBT001 (click passes flags by name)
    """Say whether the schema may change so, with the Parquet that is there already; exit 1 if not.

    \b
    spillway schema check --against origin/main
    """
    found = changes(_former(against), _read(path.read_text(encoding="utf-8"), str(path)))
    if as_json:
        print_json(
            [
                {"column": each.column, "kind": each.kind, "detail": each.detail, "safe": each.is_safe, "why": each.why}
                for each in found
            ]
        )
    elif found:
        for each in found:
            click.echo(f"{'safe    ' if each.is_safe else 'NOT SAFE'}  {each.column}: {each.kind}, {each.detail}")
            click.echo(f"          {each.why}")
    else:
        click.echo("The lake's columns stay as they are.")
    unsafe = [each.column for each in found if not each.is_safe]
    if unsafe:
        raise CommandError(f"not safe for the files that are there already: {', '.join(unsafe)}")


@schema.command()
@click.option("--json", "as_json", is_flag=True, help="For programs.")
def show(as_json: bool) -> None:  # noqa: FBT001
    """The lake's columns, as the schema gives them."""
    rows = [(each.name, each.type, each.property or "", each.comment) for each in columns()]
    if as_json:
        print_json([dict(zip(("name", "type", "property", "comment"), row, strict=True)) for row in rows])
    else:
        print_table(("column", "type", "property", "comment"), rows)


@schema.command()
@click.pass_obj
def ddl(context: Context) -> None:
    """The tables as statements for Athena; Terraform creates the same."""
    names = context.names()
    buckets = {"lake": names.lake_bucket, "dead_letters": names.dead_letter_bucket}
    click.echo(";\n\n".join(table.ddl(buckets[table.bucket]) for table in tables()) + ";")


def _former(against: str) -> dict[str, Any]:
    if Path(against).is_file():
        return _read(Path(against).read_text(encoding="utf-8"), against)
    name = f"{against}:{EVENT_SCHEMA_FILE.relative_to(ROOT)}"
    result = subprocess.run(  # noqa: S603 (no shell; git shows one object of a revision)
        ["git", "show", "--end-of-options", name],  # noqa: S607 (git is where PATH says)
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    if result.returncode:
        reason = result.stderr.strip().partition("\n")[0]
        raise CommandError(f"{against} is neither a file nor a revision with a schema: {reason}")
    return _read(result.stdout, name)


def _read(text: str, name: str) -> dict[str, Any]:
    try:
        document = json.loads(text)
    except ValueError as error:
        raise CommandError(f"{name} is not JSON: {error}") from error
    if not isinstance(document, dict):
        raise CommandError(f"{name} is not a JSON Schema: an object is expected")
    return document
