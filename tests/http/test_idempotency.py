"""A client's retry with the same Idempotency-Key is answered as the first time, and puts nothing again."""

import base64
import contextlib
import gzip
import json
import threading
import uuid
from typing import Any

import boto3
import pytest
from botocore import xform_name
from botocore.exceptions import ClientError, ReadTimeoutError
from hypothesis import given, settings
from hypothesis import strategies as st

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
        (gzip.compress(b"1\n2", mtime=0), {"content_encoding": "gzip", "content_type": "application/x-ndjson"}),
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
def test_an_invalid_key_is_refused(api, key):
    reply = api.post(b"1", idempotency_key=key)
    assert (reply.status, reply.body["error"]["code"]) == (400, "invalid_idempotency_key")


def test_a_retry_while_the_first_is_under_way_is_answered_409(api):
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


def test_where_nothing_was_accepted_for_certain_the_key_is_free(api, monkeypatch):
    monkeypatch.setattr(http_api, "RESERVE_SECONDS", 9.8)
    key = a_key()
    with injected(producers.aws.client("kinesis"), "PutRecords", lambda r: failure(r, "LimitExceededException")):
        assert api.post(b"1", idempotency_key=key).status == 503
    assert api.post(b"2", idempotency_key=key).status == 201


def test_where_something_may_have_been_accepted_the_answer_says_so_and_a_retry_uses_the_same_keys(api, monkeypatch):
    monkeypatch.setattr(http_api, "RESERVE_SECONDS", 9.8)
    key, payload = a_key(), b'"in doubt"'
    kinesis = producers.aws.client("kinesis")
    with injected(kinesis, "PutRecords", lose_the_answer("kinesis", "put_records")):
        doubtful = api.post(payload, idempotency_key=key)
    assert (doubtful.status, doubtful.body["error"]["code"]) == (504, "in_doubt")
    assert doubtful.headers["retry-after"] == "1"
    with injected(kinesis, "PutRecords", lambda r: failure(r, "LimitExceededException")):
        assert api.post(payload, idempotency_key=key).status == 504  # refused now, but the first try may have worked
    again = api.post(payload, idempotency_key=key)
    assert again.status == 201
    assert keys_on_stream(api, payload) == {(again.body["timestamp"], again.body["request_id"])}


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


def test_what_was_throttled_out_of_a_list_is_put_by_the_retry_under_the_keys_of_the_first_request(api, monkeypatch):
    monkeypatch.setattr(http_api, "RESERVE_SECONDS", 9.8)
    monkeypatch.setattr(http_api._ingestion(), "_aggregate_bytes", 300)
    body = b'["first","second","third"]'
    put: list[int] = []

    def refuse_the_last(request):
        records = json.loads(request.body)["Records"]
        put.append(len(records))
        throttled = {"ErrorCode": "InternalFailure", "ErrorMessage": "failed"}
        taken = {"SequenceNumber": "1", "ShardId": "shardId-000000000000"}
        return answer(
            request,
            {"FailedRecordCount": 1, "Records": [*[taken] * (len(records) - 1), throttled]},
        )

    key = a_key()
    with injected(producers.aws.client("kinesis"), "PutRecords", refuse_the_last):
        first = api.post(body, idempotency_key=key)
    assert (first.status, [result["status"] for result in first.body["results"]]) == (
        207,
        ["accepted", "accepted", "throttled"],
    )
    again = api.post(body, idempotency_key=key)
    assert again.status == 201
    assert again.body["results"][:2] == first.body["results"][:2]
    third = again.body["results"][2]
    assert keys_on_stream(api, b'"third"') == {(third["timestamp"], third["request_id"])}
    assert keys_on_stream(api, b'"first"') == set()  # the fault only said that it was taken; it is not put again
    assert third["request_id"] == first.body["results"][0]["request_id"].replace("#0", "#2")


CALLS = [("dynamodb", "PutItem"), ("kinesis", "PutRecords"), ("dynamodb", "UpdateItem")]
KILLED = {"rest": 502, "http": 500}  # what the gateway answers for a function that was ended
MOMENTS = ["killed before", "killed after", "answer lost", "refused"]


def lose_the_answer(service: str, operation: str):
    """A fault: the service does the work, and its answer never comes."""

    def fault(request):
        do(service, operation, request)
        return ReadTimeoutError(endpoint_url=request.url)

    return fault


def do(service: str, operation: str, request) -> None:
    """Let the service do what a request asks for."""
    parameters = json.loads(request.body)
    for record in parameters.get("Records", ()):
        record["Data"] = base64.b64decode(record["Data"])
    with contextlib.suppress(ClientError):  # a condition that does not hold is an answer as well
        client: Any = producers.aws.client.__wrapped__(service)  # another one, without faults
        getattr(client, operation)(**parameters)


def once_only(service: str, operation: str, moment: str):
    """A fault of the first such call; the later ones pass."""
    method = xform_name(operation)
    met: list[str] = []

    def fault(request):
        if met:
            return None
        met.append(moment)
        if moment == "refused":
            return failure(request, "ThrottlingException")
        if moment != "killed before":
            do(service, method, request)
        return SystemExit("killed") if moment.startswith("killed") else ReadTimeoutError(endpoint_url=request.url)

    return injected(producers.aws.client(service), operation, fault)


def let_claims_run_out(api) -> None:
    """As if every invocation that still holds a key had reached its time-out."""
    table = boto3.resource("dynamodb").Table(api.pipeline.names.idempotency_table)
    for row in table.scan()["Items"]:
        if row["held_until_millis"]:
            table.update_item(
                Key={"id": row["id"]},
                UpdateExpression="SET held_until_millis = :past",
                ExpressionAttributeValues={":past": 1},
            )


def keys_on_stream(api, payload: bytes) -> set[tuple[str, str]]:
    """The keys under which a payload is on the stream."""
    return {(event.timestamp, event.request_id) for event in api.events() if event.payload.text == payload.decode()}


@pytest.mark.parametrize(("service", "operation"), CALLS)
@pytest.mark.parametrize("moment", MOMENTS)
def test_a_fault_at_any_call_leaves_the_retry_with_the_same_rows(api, door, service, operation, moment):
    key, payload = a_key(), json.dumps(a_key()).encode()
    with once_only(service, operation, moment):
        first = api.post(payload, idempotency_key=key)
    assert first.status == (KILLED[door] if moment.startswith("killed") else 201)
    at_once = api.post(payload, idempotency_key=key)
    assert at_once.status in (201, 409)
    let_claims_run_out(api)
    later = [api.post(payload, idempotency_key=key) for _ in range(2)]
    assert [reply.status for reply in later] == [201, 201]
    assert keys_on_stream(api, payload) == {(later[0].body["timestamp"], later[0].body["request_id"])}
    for reply in (first, at_once, *later):
        assert reply.status != 201 or reply.body == later[0].body


FAULTS = st.dictionaries(st.sampled_from(CALLS), st.sampled_from(MOMENTS), max_size=2)


@given(st.lists(st.tuples(FAULTS, st.booleans()), min_size=1, max_size=4))
@settings(max_examples=10, deadline=None)
def test_whatever_fails_however_often_the_request_is_accepted_once(api, attempts):
    key, payloads = a_key(), [json.dumps(a_key()).encode() for _ in range(3)]
    body = b"[" + b",".join(payloads) + b"]"
    for faults, wait in attempts:
        with contextlib.ExitStack() as stack:
            for (service, operation), moment in faults.items():
                stack.enter_context(once_only(service, operation, moment))
            reply = api.post(body, idempotency_key=key)
        assert reply.status in (201, 409, 503, 504, *KILLED.values())
        if wait:
            let_claims_run_out(api)
    let_claims_run_out(api)
    reply = api.post(body, idempotency_key=key)
    assert reply.status == 201
    for payload, result in zip(payloads, reply.body["results"], strict=True):
        assert keys_on_stream(api, payload) == {(result["timestamp"], result["request_id"])}
