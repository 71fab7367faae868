"""The options by which failures are selected, and what of the environment the commands need."""

import functools
import getpass
import itertools
import socket
import time
import uuid
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

import boto3
import click
from botocore.config import Config

from archive.dead_letters import athena_selection
from archive.dead_letters.documents import Documents
from archive.dead_letters.reading import READERS
from archive.dead_letters.selected import SelectedFailures
from archive.dead_letters.selection import Matcher, Selection, SelectionError, parse_time
from archive.dead_letters.stores import objects, stores
from archive.lake.layout import DEAD_LETTERS
from infra.cli.context import CommandError, Context

if TYPE_CHECKING:
    from archive.dead_letters.stores import Store, StoredObject
    from infra.names import Names
    from infra.settings import Settings

DEFAULT_FROM: Final = "24h"

Command = Callable[..., None]


def selection_options(command: Command) -> Command:
    """Add the options that select failures, except `--to`, whose help differs between commands."""
    for option in reversed(
        (
            click.option(
                "--from",
                "start",
                default=DEFAULT_FROM,
                show_default=True,
                metavar="TIME",
                help="Failed from then on: 2026-11-23T02:30, 2026-11-23, 02:30 (today), 90m or 3h (ago); UTC.",
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
    now = datetime.fromtimestamp(time.time(), UTC)
    try:
        selection = Selection(parse_time(start, now), parse_time(end, now), stages, errors, where)
        Matcher(selection)
    except SelectionError as error:
        raise click.UsageError(str(error)) from error
    if selection.start >= selection.end:
        raise click.UsageError(
            f"--from {selection.start:%Y-%m-%d %H:%M} lies after --to {selection.end:%Y-%m-%d %H:%M} (UTC)"
        )
    return selection


@dataclass(frozen=True, slots=True)
class Session:
    """What of an environment the commands on failures work with."""

    context: Context
    settings: "Settings"
    names: "Names"
    executor: ThreadPoolExecutor
    s3: Any
    failures: "SelectedFailures"


@contextmanager
def session(context: Context) -> Iterator[Session]:
    """Open the environment's stores."""
    settings = context.settings()
    names = context.names()
    s3 = boto3.client("s3", config=Config(max_pool_connections=READERS + 4))
    places = stores(names.dead_letter_bucket, names.lake_bucket, timedelta(hours=settings.stream.retention_hours))
    with ThreadPoolExecutor(READERS, thread_name_prefix="s3") as executor:
        failures = SelectedFailures(s3, executor, places, Documents(s3, names.dead_letter_bucket))
        if not context.is_local:  # where Athena has nothing to read
            failures.sources[DEAD_LETTERS] = _Source(s3, context.client("athena"), names).objects
        yield Session(context, settings, names, executor, s3, failures)


def say_what_where_does_not_fit(opened: Session) -> None:
    """Say on standard error how many failures were left out because `--where` cannot be applied to them."""
    seen = opened.failures.seen
    if seen.unfit:
        click.echo(f"{seen.unfit:,} failures left out, such as: {seen.why_unfit}", err=True)


def nothing_selected(error: Exception, selection: "Selection") -> CommandError:
    """The error of a command whose options select nothing."""
    names = "".join(f" --stage {stage}" for stage in selection.stages)
    names += "".join(f" --error {each}" for each in selection.errors)
    return CommandError(
        f"{error}: {selection.start:%Y-%m-%d %H:%M} to {selection.end:%Y-%m-%d %H:%M} UTC{names}"
        f"{' --where ' + repr(selection.where) if selection.where else ''}. Nothing was changed; "
        "`spillway dead-letters list --all` shows what failed, by stage and error"
    )


@dataclass(frozen=True, slots=True)
class _Source:
    """Gives the objects of dead letters: by listing them, or, where those are too many to read, from Athena."""

    s3: Any
    athena: Any
    names: "Names"

    def objects(self, store: "Store", selection: "Selection") -> "Iterator[StoredObject]":
        """The objects that may hold what is selected."""
        listed = objects(self.s3, store, selection.start, selection.end)
        first = list(itertools.islice(listed, athena_selection.MOST_OBJECTS_READ + 1))
        narrowed = selection.stages or selection.errors
        if len(first) > athena_selection.MOST_OBJECTS_READ and narrowed:
            click.echo(f"Over {athena_selection.MOST_OBJECTS_READ:,} objects: Athena selects.", err=True)
            database, workgroup = self.names.database, self.names.prefix
            yield from athena_selection.objects(self.athena, store, selection, database=database, workgroup=workgroup)
        else:
            yield from first
            yield from listed


@functools.cache
def operator(context: Context) -> str:
    """Who is at work, for journals: the user here, and whom AWS takes them for."""
    try:
        user = getpass.getuser()
    except (KeyError, OSError):  # a user id without a name
        user = "somebody"
    arn = str(context.client("sts").get_caller_identity()["Arn"]).rpartition(":")[2]
    return f"{user} ({arn})"


def host() -> str:
    """This machine's name, with its network card's address, since machines may share a name."""
    return f"{socket.gethostname()} ({uuid.getnode():012x})"
