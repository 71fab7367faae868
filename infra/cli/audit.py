"""`spillway audit`: account for every event of a period."""

import json
import os
import sys
from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from infra.audit.balance import Clients
from infra.audit.balance import audit as audit_period
from infra.audit.sightings import Period
from infra.cli.context import CommandError, Context
from infra.cli.edge import stopped, writing
from infra.cli.options import period, require_order
from infra.cli.tables import print_json, print_table
from producers.event import format_timestamp

if TYPE_CHECKING:
    from infra.audit.balance import Balance
    from infra.audit.ledger import Missing


@click.command()
@period("24h", of="Accepted")
@click.option(
    "--missing", type=click.Path(dir_okay=False, path_type=Path), help="Write what is missing here, as NDJSON."
)
@click.option("--scan-table", is_flag=True, help="Also look for rows that neither the stream nor the lake know.")
@click.option("--json", "as_json", is_flag=True, help="For programs.")
@click.pass_obj
def audit(  # noqa: PLR0917 (click passes options by name)
    context: Context,
    start: datetime,
    end: datetime,
    missing: Path | None,
    scan_table: bool,  # noqa: FBT001
    as_json: bool,  # noqa: FBT001
) -> None:
    """Account for every event accepted in a period; exit 1 where something is missing.

    Every event on the stream (while it is retained) or in the lake must be in the table or in a dead letter, and in
    the lake or in one of Firehose's error objects. What is too young to have arrived counts as on the way. On AWS the
    HTTP API's own count of accepted events is compared as well: it knows of events that the stream no longer holds.

    \b
    spillway audit --from 2026-11-23T08:00 --to 2026-11-23T09:00 --missing missing.ndjson
    """
    require_order(start, end)
    clients = Clients(*(context.client(service) for service in ("kinesis", "dynamodb", "s3", "sqs", "cloudwatch")))
    with (
        stopped(context, "the audit did not finish", "Nothing was changed; run it again."),
        writing(missing),
        (missing or Path(os.devnull)).open("w", encoding="utf-8") as file,
    ):
        balance = audit_period(
            clients,
            context.names(),
            context.settings(),
            Period(start, end),
            scan_table=scan_table,
            report=_report if sys.stderr.isatty() else lambda _step, _count: None,
            on_missing=lambda each: print(json.dumps(_record(each)), file=file),
        )
    _print(balance, start, end, as_json=as_json)
    if not balance.is_clean:
        raise CommandError("not everything is accounted for" + ("" if missing else "; --missing FILE lists it"))


def _report(step: str, count: int) -> None:
    click.echo(f"{step}: {count:,} seen", err=True)


def _record(missing: "Missing") -> dict[str, object]:
    """A missing event as --missing lists it."""
    places = [name for name, is_missing in (("table", missing.from_table), ("lake", missing.from_lake)) if is_missing]
    if not missing.is_event:
        return {"sha256": missing.identity, "missing_from": places}
    return {"timestamp": format_timestamp(missing.micros), "request_id": missing.identity, "missing_from": places}


def _print(balance: "Balance", since: datetime, until: datetime, *, as_json: bool) -> None:
    if as_json:
        period = {"from": since.isoformat(), "to": until.isoformat()}
        print_json({**period, **asdict(balance), "clean": balance.is_clean})
        return
    click.echo(f"Accepted from {since:%Y-%m-%d %H:%M:%S} to {until:%Y-%m-%d %H:%M:%S} UTC")
    rows: list[tuple[str, int | None, str]] = [
        ("accepted", balance.accepted_at_least, "at least, counted by the HTTP API"),
        ("events", balance.events, "seen anywhere"),
        ("unknown", balance.unknown, "accepted, and seen nowhere"),
        ("not events", balance.no_events, "other bytes on the stream"),
        ("on the stream", balance.on_stream, "still retained"),
        ("in the table", balance.in_table, ""),
        ("in the lake", balance.in_lake, "distinct"),
        ("duplicates in the lake", balance.duplicates_in_lake, "copies among the files that landed"),
        ("in dead letters", balance.in_dead_letters, ""),
        ("in Firehose errors", balance.in_firehose_errors, ""),
        ("waiting messages", balance.waiting_messages, "in the dead-letter queues, not archived yet"),
        ("on the way", balance.on_the_way, "too young to be missing"),
        ("missing from the table", balance.missing_from_table, "neither a row nor a dead letter"),
        ("missing from the lake", balance.missing_from_lake, "neither a lake row nor an error object"),
        ("lost", balance.lost, "left the stream before a pointer to them could be resolved"),
        ("unreadable", balance.unreadable, "lines among the failures"),
    ]
    print_table(("what", "count", ""), rows)
    if not balance.is_clean:
        click.echo("Something is missing.")
    elif balance.stream_holds_the_period:
        click.echo("Everything is accounted for.")
    else:
        click.echo(
            "Everything that is known is accounted for. The stream no longer holds all of the period, so an event that "
            "is in neither the lake nor the table is unknown here."
        )
