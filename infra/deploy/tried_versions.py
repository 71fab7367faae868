"""New versions of the functions while a release is tried: which get a share, and how many of their invocations fail.

The alarms are by function and see all its versions together: at a tenth of the invocations, a new version has to fail
half of them before 5 % of the function's fail. While an alias has weights, Lambda reports each version by itself:
https://docs.aws.amazon.com/lambda/latest/dg/monitoring-metrics-view.html (dimension ExecutedVersion).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final

from infra.deploy.versions import ALIAS, MODULES
from infra.names import Names

if TYPE_CHECKING:
    from types_boto3_cloudwatch import CloudWatchClient
    from types_boto3_lambda import LambdaClient

MINIMUM_ERRORS: Final = 3  # so that one failed invocation, which is retried, ends no release
METRICS: Final = ("Errors", "Invocations")


@dataclass(frozen=True, slots=True)
class TriedVersion:
    """A version that gets a share of a function's invocations.

    Args:
        function: its name on AWS.
        version: its number.
    """

    function: str
    version: str


def tried_versions(lambda_: "LambdaClient", environment: str) -> list[TriedVersion]:
    """The versions that the aliases give a share; none where no release is tried."""
    names = Names(environment, "")
    found: list[TriedVersion] = []
    for module in MODULES:
        name = names.function(module)
        try:
            alias = lambda_.get_alias(FunctionName=name, Name=ALIAS)
        except lambda_.exceptions.ResourceNotFoundException:
            continue
        weights = alias.get("RoutingConfig", {}).get("AdditionalVersionWeights", {})
        found += [TriedVersion(name, version) for version in weights]
    return found


def failing(
    cloudwatch: "CloudWatchClient", tried: Sequence[TriedVersion], start: datetime, end: datetime, share: float
) -> list[TriedVersion]:
    """The versions of which more than a share of the invocations failed.

    Args:
        cloudwatch: a boto3 client.
        tried: the versions to look at.
        start: when the release began to be tried.
        end: now.
        share: of a version's invocations, as `function_error_share` of pipeline.yaml.
    """
    if not tried:
        return []
    queries: Any = [
        _query(f"{metric.lower()}_{number}", metric, each) for number, each in enumerate(tried) for metric in METRICS
    ]
    pages = cloudwatch.get_paginator("get_metric_data").paginate(
        MetricDataQueries=queries, StartTime=start, EndTime=end
    )
    sums = dict.fromkeys((query["Id"] for query in queries), 0.0)
    for page in pages:
        for result in page["MetricDataResults"]:
            sums[result["Id"]] += sum(result["Values"])
    counts = [(sums[f"errors_{number}"], sums[f"invocations_{number}"]) for number in range(len(tried))]
    return [
        each
        for each, (errors, invocations) in zip(tried, counts, strict=True)
        if errors >= MINIMUM_ERRORS and errors > share * invocations
    ]


def _query(identifier: str, metric: str, tried: TriedVersion) -> dict[str, Any]:
    dimensions = {
        "FunctionName": tried.function,
        "Resource": f"{tried.function}:{ALIAS}",
        "ExecutedVersion": tried.version,
    }
    return {
        "Id": identifier,
        "MetricStat": {
            "Metric": {
                "Namespace": "AWS/Lambda",
                "MetricName": metric,
                "Dimensions": [{"Name": name, "Value": value} for name, value in dimensions.items()],
            },
            "Period": 60,
            "Stat": "Sum",
        },
    }
