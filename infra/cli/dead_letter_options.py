"""The options by which failures are selected, and who is at work."""

import functools
import getpass
from collections.abc import Callable
from typing import TYPE_CHECKING, Final

import click

from archive.dead_letters.selection import SelectionError
from infra.cli.context import CommandError, Context
from infra.cli.options import MOMENT_AS_WRITTEN, TIMES
from infra.dead_letters import session as sessions
from infra.dead_letters.session import Session
from infra.value_text import count_of

if TYPE_CHECKING:
    from contextlib import AbstractContextManager

    from archive.dead_letters.selection import Selection

DEFAULT_FROM: Final = "24h"

Command = Callable[..., None]

TO = click.option(
    "--to",
    "end",
    type=MOMENT_AS_WRITTEN,
    default="now",
    show_default=True,
    metavar="TIME",
    help="Failed before then.",
)


def selection_options(command: Command) -> Command:
    """Add the options that select failures, except `--to`: see `TO`."""
    for option in reversed(
        (
            click.option(
                "--from",
                "start",
                type=MOMENT_AS_WRITTEN,
                default=DEFAULT_FROM,
                show_default=True,
                metavar="TIME",
                help=f"Failed from then on: {TIMES}.",
            ),
            click.option(
                "--stage",
                "stages",
                multiple=True,
                help="Of this stage only: table_writer, processing-failed, format-conversion-failed, …",
            ),
            click.option("--error", "errors", multiple=True, help="Of this type of error only; * stands for anything."),
            click.option(
                "--where",
                default="",
                metavar="JMESPATH",
                help="That this is true of, such as \"event.payload.user_id == 'x'\"; `show --json` has the members.",
            ),
        )
    ):
        command = option(command)
    return command


def selection_of(start: str, end: str, stages: tuple[str, ...], errors: tuple[str, ...], where: str) -> "Selection":
    """The selection that the options mean.

    Raises:
        click.UsageError: one of them cannot be understood.
    """
    try:
        return sessions.selection_of(start, end, stages, errors, where)
    except SelectionError as error:
        raise click.UsageError(str(error)) from error


def session(context: Context) -> "AbstractContextManager[Session]":
    """Open the environment's stores."""
    return sessions.session(context, lambda line: click.echo(line, err=True))


def say_what_where_does_not_fit(opened: Session) -> None:
    """Say on standard error how many failures were left out because `--where` cannot be applied to them."""
    seen = opened.failures.seen
    if seen.unfit:
        click.echo(f"{count_of(seen.unfit, 'failure')} left out, such as: {seen.why_unfit}", err=True)


def nothing_selected(error: Exception, selection: "Selection") -> CommandError:
    """The error of a command whose options select nothing."""
    names = "".join(f" --stage {stage}" for stage in selection.stages)
    names += "".join(f" --error {each}" for each in selection.errors)
    return CommandError(
        f"{error}: {selection.start:%Y-%m-%d %H:%M} to {selection.end:%Y-%m-%d %H:%M} UTC{names}"
        f"{' --where ' + repr(selection.where) if selection.where else ''}. Nothing was changed; "
        "`spillway dead-letters list --all` shows what failed, by stage and error"
    )


@functools.cache
def operator(context: Context) -> str:
    """Who is at work, for journals: the user here, and whom AWS takes them for."""
    try:
        user = getpass.getuser()
    except (KeyError, OSError):  # a user id without a name
        user = "somebody"
    arn = str(context.client("sts").get_caller_identity()["Arn"]).rpartition(":")[2]
    return f"{user} ({arn})"
