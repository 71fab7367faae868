"""`spillway doctor`: what could keep Spillway from working, and what to do about it."""

import os
import sys
from dataclasses import asdict
from functools import partial
from pathlib import Path

import click
import urllib3

from archive.lake.columns import glue_columns
from archive.lake.tables import COMPACTED_TABLE, LANDING_TABLE, tables
from infra.cli.context import CommandError, Context
from infra.cli.run import DATA_FOLDER
from infra.cli.tables import print_json, print_table
from infra.deploy.deployment import FOLDER
from infra.deploy.notices import COST_EXPLORER_REGION
from infra.deploy.preflight import identify, standing_shards
from infra.deploy.terraform import Terraform
from infra.doctor import account, machine, roles
from infra.doctor.finding import Check, Finding, examine, named
from infra.names import Names
from infra.settings import Settings
from infra.value_text import count_of

TOPICS = ("high", "low")
LOOK_SECONDS = 2.0


@click.command()
@click.option(
    "--data",
    type=click.Path(path_type=Path),
    default=DATA_FOLDER,
    show_default=True,
    help="The folder of `spillway run`.",
)
@click.option("--json", "as_json", is_flag=True, help="For programs.")
@click.pass_obj
def doctor(context: Context, data: Path, as_json: bool) -> None:  # noqa: FBT001 (click passes flags by name)
    """Look for what could keep Spillway from working, and say what to do; exit 1 where something does.

    For the environment local: Python, ports, disk, data folder, clock. For an environment on AWS: Python, Terraform,
    credentials, region, clock, quotas, roles, topics, budget, alarms, event schema. Nothing is changed. A check that
    cannot look is a finding of its own.

    \b
    spillway doctor
    spillway --env prod doctor
    """
    settings = context.settings()
    checks = _local(context, settings, data) if context.is_local else _on_aws(context, settings)
    found = list(examine(checks))
    if not context.is_local and all(each.result != "failed" for each in found):
        found += examine(_of_environment(context, settings))
    if as_json:
        print_json([asdict(each) for each in found])
    else:
        rows = [(each.result, each.check, each.looked_at, each.remedy) for each in found]
        print_table(("result", "check", "looked at", "remedy"), rows)
    failed = [each.check for each in found if each.result == "failed"]
    if failed:
        raise CommandError(f"{count_of(len(failed), 'check')} failed: {', '.join(failed)}; the remedies stand above")


def _local(context: Context, settings: Settings, data: Path) -> list[tuple[str, Check]]:
    """The checks of the pipeline on this machine."""
    http, aws = settings.local.http_port, settings.local.aws_port
    is_running = partial(_answers, "/".join(context.url().split("/")[:3]) + "/_local/status")
    checks = [
        named("python", machine.check_python, sys.version_info[:2]),
        named("HTTP port", machine.check_port, "HTTP port", http, "--port", is_running),
        named("AWS port", machine.check_port, "AWS port", aws, "--aws-port", is_running),
        named("disk", machine.check_disk, data),
        named("data folder", machine.check_data_folder, data),
    ]
    if is_running():
        checks.append(("clock", lambda: _clock(context)))
    return checks


def _on_aws(context: Context, settings: Settings) -> list[tuple[str, Check]]:
    """The checks that come before everything else on AWS."""
    version = Terraform(FOLDER, context.environment, lambda _line: None).version
    return [
        named("python", machine.check_python, sys.version_info[:2]),
        named("terraform", machine.check_terraform, version, os.environ),
        ("region", lambda: account.check_region(context.region(), context.known_regions(), settings.region)),
        named("credentials", account.check_credentials, partial(identify, settings.region)),
    ]


def _of_environment(context: Context, settings: Settings) -> list[tuple[str, Check]]:
    """The checks of an environment on AWS, deployed or not."""
    names, region, client = context.names(), context.region(), context.client
    caller = str(client("sts").get_caller_identity()["Arn"])
    partition = caller.split(":")[1]
    standing = standing_shards(names.stream, region)
    checks: list[tuple[str, Check]] = [
        ("clock", lambda: _clock(context)),
        ("shard quota", lambda: account.check_shard_quota(client("kinesis"), settings, standing)),
        ("concurrency quota", lambda: account.check_concurrency_quota(client("lambda"), settings)),
        ("request quota", lambda: account.check_request_quota(client("apigateway"), settings)),
        ("role", lambda: roles.check_role(client("iam"), caller, roles.calls(names, region, partition))),
    ]
    if not standing:
        checks.append(("deployed", lambda: _not_deployed(names)))
        return checks
    topics = {each: f"arn:{partition}:sns:{region}:{names.account}:{names.prefix}-{each}" for each in TOPICS}
    wanted = {
        table.name: glue_columns(table.columns) for table in tables() if table.name in {LANDING_TABLE, COMPACTED_TABLE}
    }
    return [
        *checks,
        ("topics", lambda: account.check_topics(client("sns"), topics)),
        ("budget tag", lambda: account.check_budget_tag(client("ce", region=COST_EXPLORER_REGION))),
        ("alarms", lambda: account.check_alarms(client("cloudwatch"), names)),
        ("event schema", lambda: account.check_event_schema(client("glue"), names.database, wanted)),
    ]


def _clock(context: Context) -> Finding:
    return account.check_clock(context.client("kinesis"), context.names().stream)


def _not_deployed(names: Names) -> Finding:
    remedy = f"spillway --env {names.environment} deploy"
    return Finding("deployed", "warning", f"there is no stream {names.stream}: the environment does not exist", remedy)


def _answers(url: str) -> bool:
    """Whether the pipeline on this machine answers."""
    try:
        answer = urllib3.request("GET", url, timeout=LOOK_SECONDS, retries=False)
    except urllib3.exceptions.HTTPError:
        return False
    return answer.status == 200
