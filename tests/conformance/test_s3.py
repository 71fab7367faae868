"""S3: conditional writes and lists, which the replay's journal and the lake stand on."""

import pytest
from botocore.exceptions import ClientError

from tests.conformance.account import Account
from tests.conformance.facts import fact
from tests.conformance.refusals import refused


@pytest.fixture(scope="module")
def bucket(account: Account) -> str:
    """A bucket; each fact uses keys of its own."""
    return account.bucket()


def put(account: Account, bucket: str, key: str, body: bytes = b"x", **conditions: str) -> str:
    return str(account.s3.put_object(Bucket=bucket, Key=key, Body=body, **conditions)["ETag"])


@fact("[m s3 PutObject]")
def test_if_none_match_creates_a_key_that_does_not_exist(account: Account, bucket: str) -> None:
    put(account, bucket, "created", IfNoneMatch="*")
    assert account.s3.get_object(Bucket=bucket, Key="created")["Body"].read() == b"x"


@fact("[m s3 PutObject]")
def test_if_none_match_refuses_a_key_that_exists(account: Account, bucket: str) -> None:
    put(account, bucket, "there", b"first")
    with refused("PreconditionFailed"):
        put(account, bucket, "there", b"second", IfNoneMatch="*")
    assert account.s3.get_object(Bucket=bucket, Key="there")["Body"].read() == b"first"


@fact("[m s3 PutObject]")
def test_a_refused_condition_is_412(account: Account, bucket: str) -> None:
    put(account, bucket, "status")
    with pytest.raises(ClientError) as caught:
        put(account, bucket, "status", IfNoneMatch="*")
    assert caught.value.response["ResponseMetadata"]["HTTPStatusCode"] == 412


@fact("[m s3 PutObject]")
def test_if_match_replaces_what_has_the_etag(account: Account, bucket: str) -> None:
    etag = put(account, bucket, "matched", b"first")
    put(account, bucket, "matched", b"second", IfMatch=etag)
    assert account.s3.get_object(Bucket=bucket, Key="matched")["Body"].read() == b"second"


@fact("[m s3 PutObject]")
def test_if_match_refuses_what_has_changed(account: Account, bucket: str) -> None:
    etag = put(account, bucket, "changed", b"first")
    put(account, bucket, "changed", b"second")
    with refused("PreconditionFailed"):
        put(account, bucket, "changed", b"third", IfMatch=etag)


@fact("[m s3 ListObjectsV2]")
def test_keys_are_listed_in_the_order_of_their_utf_8_bytes(account: Account, bucket: str) -> None:
    keys = ["order/a", "order/B", "order/é", "order/1", "order/a/b"]
    for key in keys:
        put(account, bucket, key)
    listed = account.s3.list_objects_v2(Bucket=bucket, Prefix="order/")["Contents"]
    assert [each["Key"] for each in listed] == sorted(keys, key=str.encode)


@fact("[m s3 ListObjectsV2]")
def test_a_list_goes_on_by_its_token(account: Account, bucket: str) -> None:
    for n in range(5):
        put(account, bucket, f"pages/{n}")
    pages = account.s3.get_paginator("list_objects_v2").paginate(
        Bucket=bucket, Prefix="pages/", PaginationConfig={"PageSize": 2}
    )
    assert [each["Key"] for page in pages for each in page["Contents"]] == [f"pages/{n}" for n in range(5)]


@fact("[m s3 ListObjectsV2]")
def test_a_list_may_start_behind_a_key(account: Account, bucket: str) -> None:
    for n in range(3):
        put(account, bucket, f"after/{n}")
    listed = account.s3.list_objects_v2(Bucket=bucket, Prefix="after/", StartAfter="after/0")["Contents"]
    assert [each["Key"] for each in listed] == ["after/1", "after/2"]


@fact("[m s3 ListObjectsV2]")
def test_a_delimiter_groups_keys_to_common_prefixes(account: Account, bucket: str) -> None:
    for key in ("groups/a/1", "groups/a/2", "groups/b/1", "groups/c"):
        put(account, bucket, key)
    answer = account.s3.list_objects_v2(Bucket=bucket, Prefix="groups/", Delimiter="/")
    assert [each["Prefix"] for each in answer["CommonPrefixes"]] == ["groups/a/", "groups/b/"]
    assert [each["Key"] for each in answer["Contents"]] == ["groups/c"]


@fact("[m s3 GetObject]")
def test_a_missing_key_is_404(account: Account, bucket: str) -> None:
    with refused("NoSuchKey"):
        account.s3.get_object(Bucket=bucket, Key="absent")


@fact("[m s3 GetObject]")
def test_a_range_gives_its_bytes(account: Account, bucket: str) -> None:
    put(account, bucket, "range", b"0123456789")
    answer = account.s3.get_object(Bucket=bucket, Key="range", Range="bytes=2-4")
    assert answer["Body"].read() == b"234"


@fact("[m s3 DeleteObjects]")
def test_deleting_a_missing_key_succeeds(account: Account, bucket: str) -> None:
    answer = account.s3.delete_objects(Bucket=bucket, Delete={"Objects": [{"Key": "never there"}]})
    assert "Errors" not in answer
