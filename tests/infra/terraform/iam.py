"""Whether IAM allows a request, by the policies of one role: as much of IAM's evaluation as these policies use."""

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

Context = Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Role:
    """A role by its policies.

    Args:
        statements: of all its policies.
    """

    statements: tuple[dict[str, Any], ...]

    @classmethod
    def of(cls, documents: Iterable[str]) -> "Role":
        """The role with these policies, each a JSON text."""
        return cls(tuple(statement for document in documents for statement in json.loads(document)["Statement"]))

    def may(self, action: str, resource: str = "*", **context: str) -> bool:
        """Whether it may do this: a statement allows it, and none denies it.

        Args:
            action: such as `kms:Decrypt`.
            resource: its ARN; `*` where the action knows none.
            context: condition keys and their values; `__` stands for `:` and `___` for `/`.
        """
        keys = {name.replace("___", "/").replace("__", ":"): value for name, value in context.items()}
        effects = {each["Effect"] for each in self.statements if _applies(each, action, resource, keys)}
        return effects == {"Allow"}


def _applies(statement: dict[str, Any], action: str, resource: str, context: Context) -> bool:
    return (
        any(_like(action.lower(), each.lower()) for each in _listed(statement["Action"]))
        and any(_like(resource, each) for each in _listed(statement["Resource"]))
        and all(
            _holds(operator, context.get(key), _listed(values))
            for operator, keys in statement.get("Condition", {}).items()
            for key, values in keys.items()
        )
    )


def _holds(operator: str, value: str | None, wanted: list[str]) -> bool:
    if operator == "Null":
        return (value is None) == (wanted == ["true"])
    if operator.endswith("IfExists"):
        return value is None or _holds(operator.removesuffix("IfExists"), value, wanted)
    match operator:
        case "StringEquals" | "Bool":
            return value in wanted
        case "StringNotEquals":
            return value not in wanted
        case "StringLike" | "ArnLike":
            return value is not None and any(_like(value, each) for each in wanted)
    raise NotImplementedError(operator)


def _like(text: str, pattern: str) -> bool:
    """IAM's wildcards: `*` any characters, `?` one."""
    return re.fullmatch(re.escape(pattern).replace(r"\*", ".*").replace(r"\?", "."), text, re.DOTALL) is not None


def _listed(value: str | list[str]) -> list[str]:
    return [value] if isinstance(value, str) else value
