"""The journey of one event by its request id: every place is asked within a bound, and what was asked is shown."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from infra.journey.failures import in_failures
from infra.journey.http import answer_of, trace_of
from infra.journey.lake import in_lake
from infra.journey.steps import IN_ORDER, Journey, Search, Step, Trace
from infra.journey.stream import StreamSearch, step_of
from infra.names import Names
from producers.clock import SYSTEM_CLOCK, Clock
from producers.event import Event, format_timestamp, timestamp_micros

ON_THE_WAY: Final = timedelta(minutes=5)  # from acceptance to the stream, with every retry
CLOCKS_APART: Final = timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class Environment:
    """What a journey asks.

    Args:
        names: of the environment.
        retention: of the stream.
        kinesis, dynamodb, s3: boto3 clients.
        logs: the client of CloudWatch Logs, for the access log; None where none is kept, as on one machine.
        segments: gives the segments of a trace; see `infra.journey.steps.Trace`.
        trace_link: where a trace is shown, by its id.
    """

    names: Names
    retention: timedelta
    kinesis: Any
    dynamodb: Any
    s3: Any
    logs: Any | None
    segments: Callable[[str], Sequence[dict[str, Any]]]
    trace_link: Callable[[str], str]


def journey(
    environment: Environment, request_id: str, start: datetime, end: datetime, clock: Clock = SYSTEM_CLOCK
) -> Journey:
    """Where one event went.

    Args:
        environment: what to ask.
        request_id: of the event; of an event of a batch with its number, such as `8f1c…#3`.
        start: accepted from then on; where the exact time of acceptance is given, the row is found by it alone.
        end: accepted before then.
        clock: the time.

    Raises:
        ClientError, BotoCoreError: a place cannot be asked.
    """
    now = datetime.fromtimestamp(clock.time(), UTC)
    names = environment.names
    on_stream, event, streamed = _on_stream(environment, request_id, start, end, now=now, clock=clock)
    micros = timestamp_micros(event.timestamp) if event else None
    since = _moment(micros) if micros is not None else start
    until = now if micros is not None else min(now, end + environment.retention)
    in_files, lake, micros = in_lake(
        environment.s3, names.lake_bucket, request_id, start=since, end=until, micros=micros
    )
    failed, failures, failed_event = in_failures(
        environment.s3, names, environment.retention, request_id, start=since - CLOCKS_APART, end=now + CLOCKS_APART
    )
    event = event or failed_event
    micros = timestamp_micros(event.timestamp) if event else micros
    exact = micros is not None
    key = micros if micros is not None else int(start.timestamp()) * 1_000_000 + start.microsecond
    row, table = _in_table(environment, request_id, key, exact=exact)
    trace = trace_of(environment.segments, environment.trace_link, event.trace if event else None)
    answered, http = answer_of(
        environment.logs, names.prefix, request_id, _moment(key), known=exact or bool(row), event=event
    )
    steps = [*answered, *on_stream, *_timed(row, trace), *in_files, *failed]
    return Journey(request_id, event, _in_time(steps), (http, streamed, table, lake, failures), trace)


def _on_stream(
    environment: Environment, request_id: str, start: datetime, end: datetime, *, now: datetime, clock: Clock
) -> tuple[list[Step], Event | None, Search]:
    oldest = now - environment.retention
    last = min(now, end + ON_THE_WAY)
    if last <= oldest:
        missed = f"the stream holds {environment.retention.total_seconds() / 3600:g} h"
        return [], None, Search("stream", "nothing: the period is older than the stream", 0, missed)
    looking = StreamSearch(
        environment.kinesis, environment.names.stream, request_id, max(start - CLOCKS_APART, oldest), last, clock
    )
    found = looking.found()
    event = next((each.event for each in found if each.event), None)
    return [step_of(each) for each in found], event, looking.search(len(found))


def _in_table(environment: Environment, request_id: str, micros: int, *, exact: bool) -> tuple[list[Step], Search]:
    """The row of an event, by its key."""
    timestamp, table = format_timestamp(micros), environment.names.table
    item = environment.dynamodb.get_item(
        TableName=table,
        Key={"timestamp": {"S": timestamp}, "request_id": {"S": request_id}},
        ConsistentRead=True,
    ).get("Item")
    looked_at = f"{table}, the row of {timestamp} and {request_id}"
    missed = "" if exact or item else "the time of acceptance is unknown: give --at as the answer to the POST had it"
    if item is None:
        return [], Search("table", looked_at, 0, missed)
    facts = {"table": table, "timestamp": timestamp, "payload_as": "text" if "payload_json" in item else "native"}
    step = Step("table", None, f"row of {table}, payload as {facts['payload_as']} value", facts)
    return [step], Search("table", looked_at, 1)


def _timed(rows: list[Step], trace: Trace | None) -> list[Step]:
    """The row with the time at which the table writer wrote it, where the event is traced."""
    ends = [each["end"] for each in (trace.segments if trace else ()) if each["name"] == "table_writer" and each["end"]]
    return [replace(row, at=datetime.fromtimestamp(min(ends), UTC)) if ends else row for row in rows]


def _in_time(steps: list[Step]) -> tuple[Step, ...]:
    """Steps by time; a step without one follows the first arrival on the stream."""
    timed = sorted(
        (each for each in steps if each.at is not None), key=lambda each: (each.at, IN_ORDER.index(each.place))
    )
    for step in (each for each in steps if each.at is None):
        first = next((at for at, each in enumerate(timed) if each.place == "stream"), len(timed) - 1)
        timed.insert(first + 1, step)
    return tuple(timed)


def _moment(micros: int) -> datetime:
    return datetime.fromtimestamp(0, UTC) + timedelta(microseconds=micros)
