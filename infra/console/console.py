"""What every page of a console works with."""

import functools
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from infra.console.jobs import Jobs
from infra.console.tailing import Tails
from infra.console.watch import Watch
from infra.environment import Environment
from infra.names import Names


@dataclass(frozen=True)
class Console:
    """One console.

    Args:
        environment: that it shows and changes.
        watch: samples the pipeline's parts.
        explain: the line for what AWS, the network or a file did; None for a mistake in Spillway.
        operator: who is at work, for journals.
        folder: that keeps plans of shards and their journals.
        jobs: what runs on beyond a request.
        tails: of the stream, for pages.
    """

    environment: Environment
    watch: Watch
    explain: Callable[[BaseException], str | None]
    operator: Callable[[], str]
    folder: Path
    jobs: Jobs = field(default_factory=Jobs)
    tails: Tails = field(default_factory=Tails)

    @functools.cached_property
    def names(self) -> Names:
        """The names of the environment's resources, asked once."""
        return self.environment.names()
