"""The resources of calls that name them in a member of a member, or by what the answer gives: by operation."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

from tests.roles.iam_actions import Parameters, Place


def _here(service: str, place: Place, resource: str) -> str:
    return f"arn:aws:{service}:{place.region}:{place.account}:{resource}"


def _backup_plan(_parameters: Parameters, place: Place) -> Iterator[str]:
    yield _here("backup", place, "backup-plan:id")


def _budget(parameters: Parameters, place: Place) -> Iterator[str]:
    budget: Mapping[str, Any] = parameters.get("Budget") or parameters.get("NewBudget") or parameters
    yield f"arn:aws:budgets::{place.account}:budget/{budget['BudgetName']}"


def _consumer(parameters: Parameters, _place: Place) -> Iterator[str]:
    yield parameters["ConsumerARN"]


def _alias(parameters: Parameters, place: Place) -> Iterator[str]:
    yield _here("lambda", place, f"function:{parameters['FunctionName']}:{parameters['Qualifier']}")


def _alarms(parameters: Parameters, place: Place) -> Iterator[str]:
    for name in parameters["AlarmNames"]:
        yield _here("cloudwatch", place, f"alarm:{name}")


def _key_alias(parameters: Parameters, place: Place) -> Iterator[str]:
    """The alias, and the key that it is of."""
    yield _here("kms", place, parameters["AliasName"])
    if key := parameters.get("TargetKeyId"):
        yield _here("kms", place, f"key/{key.rpartition('/')[2]}")


def _rule(parameters: Parameters, place: Place) -> Iterator[str]:
    """A rule on the default bus, whose ARN leaves the bus out."""
    yield _here("events", place, f"rule/{parameters.get('Rule') or parameters['Name']}")


def _any(_parameters: Parameters, _place: Place) -> Iterator[str]:
    """AWS names a resource for it, and takes it only from who may do it to any."""
    yield "*"


def _dashboards(parameters: Parameters, place: Place) -> Iterator[str]:
    for name in parameters["DashboardNames"]:
        yield f"arn:aws:cloudwatch::{place.account}:dashboard/{name}"


def _web_acl(parameters: Parameters, place: Place) -> Iterator[str]:
    """The web ACL, and the managed rules that it names."""
    yield _here("wafv2", place, f"regional/webacl/{parameters['Name']}/id")
    for rule in parameters.get("Rules", ()):
        if managed := rule["Statement"].get("ManagedRuleGroupStatement"):
            yield _here("wafv2", place, f"regional/managedruleset/{managed['VendorName']}/{managed['Name']}")


def _logged_web_acl(parameters: Parameters, _place: Place) -> Iterator[str]:
    yield parameters["LoggingConfiguration"]["ResourceArn"]


def _group(parameters: Parameters, place: Place) -> Iterator[str]:
    yield _here("xray", place, f"group/{parameters['GroupName']}/id")


def _sampling_rule(parameters: Parameters, place: Place) -> Iterator[str]:
    yield _here("xray", place, f"sampling-rule/{parameters['SamplingRule']['RuleName']}")


RESOURCES: Final[Mapping[str, Callable[[Parameters, Place], Iterator[str]]]] = {
    "backup:CreateBackupPlan": _backup_plan,
    "budgets:CreateBudget": _budget,
    "budgets:UpdateBudget": _budget,
    "cloudwatch:DeleteAlarms": _alarms,
    "cloudwatch:DeleteDashboards": _dashboards,
    "cloudwatch:DescribeAlarms": _alarms,
    "cloudwatch:PutCompositeAlarm": _any,
    **{
        f"events:{operation}": _rule
        for operation in ("DeleteRule", "DescribeRule", "ListTargetsByRule", "PutRule", "PutTargets", "RemoveTargets")
    },
    "kinesis:DeregisterStreamConsumer": _consumer,
    "kinesis:DescribeStreamConsumer": _consumer,
    "kms:CreateAlias": _key_alias,
    "kms:DeleteAlias": _key_alias,
    "kms:UpdateAlias": _key_alias,
    "lambda:DeleteProvisionedConcurrencyConfig": _alias,
    "lambda:GetProvisionedConcurrencyConfig": _alias,
    "lambda:PutProvisionedConcurrencyConfig": _alias,
    "wafv2:CreateWebACL": _web_acl,
    "wafv2:DeleteWebACL": _web_acl,
    "wafv2:GetWebACL": _web_acl,
    "wafv2:PutLoggingConfiguration": _logged_web_acl,
    "wafv2:UpdateWebACL": _web_acl,
    "xray:CreateGroup": _group,
    "xray:CreateSamplingRule": _sampling_rule,
}
