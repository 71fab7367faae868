"""`spillway deploy` and `spillway destroy`: an environment on AWS, by Terraform."""

from pathlib import Path

import click

from infra.cli.context import CommandError, Context
from infra.cli.package import print_package
from infra.deploy.deployment import Deployment
from infra.deploy.package import build

DEFAULT_ENVIRONMENT = "dev"


@click.command()
@click.option("--env", "environment", help="Which environment; the one before the command, or dev.")
@click.option("--plan", "plan_only", is_flag=True, help="Show what would change, and change nothing.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.option(
    "--package",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="A package that was built before; left out: it is built now.",
)
@click.pass_obj
def deploy(
    context: Context,
    environment: str | None,
    plan_only: bool,  # noqa: FBT001 (click)
    yes: bool,  # noqa: FBT001 (click)
    package: Path | None,
) -> None:
    """Put an environment on AWS, or bring it up to date: build the package, plan, check, ask, apply.

    Options of AWS alone (VPC, API key, WAF and others) are read from infra/terraform/environments/ENV.tfvars; the
    numbers from infra/pipeline.yaml. The Terraform commands are printed as they run.
    """
    deployment = _deployment(context, environment, package)
    if package is None:
        print_package(build(deployment.package))
    deployment.prepare(read_only=plan_only)
    outputs = deployment.deploy(lambda: yes or click.confirm("Apply this?"), plan_only=plan_only)
    if outputs is not None:
        deployment.tidy(outputs)
        click.echo(f"\n{deployment.environment} takes events at {outputs['url']}\n\n  {outputs['curl']}\n")


@click.command()
@click.option("--env", "environment", help="Which environment; the one before the command, or dev.")
@click.option("--delete-data", is_flag=True, help="Delete the table and the buckets with what is in them.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.pass_obj
def destroy(context: Context, environment: str | None, delete_data: bool, yes: bool) -> None:  # noqa: FBT001 (click)
    """Take an environment on AWS down.

    What holds data is named first; without --delete-data nothing is taken down while anything does.
    """
    deployment = _deployment(context, environment)
    if not deployment.package.exists():
        build(deployment.package)  # Terraform reads it even where it only destroys
    deployment.prepare()
    held = deployment.data_held()
    for each in held:
        click.echo(f"holds data: {each}")
    if held and not delete_data:
        raise CommandError(f"{deployment.environment} holds data, see above; with --delete-data it is deleted")
    if not yes and click.prompt(f"Type {deployment.environment} to destroy it") != deployment.environment:
        raise CommandError("nothing was destroyed")
    deployment.destroy(delete_data=delete_data)
    click.echo(f"{deployment.environment} is gone; docs/deployment.md lists what survives")


def _deployment(context: Context, environment: str | None, package: Path | None = None) -> "Deployment":

    name = environment or (DEFAULT_ENVIRONMENT if context.is_local else context.environment)
    if name == "local":
        raise click.UsageError("the environment local runs on this machine: spillway run")
    return Deployment(name, Context(name).settings().region, click.echo, package=package)
