"""`spillway status`: how much went through each part of the pipeline."""

import click

from infra.cli.context import CommandError, Context
from infra.cli.http import get_json
from infra.cli.tables import print_hops, print_json
from infra.local.worker import HopStatus

STATUS_PATH = "/_local/status"


@click.command()
@click.option("--json", "as_json", is_flag=True, help="For programs.")
@click.pass_obj
def status(context: Context, as_json: bool) -> None:  # noqa: FBT001 (click passes flags by name)
    """Show a row for each part of the pipeline: in, out, waiting, failed.

    Units differ: a stream record holds one event or, aggregated, many.
    """
    if not context.is_local:
        raise CommandError("status reads the pipeline on this machine only, so far")
    origin = "/".join(context.url().split("/")[:3])
    hops = get_json(origin + STATUS_PATH)
    if as_json:
        print_json(hops)
    else:
        print_hops(HopStatus(**hop) for hop in hops)
