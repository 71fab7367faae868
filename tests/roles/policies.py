"""The policies of one plan, by what holds them: roles, queues, buckets, topics, functions and the key."""

import copy
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Final

from tests.roles.evaluation import Document, Request, allowed, listed
from tests.roles.rendering import ACCOUNT, KEY_ARN, REGION, Plan

KEY: Final = "aws_kms_key.this"


@dataclass(frozen=True, slots=True)
class Place:
    """One action of one statement of a policy.

    Args:
        policy: the address of the resource that holds it.
        statement: its `Sid`, or its number.
        action: as it stands there.
    """

    policy: str
    statement: str
    action: str

    def __str__(self) -> str:
        return f"{self.policy} {self.statement}: {self.action}"


@dataclass(frozen=True)
class Policies:
    """Every policy, by the address of the resource that holds it.

    Args:
        identity: of roles.
        roles: by the address of an identity policy, the role that has it.
        resource: of what is accessed.
        of_resource: by the ARN of what is accessed, the address of its policy.
        boundary: of every role, where there is one.
    """

    identity: dict[str, Document]
    roles: dict[str, str]
    resource: dict[str, Document]
    of_resource: dict[str, str]
    boundary: Document | None = None
    all: dict[str, Document] = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "all", self.identity | self.resource)

    def allow(self, request: Request) -> bool:
        """Whether a request is allowed."""
        role = request.principal.rpartition("/")[2]
        own = [document for address, document in self.identity.items() if self.roles[address] == role]
        return allowed(request, own, self.policy_of(request.resource), self.boundary if own else None)

    def policy_of(self, arn: str) -> Document | None:
        """The policy of what an ARN names; that of its bucket for an object."""
        address = self.of_resource.get(arn.partition("/")[0] if ":s3:::" in arn else arn)
        return None if address is None else self.resource[address]

    def places(self) -> Iterator[Place]:
        """Every action of every statement."""
        for address, document in self.all.items():
            for number, statement in enumerate(listed(document["Statement"])):
                for action in listed(statement["Action"]):
                    yield Place(address, statement.get("Sid", str(number)), action)

    def without(self, place: Place) -> "Policies":
        """The same, with one action taken away."""
        document = copy.deepcopy(self.all[place.policy])
        for number, statement in enumerate(listed(document["Statement"])):
            if statement.get("Sid", str(number)) == place.statement:
                statement["Action"] = [each for each in listed(statement["Action"]) if each != place.action]
        if place.policy in self.identity:
            return replace(self, identity=self.identity | {place.policy: document})
        return replace(self, resource=self.resource | {place.policy: document})


def of_pipeline(plan: Plan, boundary: Document | None = None) -> Policies:
    """The policies of the pipeline's own plan."""
    inline = plan.of("aws_iam_role_policy")
    resource, of_resource = {KEY: plan.document(KEY)}, {KEY_ARN: KEY}
    for kind in ("aws_sqs_queue_policy", "aws_sns_topic_policy", "aws_s3_bucket_policy"):
        for address in plan.of(kind):
            resource[address] = plan.document(address)
            arn = listed(listed(resource[address]["Statement"])[0]["Resource"])[0]
            of_resource[arn.removesuffix("/*")] = address
    for address, permission in plan.of("aws_lambda_permission").items():
        resource[address] = _permission(permission)
        of_resource[resource[address]["Statement"][0]["Resource"]] = address
    return Policies(
        {address: plan.document(address) for address in inline},
        {address: str(values["role"]) for address, values in inline.items()},
        resource,
        of_resource,
        boundary,
    )


def of_delivery(plan: Plan, role: str, key: Document) -> Policies:
    """The policies of one role of the delivery, inline and attached, and that of the pipeline's key."""
    inline = {a: plan.document(a) for a, values in plan.of("aws_iam_role_policy").items() if values["role"] == role}
    attached = [
        address.replace("aws_iam_role_policy_attachment", "aws_iam_policy")
        for address, values in plan.of("aws_iam_role_policy_attachment").items()
        if values["role"] == role
    ]
    identity = inline | {address: plan.document(address) for address in attached}
    return Policies(identity, dict.fromkeys(identity, role), {KEY: key}, {KEY_ARN: KEY})


def _permission(values: dict[str, str]) -> Document:
    """A function's policy, as Lambda writes it from a permission; a plan does not know every source."""
    condition = {"ArnLike": {"AWS:SourceArn": values["source_arn"]}} if values.get("source_arn") else {}
    qualifier = f":{values['qualifier']}" if values.get("qualifier") else ""
    function = values["function_name"].rpartition(":")[2]
    statement = {
        "Sid": values["statement_id"],
        "Effect": "Allow",
        "Principal": {"Service": values["principal"]},
        "Action": values["action"],
        "Resource": f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:{function}{qualifier}",
        "Condition": condition,
    }
    return {"Version": "2012-10-17", "Statement": [statement]}
