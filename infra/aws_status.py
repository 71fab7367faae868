"""What `spillway status` shows of an environment on AWS: alarms, and the local pipeline's rows from CloudWatch."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal

from infra.functions import DEAD_LETTER_ARCHIVER, FIREHOSE_TRANSFORM, HTTP_API, TABLE_WRITER
from infra.names import Names
from infra.shards.errors import aws_errors
from infra.shards.metrics import Query, Statistic, read
from infra.status import HopStatus
from infra.status_logs import last_problem
from producers.telemetry import NAMESPACE

State = Literal["ALARM", "INSUFFICIENT_DATA", "OK"]

_STATES: Final = ("ALARM", "INSUFFICIENT_DATA", "OK")  # in this order they are shown
_Count = tuple[str, str]  # what a row needs: the part of the pipeline, and the metric
_FIREHOSE_AGE: Final = "KinesisMillisBehindLatest"
# A reader of the stream, its age in milliseconds, and what came in.
_UNREAD: Final = (
    ("stream_mapping", "IteratorAge", ("stream", "IncomingRecords")),
    ("firehose", _FIREHOSE_AGE, ("http_api", "AcceptedEvents")),
)
# What a function did not take, for now or for good: its log says why.
_NOT_TAKEN: Final[Mapping[str, tuple[_Count, ...]]] = {
    HTTP_API: (("http_api", "ThrottledEvents"),),
    TABLE_WRITER: (("table_writer", "UnwrittenEvents"),),
}


@dataclass(frozen=True, slots=True)
class Alarm:
    """One alarm.

    Args:
        name: of the alarm.
        state: as CloudWatch has it.
        since: when it came to that state: ISO 8601, UTC.
        reason: of CloudWatch, one line.
        description: what it means, and where the runbook says what to do.
    """

    name: str
    state: State
    since: str
    reason: str
    description: str


def alarms(cloudwatch: Any, names: Names) -> list[Alarm]:
    """The environment's alarms, those that are raised first, the longest raised of them at the top.

    Raises:
        ShardsError: CloudWatch cannot be asked.
    """
    found: list[Alarm] = []
    with aws_errors("CloudWatch alarms"):
        pages = cloudwatch.get_paginator("describe_alarms").paginate(
            AlarmNamePrefix=f"{names.prefix}-", AlarmTypes=["MetricAlarm", "CompositeAlarm"]
        )
        for page in pages:
            found += [_alarm(each) for each in (*page.get("MetricAlarms", ()), *page.get("CompositeAlarms", ()))]
    return sorted(found, key=lambda alarm: (_STATES.index(alarm.state), alarm.since, alarm.name))


def hops(cloudwatch: Any, logs: Any, names: Names, *, since: float, now: float) -> list[HopStatus]:
    """The rows of the pipeline's parts, for a time.

    Of the dead-letter queue, `waiting` is what was visible in it last, `failed` what is parked. Of the readers of the
    stream, CloudWatch knows how old the oldest unread record is, and `waiting` is what came in since: an upper bound,
    to the minute. `cause` comes from the logs of the functions that failed, or did not take everything.

    Args:
        cloudwatch: a boto3 client.
        logs: likewise.
        names: of the environment.
        since: seconds since the epoch.
        now: likewise.

    Raises:
        ShardsError: CloudWatch cannot be asked.
    """
    queries = _queries(names)
    answers = read(cloudwatch, list(queries.values()), start=since, now=now)
    totals = {count: minutes.total() for count, minutes in zip(queries, answers, strict=True)}
    latest = {count: minutes.latest() or 0.0 for count, minutes in zip(queries, answers, strict=True)}
    minutes = dict(zip(queries, answers, strict=True))
    unread = {
        reader: min(round(minutes[came_in].since(now - latest[reader, age] / 1_000).total()), round(totals[came_in]))
        for reader, age, came_in in _UNREAD
    }
    causes = {
        module.rpartition(".")[2]: last_problem(logs, names.function(module), since=since, now=now)
        for module in (HTTP_API, TABLE_WRITER, FIREHOSE_TRANSFORM, DEAD_LETTER_ARCHIVER)
        if totals[module, "Errors"] or any(totals[count] for count in _NOT_TAKEN.get(module, ()))
    }
    return list(_rows(totals, latest, unread, causes))


def behind(cloudwatch: Any, names: Names, *, since: float, now: float) -> dict[str, float | None]:
    """How far the readers of the stream are behind, in seconds, by reader; None where CloudWatch does not know."""
    ages: dict[str, tuple[Query, float]] = {
        "table_writer": (_lambda(names, TABLE_WRITER, "IteratorAge", "Maximum"), 1_000.0),
        "firehose": (_firehose(names, "DeliveryToS3.DataFreshness", "Maximum"), 1.0),
    }
    answers = read(cloudwatch, [query for query, _ in ages.values()], start=since, now=now)
    return {
        reader: None if (latest := minutes.latest()) is None else latest / unit
        for (reader, (_, unit)), minutes in zip(ages.items(), answers, strict=True)
    }


def _alarm(found: dict[str, Any]) -> Alarm:
    return Alarm(
        name=found["AlarmName"],
        state=found["StateValue"],
        since=found["StateUpdatedTimestamp"].isoformat(timespec="seconds"),
        reason=" ".join(str(found.get("StateReason", "")).split()),
        description=" ".join(str(found.get("AlarmDescription", "")).split()),
    )


def _queries(names: Names) -> dict[_Count, Query]:
    own = {
        HTTP_API: ("AcceptedEvents", "RejectedEvents", "ThrottledEvents"),
        TABLE_WRITER: ("WrittenEvents", "PoisonEvents", "UnwrittenEvents"),
        FIREHOSE_TRANSFORM: ("TransformedEvents", "FailedEvents"),
        DEAD_LETTER_ARCHIVER: ("ArchivedDeadLetters", "LostRecords"),
    }
    queries: dict[_Count, Query] = {
        (service, metric): Query(metric, {"service": service, "function": names.function(module)}, namespace=NAMESPACE)
        for module, metrics in own.items()
        for service in (module.rpartition(".")[2],)
        for metric in metrics
    }
    queries |= {(module, "Errors"): _lambda(names, module, "Errors", "Sum") for module in own}
    queries["stream_mapping", "IteratorAge"] = _lambda(names, TABLE_WRITER, "IteratorAge", "Maximum")
    queries["firehose", _FIREHOSE_AGE] = _firehose(names, _FIREHOSE_AGE, "Maximum")
    queries["stream", "IncomingRecords"] = Query("IncomingRecords", {"StreamName": names.stream})
    for metric in ("DeliveryToS3.Records", "FailedConversion.Records"):
        queries["firehose", metric] = _firehose(names, metric)
    queries["queue", "NumberOfMessagesDeleted"] = _queue(names.dead_letter_queue, "NumberOfMessagesDeleted", "Sum")
    for metric in ("NumberOfMessagesSent", "ApproximateNumberOfMessagesVisible"):
        statistic: Statistic = "Sum" if metric == "NumberOfMessagesSent" else "Maximum"
        queries["queue", metric] = _queue(names.dead_letter_queue, metric, statistic)
    queries["parked", "ApproximateNumberOfMessagesVisible"] = _queue(
        names.parked_queue, "ApproximateNumberOfMessagesVisible", "Maximum"
    )
    return queries


def _lambda(names: Names, module: str, metric: str, statistic: Statistic) -> Query:
    return Query(metric, {"FunctionName": names.function(module)}, statistic, "AWS/Lambda")


def _firehose(names: Names, metric: str, statistic: Statistic = "Sum") -> Query:
    return Query(metric, {"DeliveryStreamName": names.delivery_stream}, statistic, "AWS/Firehose")


def _queue(name: str, metric: str, statistic: Statistic) -> Query:
    return Query(metric, {"QueueName": name}, statistic, "AWS/SQS")


def _rows(
    totals: Mapping[_Count, float],
    latest: Mapping[_Count, float],
    unread: Mapping[str, int],
    causes: Mapping[str, str],
) -> Iterator[HopStatus]:
    """The rows of `LocalPipeline.status`, in its order and units."""

    def total(part: str, *metrics: str) -> int:
        return round(sum(totals[part, metric] for metric in metrics))

    def row(hop: str, unit: str, *counts: int) -> HopStatus:
        cause = causes.get("firehose_transform" if hop == "firehose" else hop, "")
        received, delivered, waiting, failed, *retried = counts
        return HopStatus(hop, unit, received, delivered, waiting, failed, sum(retried), cause)

    accepted, rejected = total("http_api", "AcceptedEvents"), total("http_api", "RejectedEvents")
    throttled = total("http_api", "ThrottledEvents")
    yield row("http_api", "events", accepted + rejected, accepted, 0, rejected, throttled)
    records, behind = total("stream", "IncomingRecords"), unread["stream_mapping"]
    yield row("stream_mapping", "records", records, records - behind, behind, 0)
    written, poison = total("table_writer", "WrittenEvents"), total("table_writer", "PoisonEvents")
    retried = total("table_writer", "UnwrittenEvents")
    yield row("table_writer", "events", written + poison, written, 0, poison, retried)
    delivered = total("firehose", "DeliveryToS3.Records")
    failed = total("firehose_transform", "FailedEvents") + total("firehose", "FailedConversion.Records")
    transformed = total("firehose_transform", "TransformedEvents", "FailedEvents")
    held = max(0, transformed - delivered - failed) + unread["firehose"]
    yield row("firehose", "events", transformed, delivered, held, failed)
    sent, deleted = total("queue", "NumberOfMessagesSent"), total("queue", "NumberOfMessagesDeleted")
    waiting, parked = (round(latest[queue, "ApproximateNumberOfMessagesVisible"]) for queue in ("queue", "parked"))
    yield row("queue_mapping", "messages", sent, deleted, waiting, parked)
    archived, lost = (total("dead_letter_archiver", name) for name in ("ArchivedDeadLetters", "LostRecords"))
    yield row("dead_letter_archiver", "dead letters", archived + lost, archived, 0, lost)
