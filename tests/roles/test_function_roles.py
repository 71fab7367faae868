"""The roles of the pipeline hold what is called, and nothing else; so do the policies of what they call."""

from typing import Any

import pytest

from tests.roles import function_roles, policies
from tests.roles.function_roles import concerned, let_pass, missing, needs, refused, unused
from tests.roles.policies import KEY, Policies
from tests.roles.rendering import Plan, delivery_plan, pipeline_plan

OPTIONS: dict[str, Any] = {
    "enhanced_fan_out": True,
    "vpc_cidr": "10.20.0.0/24",
    "waf": {},
    "access_logs": True,
}
PIPELINE = {"scaling": {"enabled": True}, "http": {"api_key_required": True}}
# Statements of the key for who deploys, and so not for what runs.
FOR_WHO_DEPLOYS = {"AccountAdministersButDoesNotUse", "MakersThroughWhatTheyMake", "MakersGrantItToServices"}


@pytest.fixture(scope="session", params=["default", "every option"])
def plan(request, tmp_path_factory) -> Plan:
    folder = tmp_path_factory.mktemp("roles")
    if request.param == "default":
        return pipeline_plan(folder, "local", {}, {})
    return pipeline_plan(folder, "local", OPTIONS | {"standing_shards": 1}, PIPELINE)


@pytest.fixture(scope="session")
def needed(plan: Plan) -> list[function_roles.Need]:
    options = {"enhanced_fan_out", "vpc"} if plan.of("aws_kinesis_stream_consumer") else set()
    return needs(plan, frozenset(options))


@pytest.fixture(scope="session")
def rendered(plan: Plan) -> Policies:
    return policies.of_pipeline(plan)


def test_nothing_needed_is_missing(rendered, needed):
    assert missing(rendered, needed) == []


def test_nothing_granted_goes_unused(rendered, needed):
    assert unused(rendered, needed) == []


def test_what_key_buckets_queues_and_topics_are_to_refuse_is_refused(rendered):
    assert let_pass(rendered, refused()) == []


def test_each_action_taken_from_each_policy_is_noticed(rendered, needed):
    places = [each for each in rendered.places() if each.policy != KEY or each.statement not in FOR_WHO_DEPLOYS]
    assert len(places) > 80
    before = {*missing(rendered, needed), *let_pass(rendered, refused())}
    unnoticed = []
    for place in places:
        less = rendered.without(place)
        after = {*missing(less, concerned(rendered, place.policy, needed)), *let_pass(less, refused())}
        if not after - before:
            unnoticed.append(str(place))
    assert unnoticed == []


def test_every_role_is_judged(plan, needed):
    judged = {need.request.principal.rpartition("/")[2] for need in needed}
    assert {values["name"] for values in plan.of("aws_iam_role").values()} <= judged


def test_the_boundary_of_the_delivery_lets_every_role_work(plan, needed, tmp_path_factory):
    delivery = delivery_plan(tmp_path_factory.mktemp("delivery"), {})
    within = policies.of_pipeline(plan, delivery.document("aws_iam_policy.boundary"))
    assert missing(within, needed) == []
