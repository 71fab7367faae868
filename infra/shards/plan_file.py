"""A plan as a file, so that what was read and agreed to is what is carried out."""

import hashlib
import json
from dataclasses import asdict
from pathlib import Path
from typing import Any, Final

from infra.shards.cost import MonthlyCosts
from infra.shards.errors import ShardsError
from infra.shards.load import Load
from infra.shards.plan import Plan
from infra.shards.steps import Step

VERSION: Final = 1


def plan_to_json(plan: Plan) -> dict[str, Any]:
    """The plan as plain data; hash keys as text, since they do not fit the numbers of most JSON readers."""
    steps = [
        asdict(step)
        | {
            "ranges": [[str(key) for key in keys] for keys in step.ranges],
            "at": None if step.at is None else str(step.at),
        }
        for step in plan.steps
    ]
    layout = [str(start) for start in plan.layout]
    return {"version": VERSION, **asdict(plan), "steps": steps, "layout": layout, "shards_before": plan.shards_before}


def plan_from_json(document: Any) -> Plan:
    """The plan that `plan_to_json` was given.

    Raises:
        ShardsError: it is not a plan.
    """
    try:
        if document["version"] != VERSION:
            raise ShardsError(f"the plan is of version {document['version']}, not {VERSION}; make it again")
        fields = {name: value for name, value in document.items() if name not in {"version", "shards_before"}}
        fields["load"] = Load(**document["load"])
        fields["costs"] = MonthlyCosts(**document["costs"])
        fields["advice"] = tuple(document["advice"])
        fields["layout"] = tuple(int(start) for start in document["layout"])
        fields["steps"] = tuple(_step(step) for step in document["steps"])
        return Plan(**fields)
    except (KeyError, TypeError, ValueError) as error:
        raise ShardsError(f"not a plan of shards plan: {type(error).__name__} {error}") from error


def write_plan(path: Path, plan: Plan) -> None:
    """Write a plan to a file."""
    path.write_text(json.dumps(plan_to_json(plan), indent=2) + "\n", encoding="utf-8")


def read_plan(path: Path) -> tuple[Plan, str]:
    """Read a plan from a file.

    Returns:
        The plan, and its id, which changes with every change to the file.

    Raises:
        ShardsError: the file is no plan.
    """
    try:
        content = path.read_bytes()
        document = json.loads(content)
    except (OSError, ValueError) as error:
        raise ShardsError(f"{path} cannot be read as a plan: {error}") from error
    return plan_from_json(document), hashlib.sha256(content).hexdigest()[:12]


def _step(document: dict[str, Any]) -> Step:
    ranges = tuple((int(start), int(end)) for start, end in document["ranges"])
    at = None if document["at"] is None else int(document["at"])
    return Step(**{**document, "ranges": ranges, "at": at, "shard_ids": tuple(document["shard_ids"])})
