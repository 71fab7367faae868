"""What can be known to fail before anything is created: credentials, region, names, quotas."""

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Final

import boto3
from botocore.exceptions import BotoCoreError, ClientError, NoCredentialsError

from producers.explained import Explained

Resource = dict[str, Any]


class PreflightError(Explained):
    """It would fail; the message is one line that says why and what to do."""


@dataclass(frozen=True, slots=True)
class Account:
    """Who deploys, and where."""

    account: str
    arn: str
    region: str


def identify(default_region: str) -> Account:
    """Who the AWS settings are, and which region they name.

    Args:
        default_region: where they name none.

    Raises:
        PreflightError: there are no credentials, AWS does not take them, or there is no such region.
    """
    try:
        session = boto3.Session()
        region = os.environ.get("AWS_REGION") or session.region_name or default_region
    except BotoCoreError as error:
        raise PreflightError(f"the AWS settings cannot be used: {error}") from error
    regions = session.get_available_regions("kinesis")
    if region not in regions:
        raise PreflightError(
            f"{region}: Kinesis is in no region of this name; set AWS_REGION to one such as {default_region}"
        )
    try:
        identity = session.client("sts", region_name=region).get_caller_identity()
    except NoCredentialsError as error:
        raise PreflightError(
            "no AWS credentials: set AWS_PROFILE to a profile that has them, or log in with `aws sso login`"
        ) from error
    except (ClientError, BotoCoreError) as error:
        raise PreflightError(f"AWS does not take the credentials in {region}: {error}") from error
    return Account(identity["Account"], identity["Arn"], region)


def standing_shards(stream: str, region: str) -> int:
    """How many open shards a stream has, which automatic scaling may have changed; 0 where there is no such stream."""
    kinesis = boto3.client("kinesis", region_name=region)
    try:
        summary = kinesis.describe_stream_summary(StreamName=stream)["StreamDescriptionSummary"]
    except kinesis.exceptions.ResourceNotFoundException:
        return 0
    except ClientError as error:
        raise PreflightError(f"the stream {stream} cannot be looked at: {error}") from error
    return summary["OpenShardCount"]


def check_plan(plan: dict[str, Any], region: str) -> None:
    """Look for what AWS would refuse in a plan (`terraform show -json`).

    Args:
        plan: as Terraform tells it.
        region: where it is to be applied.

    Raises:
        PreflightError: a name is taken, or the stream would have more shards than it may.
    """
    session = boto3.Session(region_name=region)
    problems = [*_taken_names(plan, session), *_shard_problems(plan, session)]
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
    """What is to be created and exists already, though this Terraform did not make it."""
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
    """Why the planned number of shards cannot be had."""
    told = int(
        plan.get("variables", {}).get("standing_shards", {}).get("value") or 0
    )  # as text, where the command told it
    for change in plan.get("resource_changes", []):
        if change["type"] != "aws_kinesis_stream":
            continue
        before, after = ((change["change"][side] or {}).get("shard_count") or 0 for side in ("before", "after"))
        if after == before:
            continue
        if before and told and before != told:
            yield f"the stream went from {told} to {before} shards while this was planned: deploy again"
            continue
        limits = session.client("kinesis").describe_limits()
        if limits["OpenShardCount"] + after - before > limits["ShardLimit"]:
            yield (
                f"stream.shards is {after}; the account has {limits['OpenShardCount']} of the {limits['ShardLimit']} "
                f"shards it may have in {session.region_name}: set fewer in infra/pipeline.yaml, or ask for more"
            )
        # UpdateShardCount: at most twice, at least half the present number at a time.
        elif before and not before / 2 <= after <= 2 * before:
            yield (
                f"stream.shards goes from {before} to {after}; Kinesis at most doubles or halves at once: go in steps"
            )
