"""What is shown while records are put back, and Ctrl-C, which ends that in order."""

import signal
import sys
import threading
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from archive.replay.plan import Tally


class Display:
    """Progress on a terminal; and Ctrl-C, which ends the replay after the batch at hand."""

    def __init__(self) -> None:
        self.stopping = threading.Event()
        self._shown = sys.stderr.isatty()

    def __enter__(self) -> "Display":
        self._before = {number: signal.signal(number, self._on_signal) for number in (signal.SIGINT, signal.SIGTERM)}
        return self

    def __exit__(self, *_: object) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)
        if self._shown:
            click.echo(err=True)

    def update(self, tally: "Tally") -> None:
        """Show the counts."""
        if self._shown:
            kinds = ", ".join(f"{count:,} {kind}" for kind, count in tally.left.most_common())
            left = f", {tally.left.total():,} left ({kinds})" if tally.left else ""
            click.echo(f"\r{tally.put_back:,} put back{left} ", nl=False, err=True)

    def _on_signal(self, *_: object) -> None:
        if self.stopping.is_set():
            raise KeyboardInterrupt
        self.stopping.set()
        click.echo("\nStopping after this batch; once more ends at once.", err=True)
