"""Options that mean the same in every command."""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from importlib import import_module
from pathlib import Path
from typing import Any

import click

from archive.dead_letters.selection import SelectionError, parse_time
from infra.cli.context import CommandError

FILE = click.Path(dir_okay=False, path_type=Path)
EXISTING_FILE = click.Path(exists=True, dir_okay=False, path_type=Path)
JSON = click.option("--json", "as_json", is_flag=True, help="For programs: JSON.")
TIMES = "2026-11-23T02:30, 2026-11-23, 02:30 (today), 90m or 3h (ago), now; UTC"


class Moment(click.ParamType[datetime | str]):
    """A moment, as every command takes it: see `TIMES`.

    Args:
        as_written: whether the command gets the text, once it is known to be a moment.
    """

    name = "time"

    def __init__(self, *, as_written: bool = False) -> None:
        self._as_written = as_written

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> datetime | str:
        """Read a moment."""
        if isinstance(value, datetime):
            return value
        try:
            moment = parse_time(str(value), datetime.now(UTC))
        except (SelectionError, OverflowError) as error:
            self.fail(str(error), param, ctx)
        return str(value) if self._as_written else moment


MOMENT = Moment()
MOMENT_AS_WRITTEN = Moment(as_written=True)  # a replay is resumed by the same options, `24h` among them


def period(default_start: str | None, *, of: str) -> Callable[..., Any]:
    """The options `--from` and `--to`.

    Args:
        default_start: such as `24h`; None where it has to be given.
        of: what lies in the period, such as `accepted`.
    """

    def decorate(command: Callable[..., Any]) -> Callable[..., Any]:
        start = click.option(
            "--from",
            "start",
            type=MOMENT,
            default=default_start,
            required=default_start is None,
            show_default=default_start is not None,
            metavar="TIME",
            help=f"{of} from then on: {TIMES}.",
        )
        end = click.option(
            "--to", "end", type=MOMENT, default="now", show_default=True, metavar="TIME", help=f"{of} before then."
        )
        return start(end(command))

    return decorate


def require_order(start: datetime, end: datetime) -> None:
    """Refuse a period that ends before it begins."""
    if start >= end:
        raise click.UsageError(f"--from {start:%Y-%m-%d %H:%M} is not before --to {end:%Y-%m-%d %H:%M} (UTC)")


def at_most_one(given: dict[str, Any], *names: str) -> None:
    """Refuse options that contradict each other.

    Args:
        given: options as they are typed, and their values.
        names: of which at most one may be given.
    """
    found = [name for name in names if given[name] not in (None, False, ())]
    if len(found) > 1:
        raise click.UsageError(
            f"give {_listed(found)}, not both" if len(found) == 2 else f"give one of {_listed(found)}"
        )


def extra(module: str, package: str, file: str) -> Any:
    """A module that needs a package which is not installed with Spillway.

    Args:
        module: to import, such as `infra.querying.picture`.
        package: that it needs.
        file: of requirements/ that pins it.

    Raises:
        CommandError: the package is missing.
    """
    try:
        return import_module(module)
    except ModuleNotFoundError as error:
        raise CommandError(
            f"this needs {package}: .venv/bin/pip install --require-hashes -r requirements/{file}"
        ) from error


def _listed(names: Sequence[str]) -> str:
    return " or ".join(names)
