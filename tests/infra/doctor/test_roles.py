"""The dry run of the caller's role. moto has no SimulatePrincipalPolicy: a stub answers as the API reference says."""

from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from botocore.stub import Stubber

from infra.doctor.roles import MOST_NAMED, calls, check_role
from infra.names import Names
from tests.roles.iam_actions import privilege

ROLE = "arn:aws:iam::123456789012:role/path/Operator"
SESSION = "arn:aws:sts::123456789012:assumed-role/Operator/me@example.org"
USER = "arn:aws:iam::123456789012:user/me"
WANTED = {"arn:aws:kinesis:eu-west-2:123456789012:stream/s": ("kinesis:GetRecords", "kinesis:ListShards")}


@pytest.fixture
def stub(aws: None) -> Iterator[Stubber]:
    iam = boto3.client("iam", aws_access_key_id="x", aws_secret_access_key="x")  # noqa: S106 (of a stub)
    with Stubber(iam) as stubber:
        yield stubber
        stubber.assert_no_pending_responses()


def answer(stub: Stubber, principal: str, denied: tuple[str, ...] = ()) -> None:
    """An answer of IAM, in two pages."""
    [(resource, actions)] = WANTED.items()
    asked = {"PolicySourceArn": principal, "ActionNames": list(actions), "ResourceArns": [resource]}
    for page, action in enumerate(actions):
        decision = "implicitDeny" if action in denied else "allowed"
        more = {"IsTruncated": True, "Marker": "m"} if page + 1 < len(actions) else {"IsTruncated": False}
        result = {"EvalActionName": action, "EvalDecision": decision}
        stub.add_response("simulate_principal_policy", {"EvaluationResults": [result], **more}, dict(asked))
        asked["Marker"] = "m"


def role(stub: Stubber) -> None:
    described = {"Path": "/path/", "RoleName": "Operator", "RoleId": "A" * 16, "Arn": ROLE, "CreateDate": 0}
    stub.add_response("get_role", {"Role": described}, {"RoleName": "Operator"})


def test_a_session_is_judged_by_its_role_whose_path_it_does_not_name(stub):
    role(stub)
    answer(stub, ROLE)
    found = check_role(stub.client, SESSION, WANTED)
    assert found.result == "ok"
    assert ROLE in found.looked_at


def test_what_a_user_may_not_call_is_named_with_its_resource(stub):
    answer(stub, USER, denied=("kinesis:ListShards",))
    found = check_role(stub.client, USER, WANTED)
    assert found.result == "failed"
    assert "kinesis:ListShards on arn:aws:kinesis" in found.looked_at
    assert "kinesis:GetRecords" not in found.looked_at
    assert "permissions" in found.remedy


def test_who_may_not_ask_iam_is_skipped_with_the_permission_to_ask(stub):
    stub.add_client_error("get_role", "AccessDenied")
    found = check_role(stub.client, SESSION, WANTED)
    assert found.result == "skipped"
    assert "iam:SimulatePrincipalPolicy" in found.remedy


def test_another_refusal_of_iam_is_not_swallowed(stub):
    stub.add_client_error("get_role", "NoSuchEntity")
    with pytest.raises(stub.client.exceptions.NoSuchEntityException):
        check_role(stub.client, SESSION, WANTED)


def test_the_root_user_is_not_asked_about(stub):
    assert check_role(stub.client, "arn:aws:iam::123456789012:root", WANTED).result == "ok"


def test_only_the_first_refusals_are_named_and_the_others_counted():
    actions = tuple(f"s3:Action{number}" for number in range(MOST_NAMED + 2))
    results: list[Any] = [{"EvalActionName": each, "EvalDecision": "explicitDeny"} for each in actions]

    class Iam:
        exceptions = boto3.client("iam", region_name="eu-west-2").exceptions

        def get_paginator(self, _: str) -> Any:
            return self

        def paginate(self, **_: Any) -> Any:
            return [{"EvaluationResults": results}]

    found = check_role(Iam(), USER, {"*": actions})
    assert "s3:Action4" in found.looked_at
    assert "s3:Action5" not in found.looked_at
    assert "and 2 others" in found.looked_at


def test_every_action_is_one_of_iams_and_every_resource_is_of_the_environment():
    for resource, actions in calls(Names("dev", "123456789012"), "eu-west-2").items():
        assert resource == "*" or "spillway" in resource
        for action in actions:
            privilege(action)
