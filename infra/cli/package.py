"""`spillway package`: the zip that the Lambda functions run."""

from dataclasses import asdict
from pathlib import Path

import click

from infra.cli.edge import writing
from infra.cli.tables import print_json
from infra.deploy.package import PACKAGE_FILE, Package, build


@click.command()
@click.option(
    "--output",
    type=click.Path(dir_okay=False, path_type=Path),
    default=PACKAGE_FILE,
    help="Where to put it; dist/lambda.zip if left out.",
)
@click.option("--json", "as_json", is_flag=True, help="For programs.")
def package(output: Path, as_json: bool) -> None:  # noqa: FBT001 (click passes flags by name)
    """Build the Lambda package: the same bytes from the same source.

    It holds the handlers and their pinned requirements for arm64 Linux; boto3 is the runtime's own.
    """
    with writing(output):
        built = build(output)
    if as_json:
        print_json(asdict(built))
    else:
        print_package(built)


def print_package(built: Package) -> None:
    """Print what was built, for people."""
    mib = 1024 * 1024
    click.echo(
        f"{built.file}: {built.size_bytes / mib:.1f} MiB zipped, {built.unpacked_bytes / mib:.1f} MiB unpacked, "
        f"sha256 {built.sha256}"
    )
