"""The roles of the delivery hold what a deployment calls, and change nothing of another environment."""

import re
from typing import Any

import pytest
import yaml

from tests.roles import policies
from tests.roles.deploy_recording import PLAN, DeployCall, kept
from tests.roles.deploy_roles import ENVIRONMENT, READING, needs, of_another_environment
from tests.roles.evaluation import matches
from tests.roles.function_roles import Need, missing, unused
from tests.roles.policies import Policies
from tests.roles.rendering import Plan, delivery_plan, pipeline_plan
from tests.roles.stored import DATA

# The recordings, each with the options that the delivery needs for it.
APPLIED = frozenset(
    {"access_logs", "domain", "lambda_authorizer", "provisioned_concurrency", "table_capacity", "vpc_cidr", "waf"}
)
RECORDINGS = {"default": frozenset[str](), "http": frozenset({"access_logs"}), "options": APPLIED}
NOT_APPLIED = frozenset({"table_replica_region"})  # the local endpoint has one region's tables; deploy_on_aws.yaml
EVERYTHING = APPLIED | NOT_APPLIED
ROLES = ["apply-dev", "plan"]
REASONS = yaml.safe_load((DATA / "deploy_reasons.yaml").read_text())


@pytest.fixture(scope="session")
def plans(tmp_path_factory) -> dict[frozenset[str], Plan]:
    """The delivery, by the options that it grants."""
    return {
        options: delivery_plan(tmp_path_factory.mktemp("delivery"), {"options": sorted(options)})
        for options in {*RECORDINGS.values(), EVERYTHING}
    }


@pytest.fixture(scope="session")
def key(tmp_path_factory) -> Any:
    """The key's own policy, as the role that applies makes it."""
    return pipeline_plan(tmp_path_factory.mktemp("key"), ENVIRONMENT, {}, {}).document(policies.KEY)


@pytest.fixture
def rendered(plans, role, key) -> Policies:
    """A role with every option."""
    return policies.of_delivery(plans[EVERYTHING], f"spillway-delivery-{role}", key)


@pytest.fixture
def needed(role) -> list[Need]:
    """What a role with every option needs."""
    return needs(role, everything(), EVERYTHING)


def everything() -> set[DeployCall]:
    """The calls of all recordings."""
    return {call for name in RECORDINGS for call in kept(name)}


def statement_of(unused_grant: str) -> str:
    """Without the policy: the statement and what it grants."""
    return re.sub(r"^aws_iam_[\w.]+(\[.*?\])? ", "", unused_grant)


def without_reason(kind: str, role: str, found: list[str]) -> list[str]:
    """What is found and has no reason in deploy_reasons.yaml."""
    patterns = _patterns(kind, role)
    return [each for each in found if not any(matches(pattern, each) for pattern in patterns)]


def idle_reasons(kind: str, role: str, found: list[str]) -> list[str]:
    """The reasons that nothing found needs."""
    return [pattern for pattern in _patterns(kind, role) if not any(matches(pattern, one) for one in found)]


def _patterns(kind: str, role: str) -> list[str]:
    return [each for entry in REASONS[kind] if role in entry["roles"] for each in entry["what"]]


def refused(rendered: Policies, needed: list[Need]) -> list[str]:
    """The needs that are refused, as action and resource."""
    return [f"{each.request.action} {each.request.resource}" for each in needed if not rendered.allow(each.request)]


@pytest.mark.parametrize("role", ROLES)
@pytest.mark.parametrize("recording", RECORDINGS)
def test_a_role_may_do_what_a_deployment_with_its_options_calls(recording, role, plans, key):
    options = RECORDINGS[recording]
    rendered = policies.of_delivery(plans[options], f"spillway-delivery-{role}", key)
    found = refused(rendered, needs(role, kept(recording), options))
    assert without_reason("refused", role, found) == []


@pytest.mark.parametrize("role", ROLES)
def test_a_role_may_do_what_the_options_that_are_not_applied_here_take(rendered, needed, role):
    found = refused(rendered, needed)
    assert without_reason("refused", role, found) == []
    assert idle_reasons("refused", role, found) == []


@pytest.mark.parametrize("role", ROLES)
def test_nothing_granted_goes_unused_without_a_reason(rendered, needed, role):
    found = sorted({statement_of(each) for each in unused(rendered, needed) if " Never" not in each})
    assert without_reason("unused", role, found) == []
    assert idle_reasons("unused", role, found) == []


@pytest.mark.parametrize("role", ROLES)
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
    assert idle_reasons("granted_twice", role, unnoticed) == []


@pytest.mark.parametrize("role", ["apply-dev"])
def test_a_role_changes_nothing_of_another_environment_without_a_reason(rendered, needed, role):
    found = sorted(
        {f"{each.action} {each.resource}" for each in of_another_environment(needed) if rendered.allow(each)}
    )
    assert without_reason("another_environment", role, found) == []
    assert idle_reasons("another_environment", role, found) == []


@pytest.mark.parametrize("role", ["plan"])
def test_the_plan_role_changes_nothing(rendered, role):
    """It may make none of the changes that the role which applies makes."""
    changes = {call for call in everything() if call.command != PLAN and not READING.search(call.action)}
    as_plan = {DeployCall(PLAN, call.action, call.resource, call.context) for call in changes}
    asked = [need for need in needs(role, as_plan, EVERYTHING) if need.source == "recorded"]
    assert [str(need) for need in asked if rendered.allow(need.request)] == []
