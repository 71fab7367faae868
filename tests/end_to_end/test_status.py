"""What `status` shows of a pipeline in which something goes wrong: what waits, what was retried, and why."""

from typing import Any

import boto3
import pytest
import urllib3

import producers.aws
from infra.local.pipeline import LocalPipeline
from infra.settings import load
from infra.status import HopStatus
from tests.faults import failure, injected
from tests.http.conftest import changed
from tests.waiting import wait_until

SETTINGS = changed(
    load("local"),
    local={"limits": "off"},
    table_writer={"timeout_seconds": 14, "maximum_retry_attempts": -1},
    archive={"buffer_seconds": 0, "transform_buffer_seconds": 0},
)


def hop(pipeline: LocalPipeline, name: str) -> HopStatus:
    return next(each for each in pipeline.status() if each.hop == name)


def post(pipeline: LocalPipeline, body: bytes, **headers: str) -> int:
    headers |= {"Content-Type": "application/json"}
    return urllib3.request("POST", pipeline.url, body=body, headers=headers, retries=False, timeout=60).status


def put(pipeline: LocalPipeline, records: int) -> None:
    entries: list[Any] = [{"Data": b"no event", "PartitionKey": str(number)} for number in range(records)]
    boto3.client("kinesis").put_records(StreamName=pipeline.names.stream, Records=entries)


def test_a_request_that_is_sent_again_and_accepted_is_retried_and_not_failed():
    with LocalPipeline(SETTINGS, "local", 0, 0) as pipeline:
        with injected(producers.aws.client("kinesis"), "PutRecords", lambda each: failure(each, "AccessDenied")):
            assert post(pipeline, b"[1,2,3]", **{"Idempotency-Key": "k-1"}) == 503
        assert post(pipeline, b"[1,2,3]", **{"Idempotency-Key": "k-1"}) == 201
        seen = hop(pipeline, "http_api")
    assert (seen.received, seen.delivered, seen.failed, seen.retried) == (3, 3, 0, 3)
    assert seen.cause.startswith("the stream did not take events")
    assert "AccessDenied" in seen.cause


def test_what_lies_unread_on_the_stream_waits_for_both_readers():
    with LocalPipeline(SETTINGS, "local", 0, 0) as pipeline:
        pipeline._workers[0].stop()
        pipeline._workers[2].stop()
        put(pipeline, 30)
        put(pipeline, 12)
        assert hop(pipeline, "stream_mapping").waiting == 42
        assert hop(pipeline, "firehose").waiting == 42


def test_nothing_waits_once_everything_is_read():
    with LocalPipeline(SETTINGS, "local", 0, 0) as pipeline:
        put(pipeline, 42)
        wait_until(lambda: hop(pipeline, "stream_mapping").delivered == 42)
        wait_until(lambda: hop(pipeline, "firehose").failed == 42)
        assert (hop(pipeline, "stream_mapping").waiting, hop(pipeline, "firehose").waiting) == (0, 0)
        assert {each.cause for each in pipeline.status()} == {""}


@pytest.mark.parametrize(
    ("code", "status"), [("ResourceNotFoundException", 400), ("ProvisionedThroughputExceededException", 400)]
)
def test_while_the_table_takes_nothing_the_cause_is_shown_and_afterwards_it_is_gone(code, status):
    with LocalPipeline(SETTINGS, "local", 0, 0) as pipeline:
        with injected(producers.aws.client("dynamodb"), "BatchWriteItem", lambda each: failure(each, code, status)):
            assert post(pipeline, b'{"a": 1}') == 201
            wait_until(lambda: hop(pipeline, "stream_mapping").cause)
            stuck = hop(pipeline, "stream_mapping")
            assert (stuck.waiting, stuck.failed) == (1, 0)
            causes = stuck.cause + hop(pipeline, "table_writer").cause
            assert code in causes
        wait_until(lambda: hop(pipeline, "stream_mapping").delivered == 1, 90)
        assert hop(pipeline, "stream_mapping").cause == ""
        assert (hop(pipeline, "table_writer").delivered, hop(pipeline, "table_writer").failed) == (1, 0)


def test_while_the_lake_takes_nothing_the_cause_is_shown():
    with LocalPipeline(SETTINGS, "local", 0, 0) as pipeline:
        firehose: Any = pipeline._workers[2]
        s3 = firehose._delivery._s3
        with injected(s3, "PutObject", lambda each: failure(each, "SlowDown", 503)):
            assert post(pipeline, b'{"a": 1}') == 201
            wait_until(lambda: hop(pipeline, "firehose").cause)
            assert hop(pipeline, "firehose").cause.startswith("SlowDown: ")
            assert hop(pipeline, "firehose").waiting == 1
        wait_until(lambda: hop(pipeline, "firehose").delivered == 1)
        assert hop(pipeline, "firehose").cause == ""
