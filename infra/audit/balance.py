"""An audit: what went in, where it is, and what is missing."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import chain
from typing import Any, Final

from infra.audit.accepted import accepted_at_least
from infra.audit.failures import in_failure_stores
from infra.audit.lake import in_lake
from infra.audit.ledger import Ledger, Missing
from infra.audit.sightings import Period
from infra.audit.stream import on_stream
from infra.audit.table_keys import every_row, rows_of, scan_costs_less
from infra.names import Names
from infra.settings import Settings
from producers.clock import SYSTEM_CLOCK, Clock

GRACE_SECONDS: Final = 60.0  # beyond the buffers' own: how long an event may be on its way


@dataclass(frozen=True, slots=True)
class Clients:
    """The AWS clients that an audit needs."""

    kinesis: Any
    dynamodb: Any
    s3: Any
    sqs: Any
    cloudwatch: Any


@dataclass(frozen=True, slots=True)
class Balance:
    """What an audit found.

    Args:
        events: keys seen anywhere, of events.
        no_events: distinct bytes on the stream that are not an event.
        on_stream, in_table, in_lake, in_dead_letters, in_firehose_errors: how many of both kinds were seen there.
        only_in_dead_letters, only_in_firehose_errors: of those, not in the table, or not in the lake, as well.
        duplicates_in_lake: copies in the landing files beyond the first, in any hour.
        on_the_way: not yet where they should be, but too young to be missing.
        on_the_way_to_table, on_the_way_to_lake: the same by where they should be; an event may be in both.
        missing_from_table: neither in the table nor in a dead letter.
        missing_from_lake: neither in the lake nor in an error object.
        lost: dead letters that say that records had left the stream before they could be read.
        unreadable: lines in the stores of failures that cannot be read.
        waiting_messages: in the dead-letter queue and the one behind it, not archived yet.
        accepted_at_least: events that the HTTP API surely accepted within the period, by its own count; None where
            CloudWatch has no count. Events that others put on the stream are not in it.
        stream_holds_the_period: whether the stream still holds what was accepted at the period's start. Otherwise an
            event that is neither in the lake nor in the table is unknown here, and only `accepted_at_least` says that
            there was one.
    """

    events: int
    no_events: int
    on_stream: int
    in_table: int
    in_lake: int
    in_dead_letters: int
    in_firehose_errors: int
    only_in_dead_letters: int
    only_in_firehose_errors: int
    duplicates_in_lake: int
    on_the_way: int
    on_the_way_to_table: int
    on_the_way_to_lake: int
    missing_from_table: int
    missing_from_lake: int
    lost: int
    unreadable: int
    waiting_messages: int
    accepted_at_least: int | None
    stream_holds_the_period: bool

    @property
    def unknown(self) -> int:
        """Events that were accepted and were seen nowhere, at least."""
        return max(0, (self.accepted_at_least or 0) - self.events)

    @property
    def is_clean(self) -> bool:
        """Whether every event that is known is accounted for, and the HTTP API counted no more than are known."""
        return not (self.missing_from_table or self.missing_from_lake or self.lost or self.unreadable or self.unknown)


def audit(
    clients: Clients,
    names: Names,
    settings: Settings,
    period: Period,
    *,
    scan_table: bool = False,
    report: Callable[[str, int], None] = lambda _step, _count: None,
    on_missing: Callable[[Missing], None] = lambda _missing: None,
    clock: Clock = SYSTEM_CLOCK,
) -> Balance:
    """Account for every event of a period.

    Args:
        clients: of the environment.
        names: of its resources.
        settings: of the environment, for how long an event may be on its way.
        period: of acceptance.
        scan_table: whether to scan the table even where reading keys costs less, for rows that nothing else knows.
        report: called after each step, with how much was seen in it.
        on_missing: called with every event that is missing.
        clock: the time.
    """
    began = clock.time()
    waiting = _waiting(clients.sqs, names)
    retention = timedelta(hours=settings.stream.retention_hours)
    with Ledger() as ledger:
        report("stream", ledger.enter(chain.from_iterable(on_stream(clients.kinesis, names.stream, period, clock))))
        report("lake", ledger.enter_tables(in_lake(clients.s3, names.lake_bucket, period)))
        lost = unreadable = seen = 0
        for failures in in_failure_stores(clients.s3, names, period, retention):
            seen += ledger.enter(failures.sightings)
            lost += len(failures.lost)
            unreadable += failures.unreadable
        report("failures", seen)
        if scan_table or scan_costs_less(clients.dynamodb, names.table, ledger.known_events()):
            found = ledger.enter_tables(every_row(clients.dynamodb, names.table, period))
        else:
            found = ledger.enter(rows_of(clients.dynamodb, names.table, ledger.events(), clock))
        report("table", found)
        ledger.close()
        young = int((began - grace_seconds(settings)) * 1_000_000)
        on_the_way = to_table = to_lake = from_table = from_lake = 0
        for missing in ledger.missing():
            if missing.micros >= young:
                on_the_way += 1
                to_table += missing.from_table
                to_lake += missing.from_lake
                continue
            from_table += missing.from_table
            from_lake += missing.from_lake
            on_missing(missing)
        return Balance(
            events=ledger.count("is_event"),
            no_events=ledger.count("NOT is_event"),
            on_stream=ledger.count("on_stream"),
            in_table=ledger.count("in_table"),
            in_lake=ledger.count("in_lake"),
            in_dead_letters=ledger.count("in_dead_letters"),
            in_firehose_errors=ledger.count("in_firehose_errors"),
            only_in_dead_letters=ledger.count("in_dead_letters AND NOT in_table"),
            only_in_firehose_errors=ledger.count("in_firehose_errors AND NOT in_lake"),
            duplicates_in_lake=ledger.duplicates_in_lake(),
            on_the_way=on_the_way,
            on_the_way_to_table=to_table,
            on_the_way_to_lake=to_lake,
            missing_from_table=from_table,
            missing_from_lake=from_lake,
            lost=lost,
            unreadable=unreadable,
            waiting_messages=waiting,
            accepted_at_least=accepted_at_least(clients.cloudwatch, names, period, began),
            stream_holds_the_period=period.start >= datetime.fromtimestamp(began, UTC) - retention,
        )


def grace_seconds(settings: Settings) -> float:
    """How long after acceptance an event may still be on its way where nothing is wrong.

    Firehose holds it in the transform's buffer, then in its own; a failed call of the transform may take as long again.
    """
    archive = settings.archive
    return 2 * (archive.buffer_seconds + archive.transform_buffer_seconds) + GRACE_SECONDS


def _waiting(sqs: Any, names: Names) -> int:
    """Messages in the dead-letter queue and the one behind it, those being read included."""
    counts = ("ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible")
    total = 0
    for queue in (names.dead_letter_queue, names.parked_queue):
        url = sqs.get_queue_url(QueueName=queue)["QueueUrl"]
        attributes = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=list(counts))["Attributes"]
        total += sum(int(attributes[count]) for count in counts)
    return total
