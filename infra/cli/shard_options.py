"""What the commands of `spillway shards` have in common."""

from pathlib import Path
from typing import Any

import click

from infra.cli.context import CommandError
from infra.shards.limits import MAX_SHARDS
from infra.shards.plan import Bounds

JSON = click.option("--json", "as_json", is_flag=True, help="For programs.")
TARGET = click.option(
    "--target-utilisation",
    type=click.FloatRange(0, 1, min_open=True),
    default=0.6,
    show_default=True,
    help="How full the hottest shard may be at the peak.",
)
SHARD_COUNT = click.IntRange(1, MAX_SHARDS)
MINIMUM = click.option("--min", "minimum", type=SHARD_COUNT, default=1, show_default=True, help="Shards at the least.")
MAXIMUM = click.option(
    "--max", "maximum", type=SHARD_COUNT, default=MAX_SHARDS, show_default=True, help="Shards at the most."
)
PNG = click.option("--png", type=click.Path(dir_okay=False, path_type=Path), help="Draw it as well; needs matplotlib.")


def bounds_of(target: float, minimum: int, maximum: int) -> Bounds:
    """What the options say the planner has to keep to; wrong usage where they contradict each other."""
    try:
        return Bounds(target, minimum, maximum)
    except ValueError as error:
        raise click.UsageError(str(error)) from error


def charts() -> Any:
    """The module that draws.

    Raises:
        CommandError: matplotlib is not installed.
    """
    try:
        import infra.shards.charts as drawn  # noqa: PLC0415 (matplotlib is an extra, and takes a second)
    except ImportError as error:
        raise CommandError(
            "--png needs matplotlib: .venv/bin/pip install --require-hashes -r requirements/plots.txt"
        ) from error
    return drawn
