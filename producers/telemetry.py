"""Logs and metrics of the Lambda functions: structured log lines, and CloudWatch metrics in the same stream (EMF).

No payload and no header of a client is ever logged.
"""

import functools
import json
import os
import sys
import time
from collections.abc import Mapping
from typing import IO, Any, Final, cast

NAMESPACE: Final = "Spillway"


@functools.cache
def logger(service: str) -> Any:
    """The structured logger of a function, such as `table_writer`."""
    from aws_lambda_powertools.logging import Logger  # noqa: PLC0415 (a cold start pays for it only when it logs)

    return Logger(service=service, stream=cast("IO[str]", _Stdout()))


class _Stdout:
    """`sys.stdout` as it is when a line is written: the local pipeline reads it, and tests replace it."""

    def write(self, text: str) -> int:
        return sys.stdout.write(text)

    def flush(self) -> None:
        sys.stdout.flush()


def count(service: str, counts: Mapping[str, int], **dimensions: str) -> None:
    """Emit CloudWatch metrics of one invocation: one line of the embedded metric format, zeros left out.

    Written here, since Powertools' metrics take 50 ms of every cold start to import; a test holds the two alike.

    Args:
        service: the function, a dimension of every metric.
        counts: metric name to number, 100 of them at most.
        dimensions: further ones, such as the reason of a rejection; few values each, since every one is a metric.
    """
    metrics = {name: number for name, number in counts.items() if number}
    if not metrics:
        return
    # The function's own name keeps the environments of one account apart (infra/terraform/alarms_events.tf).
    labels = {"function": os.environ.get("AWS_LAMBDA_FUNCTION_NAME", service), "service": service, **dimensions}
    directive = {
        "Namespace": NAMESPACE,
        "Dimensions": [list(labels)],
        "Metrics": [{"Name": name, "Unit": "Count"} for name in metrics],
    }
    about = {"Timestamp": time.time_ns() // 1_000_000, "CloudWatchMetrics": [directive]}
    sys.stdout.write(f"{json.dumps({'_aws': about, **labels, **metrics})}\n")
