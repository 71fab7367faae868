"""Checks of an environment's account: clock, region, credentials, quotas, and what the environment still lacks."""

import time
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any, Final

from infra.aws_status import alarms
from infra.deploy.notices import BUDGET_TAG, has_subscriber, tag_is_active
from infra.deploy.preflight import Account, PreflightError, lacking_concurrency, lacking_shards
from infra.doctor.finding import Finding, well
from infra.names import Names
from infra.settings import Settings

REFUSED_SECONDS: Final = 300.0  # AWS refuses a signature that is five minutes off (Signature Version 4)
NOTICED_SECONDS: Final = 5.0  # an audit's "on the way", `--from 10m` and lock ages are off by as much
DATE_SECONDS: Final = 1.0  # the header Date has whole seconds
OTHER_EXECUTIONS: Final = 3  # the archiver of dead letters, the compactor, the scaling function


def check_credentials(identify: Callable[[], Account]) -> Finding:
    """Whether AWS takes the credentials.

    Args:
        identify: such as `infra.deploy.preflight.identify`.
    """
    try:
        account = identify()
    except PreflightError as error:
        looked_at, _, remedy = str(error).partition(": ")
        return Finding("credentials", "failed", looked_at, remedy or "set AWS_PROFILE and AWS_REGION")
    return well("credentials", f"{account.arn} in account {account.account}")


def check_region(region: str, known: frozenset[str], settings_region: str) -> Finding:
    """Whether the region exists, and whether it is the one that pipeline.yaml names.

    Args:
        region: of the AWS settings.
        known: those in which Kinesis is offered.
        settings_region: of pipeline.yaml.
    """
    if region not in known:
        return Finding("region", "failed", f"there is no region {region}", f"set AWS_REGION to {settings_region}")
    if region != settings_region:
        remedy = f"set AWS_REGION to {settings_region}, unless the environment stands elsewhere on purpose"
        return Finding("region", "warning", f"{region}; pipeline.yaml has {settings_region}", remedy)
    return well("region", region)


def check_clock(kinesis: Any, stream: str, now: Callable[[], float] = time.time) -> Finding:
    """How far this machine's clock is from the stream's, by the header Date of an answer; a refusal has one too.

    Args:
        kinesis: a boto3 client.
        stream: any name; the stream need not exist.
        now: seconds since the epoch.
    """
    before = now()
    try:
        answer = kinesis.describe_stream_summary(StreamName=stream)
    except kinesis.exceptions.ClientError as error:
        answer = error.response
    after = now()
    date = answer["ResponseMetadata"]["HTTPHeaders"].get("date")
    if not date:
        return Finding("clock", "skipped", "the answer has no Date")
    theirs = parsedate_to_datetime(date).timestamp()
    apart = max(before - (theirs + DATE_SECONDS), theirs - after, 0.0)
    looked_at = f"{apart:,.0f} s from the stream's clock, {datetime.fromtimestamp(theirs, UTC):%Y-%m-%d %H:%M:%S} UTC"
    remedy = "let NTP set the clock: timedatectl set-ntp true"
    if apart >= REFUSED_SECONDS:
        return Finding("clock", "failed", looked_at, remedy)
    return Finding("clock", "warning", looked_at, remedy) if apart > NOTICED_SECONDS else well("clock", looked_at)


def check_shard_quota(kinesis: Any, settings: Settings, standing: int) -> Finding:
    """Whether the account may have as many shards as pipeline.yaml needs.

    Args:
        kinesis: a boto3 client.
        settings: of the environment.
        standing: open shards of the environment's stream now.
    """
    limits = kinesis.describe_limits()
    most = settings.scaling.maximum_shards if settings.scaling.enabled else settings.stream.shards
    looked_at = (
        f"{limits['OpenShardCount']:,} of {limits['ShardLimit']:,} shards are open, {standing:,} of them here; "
        f"pipeline.yaml needs {settings.stream.shards:,}, and {most:,} at the most"
    )
    remedy = "ask AWS for more (Service Quotas, Kinesis Data Streams, shards), or set fewer in infra/pipeline.yaml"
    if lacking_shards(limits, settings.stream.shards - standing):
        return Finding("shard quota", "failed", looked_at, remedy)
    if lacking_shards(limits, most - standing):
        return Finding("shard quota", "warning", looked_at, remedy)
    return well("shard quota", looked_at)


def check_concurrency_quota(lambda_: Any, settings: Settings) -> Finding:
    """Whether Lambda runs as many functions at once as pipeline.yaml can ask for.

    Args:
        lambda_: a boto3 client.
        settings: of the environment.
    """
    limits = lambda_.get_account_settings()["AccountLimit"]
    shards = settings.scaling.maximum_shards if settings.scaling.enabled else settings.stream.shards
    # A writer for each shard and part of one, a transform for each shard, and as many requests at once as the burst.
    needed = shards * (settings.table_writer.parallelization_factor + 1) + settings.http.burst + OTHER_EXECUTIONS
    total = limits["ConcurrentExecutions"]
    looked_at = (
        f"{limits['UnreservedConcurrentExecutions']:,} unreserved of {total:,} concurrent executions; pipeline.yaml "
        f"can ask for {needed:,}"
    )
    remedy = "ask AWS for more (Service Quotas, Lambda, concurrent executions), or set a lower http.burst"
    if total < needed:
        return Finding("concurrency quota", "failed", looked_at, remedy)
    if lacking_concurrency(limits, needed):
        return Finding("concurrency quota", "warning", looked_at, remedy)
    return well("concurrency quota", looked_at)


def check_request_quota(apigateway: Any, settings: Settings) -> Finding:
    """Whether API Gateway lets as many requests of the account through as pipeline.yaml allows."""
    throttle = apigateway.get_account().get("throttleSettings") or {}
    rate, burst = throttle.get("rateLimit"), throttle.get("burstLimit")
    if rate is None or burst is None:
        return Finding("request quota", "skipped", "API Gateway does not say what the account may have")
    looked_at = (
        f"the account may have {rate:,.0f} requests a second, burst {burst:,}; pipeline.yaml allows "
        f"{settings.http.rate_per_second:,.0f}, burst {settings.http.burst:,}"
    )
    if rate < settings.http.rate_per_second or burst < settings.http.burst:
        remedy = "ask AWS for more (Service Quotas, API Gateway, throttle rate), or set http.rate_per_second lower"
        return Finding("request quota", "failed", looked_at, remedy)
    return well("request quota", looked_at)


def check_topics(sns: Any, topics: Mapping[str, str]) -> Finding:
    """Whether somebody hears of alarms.

    Args:
        sns: a boto3 client.
        topics: the ARNs of the topics `high` and `low`.
    """
    deaf = [severity for severity, topic in topics.items() if not has_subscriber(sns, topic)]
    if not deaf:
        return well("topics", "every topic of alarms has a confirmed subscriber")
    remedy = "set alarm_emails in the environment's tfvars and confirm the e-mail, or subscribe a pager"
    looked_at = f"no confirmed subscriber: {', '.join(topics[severity] for severity in deaf)}"
    return Finding("topics", "failed" if "high" in deaf else "warning", looked_at, remedy)


def check_budget_tag(cost_explorer: Any) -> Finding:
    """Whether the budget sees the environment's cost."""
    if tag_is_active(cost_explorer):
        return well("budget tag", f"{BUDGET_TAG} is a cost allocation tag")
    remedy = (
        f"activate {BUDGET_TAG} under Billing, Cost allocation tags (in an organisation, in its management account)"
    )
    return Finding(
        "budget tag", "warning", f"{BUDGET_TAG} is not active, or may not be read: the budget reads 0", remedy
    )


def check_alarms(cloudwatch: Any, names: Names) -> Finding:
    """Whether an alarm is raised."""
    found = alarms(cloudwatch, names)
    if not found:
        remedy = f"deploy: spillway --env {names.environment} deploy"
        return Finding("alarms", "warning", f"there are no alarms of {names.prefix}", remedy)
    raised = [alarm.name for alarm in found if alarm.state == "ALARM"]
    if raised:
        remedy = "docs/runbooks/alarms.md has a section for each; spillway status shows what it means"
        return Finding("alarms", "failed", f"in ALARM: {', '.join(raised)}", remedy)
    return well("alarms", f"none of {len(found):,} alarms is in ALARM")


def check_event_schema(glue: Any, database: str, wanted: Mapping[str, Sequence[Mapping[str, str]]]) -> Finding:
    """Whether the deployed lake has the columns that event.schema.json gives.

    Args:
        glue: a boto3 client.
        database: of the lake.
        wanted: columns as Glue has them, `Name` and `Type`, by table.
    """
    apart = []
    for table, columns in wanted.items():
        kept = glue.get_table(DatabaseName=database, Name=table)["Table"]["StorageDescriptor"]["Columns"]
        here = {column["Name"]: column["Type"] for column in columns}
        there = {column["Name"]: column["Type"] for column in kept}
        apart += [
            f"{table}.{name} is {there.get(name, 'missing')} there and {here.get(name, 'missing')} here"
            for name in sorted(here.keys() | there.keys())
            if here.get(name) != there.get(name)
        ]
    if apart:
        remedy = "spillway schema check --against REV, then deploy"
        return Finding("event schema", "failed", "; ".join(apart), remedy)
    return well("event schema", f"the columns of {', '.join(wanted)} follow infra/event.schema.json")
