"""What the apply and the plan role of the delivery have to be allowed: recorded calls, and what AWS does for them.

deploy_recording.py records the calls. For an HTTP API and for the options this was done once, for the options without
a destroy. deploy_on_aws.yaml lists what AWS does besides, with its sources. deploy_reasons.yaml lists what a role is
granted or refused for another reason.
"""

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

import yaml

from tests.roles.deploy_recording import BOUNDARY, PLAN, DeployCall
from tests.roles.evaluation import Request
from tests.roles.function_roles import Need
from tests.roles.rendering import ACCOUNT, KEY_ARN, REGION
from tests.roles.stored import DATA

ENVIRONMENT: Final = "dev"
PREFIX: Final = f"spillway-{ENVIRONMENT}"
STATE: Final = "arn:aws:s3:::example-state"
STATE_OBJECT: Final = f"{STATE}/env:/{ENVIRONMENT}/spillway/terraform.tfstate"
NAMES: Final = {
    "region": REGION,
    "account": ACCOUNT,
    "prefix": PREFIX,
    "key": KEY_ARN,
    "database": f"spillway_{ENVIRONMENT}",
}
OWN_TAGS: Final = {"aws:ResourceTag/Environment": ENVIRONMENT, "aws:ResourceTag/Project": "spillway"}
MAKING: Final = re.compile(r":(Create|Request|POST)")
READING: Final = re.compile(r":(Get|List|Describe|View|GET|HEAD)")
WRITER: Final = f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:{PREFIX}-table-writer"


def is_new(action: str, resource: str) -> bool:
    """Whether a request makes its resource, which so has no tags yet; a child has its parent's tags."""
    of_existing = "/id/" in resource or ":key/" in resource or action == "backup:CreateBackupSelection"
    in_vpc = resource.endswith(":vpc/id") and action != "ec2:CreateVpc"
    return bool(MAKING.search(action)) and not of_existing and not in_vpc


def principal(role: str) -> str:
    """The ARN of a role of the delivery, such as `apply-dev`."""
    return f"arn:aws:iam::{ACCOUNT}:role/spillway-delivery-{role}"


def needs(role: str, calls: set[DeployCall], options: frozenset[str]) -> list[Need]:
    """Everything that a role needs.

    Args:
        role: `plan` or `apply-dev`.
        calls: recorded.
        options: of the delivery.
    """
    own = {call for call in calls if role != "plan" or call.command == PLAN}
    actions = {call.action for call in own}
    return [
        *(Need(_request(role, call.action, call.resource, json.loads(call.context)), "recorded") for call in own),
        *_on_aws(role, actions, options),
        *_state(role),
    ]


def _request(role: str, action: str, resource: str, context: Mapping[str, Any]) -> Request:
    ambient: dict[str, Any] = {"aws:PrincipalArn": principal(role), "aws:RequestedRegion": REGION}
    if not is_new(action, resource):
        ambient |= OWN_TAGS
    if action.startswith("iam:") and ":role/" in resource and action != "iam:CreateRole":
        ambient["iam:PermissionsBoundary"] = BOUNDARY  # each role is made with it
    if ":event-source-mapping:" in resource or "EventSourceMapping" in action:
        ambient["lambda:FunctionArn"] = WRITER
    return Request(action, resource, principal(role), ambient | dict(context))


def documented() -> list[Mapping[str, Any]]:
    """The entries of deploy_on_aws.yaml."""
    found: list[Mapping[str, Any]] = yaml.safe_load((DATA / "deploy_on_aws.yaml").read_text())
    return found


def _on_aws(role: str, actions: set[str], options: frozenset[str]) -> Iterator[Need]:
    for entry in documented():
        if entry["with"] not in actions or (entry.get("option") and entry["option"] not in options):
            continue
        if role == "plan" and not entry.get("reading"):
            continue
        context: dict[str, Any] = dict(entry.get("context", {}))
        if via := entry.get("via"):
            context |= {"kms:ViaService": f"{via}.{REGION}.amazonaws.com", **OWN_TAGS}
        for action in entry["actions"]:
            granted = {"kms:GrantIsForAWSResource": "true"} if action == "kms:CreateGrant" else {}
            for resource in entry.get("resources", ["{key}"]):
                request = _request(role, action, resource.format(**NAMES, role=role), context | granted)
                yield Need(request, f"with {entry['with']}: {entry['source']}")


def _state(role: str) -> Iterator[Need]:
    """Terraform's backend: https://developer.hashicorp.com/terraform/language/backend/s3#permissions-required."""
    # `terraform init` looks at the state of the workspace default before another is selected.
    of_default = f"{STATE}/spillway/terraform.tfstate"
    actions = {"s3:ListBucket": [STATE], "s3:GetObject": [of_default, STATE_OBJECT]}
    if role != "plan":
        actions["s3:PutObject"] = [STATE_OBJECT, f"{STATE_OBJECT}.tflock"]
        actions["s3:DeleteObject"] = [f"{STATE_OBJECT}.tflock"]
        actions["s3:GetObject"] = [of_default, STATE_OBJECT, f"{STATE_OBJECT}.tflock"]
    for action, resources in actions.items():
        for resource in resources:
            yield Need(_request(role, action, resource, {}), "the S3 backend's documentation")


def of_another_environment(needed: list[Need]) -> list[Request]:
    """The same changes, made to what belongs to prod; of Glue's, those below the catalog, which all share."""
    found = []
    for need in needed:
        request = need.request
        if READING.search(request.action) or request.resource.endswith(("*", ":catalog")):
            continue
        resource = request.resource.replace("spillway-dev", "spillway-prod").replace("spillway_dev", "spillway_prod")
        resource = resource.replace("env:/dev/", "env:/prod/")
        context = {key: _other(value) for key, value in request.context.items()}
        if is_new(request.action, request.resource):
            context = {key: value for key, value in context.items() if not key.startswith("aws:ResourceTag/")}
        found.append(Request(request.action, resource, request.principal, context))
    return found


def _other(value: Any) -> Any:
    if isinstance(value, list):
        return value
    return {"dev": "prod"}.get(value, value.replace("spillway-dev-", "spillway-prod-"))
