"""The roles of the delivery hold what a deployment calls, and change nothing of another environment."""

import re
from dataclasses import replace
from typing import Any

import pytest
import yaml

from tests.roles import policies
from tests.roles.deploy_roles import ENVIRONMENT, needs, of_another_environment, recorded
from tests.roles.evaluation import matches
from tests.roles.function_roles import Need, missing, unused
from tests.roles.policies import Policies
from tests.roles.rendering import Plan, delivery_plan, pipeline_plan
from tests.roles.stored import DATA

# The options of the pipeline that the recording sets, as the delivery names them.
OPTIONS = frozenset({"provisioned_concurrency", "table_capacity", "vpc_cidr", "waf"})
REASONS = yaml.safe_load((DATA / "deploy_reasons.yaml").read_text())


@pytest.fixture(scope="session")
def delivery(tmp_path_factory) -> Plan:
    return delivery_plan(tmp_path_factory.mktemp("delivery"), {"options": sorted(OPTIONS)})


@pytest.fixture(scope="session")
def key(tmp_path_factory) -> Any:
    """The key's own policy, as the role that applies makes it."""
    return pipeline_plan(tmp_path_factory.mktemp("key"), ENVIRONMENT, {}, {}).document(policies.KEY)


@pytest.fixture(params=["apply-dev", "plan"])
def role(request) -> str:
    return str(request.param)


@pytest.fixture
def rendered(delivery, role, key) -> Policies:
    return policies.of_delivery(delivery, f"spillway-delivery-{role}", key)


@pytest.fixture
def needed(role) -> list[Need]:
    return needs(role, recorded(), OPTIONS)


def statement_of(unused_grant: str) -> str:
    """Without the policy: the statement and what it grants."""
    return re.sub(r"^aws_iam_[\w.]+(\[.*?\])? ", "", unused_grant)


def without_reason(kind: str, role: str, found: list[str]) -> list[str]:
    """What is found and has no entry, and the entries that nothing found needs."""
    patterns = [each for entry in REASONS[kind] if role in entry["roles"] for each in entry["what"]]
    unreasoned = [each for each in found if not any(matches(pattern, each) for pattern in patterns)]
    idle = [f"no longer needed: {each}" for each in patterns if not any(matches(each, one) for one in found)]
    return unreasoned + idle


def test_nothing_needed_is_missing(rendered, needed, role):
    refused = [f"{each.request.action} {each.request.resource}" for each in needed if not rendered.allow(each.request)]
    assert without_reason("refused", role, refused) == []


def test_nothing_granted_goes_unused_without_a_reason(rendered, needed, role):
    found = {statement_of(each) for each in unused(rendered, needed) if " Never" not in each}
    assert without_reason("unused", role, sorted(found)) == []


def test_each_needed_action_taken_from_each_policy_is_noticed(rendered, needed, role):
    before = set(missing(rendered, needed))
    idle = set(unused(rendered, needed))
    unnoticed = []
    for place in rendered.places():
        if place.policy not in rendered.identity or place.statement.startswith("Never") or str(place) in idle:
            continue
        asking = [need for need in needed if matches(place.action, need.request.action, fold=True)]
        if not set(missing(rendered.without(place), asking)) - before:
            unnoticed.append(statement_of(str(place)))
    assert without_reason("granted_twice", role, unnoticed) == []


def test_a_role_changes_nothing_of_another_environment_without_a_reason(delivery, key):
    rendered = policies.of_delivery(delivery, "spillway-delivery-apply-dev", key)
    needed = needs("apply-dev", recorded(), OPTIONS)
    found = {f"{each.action} {each.resource}" for each in of_another_environment(needed) if rendered.allow(each)}
    assert without_reason("another_environment", "apply-dev", sorted(found)) == []


def test_the_plan_role_changes_nothing(delivery, key):
    rendered = policies.of_delivery(delivery, "spillway-delivery-plan", key)
    calls = recorded()
    reads = {(call.action, call.resource) for call in calls if call.reading}
    needed = needs("plan", {replace(call, reading=True) for call in calls}, OPTIONS)
    allowed = [
        str(need)
        for need in needed
        if need.source == "recorded"
        and (need.request.action, need.request.resource) not in reads
        and not need.request.action.partition(":")[2].startswith(("Get", "List", "Describe", "View", "GET"))
        and rendered.allow(need.request)
    ]
    assert allowed == []
