"""The evaluator decides as IAM's documentation says."""

import pytest

from tests.roles.evaluation import Request, allowed, holds, matches

ROLE = "arn:aws:iam::123456789012:role/writer"
KEY = "arn:aws:kms:eu-west-2:123456789012:key/1"
BUCKET = "arn:aws:s3:::lake/a"
ROOT = {"AWS": "arn:aws:iam::123456789012:root"}


def document(effect="Allow", action="s3:PutObject", resource="*", **members):
    statement = {"Effect": effect, "Action": action, "Resource": resource, **members}
    return {"Version": "2012-10-17", "Statement": [statement]}


PUT = Request("s3:PutObject", BUCKET, ROLE)


@pytest.mark.parametrize(
    ("pattern", "text", "expected"),
    [
        ("s3:*", "s3:PutObject", True),
        ("s3:Put?bject", "s3:PutObject", True),
        ("arn:aws:s3:::lake/events/*", "arn:aws:s3:::lake/events/", True),
        ("arn:aws:s3:::lake/events/*", "arn:aws:s3:::lake/events", False),
        ("a.b", "aXb", False),
    ],
)
def test_a_pattern_has_two_wildcards_and_no_other(pattern, text, expected):
    assert matches(pattern, text) is expected


def test_actions_are_compared_without_case_and_resources_with_it():
    assert allowed(PUT, [document(action="S3:putobject")])
    assert not allowed(PUT, [document(resource=BUCKET.upper())])


def test_what_nobody_allows_is_refused_and_a_denial_wins():
    assert not allowed(PUT, [])
    assert not allowed(PUT, [document(), document("Deny")])
    assert not allowed(PUT, [document()], document("Deny", Principal="*"))


def test_within_an_account_either_policy_is_enough():
    assert allowed(PUT, [], document(Principal={"AWS": ROLE}))
    assert allowed(PUT, [document()], document(action="s3:GetObject", Principal="*"))


def test_the_account_as_principal_leaves_it_to_the_role():
    assert not allowed(PUT, [], document(Principal=ROOT))
    assert allowed(PUT, [document()], document(Principal=ROOT))


def test_a_boundary_is_what_a_role_can_at_most_do():
    assert allowed(PUT, [document()], boundary=document(action="s3:*"))
    assert not allowed(PUT, [document()], boundary=document(action="sqs:*"))


def test_a_key_is_used_only_where_both_policies_let():
    decrypt = Request("kms:Decrypt", KEY, ROLE)
    own, of_the_key = document(action="kms:Decrypt"), document(action="kms:Decrypt", Principal=ROOT)
    assert allowed(decrypt, [own], of_the_key)
    assert not allowed(decrypt, [own])
    assert not allowed(decrypt, [], of_the_key)


def test_a_service_is_allowed_by_the_resource_alone():
    request = Request("sns:Publish", "arn:aws:sns:eu-west-2:123456789012:t", "cloudwatch.amazonaws.com")
    topic = document(action="sns:Publish", Principal={"Service": "cloudwatch.amazonaws.com"})
    assert allowed(request, [], topic)
    assert not allowed(request, [], document(action="sns:Publish", Principal={"Service": "events.amazonaws.com"}))


@pytest.mark.parametrize(
    ("conditions", "context", "expected"),
    [
        ({"StringEquals": {"kms:ViaService": "s3"}}, {"kms:viaservice": "s3"}, True),
        ({"StringEquals": {"kms:ViaService": "s3"}}, {}, False),
        ({"StringEquals": {"a": ["x", "y"]}}, {"a": "y"}, True),
        ({"StringEquals": {"a": "x", "b": "x"}}, {"a": "x"}, False),
        ({"StringNotEquals": {"a": ["x", "y"]}}, {"a": "y"}, False),
        ({"StringNotEquals": {"a": "x"}}, {}, True),
        ({"StringEqualsIfExists": {"a": "x"}}, {}, True),
        ({"StringEqualsIfExists": {"a": "x"}}, {"a": "y"}, False),
        ({"StringLike": {"a": "x*"}}, {"a": "xy"}, True),
        ({"Null": {"a": "false"}}, {}, False),
        ({"Null": {"a": "false"}}, {"a": "1"}, True),
        ({"Bool": {"aws:SecureTransport": "false"}}, {"aws:SecureTransport": "false"}, True),
        ({"Bool": {"aws:SecureTransport": "false"}}, {}, False),
        ({"ArnLike": {"a": "arn:aws:lambda:*:1:function:w*"}}, {"a": "arn:aws:lambda:x:1:function:w:live"}, True),
        ({"ArnLike": {"a": "arn:aws:*:function:w"}}, {"a": "arn:aws:lambda:x:1:function:w"}, False),
        ({"NotIpAddress": {"aws:SourceIp": ["203.0.113.0/24"]}}, {"aws:SourceIp": "203.0.113.9"}, False),
        ({"NotIpAddress": {"aws:SourceIp": ["203.0.113.0/24"]}}, {"aws:SourceIp": "198.51.100.1"}, True),
        ({"ForAllValues:StringEquals": {"aws:TagKeys": ["A", "B"]}}, {"aws:TagKeys": ["A"]}, True),
        ({"ForAllValues:StringEquals": {"aws:TagKeys": ["A"]}}, {"aws:TagKeys": ["A", "C"]}, False),
        ({"ForAnyValue:StringEquals": {"aws:TagKeys": ["A"]}}, {"aws:TagKeys": ["A", "C"]}, True),
    ],
)
def test_conditions(conditions, context, expected):
    assert holds(conditions, context) is expected


def test_an_unknown_operator_is_an_error_and_no_answer():
    with pytest.raises(NotImplementedError, match="NumericLessThan"):
        holds({"NumericLessThan": {"a": "1"}}, {"a": "0"})
