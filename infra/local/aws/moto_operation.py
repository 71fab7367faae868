"""Requests of monitoring, tracing and backup that moto does not know: kept as given, and returned.

`infra.local.aws.moto_fixes` installs them with its own fixes.
"""

import json
import uuid
from collections.abc import Callable
from typing import Any, Final, cast
from urllib.parse import unquote

from moto.backup.responses import BackupResponse
from moto.budgets.responses import BudgetsResponse
from moto.ce.responses import CostExplorerResponse
from moto.cloudwatch.responses import CloudWatchResponse
from moto.core.responses import ActionResult
from moto.core.utils import unix_time
from moto.logs.responses import LogsResponse
from moto.xray.responses import XRayResponse

Kept = dict[str, Any]


_moto_put_alarm: Final = CloudWatchResponse.put_metric_alarm
_moto_create_budget: Final = BudgetsResponse.create_budget
_moto_get_plan: Final = BackupResponse.get_backup_plan


def _kept(backend: Any, what: str) -> dict[str, Kept]:
    """What was given, by its name; kept in the backend, so that both are deleted together."""
    return cast("dict[str, Kept]", backend.__dict__.setdefault(f"kept_{what}", {}))


def _put_composite_alarm(response: CloudWatchResponse) -> ActionResult:
    """Make an alarm of alarms: moto can keep its rule, and its suppressor beside it."""
    done = _moto_put_alarm(response)
    alarm = response.cloudwatch_backend.alarms[response._get_param("AlarmName")]  # noqa: SLF001 (moto has no other way)
    for attribute, name in {
        "alarm_rule": "AlarmRule",
        "actions_suppressor": "ActionsSuppressor",
        "actions_suppressor_wait_period": "ActionsSuppressorWaitPeriod",
        "actions_suppressor_extension_period": "ActionsSuppressorExtensionPeriod",
    }.items():
        setattr(alarm, attribute, response._get_param(name))  # noqa: SLF001
    return done


def _put_query_definition(response: LogsResponse) -> str:
    given = json.loads(response.body)
    given.pop("clientToken", None)
    given["queryDefinitionId"] = given.get("queryDefinitionId") or str(uuid.uuid4())
    _kept(response.logs_backend, "queries")[given["queryDefinitionId"]] = given
    return json.dumps({"queryDefinitionId": given["queryDefinitionId"]})


def _describe_query_definitions(response: LogsResponse) -> str:
    prefix = response._get_param("queryDefinitionNamePrefix") or ""  # noqa: SLF001
    queries = _kept(response.logs_backend, "queries").values()
    return json.dumps({"queryDefinitions": [query for query in queries if query["name"].startswith(prefix)]})


def _delete_query_definition(response: LogsResponse) -> str:
    identity = response._get_param("queryDefinitionId")  # noqa: SLF001
    return json.dumps({"success": _kept(response.logs_backend, "queries").pop(identity, None) is not None})


def _subscribers(response: BudgetsResponse) -> str:
    """The subscribers of a notification, which moto keeps and does not return."""
    budgets = response.backend.budgets[response._get_param("AccountId")]  # noqa: SLF001
    wanted = response._get_param("Notification")  # noqa: SLF001
    notifications = budgets[response._get_param("BudgetName")].notifications  # noqa: SLF001
    found = [each.subscribers for each in notifications if _same(each.details, wanted)]
    return json.dumps({"Subscribers": found[0] if found else []})


def _same(one: Kept, other: Kept) -> bool:
    """Whether two notifications are the same; their state does not count."""
    keys = ("NotificationType", "ComparisonOperator", "Threshold", "ThresholdType")
    return all(one.get(key) == other.get(key) for key in keys)


def _cost_allocation_tags(_response: CostExplorerResponse) -> str:
    """Return none: an account activates its tags by hand."""
    return json.dumps({"CostAllocationTags": []})


def _update_budget(response: BudgetsResponse) -> str:
    budget = response._get_param("NewBudget")  # noqa: SLF001
    response.backend.budgets[response._get_param("AccountId")][budget["BudgetName"]].budget |= budget  # noqa: SLF001
    return "{}"


def _budget_tags(response: BudgetsResponse) -> str:
    tags = _kept(response.backend, "tags").get(response._get_param("ResourceARN"), {"tags": []})  # noqa: SLF001
    return json.dumps({"ResourceTags": tags["tags"]})


def _create_budget(response: BudgetsResponse) -> str:
    """As moto, with the tags, which it drops."""
    account, budget = response._get_param("AccountId"), response._get_param("Budget")  # noqa: SLF001
    arn = f"arn:aws:budgets::{account}:budget/{budget['BudgetName']}"
    _kept(response.backend, "tags")[arn] = {"tags": response._get_param("ResourceTags") or []}  # noqa: SLF001
    return _moto_create_budget(response)


def _xray_arn(response: XRayResponse, kind: str, name: str) -> str:
    return f"arn:aws:xray:{response.region}:{response.current_account}:{kind}/{name}"


def _create_sampling_rule(response: XRayResponse) -> str:
    rule = dict(response._get_param("SamplingRule"))  # noqa: SLF001
    rule["RuleARN"] = _xray_arn(response, "sampling-rule", rule["RuleName"])
    rule.setdefault("Attributes", {})
    record = {"SamplingRule": rule, "CreatedAt": unix_time(), "ModifiedAt": unix_time()}
    _kept(response.xray_backend, "rules")[rule["RuleName"]] = record
    _kept(response.xray_backend, "tags")[rule["RuleARN"]] = {"tags": response._get_param("Tags") or []}  # noqa: SLF001
    return json.dumps({"SamplingRuleRecord": record})


def _get_sampling_rules(response: XRayResponse) -> str:
    return json.dumps({"SamplingRuleRecords": list(_kept(response.xray_backend, "rules").values())})


def _update_sampling_rule(response: XRayResponse) -> str:
    update = response._get_param("SamplingRuleUpdate")  # noqa: SLF001
    record = _kept(response.xray_backend, "rules")[update["RuleName"]]
    record["SamplingRule"] |= update
    return json.dumps({"SamplingRuleRecord": record})


def _delete_sampling_rule(response: XRayResponse) -> str:
    record = _kept(response.xray_backend, "rules").pop(response._get_param("RuleName"))  # noqa: SLF001
    return json.dumps({"SamplingRuleRecord": record})


def _create_group(response: XRayResponse) -> str:
    name = response._get_param("GroupName")  # noqa: SLF001
    group = {
        "GroupName": name,
        "GroupARN": _xray_arn(response, "group", f"{name}/0"),
        "FilterExpression": response._get_param("FilterExpression"),  # noqa: SLF001
        "InsightsConfiguration": response._get_param("InsightsConfiguration"),  # noqa: SLF001
    }
    _kept(response.xray_backend, "groups")[group["GroupARN"]] = group
    _kept(response.xray_backend, "tags")[group["GroupARN"]] = {"tags": response._get_param("Tags") or []}  # noqa: SLF001
    return json.dumps({"Group": group})


def _get_group(response: XRayResponse) -> str | tuple[str, dict[str, int]]:
    group = _kept(response.xray_backend, "groups").get(response._get_param("GroupARN"))  # noqa: SLF001
    if group is None:
        return response._error("InvalidRequestException", "Group not found")  # noqa: SLF001
    return json.dumps({"Group": group})


def _update_group(response: XRayResponse) -> str:
    group = _kept(response.xray_backend, "groups")[response._get_param("GroupARN")]  # noqa: SLF001
    for name in ("FilterExpression", "InsightsConfiguration"):
        group[name] = response._get_param(name, group[name])  # noqa: SLF001
    return json.dumps({"Group": group})


def _delete_group(response: XRayResponse) -> str:
    del _kept(response.xray_backend, "groups")[response._get_param("GroupARN")]  # noqa: SLF001
    return "{}"


def _xray_tags(response: XRayResponse) -> str:
    tags = _kept(response.xray_backend, "tags").get(response._get_param("ResourceARN"), {"tags": []})  # noqa: SLF001
    return json.dumps({"Tags": tags["tags"]})


def _create_selection(response: BackupResponse) -> str:
    given = json.loads(response.body)
    plan = response.path.split("/plans/")[1].split("/")[0]
    identity = str(uuid.uuid4())
    kept = given | {"SelectionId": identity, "BackupPlanId": plan, "CreationDate": unix_time()}
    _kept(response.backup_backend, "selections")[identity] = kept
    return json.dumps({"SelectionId": identity, "BackupPlanId": plan, "CreationDate": kept["CreationDate"]})


def _get_selection(response: BackupResponse) -> str | tuple[int, dict[str, Any], str]:
    kept = _kept(response.backup_backend, "selections").get(response.path.rstrip("/").split("/")[-1])
    if kept is None:
        # AWS answers so for a deleted selection, and Terraform looks for these words.
        message = "Cannot find Backup plan"
        headers = {"status": 400, "x-amzn-errortype": "InvalidParameterValueException"}
        return 400, headers, json.dumps({"Code": "InvalidParameterValueException", "Message": message})
    return json.dumps(kept)


def _delete_selection(response: BackupResponse) -> str:
    _kept(response.backup_backend, "selections").pop(response.path.rstrip("/").split("/")[-1], None)
    return ""


def _get_backup_plan(response: BackupResponse) -> str | tuple[int, dict[str, Any], str]:
    """A plan that was not deleted: moto returns the deleted ones, too."""
    plan = _moto_get_plan(response)
    if "DeletionDate" in json.loads(plan):
        headers = {"status": 404, "x-amzn-errortype": "ResourceNotFoundException"}
        return 404, headers, json.dumps({"Code": "ResourceNotFoundException", "Message": "Cannot find Backup plan"})
    return plan


def _list_recovery_points(_response: BackupResponse) -> str:
    """Return none: no backup is ever made here. Terraform asks before it deletes a vault with its backups."""
    return json.dumps({"RecoveryPoints": []})


def _backup_tags(response: BackupResponse) -> str:
    """The tags of a plan or vault: moto takes the ARN from the wrong part of the address."""
    arn = unquote(response.path.split("/tags/", 1)[1].rstrip("/"))
    return json.dumps({"Tags": response.backup_backend.list_tags(resource_arn=arn)})


FIXES: Final[tuple[tuple[type, str, Callable[..., Any]], ...]] = (
    (CloudWatchResponse, "put_composite_alarm", _put_composite_alarm),
    (LogsResponse, "put_query_definition", _put_query_definition),
    (LogsResponse, "describe_query_definitions", _describe_query_definitions),
    (LogsResponse, "delete_query_definition", _delete_query_definition),
    (CostExplorerResponse, "list_cost_allocation_tags", _cost_allocation_tags),
    (BudgetsResponse, "create_budget", _create_budget),
    (BudgetsResponse, "update_budget", _update_budget),
    (BudgetsResponse, "describe_subscribers_for_notification", _subscribers),
    (BudgetsResponse, "list_tags_for_resource", _budget_tags),
    (XRayResponse, "create_sampling_rule", _create_sampling_rule),
    (XRayResponse, "get_sampling_rules", _get_sampling_rules),
    (XRayResponse, "update_sampling_rule", _update_sampling_rule),
    (XRayResponse, "delete_sampling_rule", _delete_sampling_rule),
    (XRayResponse, "create_group", _create_group),
    (XRayResponse, "get_group", _get_group),
    (XRayResponse, "update_group", _update_group),
    (XRayResponse, "delete_group", _delete_group),
    (XRayResponse, "list_tags_for_resource", _xray_tags),
    (BackupResponse, "create_backup_selection", _create_selection),
    (BackupResponse, "get_backup_selection", _get_selection),
    (BackupResponse, "delete_backup_selection", _delete_selection),
    (BackupResponse, "get_backup_plan", _get_backup_plan),
    (BackupResponse, "list_tags", _backup_tags),
    (BackupResponse, "list_recovery_points_by_backup_vault", _list_recovery_points),
)
BACKUP_PATHS: Final = {
    f"{{0}}/backup-vaults/(?P<name>[^/]+)/recovery-points{end}$": BackupResponse.dispatch
    for end in ("", "/")  # as Terraform asks, and as boto3 does; served over HTTP, `/?` matches only one of them
}
XRAY_PATHS: Final = {
    f"{{0}}/{action}$": XRayResponse.dispatch
    for action in (
        "CreateSamplingRule",
        "GetSamplingRules",
        "UpdateSamplingRule",
        "DeleteSamplingRule",
        "CreateGroup",
        "GetGroup",
        "UpdateGroup",
        "DeleteGroup",
        "ListTagsForResource",
    )
}
