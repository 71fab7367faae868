"""A client's retry with the same Idempotency-Key is answered as the first time, and puts nothing again."""

import gzip
import json
import threading
import uuid

import boto3
import pytest

import producers.aws
from producers import http_api
from tests.faults import answer, failure, injected


def a_key() -> str:
    return str(uuid.uuid4())


def copies(api, reply) -> int:
    """How many events of a reply are on the stream."""
    ids = (
        {reply.body["request_id"]}
        if "request_id" in reply.body
        else {r.get("request_id") for r in reply.body["results"]}
    )
    return sum(event.request_id in ids for event in api.events())


@pytest.mark.parametrize(
    ("body", "headers"),
    [
        (b'{"n":1}', {}),
        (b"[1,2,3]", {}),
        (b"1\nnot json\n3\n", {"content_type": "application/x-ndjson"}),
        (gzip.compress(b"[1,2]", mtime=0), {"content_encoding": "gzip"}),
        (b"", {}),
    ],
    ids=["one", "list", "some invalid", "gzip", "empty"],
)
def test_a_retry_gets_the_first_answer_and_puts_nothing_again(api, body, headers):
    key = a_key()
    first = api.post(body, idempotency_key=key, **headers)
    assert first.status in (201, 207)
    count = copies(api, first)
    for _ in range(3):
        again = api.post(body, idempotency_key=key, **headers)
        assert (again.status, again.body) == (first.status, first.body)
    assert copies(api, first) == count == (len(first.body.get("results", [0])) - first.body.get("rejected", 0))


def test_another_key_is_another_request(api):
    first, second = (api.post(b"1", idempotency_key=a_key()) for _ in range(2))
    assert first.body != second.body


def test_a_key_used_for_another_body_is_refused(api):
    key = a_key()
    assert api.post(b"1", idempotency_key=key).status == 201
    reply = api.post(b"2", idempotency_key=key)
    assert (reply.status, reply.body["error"]["code"]) == (422, "idempotency_key_reused")


@pytest.mark.parametrize("key", ["", "x" * 256])
def test_a_key_that_is_none_is_refused(api, key):
    reply = api.post(b"1", idempotency_key=key)
    assert (reply.status, reply.body["error"]["code"]) == (400, "invalid_idempotency_key")


def test_a_retry_while_the_first_is_under_way_is_told_to_come_again(api):
    key, under_way, go_on = a_key(), threading.Event(), threading.Event()

    def wait(_request):
        under_way.set()
        go_on.wait(10)

    replies = []
    with injected(producers.aws.client("kinesis"), "PutRecords", wait):
        first = threading.Thread(target=lambda: replies.append(api.post(b"1", idempotency_key=key)))
        first.start()
        assert under_way.wait(10)
        second = api.post(b"1", idempotency_key=key)
        go_on.set()
        first.join()
    assert (second.status, second.body["error"]["code"]) == (409, "in_progress")
    assert second.headers["retry-after"] == "1"
    assert replies[0].status == 201
    assert api.post(b"1", idempotency_key=key).body == replies[0].body


def test_where_nothing_was_accepted_the_key_is_free(api, monkeypatch):
    monkeypatch.setattr(http_api, "RESERVE_SECONDS", 9.8)
    key = a_key()
    with injected(producers.aws.client("kinesis"), "PutRecords", lambda r: failure(r, "InternalFailure", 500)):
        assert api.post(b"1", idempotency_key=key).status == 503
    assert api.post(b"1", idempotency_key=key).status == 201


def test_a_time_out_does_not_wedge_the_key(api):
    # Lambda ended the first invocation: the key is as Powertools left it, in progress until its time was over.
    key = a_key()
    api.post(b"1", idempotency_key=key)
    table = boto3.resource("dynamodb").Table(api.pipeline.names.idempotency_table)
    (row,) = [row for row in table.scan()["Items"] if row["id"] not in ROWS_BEFORE]
    table.update_item(
        Key={"id": row["id"]},
        UpdateExpression="SET #s = :s, in_progress_expiration = :past REMOVE #d",
        ExpressionAttributeNames={"#s": "status", "#d": "data"},
        ExpressionAttributeValues={":s": "INPROGRESS", ":past": 1_000},
    )
    assert api.post(b"1", idempotency_key=key).status == 201


ROWS_BEFORE: set[str] = set()


@pytest.fixture(autouse=True)
def rows_before(api):
    table = boto3.resource("dynamodb").Table(api.pipeline.names.idempotency_table)
    ROWS_BEFORE.clear()
    ROWS_BEFORE.update(str(row["id"]) for row in table.scan()["Items"])


@pytest.mark.parametrize("code", ["ResourceNotFoundException", "AccessDeniedException", "ThrottlingException"])
def test_where_keys_can_not_be_kept_nothing_is_accepted(api, code):
    before = len(api.events())
    with injected(producers.aws.client("dynamodb"), "PutItem", lambda request: failure(request, code)):
        reply = api.post(b"1", idempotency_key=a_key())
    assert (reply.status, reply.body["error"]["code"]) == (503, "idempotency_unavailable")
    assert reply.headers["retry-after"] == "1"
    assert len(api.events()) == before


def test_where_only_the_answer_can_not_be_kept_it_is_given_all_the_same(api):
    with injected(producers.aws.client("dynamodb"), "UpdateItem", lambda r: failure(r, "InternalServerError", 500)):
        reply = api.post(b"1", idempotency_key=a_key())
    assert reply.status == 201
    assert copies(api, reply) == 1


def test_without_a_key_nothing_is_asked_of_the_table(api):
    asked: list[object] = []
    with injected(producers.aws.client("dynamodb"), "PutItem", asked.append):
        assert api.post(b"1").status == 201
    assert asked == []


def test_what_was_throttled_out_of_a_list_is_told_again(api, monkeypatch):
    monkeypatch.setattr(http_api, "RESERVE_SECONDS", 9.8)
    monkeypatch.setattr(http_api._ingestion(), "_aggregate_bytes", 300)

    def refuse_the_last(request):
        count = len(json.loads(request.body)["Records"])
        throttled = {"ErrorCode": "InternalFailure", "ErrorMessage": "failed"}
        taken = {"SequenceNumber": "1", "ShardId": "shardId-000000000000"}
        answers = [throttled if n == count - 1 else taken for n in range(count)]
        return answer(request, {"FailedRecordCount": 1, "Records": answers})

    key = a_key()
    with injected(producers.aws.client("kinesis"), "PutRecords", refuse_the_last):
        first = api.post(b"[0,1,2]", idempotency_key=key)
    assert [result["status"] for result in first.body["results"]] == ["accepted", "accepted", "throttled"]
    again = api.post(b"[0,1,2]", idempotency_key=key)
    assert (again.status, again.body) == (207, first.body)
