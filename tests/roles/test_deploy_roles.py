"""The roles of the delivery hold what a deployment calls, and nothing else, and nothing of another environment."""

from dataclasses import replace
from typing import Any

import pytest
import yaml

from tests.roles import deploy_recording, policies
from tests.roles.deploy_roles import ENVIRONMENT, needs, of_another_environment
from tests.roles.evaluation import matches
from tests.roles.function_roles import Need, concerned, missing, unused
from tests.roles.policies import Policies
from tests.roles.rendering import Plan, delivery_plan, pipeline_plan
from tests.roles.stored import DATA

# The options of the pipeline that the recording `options` sets, as the delivery names them.
OPTIONS = frozenset({"provisioned_concurrency", "table_capacity", "vpc_cidr", "waf"})
CASES = [("default", frozenset[str]()), ("options", OPTIONS)]
ROLES = ["apply-dev", "plan"]


@pytest.fixture(scope="session", params=CASES, ids=lambda case: case[0])
def case(request, tmp_path_factory) -> tuple[str, frozenset[str], Plan]:
    name, options = request.param
    return name, options, delivery_plan(tmp_path_factory.mktemp("delivery"), {"options": sorted(options)})


@pytest.fixture(scope="session")
def key(tmp_path_factory) -> Any:
    """The key's own policy, as the role that applies makes it."""
    return pipeline_plan(tmp_path_factory.mktemp("key"), ENVIRONMENT, {}, {}).document(policies.KEY)


@pytest.fixture(params=ROLES)
def role(request) -> str:
    return str(request.param)


@pytest.fixture
def rendered(case, role, key) -> Policies:
    _, _, plan = case
    return policies.of_delivery(plan, f"spillway-delivery-{role}", key)


@pytest.fixture
def needed(case, role) -> list[Need]:
    name, options, _ = case
    return needs(role, deploy_recording.kept(name), options)


def reasons(role: str) -> list[str]:
    """Patterns of actions that a role is granted without a recorded call; the file says why."""
    found = yaml.safe_load((DATA / "deploy_reasons.yaml").read_text())
    return [pattern for entry in found if role in entry["roles"] for pattern in entry["actions"]]


def test_nothing_needed_is_missing(rendered, needed):
    assert missing(rendered, needed) == []


def test_nothing_granted_goes_unused_without_a_reason(rendered, needed, role):
    found = [each for each in unused(rendered, needed) if ":*:" not in each]
    patterns = reasons(role)
    unreasoned = [each for each in found if not any(matches(pattern, each.rpartition(": ")[2]) for pattern in patterns)]
    assert unreasoned == []


def test_each_needed_action_taken_from_each_policy_is_noticed(rendered, needed, role):
    idle = {each.rpartition(": ")[2] for each in unused(rendered, needed)}
    unnoticed = []
    for place in rendered.places():
        if place.action in idle or place.policy not in rendered.identity:
            continue
        if not missing(rendered.without(place), concerned(rendered, place.policy, needed)):
            unnoticed.append(str(place))
    assert unnoticed == []


def test_a_role_changes_nothing_of_another_environment(case, key):
    name, options, plan = case
    rendered = policies.of_delivery(plan, "spillway-delivery-apply-dev", key)
    needed = needs("apply-dev", deploy_recording.kept(name), options)
    allowed = {f"{each.action} {each.resource}" for each in of_another_environment(needed) if rendered.allow(each)}
    assert allowed == set()


def test_the_plan_role_changes_nothing(case, key):
    name, options, plan = case
    rendered = policies.of_delivery(plan, "spillway-delivery-plan", key)
    calls = deploy_recording.kept(name)
    reads = {(call.action, call.resource) for call in calls if call.reading}
    needed = needs("plan", {replace(call, reading=True) for call in calls}, options)
    allowed = [
        str(need)
        for need in needed
        if need.source == "recorded"
        and (need.request.action, need.request.resource) not in reads
        and not need.request.action.partition(":")[2].startswith(("Get", "List", "Describe", "View", "GET"))
        and rendered.allow(need.request)
    ]
    assert allowed == []
