"""`spillway shards simulate`: automatic scaling on paper."""

from pathlib import Path
from random import Random

import click

from infra.cli.edge import writing
from infra.cli.shard_options import JSON, MAXIMUM, MINIMUM, PNG, SHARD_COUNT, TARGET, bounds_of, charts
from infra.cli.shard_tables import print_simulation, simulation_json
from infra.cli.tables import print_json
from infra.shards.autoscaling import Thresholds
from infra.shards.simulation import simulate
from infra.shards.traffic import BUILT_IN, built_in, read_csv


@click.command("simulate")
@click.option("--trace", type=click.Choice(list(BUILT_IN)), help="A built-in trace of traffic.")
@click.option(
    "--csv", "csv_file", type=click.Path(exists=True, dir_okay=False, path_type=Path), help="A trace of yours."
)
@click.option("--shards", "count", type=SHARD_COUNT, default=2, show_default=True, help="Shards to begin with.")
@TARGET
@click.option("--up-above", type=float, default=0.75, show_default=True, help="Grow beyond this utilisation.")
@click.option("--down-below", type=float, default=0.4, show_default=True, help="Shrink below it, after an hour.")
@MINIMUM
@MAXIMUM
@click.option(
    "--reader-rate",
    type=click.FloatRange(0, min_open=True),
    default=2_000.0,
    show_default=True,
    help="Records a second that the slowest reader gets through in a shard.",
)
@click.option("--seed", type=int, default=1, show_default=True, help="Of the noise in a built-in trace.")
@JSON
@PNG
def simulate_command(
    *,
    trace: str | None,
    csv_file: Path | None,
    count: int,
    target_utilisation: float,
    up_above: float,
    down_below: float,
    minimum: int,
    maximum: int,
    reader_rate: float,
    seed: int,
    as_json: bool,
    png: Path | None,
) -> None:
    """Try automatic scaling on a trace of traffic. Nothing is called.

    A CSV file has a row a minute, and the columns minute, records_per_second, bytes_per_second and, if you like,
    hot_share (0 to 1, of one partition key).
    """
    if (trace is None) == (csv_file is None):
        raise click.UsageError("give --trace or --csv")
    moments = read_csv(csv_file) if csv_file else built_in(str(trace), Random(seed))  # noqa: S311 (no secret)
    try:
        thresholds = Thresholds(bounds_of(target_utilisation, minimum, maximum), up_above, down_below)
    except ValueError as error:
        raise click.UsageError(str(error)) from error
    found = simulate(moments, thresholds, shards=count, reader_records_per_second=reader_rate)
    if png:
        with writing(png):
            charts().draw_simulation(found, trace or str(csv_file), png)
    if as_json:
        print_json(simulation_json(found))
    else:
        print_simulation(found)
