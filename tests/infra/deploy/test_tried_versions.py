"""A release is tried by the failures of its new versions alone, which the alarms by function would not show."""

from datetime import UTC, datetime, timedelta
from typing import Any

import boto3
import pytest
from click.testing import CliRunner

from infra.deploy.canary import canary
from infra.deploy.tried_versions import MINIMUM_ERRORS, TriedVersion, failing

NAME = "spillway-dev-table-writer"
NEW = TriedVersion(NAME, "7")
START = datetime.now(UTC) - timedelta(minutes=5)
END = START + timedelta(minutes=10)
SHARE = 0.05


def count(metric: str, value: float, version: str = "7") -> None:
    """Report a metric as Lambda does for an alias with weights."""
    dimensions = {"FunctionName": NAME, "Resource": f"{NAME}:live", "ExecutedVersion": version}
    datum: Any = {
        "MetricName": metric,
        "Dimensions": [{"Name": name, "Value": each} for name, each in dimensions.items()],
        "Timestamp": START + timedelta(minutes=2),
        "Value": value,
    }
    boto3.client("cloudwatch").put_metric_data(Namespace="AWS/Lambda", MetricData=[datum])


@pytest.mark.parametrize(
    ("errors", "invocations", "fails"),
    [
        (5, 100, False),  # exactly the share
        (6, 100, True),
        (4, 100, False),
        (MINIMUM_ERRORS - 1, MINIMUM_ERRORS - 1, False),
        (MINIMUM_ERRORS, MINIMUM_ERRORS, True),
        (0, 0, False),
    ],
)
def test_a_version_fails_by_its_own_invocations(aws, errors, invocations, fails):
    count("Errors", errors)
    count("Invocations", invocations)
    count("Invocations", 10_000, version="6")  # of the version that stays
    found = failing(boto3.client("cloudwatch"), [NEW], START, END, SHARE)
    assert found == ([NEW] if fails else [])


def test_without_a_release_nothing_is_asked():
    assert failing(None, [], START, END, SHARE) == []  # type: ignore[arg-type] # no client is needed


def test_a_release_whose_new_version_fails_is_rolled_back(aws, monkeypatch):
    """Six of a hundred: under 1 % of all invocations at a tenth, where no alarm of the function is raised."""
    monkeypatch.setattr("infra.deploy.canary.tried_versions", lambda _lambda, _environment: [NEW])
    monkeypatch.setattr("infra.deploy.canary.failing", lambda *_: [NEW])
    done = CliRunner().invoke(canary, ["watch", "--env", "dev"])
    assert done.exit_code == 1
    assert "version 7 of spillway-dev-table-writer: over 5 % of its invocations fail: roll back" in done.output
