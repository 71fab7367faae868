"""`spillway cost`: what some work costs a month."""

from dataclasses import asdict, replace
from typing import TYPE_CHECKING, Any, cast

import click

from infra import prices
from infra.cli.context import Context
from infra.cli.tables import print_json, print_table
from infra.cost.bill import ROUNDINGS, Assumptions, monthly_bill
from infra.cost.capacity import stream_dollars, table_dollars
from infra.cost.cpu import cpu_of
from infra.cost.door import FOR_COMPARISON, NAMES, door_dollars
from infra.cost.flow import Work, flow
from infra.cost.queue_design import queue_bill
from infra.cost.savings import savings
from infra.prices import MILLION, SECONDS_A_MONTH
from infra.settings import environments

if TYPE_CHECKING:
    from infra.cost.bill import Bill, Rounding
    from infra.settings import Settings

PROD = "prod"
LAKE_SERVICES = ("Firehose", "S3", "Athena")


@click.command()
@click.option(
    "--events-per-second", type=click.FloatRange(min=0, min_open=True), required=True, help="The mean of the month."
)
@click.option("--event-bytes", type=click.IntRange(1), required=True, help="Of an event as it is posted.")
@click.option("--batch-size", type=click.IntRange(1), default=1, show_default=True, help="Events in a request.")
@click.option("--region-factor", type=click.FloatRange(min=0, min_open=True), help="Instead of pipeline.yaml's.")
@click.option("--kept-days", type=click.FloatRange(min=0), default=30, show_default=True, help="For storage.")
@click.option(
    "--firehose-rounding",
    type=click.Choice(["event", "record"]),
    default="event",
    show_default=True,
    help="What Firehose rounds up to 5 KB: AWS does not say.",
)
@click.option("--compare", is_flag=True, help="The queue-based design beside it.")
@click.option("--json", "as_json", is_flag=True, help="For programs.")
@click.pass_obj
def cost(  # noqa: PLR0917 (click passes options by name)
    context: Context,
    events_per_second: float,
    event_bytes: int,
    batch_size: int,
    region_factor: float | None,
    kept_days: float,
    firehose_rounding: str,
    compare: bool,  # noqa: FBT001
    as_json: bool,  # noqa: FBT001
) -> None:
    """Estimate a month's bill, and what would make it smaller. AWS is not asked.

    The settings are the environment's. For local they are prod's, because local waits for no buffer.

    \b
    spillway --env prod cost --events-per-second 1000 --event-bytes 600 --batch-size 100 --compare
    """
    if context.environment not in environments():
        raise click.UsageError(
            f"there is no environment {context.environment!r}; known are {', '.join(sorted(environments()))}"
        )
    settings = Context(PROD).settings() if context.is_local else context.settings()
    work = Work(events_per_second, event_bytes, batch_size)
    factor = settings.cost.region_factor if region_factor is None else region_factor
    told = Report(work, settings, Assumptions(factor, kept_days, cast("Rounding", firehose_rounding)))
    if as_json:
        print_json(told.as_json(compare=compare))
    else:
        told.print(compare=compare)


class Report:
    """The bill and what is said beside it."""

    def __init__(self, work: "Work", settings: "Settings", assumptions: "Assumptions") -> None:

        self._work, self._assumptions = work, assumptions
        self.bill = monthly_bill(work, settings, assumptions)
        found = flow(work, settings, cpu_of(work.payload_bytes, work.events_per_request))
        factor = assumptions.region_factor
        self.modes = {mode: dollars * factor for mode, dollars in stream_dollars(found, settings).items()}
        self.doors = {door: dollars * SECONDS_A_MONTH * factor for door, dollars in door_dollars(work).items()}
        self.table_modes = {mode: dollars * factor for mode, dollars in table_dollars(found.write_units).items()}
        separate = monthly_bill(work, settings, assumptions, aggregated=False).dollars
        self.aggregation_saves = separate - self.bill.dollars
        self.by_rounding = {
            rounding: monthly_bill(work, settings, replace(assumptions, rounding=rounding)).of("Firehose")
            for rounding in ROUNDINGS
        }
        self.savings = savings(work, settings, assumptions)
        self.queue = queue_bill(work, settings, assumptions)

    def as_json(self, *, compare: bool) -> dict[str, Any]:
        """The report for programs; amounts are US dollars a month."""
        told = {
            "prices": {"region": prices.REGION, "read": prices.READ, "unsure": sorted(prices.UNSURE)},
            "work": asdict(self._work),
            "assumptions": asdict(self._assumptions),
            "total": self.bill.dollars,
            "per_million_events": self._per_million(self.bill),
            "services": self.bill.by_service(),
            "lines": [asdict(line) for line in self.bill.lines],
            "doors": self.doors,
            "stream_modes": self.modes,
            "table_modes": self.table_modes,
            "aggregation_saves": self.aggregation_saves,
            "firehose_by_rounding": self.by_rounding,
            "savings": [asdict(saving) for saving in self.savings],
        }
        if compare:
            told["queue_design"] = {
                "total": self.queue.dollars,
                "services": self.queue.by_service(),
                "ours_without_the_lake": self.bill.dollars - self.bill.of(*LAKE_SERVICES),
            }
        return told

    def print(self, *, compare: bool) -> None:
        """The report for people."""
        click.echo(
            f"US dollars a month of {prices.HOURS_A_MONTH} h; {prices.REGION} prices of {prices.READ} times "
            f"{self._assumptions.region_factor:g}, without free tiers, data transfer and taxes"
        )
        rows = [(line.service, line.what, round(line.quantity, 3), round(line.dollars, 2)) for line in self.bill.lines]
        print_table(("service", "what", "quantity", "dollars"), rows)
        click.echo(f"Total {self.bill.dollars:,.2f}, {self._per_million(self.bill):.3f} for a million events\n")
        offered = {door: self.doors[door] for door in NAMES.values()}
        for name, modes in (("Door", offered), ("Stream", self.modes), ("Table, its writes", self.table_modes)):
            cheapest_first = sorted(modes.items(), key=lambda entry: entry[1])
            click.echo(f"{name}: " + ", ".join(f"{mode} {dollars:,.2f}" for mode, dollars in cheapest_first))
        others = ", ".join(f"{door} {self.doors[door]:,.2f}" for door in FOR_COMPARISON)
        click.echo(f"Instead of API Gateway, for comparison only (Spillway does not deploy these): {others}")
        click.echo(f"Aggregation saves {self.aggregation_saves:,.2f}")
        click.echo(
            f"Firehose: {self.by_rounding['event']:,.2f} if each event is rounded up to 5 KB, "
            f"{self.by_rounding['record']:,.2f} if each record of the stream is"
        )
        if self.savings:
            click.echo("\nWhat would save most, each by itself:")
            print_table(
                ("setting", "now", "then", "saves", "for"),
                [(each.setting, each.now, each.then, round(each.dollars, 2), each.price) for each in self.savings],
            )
        if compare:
            self._print_comparison()

    def _print_comparison(self) -> None:
        ours, queue = self.bill.by_service(), self.queue.by_service()
        services = [*ours, *(service for service in queue if service not in ours)]
        rows = [(name, round(ours.get(name, 0.0), 2), round(queue.get(name, 0.0), 2)) for name in services]
        without_lake = self.bill.dollars - self.bill.of(*LAKE_SERVICES)
        rows += [
            ("total", round(self.bill.dollars, 2), round(self.queue.dollars, 2)),
            ("without the lake", round(without_lake, 2), round(self.queue.dollars, 2)),
        ]
        click.echo("\nBeside a queue: API Gateway, Lambda, SQS, Lambda, DynamoDB; no lake, no order, no replay")
        print_table(("service", "spillway", "queue"), rows)

    def _per_million(self, bill: "Bill") -> float:

        return bill.dollars / (self._work.events_per_second * SECONDS_A_MONTH) * MILLION
