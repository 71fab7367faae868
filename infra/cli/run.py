"""`spillway run`: the whole pipeline on this machine."""

import gc
import logging
import os
import shutil
import sys
import time
from pathlib import Path

import click

from infra.cli.console_here import served_by
from infra.cli.context import LOCAL, CommandError, Context, default_aws_url, default_url
from infra.cli.stopping import stop_on_signal
from infra.cli.tables import print_hops
from infra.local.memory import give_back_what_is_freed
from infra.local.pipeline import LocalPipeline
from infra.local.store.store import opened, throwaway
from infra.settings import PIPELINE_FILE, Settings, load
from infra.value_text import count_of

DATA_FOLDER = Path(".spillway")
COLLECT_EVERY = (100_000, 50, 100)  # allocations, and collections of the younger generation


@click.command()
@click.option("--port", type=click.IntRange(0, 65535), help="Port of the HTTP API; 0 takes any free one.")
@click.option("--aws-port", type=click.IntRange(0, 65535), help="Port of the AWS endpoint; 0 takes any free one.")
@click.option(
    "--config",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    default=PIPELINE_FILE,
    help="Settings to lay over infra/pipeline.yaml; a few lines will do.",
)
@click.option(
    "--data",
    type=click.Path(path_type=Path),
    default=DATA_FOLDER,
    show_default=True,
    help="Folder that holds what was accepted; a second run goes on with it.",
)
@click.option("--memory", is_flag=True, help="Keep nothing: what it holds is gone when it ends.")
@click.option("--fresh", is_flag=True, help="Delete what the folder holds, and start over.")
@click.option("--yes", is_flag=True, help="With --fresh: do not ask.")
@click.pass_obj
def run(  # noqa: PLR0917 (click passes the options by name)
    context: Context,
    port: int | None,
    aws_port: int | None,
    config: Path,
    data: Path,
    memory: bool,  # noqa: FBT001
    fresh: bool,  # noqa: FBT001
    yes: bool,  # noqa: FBT001
) -> None:
    """Start the whole pipeline on this machine, until Ctrl-C.

    What it accepts is on disk before it answers, and a second run goes on with it. Ctrl-C takes no new event, brings
    those accepted to their end in the table, the lake or the dead letters, and prints the totals. A second Ctrl-C ends
    it at once; the next run then brings to their end what was left.
    """
    if not context.is_local:
        raise click.UsageError("only the environment local runs on this machine; for AWS use: spillway deploy")

    logging.basicConfig(level=logging.WARNING, format="%(asctime)s %(name)-23s %(message)s", datefmt="%H:%M:%S")
    logging.getLogger("spillway").setLevel(logging.INFO)
    settings = load(LOCAL, config)
    if fresh and not memory and not yes:
        click.confirm(f"Delete everything that Spillway holds in {data}?", abort=True)
    http_port = settings.local.http_port if port is None else port
    aws = settings.local.aws_port if aws_port is None else aws_port
    give_back_what_is_freed()
    stop = stop_on_signal()
    started = time.monotonic()
    with (
        throwaway() if memory else opened(data, fresh=fresh) as store,
        LocalPipeline(settings, LOCAL, http_port, aws, store=store) as pipeline,
        served_by(pipeline, settings, None if memory else data) as console_url,
    ):
        _greet(pipeline, settings, time.monotonic() - started, None if memory else data, console_url)
        # What stands now stands to the end: the collector need not look at it for every few hundred events.
        gc.freeze()
        gc.set_threshold(*COLLECT_EVERY)
        stop.wait()
        click.echo("Draining: what was accepted is brought to its end; Ctrl-C again ends at once.")
        drained = pipeline.drain()
        print_hops(pipeline.status())
    if not drained:
        raise CommandError(f"not everything got through within {settings.local.drain_seconds} s; see the log above")


def _greet(pipeline: "LocalPipeline", settings: Settings, seconds: float, data: Path | None, console_url: str) -> None:
    """Show a newcomer where everything is and what to type."""
    command = "spillway" if shutil.which("spillway") else os.path.relpath(sys.argv[0])
    exports = f"export AWS_ACCESS_KEY_ID=local AWS_SECRET_ACCESS_KEY=local AWS_DEFAULT_REGION={settings.region}"
    moved = ""
    if pipeline.url != default_url(settings) or pipeline.aws_url != default_aws_url(settings):
        moved = f"\n  elsewhere  export SPILLWAY_URL={pipeline.url} AWS_ENDPOINT_URL={pipeline.aws_url}"
    if pipeline.api_key is not None:
        moved += f"\n  API key    export SPILLWAY_API_KEY={pipeline.api_key}   (curl: -H 'x-api-key: ...')"
    click.echo(
        f"""Spillway runs on this machine (started in {seconds:.1f} s). {_kept(pipeline, data)}

  post       curl -H 'Content-Type: application/json' -d '{{"hello": "world"}}' {pipeline.url}
             {command} post '{{"hello": "world"}}'
  query      {command} query "SELECT * FROM events"
  status     {command} status
  console    {console_url}
  AWS        {exports}
             aws --endpoint-url {pipeline.aws_url} dynamodb scan --table-name {pipeline.names.table}{moved}
  stop       Ctrl-C; what was accepted is brought to its end first
"""
    )


def _kept(pipeline: "LocalPipeline", data: Path | None) -> str:
    """What is held, and where."""
    if data is None:
        return "What it holds is gone when it ends."
    held = pipeline.held()
    if held.since is None:
        return f"It keeps what it accepts in {data}, which holds no events yet."
    return f"{data} holds {count_of(held.events, 'event')} since {held.since}."
