"""What AWS would refuse, found before anything is created: credentials, region, names, quotas."""

import os
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

import boto3
from botocore.exceptions import BotoCoreError, ClientError, NoCredentialsError

from producers.explained import Explained

Resource = dict[str, Any]


class PreflightError(Explained):
    """AWS would refuse the deployment; the message is one line that says why and what to do."""


@dataclass(frozen=True, slots=True)
class Account:
    """Who deploys, and where."""

    account: str
    arn: str
    region: str


def identify(default_region: str) -> Account:
    """Read who the AWS settings stand for, and which region they name.

    Args:
        default_region: taken where they name no region.

    Raises:
        PreflightError: there are no credentials, AWS refuses them, or the region does not exist.
    """
    try:
        session = boto3.Session()
        region = os.environ.get("AWS_REGION") or session.region_name or default_region
    except BotoCoreError as error:
        raise PreflightError(f"the AWS settings cannot be used: {error}") from error
    regions = session.get_available_regions("kinesis")
    if region not in regions:
        raise PreflightError(f"Kinesis knows no region {region}; set AWS_REGION to one such as {default_region}")
    try:
        identity = session.client("sts", region_name=region).get_caller_identity()
    except NoCredentialsError as error:
        raise PreflightError(
            "no AWS credentials: set AWS_PROFILE to a profile that has them, or log in with `aws sso login`"
        ) from error
    except (ClientError, BotoCoreError) as error:
        raise PreflightError(f"AWS refuses the credentials in {region}: {error}") from error
    return Account(identity["Account"], identity["Arn"], region)


def standing_shards(stream: str, region: str) -> int:
    """The open shards of a stream, which automatic scaling may have changed; 0 where the stream does not exist."""
    kinesis = boto3.client("kinesis", region_name=region)
    try:
        summary = kinesis.describe_stream_summary(StreamName=stream)["StreamDescriptionSummary"]
    except kinesis.exceptions.ResourceNotFoundException:
        return 0
    except ClientError as error:
        raise PreflightError(f"the stream {stream} cannot be read: {error}") from error
    return summary["OpenShardCount"]


def check_plan(plan: dict[str, Any], region: str) -> None:
    """Look for what AWS would refuse in a plan (`terraform show -json`).

    Args:
        plan: as Terraform prints it.
        region: where it is to be applied.

    Raises:
        PreflightError: a name is taken, or the account has too few shards or concurrent executions.
    """
    session = boto3.Session(region_name=region)
    problems = [*_taken_names(plan, session), *_shard_problems(plan, session), *_concurrency_problems(plan, session)]
    if problems:
        raise PreflightError("; ".join(problems))


@dataclass(frozen=True, slots=True)
class _Lookup:
    """How to ask whether something exists.

    Args:
        service, operation: the boto3 client and its method.
        arguments: for the method, from the planned resource.
        absent: the error codes that mean it does not exist.
    """

    service: str
    operation: str
    arguments: Callable[[Resource], dict[str, Any]]
    absent: frozenset[str]


_LOOKUPS: Final = {
    "aws_s3_bucket": _Lookup(
        "s3", "head_bucket", lambda after: {"Bucket": after["bucket"]}, frozenset({"404", "NoSuchBucket"})
    ),
    "aws_kinesis_stream": _Lookup(
        "kinesis",
        "describe_stream_summary",
        lambda after: {"StreamName": after["name"]},
        frozenset({"ResourceNotFoundException"}),
    ),
    "aws_dynamodb_table": _Lookup(
        "dynamodb",
        "describe_table",
        lambda after: {"TableName": after["name"]},
        frozenset({"ResourceNotFoundException"}),
    ),
    "aws_sqs_queue": _Lookup(
        "sqs",
        "get_queue_url",
        lambda after: {"QueueName": after["name"]},
        frozenset({"AWS.SimpleQueueService.NonExistentQueue", "QueueDoesNotExist"}),
    ),
    "aws_lambda_function": _Lookup(
        "lambda",
        "get_function",
        lambda after: {"FunctionName": after["function_name"]},
        frozenset({"ResourceNotFoundException"}),
    ),
    "aws_kinesis_firehose_delivery_stream": _Lookup(
        "firehose",
        "describe_delivery_stream",
        lambda after: {"DeliveryStreamName": after["name"]},
        frozenset({"ResourceNotFoundException"}),
    ),
    "aws_iam_role": _Lookup("iam", "get_role", lambda after: {"RoleName": after["name"]}, frozenset({"NoSuchEntity"})),
    "aws_glue_catalog_database": _Lookup(
        "glue", "get_database", lambda after: {"Name": after["name"]}, frozenset({"EntityNotFoundException"})
    ),
}


def _taken_names(plan: dict[str, Any], session: boto3.Session) -> Iterator[str]:
    """What the plan creates but exists already, made by something else."""
    for change in plan.get("resource_changes", []):
        lookup = _LOOKUPS.get(change["type"])
        if lookup is None or change["change"]["actions"] != ["create"]:
            continue
        arguments = lookup.arguments(change["change"]["after"])
        if _exists(session, lookup, arguments):
            kind = change["type"].removeprefix("aws_").replace("_", " ")
            name = next(iter(arguments.values()))
            yield f"the {kind} {name} exists already and is not this deployment's: delete it, or choose another --env"


def _exists(session: boto3.Session, lookup: _Lookup, arguments: dict[str, Any]) -> bool:
    client: Any = session.client(lookup.service)  # type: ignore[call-overload]
    try:
        getattr(client, lookup.operation)(**arguments)
    except ClientError as error:
        code = error.response["Error"]["Code"]
        if code in lookup.absent:
            return False
        if lookup.service == "s3" and code in {"403", "301", "400"}:
            return True  # another account's, or in another region: bucket names are global
        raise PreflightError(f"{lookup.service}:{lookup.operation} is refused ({code}): {error}") from error
    return True


def _shard_problems(plan: dict[str, Any], session: boto3.Session) -> Iterator[str]:
    """Why Kinesis would refuse the planned number of shards."""
    standing = plan.get("variables", {}).get("standing_shards", {}).get("value") or 0
    planned_for = int(standing)  # Terraform prints a variable of the command line as text
    for change in plan.get("resource_changes", []):
        if change["type"] != "aws_kinesis_stream":
            continue
        before, after = ((change["change"][side] or {}).get("shard_count") or 0 for side in ("before", "after"))
        if after in (before, 0):  # 0: an on-demand stream, whose shards Kinesis counts itself
            continue
        if before and planned_for and before != planned_for:
            yield f"the stream went from {planned_for} to {before} shards while this was planned: deploy again"
            continue
        limits = session.client("kinesis").describe_limits()
        if lacking_shards(limits, after - before):
            yield (
                f"stream.shards is {after}; the account has {limits['OpenShardCount']} of the {limits['ShardLimit']} "
                f"shards it may have in {session.region_name}: set fewer in infra/pipeline.yaml, or ask for more"
            )
        # UpdateShardCount: at most twice, at least half the present number at a time.
        elif before and not before / 2 <= after <= 2 * before:
            yield (
                f"stream.shards goes from {before} to {after}; Kinesis at most doubles or halves at once: go in steps"
            )


LEAST_UNRESERVED: Final = 100  # Lambda leaves so many executions of an account unreserved, or all where it has fewer


def lacking_shards(limits: Mapping[str, Any], more: int) -> int:
    """How many shards the account lacks to have so many more.

    Args:
        limits: the answer of DescribeLimits.
        more: than are open now.
    """
    return max(0, int(limits["OpenShardCount"]) + more - int(limits["ShardLimit"]))


def lacking_concurrency(limits: Mapping[str, Any], more: int) -> int:
    """How many concurrent executions the account lacks to reserve so many more.

    Args:
        limits: `AccountLimit` of GetAccountSettings.
        more: than are reserved now.
    """
    least = min(LEAST_UNRESERVED, int(limits["ConcurrentExecutions"]))
    return max(0, least + more - int(limits["UnreservedConcurrentExecutions"]))


def _concurrency_problems(plan: dict[str, Any], session: boto3.Session) -> Iterator[str]:
    """Why Lambda would refuse the executions that are to be reserved or provisioned."""
    more = sum(
        _executions(change, "after") - _executions(change, "before") for change in plan.get("resource_changes", [])
    )
    if more <= 0:
        return
    limits = session.client("lambda").get_account_settings()["AccountLimit"]
    total, unreserved = limits["ConcurrentExecutions"], limits["UnreservedConcurrentExecutions"]
    least = min(LEAST_UNRESERVED, total)
    if lacking_concurrency(limits, more):
        yield (
            f"{more} more concurrent executions are to be reserved or provisioned; the account has {unreserved} "
            f"unreserved of its {total} in {session.region_name}, and Lambda keeps {least} of them so: set "
            "reserve_concurrency to false and leave out provisioned_concurrency, or ask AWS for a higher quota"
        )


def _executions(change: Resource, side: str) -> int:
    """The executions that a resource takes from the unreserved ones, before or after the change."""
    values = change["change"].get(side) or {}
    match change["type"]:
        case "aws_lambda_function":
            return max(0, values.get("reserved_concurrent_executions") or 0)  # -1: none
        case "aws_lambda_provisioned_concurrency_config":
            return int(values.get("provisioned_concurrent_executions") or 0)
    return 0
