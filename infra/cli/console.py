"""`spillway console`: the web console of an environment, on this machine."""

import time
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

from infra import aws_status
from infra.cli.context import Context
from infra.cli.edge import explain
from infra.cli.http import get_json
from infra.cli.stopping import stop_on_signal
from infra.status import HopStatus

if TYPE_CHECKING:
    from collections.abc import Callable

AWS_EVERY_SECONDS: Final = 30.0  # CloudWatch bills each question, and is minutes late
AWS_WINDOW_SECONDS: Final = 300.0


@click.command()
@click.option("--port", type=click.IntRange(0, 65535), default=0, show_default=True, help="0 takes any free port.")
@click.option(
    "--plans",
    type=click.Path(file_okay=False, path_type=Path),
    default=Path(".spillway-console"),
    show_default=True,
    help="Folder that keeps plans of shards, with the journals of those carried out.",
)
@click.pass_obj
def console(context: Context, port: int, plans: Path) -> None:
    """Serve the web console on this machine, and print its address, until Ctrl-C.

    It shows and changes the environment with your own credentials, by the same functions as the commands. The address
    carries a token; whoever has it can do what you can. `spillway run` serves the console of this machine by itself.

    \b
    spillway --env prod console
    """
    from infra.cli.dead_letter_options import operator  # noqa: PLC0415 (as below)
    from infra.console.console import Console  # noqa: PLC0415 (as below)
    from infra.console.security import Guard  # noqa: PLC0415 (Flask and the pages: not for --help)
    from infra.console.serving import serve  # noqa: PLC0415 (as above)
    from infra.console.watch import Watch  # noqa: PLC0415 (as above)
    from infra.local.http_server import HttpServer  # noqa: PLC0415 (as above)
    from infra.local.ports import loopback_socket  # noqa: PLC0415 (as above)

    context.names()  # the first question to AWS: what is wrong with the credentials is said here
    stop = stop_on_signal()
    with ExitStack() as stack:
        listener = loopback_socket(port, "--port")
        stack.callback(listener.close)
        guard = Guard(listener.getsockname()[1])
        take, every, window = _source(context)
        console = Console(
            context,
            Watch(take, every_seconds=every, window_seconds=window),
            explain=lambda error: explain(error, context),
            operator=lambda: operator(context),
            folder=plans,
        )
        server = HttpServer(stack.enter_context(serve(console, guard)), listener)
        server.start()
        stack.callback(server.stop)
        click.echo(f"The console of {context.environment}: {guard.url}\nCtrl-C ends it.")
        stop.wait()


def _source(context: Context) -> "tuple[Callable[[], list[HopStatus]], float, float | None]":
    """What takes a sample of the environment, how often, and over which window."""
    if context.is_local:
        origin = "/".join(context.url().split("/")[:3])
        return lambda: [HopStatus(**hop) for hop in get_json(f"{origin}/_local/status")], 1.0, None
    cloudwatch, logs, names = context.client("cloudwatch"), context.client("logs"), context.names()

    def take() -> list[HopStatus]:
        now = time.time()
        return aws_status.hops(cloudwatch, logs, names, since=now - AWS_WINDOW_SECONDS, now=now)

    return take, AWS_EVERY_SECONDS, AWS_WINDOW_SECONDS
