"""The local S3: objects as plain files, and what S3 promises of puts with conditions and of listings."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from infra.local.aws import s3 as local_s3
from infra.local.store.store import Store, throwaway

BUCKET = "bucket"
KEYS = [
    "a", "a/b", "a/b/c", "b/", "b//c", "/lead", "../up", "a/../b", "./a", "x" * 300, "é/ü", ".keys/x", "a b+c%2F",
    "z/.",
]  # fmt: skip


@pytest.fixture
def store(aws: None) -> Iterator[Store]:
    with throwaway() as store, local_s3.installed(store):
        yield store


@pytest.fixture
def client(store: Store) -> Any:
    client = boto3.client("s3", config=Config(retries={"total_max_attempts": 1}, s3={"addressing_style": "path"}))
    client.create_bucket(Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": "eu-west-2"})
    return client


def file_of(store: Store, key: str) -> Path:
    found = store.objects.get(BUCKET, key)
    assert found is not None
    return found.file


def code_of(error: pytest.ExceptionInfo[ClientError]) -> str:
    return str(error.value.response["Error"]["Code"])


def listed(client: Any, **options: Any) -> list[str]:
    pages = client.get_paginator("list_objects_v2").paginate(Bucket=BUCKET, **options)
    return [each["Key"] for page in pages for each in page.get("Contents", [])]


def test_an_object_is_a_file_at_its_key(client: Any, store: Store) -> None:
    client.put_object(Bucket=BUCKET, Key="events/dt=2026-11-24/one.parquet", Body=b"rows")
    path = store.folder.buckets / BUCKET / "events/dt=2026-11-24/one.parquet"
    assert path.read_bytes() == b"rows"
    client.delete_object(Bucket=BUCKET, Key="events/dt=2026-11-24/one.parquet")
    assert not path.exists()


def test_an_object_has_what_it_was_put_with(client: Any) -> None:
    put = client.put_object(Bucket=BUCKET, Key="k", Body=b"x", ContentType="text/plain", Metadata={"by": "me"})
    got = client.get_object(Bucket=BUCKET, Key="k")
    assert (got["Body"].read(), got["ContentType"], got["Metadata"]) == (b"x", "text/plain", {"by": "me"})
    assert got["ETag"] == put["ETag"]
    assert client.get_object(Bucket=BUCKET, Key="k", Range="bytes=0-0")["ContentLength"] == 1


def test_every_key_is_kept_whether_or_not_it_can_be_a_path(client: Any, store: Store) -> None:
    for key in KEYS:
        client.put_object(Bucket=BUCKET, Key=key, Body=key.encode())
    assert {key: client.get_object(Bucket=BUCKET, Key=key)["Body"].read() for key in KEYS} == {
        key: key.encode() for key in KEYS
    }
    assert listed(client) == sorted(KEYS, key=lambda key: key.encode())
    outside = [path for path in store.folder.path.rglob("*") if path.is_file() and path.parent == store.folder.buckets]
    assert outside == []
    assert all(store.folder.buckets in file_of(store, key).resolve().parents for key in KEYS)


def test_a_put_that_must_make_a_new_object_does_so_once_among_many(client: Any) -> None:
    def put(number: int) -> int:
        try:
            client.put_object(Bucket=BUCKET, Key="lock", Body=str(number).encode(), IfNoneMatch="*")
        except client.exceptions.ClientError as error:
            return 0 if error.response["Error"]["Code"] == "PreconditionFailed" else 99
        return 1

    with ThreadPoolExecutor(8) as executor:
        assert sum(executor.map(put, range(40))) == 1


def test_a_put_that_must_replace_a_known_version_replaces_no_other(client: Any) -> None:
    first = client.put_object(Bucket=BUCKET, Key="k", Body=b"1")["ETag"]
    second = client.put_object(Bucket=BUCKET, Key="k", Body=b"2", IfMatch=first)["ETag"]
    with pytest.raises(ClientError) as error:
        client.put_object(Bucket=BUCKET, Key="k", Body=b"3", IfMatch=first)
    assert code_of(error) == "PreconditionFailed"
    assert client.head_object(Bucket=BUCKET, Key="k")["ETag"] == second
    assert client.get_object(Bucket=BUCKET, Key="k")["Body"].read() == b"2"


def test_an_upload_in_parts_becomes_one_file(client: Any, store: Store) -> None:
    upload = client.create_multipart_upload(Bucket=BUCKET, Key="big")["UploadId"]
    bodies = [b"a" * 5 * 1024 * 1024, b"end"]
    parts = [
        {
            "PartNumber": number,
            "ETag": client.upload_part(Bucket=BUCKET, Key="big", UploadId=upload, PartNumber=number, Body=body)["ETag"],
        }
        for number, body in enumerate(bodies, start=1)
    ]
    client.complete_multipart_upload(Bucket=BUCKET, Key="big", UploadId=upload, MultipartUpload={"Parts": parts})
    assert file_of(store, "big").read_bytes() == b"".join(bodies)
    assert client.head_object(Bucket=BUCKET, Key="big")["ETag"].endswith('-2"')


def test_a_copy_is_a_file_of_its_own(client: Any, store: Store) -> None:
    client.put_object(Bucket=BUCKET, Key="from", Body=b"x")
    client.copy_object(Bucket=BUCKET, Key="to", CopySource={"Bucket": BUCKET, "Key": "from"})
    client.delete_object(Bucket=BUCKET, Key="from")
    assert file_of(store, "to").read_bytes() == b"x"


def test_many_objects_are_deleted_in_one_call(client: Any, store: Store) -> None:
    for number in range(5):
        client.put_object(Bucket=BUCKET, Key=f"k{number}", Body=b"")
    client.delete_objects(Bucket=BUCKET, Delete={"Objects": [{"Key": f"k{number}"} for number in range(4)]})
    assert listed(client) == ["k4"]


def test_a_file_deleted_by_hand_is_no_object_any_more(client: Any, store: Store) -> None:
    for key in ("kept", "gone"):
        client.put_object(Bucket=BUCKET, Key=key, Body=b"x")
    file_of(store, "gone").unlink()
    assert listed(client) == ["kept"]
    with pytest.raises(ClientError) as error:
        client.get_object(Bucket=BUCKET, Key="gone")
    assert code_of(error) == "NoSuchKey"
    client.put_object(Bucket=BUCKET, Key="gone", Body=b"again", IfNoneMatch="*")
    assert file_of(store, "gone").read_bytes() == b"again"


parts = st.text(st.sampled_from("ab/"), max_size=4)


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(st.sets(st.text(st.sampled_from("ab/"), min_size=1, max_size=5), max_size=12), parts, st.integers(1, 4))
def test_a_listing_in_pages_gives_every_key_and_folder_once(
    client: Any, keys: set[str], prefix: str, page_size: int
) -> None:
    for key in listed(client):
        client.delete_object(Bucket=BUCKET, Key=key)
    for key in keys:
        client.put_object(Bucket=BUCKET, Key=key, Body=b"")
    within = sorted(key for key in keys if key.startswith(prefix))
    options = {"Prefix": prefix, "PaginationConfig": {"PageSize": page_size}}
    assert listed(client, **options) == within
    contents, folders = [], []
    for page in client.get_paginator("list_objects_v2").paginate(Bucket=BUCKET, Delimiter="/", **options):
        contents += [each["Key"] for each in page.get("Contents", [])]
        folders += [each["Prefix"] for each in page.get("CommonPrefixes", [])]
    assert contents == [key for key in within if "/" not in key[len(prefix) :]]
    assert folders == sorted({key[: key.index("/", len(prefix)) + 1] for key in within if "/" in key[len(prefix) :]})
