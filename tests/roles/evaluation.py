"""IAM's decision on one request: identity policy, permissions boundary and resource policy, conditions included.

It knows the operators that Spillway's policies use, and refuses to judge a policy with any other. Rules:
https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic.html
"""

import functools
import ipaddress
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

Document = dict[str, Any]
ACCOUNT_ROOT: Final = re.compile(r"arn:aws[\w-]*:iam::\d{12}:root")


@dataclass(frozen=True, slots=True)
class Request:
    """One request that IAM decides on.

    Args:
        action: such as `s3:PutObject`.
        resource: an ARN, or `*` for actions without resources.
        principal: the ARN of a role, or the name of a service.
        context: condition keys and their values; a key that is not in it is absent from the request.
    """

    action: str
    resource: str
    principal: str
    context: Mapping[str, str | list[str]] = field(default_factory=dict)


def allowed(
    request: Request, identity: Iterable[Document], resource: Document | None = None, boundary: Document | None = None
) -> bool:
    """Whether the request is allowed, within one account.

    Args:
        request: what is asked.
        identity: the policies of the role; none for a service.
        resource: the policy of the bucket, queue, topic, function or key.
        boundary: of the role.
    """
    identity = list(identity)
    given = [*identity, *([resource] if resource else []), *([boundary] if boundary else [])]
    if any(effects(document, request, "Deny", is_resource=document is resource) for document in given):
        return False
    if resource and any(
        not _is_account(statement) for statement in effects(resource, request, "Allow", is_resource=True)
    ):
        return True
    by_identity = any(effects(document, request, "Allow") for document in identity)
    within = boundary is None or bool(effects(boundary, request, "Allow"))
    return by_identity and within and (not _is_key(request) or _key_lets_iam_decide(request, resource))


def _is_key(request: Request) -> bool:
    return request.action.startswith("kms:") and ":key/" in request.resource


def _key_lets_iam_decide(request: Request, policy: Document | None) -> bool:
    """A key is used only as its own policy lets: with the account as principal it leaves the rest to IAM."""
    return policy is not None and bool(effects(policy, request, "Allow", is_resource=True))


def _is_account(statement: Document) -> bool:
    """Whether a statement hands the decision to the account's IAM policies."""
    principals = listed(statement["Principal"].get("AWS", [])) if isinstance(statement["Principal"], dict) else []
    return any(ACCOUNT_ROOT.fullmatch(each) for each in principals)


def effects(document: Document, request: Request, effect: str, *, is_resource: bool = False) -> list[Document]:
    """The statements of a policy that have this effect on a request."""
    return [
        statement
        for statement in listed(document["Statement"])
        if statement["Effect"] == effect
        and (not is_resource or is_principal(statement["Principal"], request.principal))
        and any(matches(pattern, request.action, fold=True) for pattern in listed(statement["Action"]))
        and any(matches(pattern, request.resource) for pattern in listed(statement.get("Resource", "*")))
        and holds(statement.get("Condition", {}), request.context)
    ]


def is_principal(principals: str | Mapping[str, Any], principal: str) -> bool:
    """Whether a policy's principals include one; an account includes its roles."""
    if isinstance(principals, str):
        return principals == "*"
    named = [name for names in principals.values() for name in listed(names)]
    is_role = principal.startswith("arn:")
    return any(name in {"*", principal} or (is_role and bool(ACCOUNT_ROOT.fullmatch(name))) for name in named)


def holds(conditions: Mapping[str, Mapping[str, Any]], context: Mapping[str, str | list[str]]) -> bool:
    """Whether all conditions of a statement hold.

    Raises:
        NotImplementedError: for an operator that is not known here.
    """
    present = {key.lower(): listed(value) for key, value in context.items()}
    return all(
        _holds(operator, present.get(key.lower()), listed(values))
        for operator, by_key in conditions.items()
        for key, values in by_key.items()
    )


def _holds(operator: str, found: list[str] | None, values: list[str]) -> bool:
    if operator == "Null":
        return (found is None) == (str(values[0]).lower() == "true")
    if operator.startswith("ForAllValues:"):
        test = _operator(operator.removeprefix("ForAllValues:"))
        return all(any(test(value, each) for value in values) for each in found or [])
    name = operator.removeprefix("ForAnyValue:")
    test, negated, if_exists = _operator(name), name in NEGATED, name.endswith("IfExists")
    if found is None:
        return if_exists or negated
    if negated:
        return not any(_operator(NEGATED[name])(value, each) for value in values for each in found)
    return any(test(value, each) for value in values for each in found)


def matches(pattern: str, text: str, *, fold: bool = False) -> bool:
    """Whether a text is as a pattern of IAM says: `*` is anything, `?` one character."""
    return bool(_compiled(pattern.lower() if fold else pattern).fullmatch(text.lower() if fold else text))


@functools.cache
def _compiled(pattern: str) -> re.Pattern[str]:
    return re.compile("".join({"*": ".*", "?": "."}.get(letter, re.escape(letter)) for letter in pattern), re.DOTALL)


def listed(value: Any) -> list[Any]:
    """A policy's value as a list: one alone may stand without."""
    return list(value) if isinstance(value, list | tuple | set) else [value]


def _arn_matches(pattern: str, arn: str) -> bool:
    """By part: a wildcard of one does not reach into the next."""
    patterns, parts = pattern.split(":", 5), arn.split(":", 5)
    return len(patterns) == len(parts) and all(map(matches, patterns, parts))


def _in_network(network: str, address: str) -> bool:
    return ipaddress.ip_address(address) in ipaddress.ip_network(network)


def _operator(name: str) -> Callable[[str, str], bool]:
    plain = NEGATED.get(name, name).removesuffix("IfExists")
    if plain not in OPERATORS:
        raise NotImplementedError(f"the condition operator {name}: add it to tests/roles/evaluation.py")
    return OPERATORS[plain]


OPERATORS: Final[dict[str, Callable[[str, str], bool]]] = {
    "ArnEquals": _arn_matches,
    "ArnLike": _arn_matches,
    "Bool": lambda value, found: str(value).lower() == str(found).lower(),
    "IpAddress": _in_network,
    "StringEquals": lambda value, found: value == found,
    "StringLike": matches,
}
NEGATED: Final = {
    "ArnNotLike": "ArnLike",
    "NotIpAddress": "IpAddress",
    "StringNotEquals": "StringEquals",
    "StringNotLike": "StringLike",
}
