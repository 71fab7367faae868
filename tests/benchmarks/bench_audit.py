"""The set work of an audit: 10 million events, each seen on the stream, in the lake and in the table."""

from collections.abc import Iterator

from infra.audit.ledger import Ledger
from infra.audit.sightings import Place, Sighting
from tests.benchmarks.machine import resident_mib, unpin
from tests.benchmarks.report import Report
from tests.benchmarks.timing import once

BEGAN_MICROS = 1_795_000_000_000_000
LOST_EACH = 1_000  # one event of so many is not in the table


def run(report: Report) -> None:
    """Enter the time and the memory that it takes."""
    unpin()  # DuckDB uses every core, as in `spillway audit`
    events = 1_000_000 if report.quick else 10_000_000
    seconds = once(lambda: _audit(events)).wall
    what = f"audit of {events:,} events in three places"
    report.row(f"{what}", events / seconds, None, "events/s", "", "")
    report.row(f"{what}, peak memory", resident_mib()[1], None, "MiB", "≤ 1,000 MiB", "")


def _audit(events: int) -> None:
    with Ledger() as ledger:
        places: tuple[Place, ...] = ("stream", "landing")
        for place in places:
            ledger.enter(_sightings(place, events))
        ledger.enter(
            Sighting("table", micros, identity)
            for chunk in ledger.events()
            for micros, identity in chunk
            if (micros - BEGAN_MICROS) % LOST_EACH
        )
        ledger.close()
        assert sum(1 for _ in ledger.missing()) == events // LOST_EACH


def _sightings(place: Place, events: int) -> Iterator[Sighting]:
    for n in range(events):
        yield Sighting(place, BEGAN_MICROS + n, f"8f1c7d5e-0000-4000-8000-{n // 500:012d}#{n % 500}")
