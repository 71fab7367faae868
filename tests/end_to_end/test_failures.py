"""What goes wrong on the way, in a pipeline that runs as a newcomer would start it."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
import urllib3
import yaml

from infra.settings import PIPELINE_FILE
from producers.event import encode
from tests.end_to_end.conftest import DRAIN_SECONDS, RunningPipeline, end, start
from tests.end_to_end.poison import check_poison_among_good_events, dead_letters
from tests.end_to_end.put_directly import STREAM, rows
from tests.end_to_end.what_arrived import TABLE, lake_rows
from tests.events import an_event


@pytest.fixture
def impatient(tmp_path) -> Iterator[RunningPipeline]:
    """A pipeline whose event source mapping gives up after two retries."""
    settings = yaml.safe_load(PIPELINE_FILE.read_text())
    settings["table_writer"]["maximum_retry_attempts"] = 2
    config = tmp_path / "pipeline.yaml"
    config.write_text(yaml.safe_dump(settings))
    running = start("--config", str(config))
    yield running
    end(running)


def test_poison_among_good_events_costs_none_of_them_and_is_kept_byte_for_byte(pipeline):
    check_poison_among_good_events(pipeline)


def test_a_batch_that_always_fails_is_bisected_given_up_and_archived_whole(impatient):
    impatient.client("dynamodb").delete_table(TableName=TABLE)
    events = [encode(an_event(json.dumps({"n": n}), n)) for n in range(4)]
    kinesis = impatient.client("kinesis")
    kinesis.put_records(StreamName=STREAM, Records=[{"Data": data, "PartitionKey": "one"} for data in events])
    impatient.wait_until_drained(dead_letter_archiver=4, firehose=4)

    letters = dead_letters(impatient)
    assert sorted(letter.data or b"" for letter in letters) == sorted(events)
    assert {letter.error.type for letter in letters} == {"RetryAttemptsExhausted"}
    assert {letter.attempts for letter in letters} == {3}
    output = impatient.stop()
    assert impatient.process.returncode == 0, output
    assert "records=4 " in output
    assert "records=1 " in output  # bisected down to single records


@pytest.mark.parametrize(
    ("body", "headers", "status", "code"),
    [
        (b"{not json", {}, 400, "not_json"),
        (b'{"a": NaN}', {}, 400, "not_json"),
        (b'"\\ud800"', {}, 400, "not_json"),
        (b"\xff\xfe", {}, 400, "not_utf8"),
        (b"[]", {}, 400, "empty_batch"),
        (b'"' + b"x" * 401_000 + b'"', {}, 413, "event_too_large"),
        (b'"' + b"x" * 4_000_000 + b'"', {}, 413, "event_too_large"),
        (b'"' + b"x" * 5_000_000 + b'"', {}, 413, "body_too_large"),  # over Lambda's 6 MB as base64
        (b'"' + b"x" * 7_000_000 + b'"', {}, 413, "body_too_large"),
        (b"a=1", {"Content-Type": "application/x-www-form-urlencoded"}, 415, "unsupported_media_type"),
    ],
    ids=lambda value: str(value)[:24],
)
def test_bad_input_gets_a_clear_error_and_costs_no_other_event_anything(shared, body, headers, status, code):
    before = shared.hops()["table_writer"]["delivered"]
    answer = post(shared, body, headers)
    assert answer.status == status
    error = json.loads(answer.data)["error"]
    assert error["code"] == code
    assert 10 < len(error["message"]) < 300
    assert post(shared, b'{"good": true}').status == 201
    shared.wait_until_drained(table_writer=before + 1)
    assert shared.hops()["queue_mapping"]["received"] == 0


def test_a_body_over_the_gateways_limit_is_refused_in_the_gateways_own_words(shared):
    answer = post(shared, b'"' + b"x" * 11_000_000 + b'"', {})
    assert answer.status == 413
    assert answer.data == b"HTTP content length exceeded 10485760 bytes."


LEGAL = {
    "a number of 400 digits": "9" * 400,
    "a NUL in a string": '{"s":"a\\u0000b"}',
    "an empty key": '{"":1}',
    "forty levels": '{"a":' * 40 + "1" + "}" * 40,
    "an exponent": '{"n":[1.10E-5,-0.0]}',
    "a surrogate pair": '"\\ud83d\\ude00"',
    "nothing": "",
}


def test_whatever_is_legal_json_is_in_the_table_and_in_the_lake(pipeline):
    accepted = {}
    for name, payload in LEGAL.items():
        answer = post(pipeline, payload.encode())
        assert answer.status == 201, name
        accepted[json.loads(answer.data)["request_id"]] = payload or "null"
    pipeline.wait_until_drained(table_writer=len(LEGAL), firehose=len(LEGAL))
    assert {row["request_id"]: row["payload"] for row in lake_rows(pipeline)} == accepted
    stored = {row["request_id"]["S"]: row for row in rows(pipeline)}
    assert set(stored) == set(accepted)
    as_text = {accepted[request_id] for request_id, row in stored.items() if "payload_json" in row}
    text_only = ("a number of 400 digits", "an empty key", "forty levels", "an exponent")
    assert as_text == {LEGAL[name] for name in text_only}
    assert all(row["payload_json"]["S"] == accepted[i] for i, row in stored.items() if "payload_json" in row)


def post(running: RunningPipeline, body: bytes, headers: dict[str, str] | None = None) -> Any:
    return urllib3.request(
        "POST",
        running.url,
        body=body,
        headers={"Content-Type": "application/json", **(headers or {})},
        retries=False,
        timeout=DRAIN_SECONDS,
    )


@pytest.fixture(scope="module")
def shared() -> Iterator[RunningPipeline]:
    """One pipeline for the tests that leave nothing behind."""
    running = start()
    yield running
    end(running)
