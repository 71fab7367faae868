"""A canary release of the functions: a share of the invocations for the new versions, watched while it lasts.

    export TF_VAR_canary="$(python -m infra.deploy.canary hold --env prod --share 0.1)"
    spillway deploy --env prod --yes              # the aliases keep their versions; the new ones get a share
    python -m infra.deploy.canary watch --env prod --minutes 10
    unset TF_VAR_canary && spillway deploy ...    # all for the new ones; where watching failed: --share 0 and deploy

Everything goes through Terraform, so that its state and the aliases never differ, and a release that stops in the
middle stays at its share. docs/delivery.md says why this, and not CodeDeploy.
"""

import json
import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

import boto3
import click

from infra.deploy.tried_versions import TriedVersion, failing, tried_versions
from infra.deploy.versions import live_versions, warm_functions
from infra.names import Names
from infra.settings import load

if TYPE_CHECKING:
    from types_boto3_cloudwatch import CloudWatchClient

WATCHED: Final = "any-high"  # the composite alarm of infra/terraform/pages.tf
POLL_SECONDS: Final = 15


class NoAlarm(Exception):
    """The alarm to watch is not there, so a release cannot be watched."""


def raised(cloudwatch: "CloudWatchClient", environment: str) -> bool:
    """Whether an alarm of severity high is raised.

    Raises:
        NoAlarm: the environment has no such alarm.
    """
    name = f"{Names(environment, '').prefix}-{WATCHED}"
    alarms = cloudwatch.describe_alarms(AlarmNames=[name], AlarmTypes=["CompositeAlarm"])["CompositeAlarms"]
    if not alarms:
        raise NoAlarm(f"there is no alarm {name}; deploy {environment} without a canary first")
    return alarms[0]["StateValue"] == "ALARM"


def stays_quiet(
    is_raised: Callable[[], bool],
    seconds: float,
    *,
    sleep: Callable[[float], None] = time.sleep,
) -> bool:
    """Whether no alarm is raised for this long; False as soon as one is."""
    for _ in range(max(1, round(seconds / POLL_SECONDS))):
        if is_raised():
            return False
        sleep(POLL_SECONDS)
    return not is_raised()


@click.group()
def canary() -> None:
    """Release new versions of the functions to a share of the invocations first."""


@canary.command()
@click.option("--env", "environment", required=True)
@click.option("--share", type=click.FloatRange(0, 1, max_open=True), default=0.1, show_default=True)
def hold(environment: str, share: float) -> None:
    """Print the Terraform variable `canary`: the versions that stay, and the share for new ones.

    Lambda gives no share to a version beside provisioned executions, so such a function is released at once. With
    --share 0 its version is held like the others, to roll back.
    """
    lambda_ = boto3.client("lambda")
    versions = live_versions(lambda_, environment)
    if share:
        for function in sorted(warm_functions(lambda_, environment, versions)):
            del versions[function]
            click.echo(f"{function} has provisioned executions: its new version gets all invocations at once", err=True)
    click.echo(json.dumps({"share": share, "stable_versions": versions}))


@canary.command()
@click.option("--env", "environment", required=True)
@click.option("--minutes", type=click.FloatRange(min=0, min_open=True), default=10.0, show_default=True)
def watch(environment: str, minutes: float) -> None:
    """Exit 1 as soon as a high alarm is raised or a new version fails, 0 when the time is over without either."""
    cloudwatch = boto3.client("cloudwatch")
    share = load(environment).monitoring.function_error_share
    tried, start = tried_versions(boto3.client("lambda"), environment), datetime.now(UTC)
    bad: list[TriedVersion] = []

    def is_bad() -> bool:
        bad[:] = failing(cloudwatch, tried, start, datetime.now(UTC), share)
        return bool(bad) or raised(cloudwatch, environment)

    try:
        quiet = stays_quiet(is_bad, 60 * minutes)
    except NoAlarm as error:
        raise click.ClickException(str(error)) from error
    if bad:
        found = ", ".join(f"version {each.version} of {each.function}" for each in bad)
        raise click.ClickException(f"{found}: over {100 * share:g} % of its invocations fail: roll back")
    if not quiet:
        raise click.ClickException(f"an alarm of severity high is raised in {environment}: roll back")
    click.echo(f"{environment} stayed quiet for {minutes:g} minutes")


if __name__ == "__main__":
    canary()
