"""The Lambda behind automatic scaling: once a minute it looks at the stream, and takes one step or none.

It belongs to operations, not to the way an event goes, and so lies in `infra`, above producers, consumers and archive,
none of which imports it. It imports of `infra` only `infra.shards`, which needs nothing but boto3.
"""

import functools
import json
import logging
import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import boto3

from infra.shards.autoscaling import QUIET_SECONDS, Decision, Observation, Thresholds, decide
from infra.shards.changing import change, describe, parallelize
from infra.shards.errors import StreamBusy, aws_errors
from infra.shards.plan import Bounds
from infra.shards.readers import measure_writer, read_readers
from infra.shards.report import Clients, Report, collect
from infra.shards.stream import note_step, read_stream
from producers.clock import SYSTEM_CLOCK, Clock

HOUR_SECONDS: Final = 3_600
SUBJECT_CHARACTERS: Final = 100  # SNS Publish: Subject

_log = logging.getLogger("spillway.scaling")
_log.setLevel(logging.INFO)


@dataclass(frozen=True, slots=True)
class Scaling:
    """What the function is set to, from its environment variables.

    Args:
        stream_name: `STREAM_NAME`.
        delivery_stream: `DELIVERY_STREAM_NAME`; whether it reads the stream is looked up.
        writer_function: `TABLE_WRITER_NAME`, the Lambda.
        topic_arn: `TOPIC_ARN` of the low-priority topic.
        dry_run: `DRY_RUN` is `true`: say what would be done, and do not do it.
        period_seconds: `PERIOD_SECONDS` between two invocations.
        thresholds: `TARGET_UTILISATION`, `MIN_SHARDS`, `MAX_SHARDS`, `UP_ABOVE`, `DOWN_BELOW`, `UP_COOL_DOWN_SECONDS`,
            `DOWN_COOL_DOWN_SECONDS`.
    """

    stream_name: str
    delivery_stream: str
    writer_function: str
    topic_arn: str
    dry_run: bool
    period_seconds: int
    thresholds: Thresholds

    @classmethod
    def from_environment(cls, environment: Mapping[str, str]) -> "Scaling":
        """Read the variables.

        Raises:
            KeyError, ValueError: one is missing or makes no sense.
        """
        number = {name: float(environment[name]) for name in ("TARGET_UTILISATION", "UP_ABOVE", "DOWN_BELOW")}
        bounds = Bounds(number["TARGET_UTILISATION"], int(environment["MIN_SHARDS"]), int(environment["MAX_SHARDS"]))
        return cls(
            stream_name=environment["STREAM_NAME"],
            delivery_stream=environment["DELIVERY_STREAM_NAME"],
            writer_function=environment["TABLE_WRITER_NAME"],
            topic_arn=environment["TOPIC_ARN"],
            dry_run=environment["DRY_RUN"] == "true",
            period_seconds=int(environment["PERIOD_SECONDS"]),
            thresholds=Thresholds(
                bounds,
                up_above=number["UP_ABOVE"],
                down_below=number["DOWN_BELOW"],
                up_cool_down_seconds=float(environment["UP_COOL_DOWN_SECONDS"]),
                down_cool_down_seconds=float(environment["DOWN_COOL_DOWN_SECONDS"]),
            ),
        )


def handler(_event: object, _context: object) -> dict[str, Any]:
    """Take one step of scaling, or none; see `scale`."""
    scaling = Scaling.from_environment(os.environ)
    clients = Clients(_client("kinesis"), _client("cloudwatch"), _client("lambda"), _client("firehose"))
    return scale(scaling, clients, _client("sns"), SYSTEM_CLOCK)


def scale(scaling: Scaling, clients: Clients, sns: Any, clock: Clock) -> dict[str, Any]:
    """Look, decide, act, and report.

    Returns:
        What was decided, as plain data; the same is logged.

    Raises:
        ShardsError: the stream cannot be read, or AWS refuses the step. The invocation fails, and its alarm goes off.
    """
    now = clock.time()
    report = _measure(scaling, clients, now)
    seen = _observation(clients, report)
    decision = decide(seen, scaling.thresholds)
    taken = decision.step is not None and not scaling.dry_run and _take(decision, clients, report, clock)
    outcome = {
        "stream": scaling.stream_name,
        "shards": len(report.stream.shards),
        "decision": describe(decision.step) if decision.step else "wait",
        "taken": taken,
        "dry_run": scaling.dry_run,
        "reason": decision.reason,
    }
    _log.info(json.dumps(outcome))
    if taken or (decision.attention and now % HOUR_SECONDS < scaling.period_seconds):
        _notify(sns, scaling, outcome)
    return outcome


def _measure(scaling: Scaling, clients: Clients, now: float) -> Report:
    """A report of the last hour; a little of the stream is read only where records are refused."""
    stream = read_stream(clients.kinesis, scaling.stream_name, now=now)
    readers = read_readers(
        clients.kinesis,
        clients.lambda_,
        clients.firehose,
        stream_arn=stream.arn,
        delivery_stream=scaling.delivery_stream,
        writer_function=scaling.writer_function,
    )
    report = collect(clients, stream, readers, now=now, minutes=QUIET_SECONDS / 60, with_sample=False)
    if not report.throttled:
        return report
    return collect(clients, stream, readers, now=now, minutes=QUIET_SECONDS / 60)


def _observation(clients: Clients, report: Report) -> Observation:
    writer = report.readers.writer
    if writer:
        writer = measure_writer(clients.cloudwatch, writer, len(report.stream.shards), now=report.at)
    return Observation(
        at=report.at,
        stream=report.stream,
        by_minute=report.by_minute,
        newest=report.newest,
        throttled=report.throttled_by_minute.values,
        iterator_age_ms=report.iterator_age_ms.values,
        writer=writer,
    )


def _take(decision: Decision, clients: Clients, report: Report, clock: Clock) -> bool:
    """Ask for the step; the next invocation sees what became of it. False where somebody else was quicker."""
    step, plan = decision.step, decision.plan
    if step is None or plan is None:
        return False
    try:
        if step.kind == "parallelize" and plan.writer_mapping:
            note_step(clients.kinesis, report.stream, clock.time(), scaling=False)
            parallelize(clients.lambda_, plan.writer_mapping, step)
        else:
            change(clients.kinesis, report.stream, step, now=clock.time())
    except StreamBusy:
        return False
    return True


def _notify(sns: Any, scaling: Scaling, outcome: Mapping[str, Any]) -> None:
    mode = "dry run: would " if outcome["dry_run"] and outcome["decision"] != "wait" else ""
    subject = f"{scaling.stream_name}: {mode}{outcome['decision']}"[:SUBJECT_CHARACTERS]
    with aws_errors("the topic"):
        sns.publish(TopicArn=scaling.topic_arn, Subject=subject, Message=json.dumps(outcome, indent=2))


@functools.cache
def _client(service: str) -> Any:
    return boto3.client(service)  # type: ignore[call-overload]
