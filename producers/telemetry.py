"""Logs and metrics of the Lambda functions: structured log lines, and CloudWatch metrics in the same stream (EMF).

No payload and no header of a client is ever logged.
"""

import functools
import os
from collections.abc import Mapping
from typing import Any, Final

NAMESPACE: Final = "Spillway"


@functools.cache
def logger(service: str) -> Any:
    """The structured logger of a function, such as `table_writer`."""
    from aws_lambda_powertools.logging import Logger  # noqa: PLC0415 (a cold start pays for it only when it logs)

    return Logger(service=service)


def count(service: str, counts: Mapping[str, int], **dimensions: str) -> None:
    """Emit CloudWatch metrics of one invocation: one line of the embedded metric format, zeros left out.

    Args:
        service: the function, a dimension of every metric.
        counts: metric name to number.
        dimensions: further ones, such as the reason of a rejection; few values each, since every one is a metric.
    """
    from aws_lambda_powertools.metrics import EphemeralMetrics, MetricUnit  # noqa: PLC0415 (as above)

    metrics = EphemeralMetrics(namespace=NAMESPACE, service=service)
    # The function's own name, so that environments in one account are told apart (infra/terraform/alarms_events.tf).
    metrics.add_dimension(name="function", value=os.environ.get("AWS_LAMBDA_FUNCTION_NAME", service))
    for name, value in dimensions.items():
        metrics.add_dimension(name=name, value=value)
    for name, number in counts.items():
        if number:
            metrics.add_metric(name=name, unit=MetricUnit.Count, value=number)
    if metrics.metric_set:
        metrics.flush_metrics()
