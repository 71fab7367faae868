"""The design that most would build first, for comparison: API Gateway, Lambda, SQS, Lambda, DynamoDB.

It has a row for each event and nothing else: no lake, no second reader, no order, nothing to replay once a message is
deleted. Its functions are taken to need the CPU that ours were measured at, and its writer takes 10 messages at once,
the most that SQS gives without a window.
"""

from math import ceil
from typing import Final

from infra import prices
from infra.cost.bill import ITEM_OVERHEAD_BYTES, Assumptions, Bill, Line, watching
from infra.cost.capacity import table_dollars
from infra.cost.cpu import cpu_of
from infra.cost.flow import ENVELOPE_BYTES, FULL_CPU_MIB, ROW_BYTES, SERVICE_SECONDS, Work
from infra.prices import GIB, KIB, MILLION, SECONDS_A_MONTH
from infra.settings import Settings

BATCH_MESSAGES: Final = 10  # SendMessageBatch, ReceiveMessage and DeleteMessageBatch at the most


def queue_bill(work: Work, settings: Settings, assumptions: Assumptions) -> Bill:
    """The bill of a month of the queue-based design under the same work."""
    cpu = cpu_of(work.payload_bytes, work.events_per_request)
    events = work.events_per_second * SECONDS_A_MONTH
    requests = events / work.events_per_request
    message_bytes = work.payload_bytes + ENVELOPE_BYTES
    # A request of SQS is billed by the 64 KB of all its messages; one by one a client's event is a call of its own.
    sent_at_once = min(work.events_per_request, BATCH_MESSAGES)
    sends = requests * _calls(work.events_per_request, sent_at_once, message_bytes)
    receives = events / BATCH_MESSAGES * _chunks(BATCH_MESSAGES * message_bytes)
    deletes = events / BATCH_MESSAGES
    writes = events / BATCH_MESSAGES
    units = work.events_per_second * ceil((work.payload_bytes + ROW_BYTES) / KIB)
    stored = assumptions.kept_days * 86_400 * work.events_per_second
    gib = stored * (work.payload_bytes + ROW_BYTES + ITEM_OVERHEAD_BYTES) / GIB
    queue_millions = (sends + receives + deletes) / MILLION
    sending_seconds = SERVICE_SECONDS * ceil(work.events_per_request / BATCH_MESSAGES)
    factor = assumptions.region_factor
    lines = (
        Line("API Gateway", "million requests", requests / MILLION, requests / MILLION * prices.REQUEST_MILLION),
        _lambda(
            "HTTP handler", requests, cpu.http * work.events_per_request, sending_seconds, settings.http.memory_mib
        ),
        Line("SQS", "million requests", queue_millions, queue_millions * prices.QUEUE_MILLION),
        _lambda("table writer", writes, cpu.writer * BATCH_MESSAGES, SERVICE_SECONDS, settings.table_writer.memory_mib),
        Line("DynamoDB", "write units a second", units, table_dollars(units)[assumptions.table_mode]),
        Line("DynamoDB", "GB of rows", gib, gib * (prices.ROW_GIB_MONTH + prices.POINT_IN_TIME_GIB_MONTH)),
        *watching((requests + writes) / SECONDS_A_MONTH, requests / SECONDS_A_MONTH, settings),
    )
    return Bill(tuple(Line(line.service, line.what, line.quantity, line.dollars * factor) for line in lines))


def _lambda(name: str, invocations: float, cpu_milliseconds: float, waiting_seconds: float, memory_mib: int) -> Line:
    seconds = cpu_milliseconds / 1000 / min(1.0, memory_mib / FULL_CPU_MIB) + waiting_seconds
    dollars = invocations * (prices.INVOCATION_MILLION / MILLION + seconds * memory_mib / KIB * prices.GIB_SECOND)
    return Line("Lambda", f"million invocations, {name}", invocations / MILLION, dollars)


def _calls(events: int, at_once: int, message_bytes: int) -> int:
    """Billed requests to send a client's events, so many at once."""
    full, rest = divmod(events, at_once)
    return full * _chunks(at_once * message_bytes) + (_chunks(rest * message_bytes) if rest else 0)


def _chunks(size: int) -> int:
    return ceil(size / prices.QUEUE_CHUNK_BYTES)
