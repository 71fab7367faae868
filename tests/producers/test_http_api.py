"""The handler: its answer to any request says what is on the stream."""

import importlib
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from producers import http_api
from producers.aggregation import deaggregate
from producers.event import decode
from producers.ingestion import Ingestion
from producers.stream import StreamWriter
from tests.clock import FakeClock
from tests.events import Context
from tests.json_values import JSON_VALUES
from tests.producers.scripted_kinesis import STEPS, ScriptedKinesis

REQUEST_ID = "8f1c7d5e-0000-4000-8000-000000000000"


@pytest.fixture
def api(monkeypatch):
    """The handler's module from cold."""
    settings = {
        "STREAM_NAME": "events",
        "AGGREGATE_BYTES": "2000",
        "MAX_EVENT_BYTES": "1000",
        "MAX_BATCH_EVENTS": "100",
    }
    for name, value in settings.items():
        monkeypatch.setenv(name, value)
    return importlib.reload(http_api)


def request(body: str, content_type: str = "application/json", **headers: str) -> dict:
    return {
        "resource": "/app",
        "httpMethod": "POST",
        "headers": {"Content-Type": content_type, **headers},
        "body": body,
        "isBase64Encoded": False,
        "requestContext": {"requestId": REQUEST_ID, "identity": {"sourceIp": "203.0.113.9", "userAgent": "curl/8.5"}},
    }


def put_on(api, kinesis, monkeypatch, partition_key: str | None = None, aggregate_bytes: int = 2000) -> None:
    """Let the handler put on this stream."""
    clock = FakeClock()
    writer = StreamWriter(kinesis, "events", clock, jitter=lambda: 0.5)
    ingestion = Ingestion(writer, aggregate_bytes, partition_key, clock)
    monkeypatch.setattr(api, "_ingestion", lambda: ingestion)
    monkeypatch.setattr(api, "deadline_of", lambda *_: clock.monotonic() + 2)


LINES = st.one_of(
    JSON_VALUES.map(json.dumps), st.sampled_from(["not json", "NaN", '"\\ud800"', '"' + "x" * 1000 + '"', '{"k":"a"}'])
)


@given(
    st.lists(LINES, min_size=1, max_size=40),
    st.lists(STEPS, max_size=10),
    st.sampled_from([None, "/k"]),
    st.integers(64, 3000),
)
def test_accepted_and_rejected_are_what_went_in_and_the_accepted_are_on_the_stream(
    lines, script, partition_key, aggregate_bytes
):
    with pytest.MonkeyPatch.context() as monkeypatch:
        for name, value in {"MAX_EVENT_BYTES": "1000", "MAX_BATCH_EVENTS": "100"}.items():
            monkeypatch.setenv(name, value)
        importlib.reload(http_api)  # it keeps what it read from the environment of an earlier test
        kinesis = ScriptedKinesis(*script)
        put_on(http_api, kinesis, monkeypatch, partition_key, aggregate_bytes)
        response = http_api.handler(request("\n".join(lines), "application/x-ndjson"), Context())
    body = json.loads(response["body"])
    results = body["results"]
    assert [result["index"] for result in results] == list(range(len(lines)))
    assert (body["accepted"], body["accepted"] + body["rejected"]) == (
        sum(result["status"] == "accepted" for result in results),
        len(lines),
    )
    on_stream = [decode(user.data) for data in kinesis.stream for user in deaggregate("key", data)]
    accepted = {(r["timestamp"], r["request_id"]): lines[r["index"]] for r in results if r["status"] == "accepted"}
    assert sorted((event.timestamp, event.request_id) for event in on_stream) == sorted(accepted)
    for event in on_stream:
        sent = json.loads(accepted[event.timestamp, event.request_id], parse_float=str, parse_int=str)
        assert json.loads(event.payload.text, parse_float=str, parse_int=str) == sent
    assert response["statusCode"] == expected_status(results)


def expected_status(results: list[dict]) -> int:
    kinds = {result["status"] for result in results}
    if "accepted" in kinds:
        return 201 if kinds == {"accepted"} else 207
    return 503 if "throttled" in kinds else 422


def test_events_of_one_key_share_an_aggregate_and_a_partition_key(api, monkeypatch):
    kinesis = ScriptedKinesis()
    keys: list[str] = []
    take = kinesis.put_records

    def put_records(StreamName, Records):
        keys.extend(record["PartitionKey"] for record in Records)
        return take(StreamName, Records)

    monkeypatch.setattr(kinesis, "put_records", put_records)
    put_on(api, kinesis, monkeypatch, partition_key="/user/id")
    bodies = [{"user": {"id": n % 2}} for n in range(6)] + [{"user": {}}, {"user": {"id": None}}, 5]
    api.handler(request(json.dumps(bodies)), Context())
    assert sorted(keys) == sorted(["0", "1", f"{REQUEST_ID}#6", f"{REQUEST_ID}#7", f"{REQUEST_ID}#8"])


def test_neither_payload_nor_headers_are_in_the_logs(api, monkeypatch, capsys, caplog):
    kinesis = ScriptedKinesis(*[[{"ErrorCode": "InternalFailure", "ErrorMessage": "failed"}]] * 100)
    put_on(api, kinesis, monkeypatch)
    secret = "correct-horse-battery"  # noqa: S105 (it stands for one)
    for body in (f'{{"password":"{secret}"}}', f'["{secret}", NaN]', f'"{secret}" {secret}'):
        api.handler(request(body, Authorization=f"Bearer {secret}", **{"x-api-key": secret}), Context())
    logged = "".join(str(vars(record)) for record in caplog.records)
    assert "the stream did not take events" in logged
    assert REQUEST_ID in logged
    output = capsys.readouterr()
    assert "RejectedEvents" in output.out
    assert secret not in logged + output.out + output.err


def test_what_happened_is_counted(api, monkeypatch, capsys):
    throttled = {"ErrorCode": "ProvisionedThroughputExceededException", "ErrorMessage": "slow down"}
    put_on(api, ScriptedKinesis([throttled]), monkeypatch)
    api.handler(request('1\nNaN\n3\n"' + "x" * 1000 + '"', "application/x-ndjson"), Context())
    api.handler(request("{"), Context())
    counts: dict[str, float] = {}
    for line in map(json.loads, capsys.readouterr().out.splitlines()):
        for metric in line["_aws"]["CloudWatchMetrics"][0]["Metrics"]:
            name = f"{metric['Name']} {line['reason']}" if "reason" in line else metric["Name"]
            counts[name] = counts.get(name, 0) + line[metric["Name"]]
        assert line["_aws"]["CloudWatchMetrics"][0]["Namespace"] == "Spillway"
    assert counts.pop("Bytes") > 100
    assert counts == {
        "AcceptedEvents": 2,
        "PutRecordsRetries": 1,
        "RejectedEvents": 3,
        "RejectedEventsByReason not_json": 2,
        "RejectedEventsByReason event_too_large": 1,
    }


@pytest.mark.parametrize(("characters", "kept"), [(1023, 1023), (1024, 1024), (1025, 1024)])
def test_a_user_agent_is_cut_after_1024_characters(api, monkeypatch, characters, kept):
    kinesis = ScriptedKinesis()
    put_on(api, kinesis, monkeypatch)
    event = request("{}")
    event["requestContext"]["identity"]["userAgent"] = "é" * characters
    assert api.handler(event, Context())["statusCode"] == 201
    (data,) = kinesis.stream
    assert decode(data).user_agent == "é" * kept
