"""A report that is shown again and again: in place on a terminal, one below the other elsewhere."""

import io
import sys
import time
from collections.abc import Callable
from contextlib import redirect_stdout
from datetime import UTC, datetime
from itertools import count

import click
from rich.live import Live
from rich.text import Text

from infra.cli.context import CommandError
from infra.terminal import shown


class _Screen(io.StringIO):
    """What a report would print on a terminal."""

    def isatty(self) -> bool:
        """It stands for one."""
        return True


def watch(
    show: Callable[[], None],
    every_seconds: float,
    *,
    limit: int | None = None,
    plain: bool = False,
    sleep: Callable[[float], None] = time.sleep,
) -> None:
    """Show a report until Ctrl-C, or so many times.

    Where it cannot be shown once more, such as of a pipeline that is started anew, one line says so, and the next
    refresh tries again.

    Args:
        show: prints the report.
        every_seconds: between two refreshes.
        limit: refreshes; None for no end.
        plain: print what `show` prints and nothing else, as for programs.
        sleep: waits.

    Raises:
        CommandError: it could not be shown the first time.
    """
    in_place = sys.stdout.isatty() and not plain
    try:
        if in_place:
            with Live(auto_refresh=False, vertical_overflow="crop") as live:
                _repeat(lambda: live.update(_screen_of(show), refresh=True), every_seconds, limit, sleep)
        else:
            _repeat(show if plain else lambda: _with_time(show), every_seconds, limit, sleep)
    except KeyboardInterrupt:
        return


def _repeat(
    refresh: Callable[[], None], every_seconds: float, limit: int | None, sleep: Callable[[float], None]
) -> None:
    for number in count(1):
        try:
            refresh()
        except CommandError as error:
            if number == 1:
                raise
            click.echo(f"{_now()}  not refreshed: {shown(str(error))}", err=True)
        sys.stdout.flush()
        if number == limit:
            return
        sleep(every_seconds)


def _screen_of(show: Callable[[], None]) -> Text:
    screen = _Screen()
    with redirect_stdout(screen):
        show()
    return Text.from_ansi(f"{screen.getvalue()}{_now()}, Ctrl-C ends")


def _with_time(show: Callable[[], None]) -> None:
    click.echo(_now())
    show()


def _now() -> str:
    return f"{datetime.now(UTC):%Y-%m-%d %H:%M:%S} UTC"
