"""What IAM checks for a call of a deployment: action, resource, conditions, and the roles that are handed over."""

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

from tests.roles.deploy_resources import RESOURCES
from tests.roles.iam_actions import PREFIXES, Place, action_of, definitions, privilege, resolved
from tests.roles.wire import Call, strings

Context = dict[str, str | list[str]]
Asked = tuple[str, str, Context]
TAGS: Final = ("Environment", "Project")  # that policies look at
# Members that hand a role to a service, and to which.
HANDED: Final = frozenset({"role", "rolearn", "iamrolearn", "deliverlogspermissionarn"})
PASSED_TO: Final = {
    "backup": "backup.amazonaws.com",
    "ec2": "vpc-flow-logs.amazonaws.com",
    "firehose": "firehose.amazonaws.com",
    "lambda": "lambda.amazonaws.com",
}
# The collections of API Gateway whose members AWS names by an id.
COLLECTIONS: Final = frozenset(
    {"apikeys", "authorizers", "deployments", "keys", "resources", "restapis", "tags", "usageplans", "apis", "vpclinks",
     "integrations", "routes", "apimappings"}
)  # fmt: skip
_ROLE: Final = re.compile(r"arn:aws[\w-]*:iam::\d{12}:role/.+")


def asked(call: Call, place: Place) -> Iterator[Asked]:
    """Everything that IAM is asked about a call.

    Raises:
        LookupError: there is no action or resource to be found for it.
    """
    context = _context(call)
    prefix = PREFIXES.get(call.service, call.service)
    for action, resource in _resolved(call, prefix, place):
        yield action, resource, context
    for name, value in strings(call.parameters):
        if name.lower() in HANDED and _ROLE.fullmatch(value) and call.service in PASSED_TO and not _is_read(call):
            yield "iam:PassRole", value, {"iam:PassedToService": PASSED_TO[call.service]}


def _resolved(call: Call, prefix: str, place: Place) -> Iterator[tuple[str, str]]:
    if special := SPECIAL.get(prefix):
        yield from special(call, place)
    elif named := RESOURCES.get(f"{prefix}:{call.operation}"):
        action = action_of(call.service, call.operation)
        yield from ((action, resource) for resource in named(call.parameters, place))
    else:
        yield from resolved(call.service, call.operation, _with_a_name(call.parameters), place)


def _with_a_name(parameters: dict[str, Any]) -> dict[str, Any]:
    """The parameters, a function named by its name though the call has its ARN."""
    name = str(parameters.get("FunctionName", ""))
    return parameters | {"FunctionName": name.partition(":function:")[2]} if name.startswith("arn:") else parameters


def _is_read(call: Call) -> bool:
    return bool(re.match(r"(Get|List|Describe|Head)", call.operation))


def _context(call: Call) -> Context:
    found: Context = {}
    tags = dict(_tags(call.parameters))
    for tag in TAGS:
        if tag in tags:
            found[f"aws:RequestTag/{tag}"] = tags[tag]
    if tags:
        found["aws:TagKeys"] = sorted(tags)
    if boundary := call.parameters.get("PermissionsBoundary"):
        found["iam:PermissionsBoundary"] = boundary
    if call.service == "lambda" and call.operation == "CreateEventSourceMapping":
        found["lambda:FunctionArn"] = call.parameters["FunctionName"]
    if call.service == "lambda" and call.operation == "AddPermission":
        found["lambda:Principal"] = call.parameters["Principal"]
    return found


def _tags(value: Any) -> Iterator[tuple[str, str]]:
    """The tags of a request, whichever way its API writes them."""
    if isinstance(value, dict):
        for name, each in value.items():
            if name.lower() in {"tags", "resourcetags", "tag", "backupvaulttags", "backupplantags"}:
                yield from _pairs(each)
            else:
                yield from _tags(each)
    elif isinstance(value, list):
        for each in value:
            yield from _tags(each)


def _pairs(tags: Any) -> Iterator[tuple[str, str]]:
    if isinstance(tags, dict):
        yield from ((name, value) for name, value in tags.items() if isinstance(value, str))
        return
    for tag in tags or []:
        if isinstance(tag, dict):
            named = {name.lower().removeprefix("tag"): value for name, value in tag.items()}
            yield named["key"], named["value"]


def _api_gateway(call: Call, place: Place) -> Iterator[tuple[str, str]]:
    """API Gateway's actions are HTTP's methods, on paths."""
    parts = call.path.removeprefix("/v2").split("/")
    steady = ["id" if before in COLLECTIONS else part for before, part in zip(["", *parts], parts, strict=False)]
    resource = f"arn:aws:apigateway:{place.region}::{'/'.join(steady)}"
    yield f"apigateway:{call.method}", resource
    if any(each == "/policy" for _, each in strings(call.parameters)) or "policy" in call.parameters:
        yield "apigateway:UpdateRestApiPolicy", resource


def _logs(call: Call, place: Place) -> Iterator[tuple[str, str]]:
    """The log group's ARN; all but tagging ask for it with what is in the group behind it."""
    action = f"logs:{call.operation}"
    types = {name for name in privilege(action)["resource_types"] if name}
    group = call.parameters.get("logGroupName") or call.parameters.get("logGroupIdentifier")
    if arn := call.parameters.get("resourceArn"):
        yield action, arn
    elif group and types:
        stream = call.parameters.get("logStreamName", "")
        yield action, f"arn:aws:logs:{place.region}:{place.account}:log-group:{group}:log-stream:{stream}"
    else:
        yield action, "*"
    if call.operation == "CreateLogGroup" and call.parameters.get("tags"):
        yield "logs:TagResource", f"arn:aws:logs:{place.region}:{place.account}:log-group:{group}:log-stream:"


def _ec2(call: Call, place: Place) -> Iterator[tuple[str, str]]:
    """By the types that an action requires; their ids are all `id`."""
    action = f"ec2:{call.operation}"
    types = [name for name, kind in privilege(action)["resource_types"].items() if name and kind["required"]]
    for name in types:
        template = definitions()["ec2"]["resources"][name]["arn"]
        for placeholder, value in {"Partition": "aws", "Region": place.region, "Account": place.account}.items():
            template = template.replace(f"${{{placeholder}}}", value)
        yield action, re.sub(r"\$\{\w+\}", "id", template)
    if not types:
        yield action, "*"
    if "TagSpecification" in call.parameters:
        yield "ec2:CreateTags", f"arn:aws:ec2:{place.region}:{place.account}:*/id"


SPECIAL: Final[Mapping[str, Callable[[Call, Place], Iterator[tuple[str, str]]]]] = {
    "apigateway": _api_gateway,
    "ec2": _ec2,
    "logs": _logs,
}
