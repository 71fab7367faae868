"""What the commands call, and whether the caller's role allows it: a dry run by IAM, which calls nothing else."""

import re
from collections.abc import Mapping
from typing import Any, Final

from infra.doctor.finding import Finding, well
from infra.names import Names

_ASSUMED: Final = re.compile(r"arn:(aws[\w-]*):sts::(\d{12}):assumed-role/([^/]+)/.+")
MOST_NAMED: Final = 5


def calls(names: Names, region: str, partition: str = "aws") -> Mapping[str, tuple[str, ...]]:
    """The actions of the commands that look and repair, by the ARN that they are called on.

    `deploy` and `destroy` are not among them: Terraform's plan asks for itself.

    Args:
        names: of the environment.
        region: where it stands.
        partition: of AWS.
    """

    def arn(service: str, rest: str) -> str:
        return f"arn:{partition}:{service}:{region}:{names.account}:{rest}"

    queues = [arn("sqs", name) for name in (names.dead_letter_queue, names.parked_queue)]
    buckets = [f"arn:{partition}:s3:::{name}" for name in (names.lake_bucket, names.dead_letter_bucket)]
    return {
        arn("kinesis", f"stream/{names.stream}"): (
            "kinesis:DescribeStreamSummary",
            "kinesis:ListShards",
            "kinesis:GetShardIterator",
            "kinesis:GetRecords",
            "kinesis:PutRecords",
            "kinesis:ListTagsForStream",
        ),
        arn("dynamodb", f"table/{names.table}"): (
            "dynamodb:GetItem",
            "dynamodb:BatchGetItem",
            "dynamodb:BatchWriteItem",
            "dynamodb:DescribeTable",
        ),
        **dict.fromkeys(buckets, ("s3:ListBucket",)),
        **{f"{bucket}/*": ("s3:GetObject", "s3:PutObject") for bucket in buckets},
        **dict.fromkeys(
            queues, ("sqs:GetQueueUrl", "sqs:GetQueueAttributes", "sqs:ReceiveMessage", "sqs:DeleteMessage")
        ),
        arn("athena", f"workgroup/{names.prefix}"): (
            "athena:StartQueryExecution",
            "athena:GetQueryExecution",
            "athena:GetQueryResults",
        ),
        arn("glue", f"database/{names.database}"): ("glue:GetTable",),
        "*": ("cloudwatch:GetMetricData", "cloudwatch:DescribeAlarms", "kinesis:DescribeLimits"),
    }


def check_role(iam: Any, caller: str, wanted: Mapping[str, tuple[str, ...]]) -> Finding:
    """Whether the caller may call what the commands call, by iam:SimulatePrincipalPolicy.

    Args:
        iam: a boto3 client.
        caller: the ARN that STS gives.
        wanted: the actions, by the ARN that they are called on.
    """
    name, count = "role", sum(map(len, wanted.values()))
    if caller.endswith(":root"):
        return well(name, "the account's root user may call everything")
    try:
        principal = _principal(iam, caller)
        denied = [
            f"{result['EvalActionName']} on {resource}"
            for resource, actions in wanted.items()
            for page in iam.get_paginator("simulate_principal_policy").paginate(
                PolicySourceArn=principal, ActionNames=list(actions), ResourceArns=[resource]
            )
            for result in page["EvaluationResults"]
            if result["EvalDecision"] != "allowed"
        ]
    except iam.exceptions.ClientError as error:
        if error.response["Error"]["Code"] not in {"AccessDenied", "AccessDeniedException"}:
            raise
        remedy = "allow iam:SimulatePrincipalPolicy and iam:GetRole to see what the commands would be refused"
        return Finding(name, "skipped", f"{caller} may not ask IAM what it may call", remedy)
    if not denied:
        return well(name, f"{principal} may make the {count} calls of the commands")
    more = f", and {len(denied) - MOST_NAMED} others" if len(denied) > MOST_NAMED else ""
    looked_at = f"{principal} may not call {', '.join(denied[:MOST_NAMED])}{more}"
    return Finding(name, "failed", looked_at, "give the role these permissions, or set AWS_PROFILE to another")


def _principal(iam: Any, caller: str) -> str:
    """The ARN of the role or user behind a caller; that of a session does not have the role's path."""
    found = _ASSUMED.fullmatch(caller)
    return caller if found is None else str(iam.get_role(RoleName=found[3])["Role"]["Arn"])
