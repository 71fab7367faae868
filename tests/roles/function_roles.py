"""What each role of the pipeline has to be allowed, and what must be refused: recorded, implied, and documented."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

import yaml

from tests.roles.evaluation import Document, Request, allowed, effects, listed
from tests.roles.iam_actions import Place as Where
from tests.roles.iam_actions import resolved
from tests.roles.implied import implied, through
from tests.roles.policies import Policies
from tests.roles.recording import FUNCTIONS
from tests.roles.rendering import ACCOUNT, KEY_ARN, REGION, Plan
from tests.roles.stored import DATA, kept

PREFIX: Final = "spillway-local"
NAMES: Final = {
    "region": REGION,
    "account": ACCOUNT,
    "prefix": PREFIX,
    "key": KEY_ARN,
    "stream": f"arn:aws:kinesis:{REGION}:{ACCOUNT}:stream/{PREFIX}-events",
    "table": f"arn:aws:dynamodb:{REGION}:{ACCOUNT}:table/{PREFIX}-events",
    "dead_letter_queue": f"arn:aws:sqs:{REGION}:{ACCOUNT}:{PREFIX}-dead-letters",
    "lake_bucket": f"arn:aws:s3:::{PREFIX}-lake-{ACCOUNT}",
    "athena_bucket": f"arn:aws:s3:::{PREFIX}-athena-{ACCOUNT}",
    "catalog": f"arn:aws:glue:{REGION}:{ACCOUNT}:catalog",
    "database": f"arn:aws:glue:{REGION}:{ACCOUNT}:database/spillway_local",
    "table_of_database": f"arn:aws:glue:{REGION}:{ACCOUNT}:table/spillway_local",
}
# What an operation leaves out since a token names it.
LEFT_OUT: Final = {
    "kinesis:StreamName": f"{PREFIX}-events",
    "lambda:UUID": "14e0db71-5d35-4eb5-b481-8945cf9d10c2",
    "athena:WorkGroupName": PREFIX,
}
EVERYTHING: Final[Document] = {"Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]}
WRITER: Final = f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:{PREFIX}-table-writer:live"


@dataclass(frozen=True, slots=True)
class Need:
    """A request that a role must be allowed to make.

    Args:
        request: of AWS.
        source: who says that it is made.
    """

    request: Request
    source: str

    def __str__(self) -> str:
        role = self.request.principal.rpartition("/")[2]
        via = self.request.context.get("kms:ViaService")
        through = f" via {via}" if via else ""
        return f"{role} needs {self.request.action} on {self.request.resource}{through} ({self.source})"


def needs(plan: Plan, options: frozenset[str]) -> list[Need]:
    """Everything that the roles of a plan need.

    Args:
        plan: of the pipeline.
        options: set in it, of those that `service_calls.yaml` names.
    """
    roles = {str(values["name"]) for values in plan.of("aws_iam_role").values()}
    found = [need for need in [*_recorded(), *_documented(roles, options)] if _role(need) in roles]
    for need in list(found):
        found += [Need(each, f"implied by {need.request.action}") for each in implied(need.request, KEY_ARN, REGION)]
    return [*found, *_of_services(plan)]


def missing(policies: Policies, needed: list[Need]) -> list[str]:
    """What is needed and refused."""
    return [f"refused: {need}" for need in needed if not policies.allow(need.request)]


def concerned(policies: Policies, address: str, needed: list[Need]) -> list[Need]:
    """The needs that a policy has a say in."""
    if address in policies.identity:
        return [need for need in needed if _role(need) == policies.roles[address]]
    return [need for need in needed if policies.policy_of(need.request.resource) is policies.resource[address]]


def let_pass(policies: Policies, refused: list[Request]) -> list[str]:
    """What a role allows and must refuse, with any grants."""
    return [
        f"allowed: {each.principal} {each.action} on {each.resource} with {dict(each.context)}"
        for each in refused
        if allowed(each, [EVERYTHING] if each.principal.startswith("arn:") else [], policies.policy_of(each.resource))
    ]


def unused(policies: Policies, needed: list[Need]) -> list[str]:
    """The actions that a role is granted and nothing needs, and the resources likewise."""
    found = []
    for address, document in policies.identity.items():
        own = [need.request for need in needed if _role(need) == policies.roles[address]]
        for statement in document["Statement"]:
            for member in ("Action", "Resource"):
                for value in listed(statement[member]):
                    alone = {"Statement": [{**statement, member: [value]}]}
                    if not any(effects(alone, request, "Allow") for request in own):
                        found.append(f"{address} {statement['Sid']}: {value}")
    return found


def _role(need: Need) -> str:
    return need.request.principal.rpartition("/")[2]


def principal(role: str) -> str:
    """The ARN of a role, by its name without prefix."""
    return f"arn:aws:iam::{ACCOUNT}:role/{PREFIX}-{role}"


def _recorded() -> Iterator[Need]:
    where = Where(REGION, ACCOUNT, LEFT_OUT)
    for call in sorted(kept()):
        for action, resource in resolved(call.service, call.operation, json.loads(call.parameters), where):
            yield Need(_request(call.function, action, resource), "recorded")


def _request(role: str, action: str, resource: str) -> Request:
    context: dict[str, Any] = {"aws:PrincipalArn": principal(role), "aws:SecureTransport": "true"}
    if ":event-source-mapping:" in resource:
        context["lambda:FunctionArn"] = WRITER
    return Request(action, resource, principal(role), context)


def documented() -> list[Mapping[str, Any]]:
    """The entries of service_calls.yaml."""
    found: list[Mapping[str, Any]] = yaml.safe_load((DATA / "service_calls.yaml").read_text())
    return found


def _documented(roles: set[str], options: frozenset[str]) -> Iterator[Need]:
    functions = sorted(set(FUNCTIONS.values()) & {role.removeprefix(f"{PREFIX}-") for role in roles})
    holders = [role for role in functions if role != "firehose-transform"]  # it has no settings
    several = {"*": functions, "key-holders": holders}
    for entry in documented():
        if entry.get("option", "") and entry["option"] not in options:
            continue
        for role in several.get(entry["role"], [entry["role"]]):
            names = NAMES | {"role": f"{PREFIX}-{role}"}
            for action in entry["actions"]:
                for resource in entry["resources"]:
                    source = entry.get("source") or f"granted because: {entry['reason']}"
                    yield Need(_documented_request(role, action, resource.format(**names), entry.get("via")), source)


def _documented_request(role: str, action: str, resource: str, via: str | None) -> Request:
    return through(via, action, principal(role), KEY_ARN, REGION) if via else _request(role, action, resource)


def _of_services(plan: Plan) -> Iterator[Need]:
    """What services do as themselves."""
    account = {"aws:SourceAccount": ACCOUNT, "aws:SecureTransport": "true"}
    for service in ("budgets.amazonaws.com", "cloudwatch.amazonaws.com"):
        for severity in ("high", "low"):
            topic = f"arn:aws:sns:{REGION}:{ACCOUNT}:{PREFIX}-{severity}"
            yield Need(Request("sns:Publish", topic, service, account), "alarm and budget actions")
        for action in ("kms:Decrypt", "kms:GenerateDataKey"):
            yield Need(Request(action, KEY_ARN, service, account), "sns-key-management; aws-facts-2.md section 7")
    for group in plan.of("aws_cloudwatch_log_group").values():
        context = {"kms:EncryptionContext:aws:logs:arn": f"arn:aws:logs:{REGION}:{ACCOUNT}:log-group:{group['name']}"}
        for action in ("Decrypt", "DescribeKey", "Encrypt", "GenerateDataKey", "ReEncryptFrom", "ReEncryptTo"):
            request = Request(f"kms:{action}", KEY_ARN, f"logs.{REGION}.amazonaws.com", context)
            yield Need(request, "encrypt-log-data-kms; aws-facts-2.md section 7")
    for permission in plan.of("aws_lambda_permission").values():
        qualifier = f":{permission['qualifier']}" if permission.get("qualifier") else ""
        name = permission["function_name"].rpartition(":")[2]
        function = f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:{name}{qualifier}"
        source = {"AWS:SourceArn": permission["source_arn"]} if permission.get("source_arn") else {}
        yield Need(Request("lambda:InvokeFunction", function, permission["principal"], source), "a schedule or the API")


def refused() -> list[Request]:
    """What the resource policies and the key are there to refuse, though a role may do it."""
    everything = principal("table-writer")
    plain = {"aws:SecureTransport": "false", "aws:PrincipalArn": everything}
    of_bucket = [
        Request("s3:PutObject", f"arn:aws:s3:::{PREFIX}-{bucket}-{ACCOUNT}/a", everything, context)
        for bucket in ("athena", "dead-letters", "lake")
        for context in (
            plain,
            {"aws:SecureTransport": "true", "s3:x-amz-server-side-encryption": "AES256"},
            {"aws:SecureTransport": "true", "s3:x-amz-server-side-encryption-aws-kms-key-id": f"{KEY_ARN}2"},
        )
    ]
    of_queue = [
        Request("sqs:SendMessage", f"arn:aws:sqs:{REGION}:{ACCOUNT}:{PREFIX}-{queue}", everything, plain)
        for queue in ("dead-letters", "dead-letters-parked")
    ]
    of_topic = [
        Request("sns:Publish", f"arn:aws:sns:{REGION}:{ACCOUNT}:{PREFIX}-{severity}", everything, plain)
        for severity in ("high", "low")
    ]
    stranger = f"arn:aws:iam::{ACCOUNT}:role/stranger"
    of_key = [
        through("s3", "kms:Decrypt", stranger, KEY_ARN, REGION),
        Request("kms:Decrypt", KEY_ARN, everything, {"aws:PrincipalArn": everything}),
        through("ec2", "kms:Decrypt", everything, KEY_ARN, REGION),
        Request("kms:Decrypt", KEY_ARN, "cloudwatch.amazonaws.com", {"aws:SourceAccount": "999999999999"}),
        Request(
            "kms:Decrypt", KEY_ARN, f"logs.{REGION}.amazonaws.com", {"kms:EncryptionContext:aws:logs:arn": "other"}
        ),
    ]
    return [*of_bucket, *of_queue, *of_topic, *of_key]
