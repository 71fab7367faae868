"""What the services answer while the disk is full: nothing is half done, and nobody is left in doubt."""

from collections.abc import Iterator
from pathlib import Path

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

import producers.aws
from infra.local.aws.direct_calls import serve_directly
from infra.local.aws.endpoint import local_aws
from infra.local.store.store import Store, opened

LARGE = b"x" * 500_000


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    """The store of a local AWS with a stream `s`, which has no room for another large record."""
    with opened(tmp_path / "data") as store, local_aws("eu-west-2", "off", store):
        boto3.client("kinesis").create_stream(StreamName="s", ShardCount=1)
        pages = store.database.read(lambda connection: connection.execute("PRAGMA page_count").fetchone()[0])
        limit_pages(store, pages + 20)
        yield store


def limit_pages(store: Store, pages: int) -> None:
    store.database._connection.execute(f"PRAGMA max_page_count = {pages}")


@pytest.mark.parametrize("direct", [False, True])
def test_put_records_fails_every_record_and_succeeds_once_there_is_room(
    store: Store,
    direct: bool,  # noqa: FBT001 (a parameter of the test)
) -> None:
    producers.aws.client.cache_clear()
    kinesis = producers.aws.client("kinesis")
    if direct:
        serve_directly(kinesis)
    records = [{"Data": LARGE, "PartitionKey": key} for key in ("a", "b")]
    answer = kinesis.put_records(StreamName="s", Records=records)
    assert answer["FailedRecordCount"] == 2
    assert {each["ErrorCode"] for each in answer["Records"]} == {"InternalFailure"}
    limit_pages(store, 1_000_000)
    assert kinesis.put_records(StreamName="s", Records=records)["FailedRecordCount"] == 0
    producers.aws.client.cache_clear()


def test_put_record_is_answered_with_an_internal_failure(store: Store) -> None:
    kinesis = boto3.client("kinesis", config=Config(retries={"total_max_attempts": 1}))
    with pytest.raises(ClientError, match="InternalFailure"):
        kinesis.put_record(StreamName="s", Data=LARGE, PartitionKey="a")
