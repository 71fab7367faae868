"""How many events the HTTP API counted as accepted in a period, by CloudWatch."""

from datetime import datetime, timedelta
from typing import Any, Final

from infra.audit.sightings import Period
from infra.names import Names

NAMESPACE: Final = "Spillway"
MODULE: Final = "producers.http_api"
# The function counts at the end of an invocation, at most this long after it accepted an event (API Gateway: 29 s).
COUNTED_WITHIN: Final = timedelta(seconds=30)
# CloudWatch keeps values of a minute for 15 days, of 5 minutes for 63, of an hour for 455 (CloudWatch guide, 2026).
_KEPT: Final = ((timedelta(days=15), 60), (timedelta(days=63), 300))
_HOUR_SECONDS: Final = 3_600
_MAX_VALUES: Final = 1_440  # of GetMetricStatistics


def accepted_at_least(cloudwatch: Any, names: Names, period: Period, now: float) -> int | None:
    """Events that were surely accepted within a period; None where CloudWatch has no count for it.

    Only whole spans of the metric count, and only those whose events were all accepted within the period: the first
    begins `COUNTED_WITHIN` after the period does.

    Args:
        cloudwatch: a client.
        names: of the HTTP API's function.
        period: of acceptance.
        now: seconds since the epoch.
    """
    age = timedelta(seconds=now - period.start.timestamp())
    seconds = next((seconds for kept, seconds in _KEPT if age < kept), _HOUR_SECONDS)
    start = -(-int((period.start + COUNTED_WITHIN).timestamp()) // seconds) * seconds
    end = int(period.end.timestamp()) // seconds * seconds
    sums = [
        point["Sum"]
        for at in range(start, end, seconds * _MAX_VALUES)
        for point in cloudwatch.get_metric_statistics(
            Namespace=NAMESPACE,
            MetricName="AcceptedEvents",
            Dimensions=[
                {"Name": "service", "Value": MODULE.rpartition(".")[2]},
                {"Name": "function", "Value": names.function(MODULE)},
            ],
            StartTime=datetime.fromtimestamp(at, period.start.tzinfo),
            EndTime=datetime.fromtimestamp(min(at + seconds * _MAX_VALUES, end), period.start.tzinfo),
            Period=seconds,
            Statistics=["Sum"],
        )["Datapoints"]
    ]
    return round(sum(sums)) if sums else None
