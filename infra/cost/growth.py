"""How shards, concurrency, units and dollars grow with the events: `infra.cost.flow` against prices and quotas.

`python -m infra.cost.growth` prints the table of docs/performance.md. Dollars are from `infra.prices`, without
free tiers, storage or data transfer.
"""

import sys
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

import msgspec

from infra.cost.door import FOR_COMPARISON, NAMES, door_dollars
from infra.cost.flow import LOG_BYTES, MEASURED, Running, Work, flow
from infra.prices import (
    FIREHOSE_IN_GIB,
    FIREHOSE_PARQUET_GIB,
    GIB,
    GIB_SECOND,
    INVOCATION_MILLION,
    KIB,
    LOG_GIB,
    MILLION,
    PUT_UNIT_MILLION,
    SHARD_HOUR,
    WRITE_UNIT_MILLION,
)
from infra.settings import Settings, load

# Quotas of an account in one region as they stand by default.
SHARDS: Final = 1_000  # some regions begin with more
REQUESTS: Final = 10_000  # API Gateway, a second
CONCURRENCY: Final = 1_000  # Lambda, invocations at once
WRITE_UNITS: Final = 40_000  # DynamoDB on demand, a second and table


@dataclass(frozen=True, slots=True)
class Growth:
    """What the work takes.

    Args:
        requests_per_second: to the HTTP API.
        shards: of the stream, filled to `SHARD_FILL`, and never fewer than pipeline.yaml says.
        concurrency: invocations at once, of all functions.
        write_units_per_second: of DynamoDB.
        dollars: for a million events, by service.
        shares: of each quota, 1.0 being all of it, by what it bounds.
    """

    requests_per_second: float
    shards: int
    concurrency: float
    write_units_per_second: int
    dollars: dict[str, float]
    shares: dict[str, float]

    @property
    def ceiling(self) -> str:
        """What is reached first when the work grows further."""
        return max(self.shares, key=lambda name: self.shares[name])


def growth(work: Work, settings: Settings) -> Growth:
    """Reckon what some work takes with these settings.

    Raises:
        KeyError: nothing was measured for events of this size, or requests of so many.
    """
    found = flow(work, settings, MEASURED[work.payload_bytes, work.events_per_request])
    concurrency = sum(function.seconds for function in found.functions)
    lanes = found.shards * settings.table_writer.parallelization_factor
    units = round(found.write_units)
    a_second = {
        "API Gateway": door_dollars(work)[NAMES[settings.http.door]],
        "Lambda": sum(lambda_dollars(function) for function in found.functions),
        "Kinesis": found.shards * SHARD_HOUR / 3_600 + found.put_units * PUT_UNIT_MILLION / MILLION,
        "Firehose": found.firehose_bytes / GIB * (FIREHOSE_IN_GIB + FIREHOSE_PARQUET_GIB),
        "DynamoDB": units * WRITE_UNIT_MILLION / MILLION,
        "logs": sum(function.invocations for function in found.functions) * LOG_BYTES / GIB * LOG_GIB,
    }
    shares = {
        "API Gateway requests": found.requests / REQUESTS,
        "Lambda concurrency": concurrency / CONCURRENCY,
        "Kinesis shards": found.shards / SHARDS,
        "DynamoDB write units": units / WRITE_UNITS,
        "table writer per shard": found.writer.seconds / lanes,
    }
    dollars = {service: second * MILLION / work.events_per_second for service, second in a_second.items()}
    return Growth(found.requests, found.shards, concurrency, units, dollars, shares)


def lambda_dollars(function: Running) -> float:
    """What a function costs in a second."""
    gib_seconds = function.seconds * function.memory_mib / KIB
    return function.invocations * INVOCATION_MILLION / MILLION + gib_seconds * GIB_SECOND


def table(settings: Settings) -> Iterator[str]:
    """The table of docs/performance.md, line by line, in Markdown: dollars with each door, the rest with either."""
    yield (
        "| events/s | payload | posted | requests/s | shards | Lambda at once | write units/s | $ a million, REST API "
        "| HTTP API | function URL, load balancer | of which the most | nearest ceiling |"
    )
    yield "|--:|--:|---|--:|--:|--:|--:|--:|--:|--:|---|---|"
    for rate in (10, 1_000, 100_000, 1_000_000):
        for size in (300, 3_000):
            for per_request in (1, 500):
                work = Work(rate, size, per_request)
                yield _line(work, {door: growth(work, _behind(door, settings)) for door in NAMES})


def _behind(door: str, settings: Settings) -> Settings:
    http: Any = msgspec.structs.replace(settings.http, door=door)
    return msgspec.structs.replace(settings, http=http)


def _line(work: Work, found: dict[str, Growth]) -> str:
    posted = "one by one" if work.events_per_request == 1 else f"{work.events_per_request} at once"
    rest, http = found["rest"], found["http"]
    most, dollars = max(http.dollars.items(), key=lambda entry: entry[1])
    requests = http.requests_per_second
    beside = sum(http.dollars.values()) - http.dollars["API Gateway"]
    others = [beside + door_dollars(work)[door] * MILLION / work.events_per_second for door in FOR_COMPARISON]
    return (
        f"| {work.events_per_second:,} | {work.payload_bytes:,} B | {posted} "
        f"| {requests:,.{0 if requests >= 1 else 2}f} | {http.shards:,} | {max(http.concurrency, 0.1):,.1f} "
        f"| {http.write_units_per_second:,} | {sum(rest.dollars.values()):.2f} | {sum(http.dollars.values()):.2f} "
        f"| {', '.join(f'{each:.2f}' for each in others)} | {most} {dollars:.2f} | {_ceilings(http)} |"
    )


def _ceilings(found: Growth) -> str:
    """The quotas that must be raised first, or the one nearest to it."""
    shares = sorted(found.shares.items(), key=lambda entry: -entry[1])
    over = [f"{name} {share:.1f} x" for name, share in shares if share > 1]
    if over:
        return "**over**: " + ", ".join(over)
    name, share = shares[0]
    return f"{name}, {share:.0%}" if share >= 0.01 else "none"


if __name__ == "__main__":
    sys.stdout.write("\n".join(table(load("prod"))) + "\n")
