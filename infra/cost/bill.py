"""A month's bill of the pipeline, line by line: what is counted, how many, at what price."""

from dataclasses import dataclass, replace
from typing import Final, Literal

from infra import prices
from infra.cost.capacity import Mode, TableMode, stream_dollars, table_dollars
from infra.cost.cpu import cpu_of
from infra.cost.door import NAMES, billed_requests, door_dollars
from infra.cost.flow import LOG_BYTES, ROW_BYTES, Flow, Running, Work, flow
from infra.prices import GIB, HOURS_A_MONTH, KIB, MILLION, SECONDS_A_MONTH
from infra.settings import Settings

ITEM_OVERHEAD_BYTES: Final = 100  # DynamoDB bills storage of an item with so much more (Developer Guide, item sizes)
CUSTOM_METRICS: Final = 16  # of producers/telemetry.py: counters of four functions, some of them by reason
POLLERS: Final = 5  # with which Lambda begins to read a queue ...
LONG_POLL_SECONDS: Final = 20  # ... each waiting so long for a message
# Bytes of Parquet for a byte of payload, in Snappy as Firehose writes them and in Zstandard as compaction does, and for
# the random id of a request, which compresses little. tests/infra/cost/test_stored_shares.py measures them.
LANDED_SHARE: Final = 0.345
LANDED_ID_BYTES: Final = 31
COMPACTED_SHARE: Final = 0.18
COMPACTED_ID_BYTES: Final = 19
COMPACTED_FILE_BYTES: Final = 256 * prices.MIB

Rounding = Literal["event", "record"]
ROUNDINGS: Final[tuple[Rounding, ...]] = ("event", "record")


@dataclass(frozen=True, slots=True)
class Assumptions:
    """What neither the work nor pipeline.yaml says.

    Args:
        region_factor: by which the region's prices differ from the table's.
        kept_days: for how long rows and lake files are kept; the bill is of a month in which as many days lie there. A
            time to live in pipeline.yaml that is shorter counts for rows.
        rounding: whether Firehose rounds up to 5 KB each event, or each record of the stream as it was put. AWS does
            not say which; by `event` the bill is never lower.
        mode: of the stream; None for the cheapest.
        table_mode: of the table; Terraform's `table_capacity` makes it provisioned.
    """

    region_factor: float = 1.0
    kept_days: float = 30.0
    rounding: Rounding = "event"
    mode: Mode | None = None
    table_mode: TableMode = "on-demand"


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a bill.

    Args:
        service: as AWS bills it.
        what: is counted.
        quantity: of it in a month, in the unit that `what` names.
        dollars: US dollars a month.
    """

    service: str
    what: str
    quantity: float
    dollars: float


@dataclass(frozen=True, slots=True)
class Bill:
    """A month's bill."""

    lines: tuple[Line, ...]

    @property
    def dollars(self) -> float:
        """All of it."""
        return sum(line.dollars for line in self.lines)

    def by_service(self) -> dict[str, float]:
        """US dollars by service, the dearest first."""
        services: dict[str, float] = {}
        for line in self.lines:
            services[line.service] = services.get(line.service, 0.0) + line.dollars
        return dict(sorted(services.items(), key=lambda entry: -entry[1]))

    def of(self, *services: str) -> float:
        """What some services cost."""
        return sum(line.dollars for line in self.lines if line.service in services)


def monthly_bill(work: Work, settings: Settings, assumptions: Assumptions, *, aggregated: bool = True) -> Bill:
    """The bill of a month of 730 hours in which the work is the same all the time.

    Args:
        work: what comes in.
        settings: of the pipeline.
        assumptions: what neither says.
        aggregated: whether the events of a request are packed into few records of the stream.
    """
    found = flow(work, settings, cpu_of(work.payload_bytes, work.events_per_request), aggregated=aggregated)
    mode = assumptions.mode
    stream = stream_dollars(found, settings)
    name, dollars = min(stream.items(), key=lambda entry: entry[1]) if mode is None else (mode, stream[mode])
    lines = [
        _api_gateway(work, settings),
        *_lambda("HTTP handler", found.http),
        *_lambda("table writer", found.writer),
        *_lambda("transform", found.transform),
        Line("Kinesis", f"{found.shards:,} shards" if name == "provisioned" else name, 1, dollars),
        *_firehose(firehose_bytes(found, assumptions.rounding)),
        *_table(work, found, settings, assumptions),
        *_lake(work, found, settings, assumptions),
        Line("SQS", "million polls of the dead-letter queue", *_polls()),
        *watching(sum(each.invocations for each in found.functions), found.requests, settings),
    ]
    return Bill(tuple(replace(line, dollars=line.dollars * assumptions.region_factor) for line in lines))


def firehose_bytes(found: Flow, rounding: Rounding) -> float:
    """Bytes a second as Firehose bills them: each event, or each record of the stream, rounded up to 5 KB."""
    if rounding == "event":
        return found.firehose_bytes
    return found.records * _rounded(found.record_bytes, prices.FIREHOSE_ROUNDING_BYTES)


def _api_gateway(work: Work, settings: Settings) -> Line:
    door = NAMES[settings.http.door]
    millions = billed_requests(work, door) * SECONDS_A_MONTH / MILLION
    return Line("API Gateway", f"million requests, {door}", millions, door_dollars(work)[door] * SECONDS_A_MONTH)


def _lambda(name: str, function: Running) -> tuple[Line, Line]:
    """A function's requests and its time; `Running.seconds` are of all invocations in a second."""
    millions = function.invocations * SECONDS_A_MONTH / MILLION
    gib_seconds = function.seconds * SECONDS_A_MONTH * function.memory_mib / KIB
    return (
        Line("Lambda", f"million invocations, {name}", millions, millions * prices.INVOCATION_MILLION),
        Line("Lambda", f"GB-seconds, {name}", gib_seconds, gib_seconds * prices.GIB_SECOND),
    )


def _firehose(bytes_per_second: float) -> tuple[Line, Line]:
    gib = bytes_per_second * SECONDS_A_MONTH / GIB
    return (
        Line("Firehose", "GB in", gib, gib * prices.FIREHOSE_IN_GIB),
        Line("Firehose", "GB to Parquet", gib, gib * prices.FIREHOSE_PARQUET_GIB),
    )


def _table(work: Work, found: Flow, settings: Settings, assumptions: Assumptions) -> tuple[Line, Line, Line]:
    millions = found.write_units * SECONDS_A_MONTH / MILLION
    mode = assumptions.table_mode
    ttl_days = settings.table.ttl_days
    days = assumptions.kept_days if ttl_days is None else min(ttl_days, assumptions.kept_days)
    row_bytes = work.payload_bytes + ROW_BYTES + ITEM_OVERHEAD_BYTES
    gib = found.events * days * 86_400 * row_bytes / GIB
    return (
        Line("DynamoDB", f"million write units, {mode}", millions, table_dollars(found.write_units)[mode]),
        Line("DynamoDB", "GB of rows", gib, gib * prices.ROW_GIB_MONTH),
        Line("DynamoDB", "GB recoverable to a point in time", gib, gib * prices.POINT_IN_TIME_GIB_MONTH),
    )


def _lake(work: Work, found: Flow, settings: Settings, assumptions: Assumptions) -> tuple[Line, ...]:
    """Files of landing, each written when its buffer is full or its time is over, and compacted by Athena once."""
    arriving = found.events * work.payload_bytes
    landed = arriving * LANDED_SHARE + found.requests * LANDED_ID_BYTES
    compacted = arriving * COMPACTED_SHARE + found.requests * COMPACTED_ID_BYTES
    full = arriving / (settings.archive.buffer_mib * prices.MIB)
    landings = max(full, 1 / max(settings.archive.buffer_seconds, 1))
    compactions = max(compacted / COMPACTED_FILE_BYTES, 1 / 3_600)
    puts = (landings + compactions) * SECONDS_A_MONTH / 1_000
    kept = (landed + compacted) * assumptions.kept_days * 86_400 / GIB
    scanned = max(landed * 3_600, prices.SCANNED_LEAST_BYTES) * HOURS_A_MONTH / (GIB * KIB)
    return (
        Line("S3", "thousand objects put", puts, puts * prices.PUT_THOUSAND),
        Line("S3", "GB of the lake, landed and compacted", kept, kept * prices.STORAGE_GIB_MONTH),
        Line("Athena", "TB scanned by compaction", scanned, scanned * prices.SCANNED_TIB),
    )


def _polls() -> tuple[float, float]:
    millions = POLLERS * SECONDS_A_MONTH / LONG_POLL_SECONDS / MILLION
    return millions, millions * prices.QUEUE_MILLION


def watching(invocations: float, requests: float, settings: Settings) -> tuple[Line, ...]:
    """Logs, metrics and traces, of invocations and requests a second, and the key."""
    gib = invocations * SECONDS_A_MONTH * LOG_BYTES / GIB
    always = min(requests, settings.tracing.reservoir_per_second)
    traced = always + settings.tracing.sample_rate * (requests - always)
    millions = traced * SECONDS_A_MONTH / MILLION
    return (
        Line("CloudWatch", "GB of logs", gib, gib * prices.LOG_GIB),
        Line("CloudWatch", "custom metrics", CUSTOM_METRICS, CUSTOM_METRICS * prices.METRIC_MONTH),
        Line("X-Ray", "million traces", millions, millions * prices.TRACE_MILLION),
        Line("KMS", "keys", 1, prices.KEY_MONTH),
    )


def _rounded(size: float, step: int) -> float:
    return -(-size // step) * step
