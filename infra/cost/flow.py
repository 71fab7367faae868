"""What some work is on its way through the pipeline, a second: requests, records, invocations, units, bytes.

Arithmetic over measurements and pipeline.yaml, from which `infra.cost.growth` reckons quotas and `infra.cost` a bill.
What a handler costs in CPU was measured (`make bench ARGS='--only growth'`).
"""

from dataclasses import dataclass
from math import ceil
from typing import Final

from infra.prices import FIREHOSE_ROUNDING_BYTES, KIB, MIB, PUT_UNIT_BYTES
from infra.settings import Settings

# What an event grows by on its way, bytes: fields beside the payload (tests/infra/cost/test_growth.py measures them).
ENVELOPE_BYTES: Final = 245
ROW_BYTES: Final = 132
LOG_BYTES: Final = 700  # of an invocation: its metrics, and Lambda's START, END and REPORT

SHARD_BYTES: Final = MIB  # a second, in
SHARD_RECORDS: Final = 1_000  # a second, in
INVOCATION_BYTES: Final = 6 * MIB * 3 // 4  # of records; they come as base64
SHARD_FILL: Final = 0.6  # as `spillway shards plan` aims at, so that a peak finds room

FULL_CPU_MIB: Final = 1_769  # Lambda: one vCPU; less memory has its share of one
SERVICE_SECONDS: Final = 0.005  # what a call of Kinesis or DynamoDB takes, about


@dataclass(frozen=True, slots=True)
class CpuMilliseconds:
    """What handling one event costs, in milliseconds of one core.

    Args:
        http: the HTTP handler.
        writer: the table writer.
        transform: Firehose's transform.
    """

    http: float
    writer: float
    transform: float


# By payload bytes and events in a request; see docs/performance.md for the machine.
MEASURED: Final = {
    (300, 1): CpuMilliseconds(http=0.80, writer=0.080, transform=0.026),
    (300, 500): CpuMilliseconds(http=0.019, writer=0.080, transform=0.026),
    (3_000, 1): CpuMilliseconds(http=0.95, writer=0.12, transform=0.050),
    (3_000, 500): CpuMilliseconds(http=0.050, writer=0.12, transform=0.050),
}


@dataclass(frozen=True, slots=True)
class Work:
    """What comes in.

    Args:
        events_per_second: all clients together.
        payload_bytes: of an event, as posted.
        events_per_request: posted at once.
    """

    events_per_second: float
    payload_bytes: int
    events_per_request: int


@dataclass(frozen=True, slots=True)
class Running:
    """A function at work.

    Args:
        invocations: a second.
        seconds: of all invocations, a second: as many run at once.
        memory_mib: its size.
    """

    invocations: float
    seconds: float
    memory_mib: int


@dataclass(frozen=True, slots=True)
class Flow:
    """What goes through each part in a second.

    Args:
        events: all clients together.
        requests: to the HTTP API.
        records: on the stream.
        record_bytes: of each, with the aggregate's frame left out.
        event_bytes: of an event on the stream.
        shards: of the stream, filled to `SHARD_FILL`, and never fewer than pipeline.yaml says.
        put_units: PUT payload units of Kinesis.
        write_units: of DynamoDB.
        firehose_bytes: as Firehose bills them, each event rounded up.
        http: the HTTP handler.
        writer: the table writer.
        transform: Firehose's transform.
    """

    events: float
    requests: float
    records: float
    record_bytes: float
    event_bytes: int
    shards: int
    put_units: float
    write_units: float
    firehose_bytes: float
    http: Running
    writer: Running
    transform: Running

    @property
    def functions(self) -> tuple[Running, Running, Running]:
        """The functions that every event goes through."""
        return self.http, self.writer, self.transform


def flow(work: Work, settings: Settings, cpu: CpuMilliseconds, *, aggregated: bool = True) -> Flow:
    """Reckon what some work is on its way.

    Args:
        work: what comes in.
        settings: of the pipeline.
        cpu: of one event.
        aggregated: whether a request's events are packed; else each is a record of the stream by itself.
    """
    rate, per_request = work.events_per_second, work.events_per_request
    event_bytes = work.payload_bytes + ENVELOPE_BYTES
    requests = rate / per_request
    records_per_request, record_bytes = _records(event_bytes, per_request, settings, aggregated=aggregated)
    records = requests * records_per_request
    shards = _shards(rate * event_bytes, records, settings)

    per_call = max(1.0, min(settings.table_writer.batch_size, INVOCATION_BYTES / record_bytes))
    window = max(settings.table_writer.batching_window_seconds, 1)  # the mapping polls a shard once a second
    chunk_seconds = SERVICE_SECONDS / 25 / settings.table_writer.concurrent_writes
    buffer_bytes = settings.archive.transform_buffer_mib * MIB
    buffers = max(rate * event_bytes / buffer_bytes, shards / settings.archive.transform_buffer_seconds)
    http = _function(requests, cpu.http * per_request, SERVICE_SECONDS, settings.http.memory_mib)
    calls = max(records / per_call, min(records, shards / window))
    writer = _function(calls, cpu.writer * rate / calls, chunk_seconds * rate / calls, settings.table_writer.memory_mib)
    transform = _function(buffers, cpu.transform * rate / buffers, 0.0, settings.archive.memory_mib)
    return Flow(
        events=rate,
        requests=requests,
        records=records,
        record_bytes=record_bytes,
        event_bytes=event_bytes,
        shards=shards,
        put_units=records * ceil(record_bytes / PUT_UNIT_BYTES),
        write_units=rate * ceil((work.payload_bytes + ROW_BYTES) / KIB),
        firehose_bytes=rate * ceil(event_bytes / FIREHOSE_ROUNDING_BYTES) * FIREHOSE_ROUNDING_BYTES,
        http=http,
        writer=writer,
        transform=transform,
    )


def _records(event_bytes: int, events: int, settings: Settings, *, aggregated: bool) -> tuple[int, float]:
    """How many stream records a request becomes, and the bytes of each."""
    total = events * event_bytes
    if not aggregated:
        return events, event_bytes
    records = ceil(total / settings.stream.aggregate_bytes)
    return records, total / records


def _shards(bytes_per_second: float, records_per_second: float, settings: Settings) -> int:
    """Two readers share what a shard gives out, twice what it takes in, so reading asks for no more than writing."""
    full = max(bytes_per_second / SHARD_BYTES, records_per_second / SHARD_RECORDS)
    return max(ceil(full / SHARD_FILL), settings.stream.shards)


def _function(invocations: float, cpu_milliseconds: float, waiting_seconds: float, memory_mib: int) -> Running:
    """A function at so many invocations a second, each of so much CPU and waiting."""
    seconds = cpu_milliseconds / 1000 / min(1.0, memory_mib / FULL_CPU_MIB) + waiting_seconds
    return Running(invocations, invocations * seconds, memory_mib)
