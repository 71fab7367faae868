"""What is looked at between the steps of a plan, and stops it: alarms, iterator age, throttles."""

from dataclasses import dataclass
from typing import Any, Final

from infra.shards import metrics
from infra.shards.errors import MetricsMissing, Stopped, aws_errors
from infra.shards.metrics import Query

AGE_WINDOW_SECONDS: Final = 600  # CloudWatch is up to some minutes behind
MAX_AGE_SECONDS: Final = 600.0  # of the slowest reader: beyond it, the stream is left alone until it has caught up
GROWN: Final = 1.2  # times what it was at the beginning: then it is the steps, not what was there before them


@dataclass(frozen=True, slots=True)
class Baseline:
    """How things were before the first step.

    Args:
        alarms: names of those in ALARM.
        age_ms: iterator age; None where CloudWatch has none.
    """

    alarms: frozenset[str]
    age_ms: float | None


class Watch:
    """Looks at a stream in CloudWatch.

    Args:
        cloudwatch: a boto3 client.
        stream_name: the stream.
        alarm_prefix: names of the alarms that stop a plan begin with it.
        max_age_seconds: iterator age that stops a plan.
        needs_age: whether to refuse a stream of which CloudWatch has no iterator age.
    """

    def __init__(
        self,
        cloudwatch: Any,
        stream_name: str,
        alarm_prefix: str,
        *,
        max_age_seconds: float = MAX_AGE_SECONDS,
        needs_age: bool = True,
    ) -> None:
        self._cloudwatch = cloudwatch
        self._stream_name = stream_name
        self._alarm_prefix = alarm_prefix
        self._max_age_ms = max_age_seconds * 1000
        self._needs_age = needs_age

    def begin(self, now: float) -> Baseline:
        """Look before the first step.

        Raises:
            MetricsMissing: nothing would be seen afterwards.
        """
        age_ms = self._age_ms(now)
        if age_ms is None and self._needs_age:
            raise MetricsMissing(
                f"CloudWatch has no {metrics.ITERATOR_AGE} of {self._stream_name} in the last "
                f"{AGE_WINDOW_SECONDS // 60} minutes, so nothing would show whether readers fall behind; is anyone "
                "reading? To go on without it: --without-age"
            )
        return Baseline(self._alarms(), age_ms)

    def check(self, baseline: Baseline, *, since: float, now: float, shrinking: bool) -> None:
        """Look after a step.

        Args:
            baseline: what `begin` saw.
            since: when the step began, seconds since the epoch.
            now: likewise.
            shrinking: whether the step took shards away; then no record may be refused.

        Raises:
            Stopped: an alarm went off, readers fall behind, or writers are refused.
        """
        new = sorted(self._alarms() - baseline.alarms)
        if new:
            raise Stopped(f"the alarm {new[0]} went off")
        age_ms = self._age_ms(now)
        if age_ms is not None and age_ms > max(self._max_age_ms, GROWN * (baseline.age_ms or 0.0)):
            raise Stopped(
                f"readers are {age_ms / 1000:,.0f} s behind, over the {self._max_age_ms / 1000:,.0f} s allowed; let "
                "them catch up first"
            )
        if shrinking and (throttled := self._throttled(since, now)):
            raise Stopped(f"records were refused since shards were taken away: {throttled:,.0f}; plan anew")

    def _age_ms(self, now: float) -> float | None:
        query = Query(metrics.ITERATOR_AGE, {"StreamName": self._stream_name}, "Maximum")
        [age] = metrics.read(self._cloudwatch, [query], start=now - AGE_WINDOW_SECONDS, now=now)
        return age.latest()

    def _throttled(self, since: float, now: float) -> float:
        """Records refused in the minutes that began after the step did."""
        query = Query(metrics.WRITES_THROTTLED, {"StreamName": self._stream_name})
        [throttled] = metrics.read(self._cloudwatch, [query], start=since, now=now)
        return throttled.since(since).total()

    def _alarms(self) -> frozenset[str]:
        names = set()
        with aws_errors("CloudWatch alarms"):
            pages = self._cloudwatch.get_paginator("describe_alarms").paginate(
                AlarmNamePrefix=self._alarm_prefix, AlarmTypes=["MetricAlarm", "CompositeAlarm"]
            )
            for page in pages:
                for alarm in (*page["MetricAlarms"], *page["CompositeAlarms"]):
                    if alarm["StateValue"] == "ALARM":
                        names.add(alarm["AlarmName"])
        return frozenset(names)
