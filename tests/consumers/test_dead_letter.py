"""The dead letter, and how it is sent."""

import base64
import hashlib
import json
import time
from dataclasses import replace
from typing import Any, cast

import boto3
import pytest
from hypothesis import given
from hypothesis import strategies as st

from consumers.dead_letter import (
    MAX_COUNT,
    MAX_MESSAGE_BYTES,
    DeadLetter,
    DeadLetterQueue,
    _messages,
    of_poison,
    utc_now,
)
from consumers.stream_batch import Poison
from producers.clock import SYSTEM_CLOCK
from producers.event import encode
from producers.replay_mark import ReplayMark
from tests.aws_errors import aws_error
from tests.clock import FakeClock
from tests.consumers.letters import SOURCE, a_letter
from tests.events import an_event


@pytest.fixture
def queue(aws):
    sqs, s3 = boto3.client("sqs"), boto3.client("s3")
    url = sqs.create_queue(QueueName="dead-letters")["QueueUrl"]
    s3.create_bucket(Bucket="dead", CreateBucketConfiguration={"LocationConstraint": "eu-west-2"})
    return DeadLetterQueue(sqs, s3, url, "dead")


def sent(queue: DeadLetterQueue) -> list[str]:
    messages = boto3.client("sqs").receive_message(QueueUrl=queue._queue_url, MaxNumberOfMessages=10)
    return [message["Body"] for message in messages.get("Messages", [])]


def soon() -> float:
    return SYSTEM_CLOCK.monotonic() + 5


def test_a_dead_letter_is_the_json_that_the_design_names():
    assert json.loads(a_letter().to_json()) == {
        "version": 1,
        "stage": "table_writer",
        "failed_at": "2026-11-23T02:35:00.000000Z",
        "error": {"type": "PoisonEvent", "message": "why"},
        "attempts": 1,
        "source": {
            "stream": "spillway-local-events",
            "shard_id": "shardId-000000000003",
            "sequence_number": "4957",
            "subsequence_number": 2,
            "partition_key": "user-1",
            "arrived_at": "2026-11-23T02:34:56.987Z",
        },
        "data": base64.b64encode(b"bytes").decode(),
        "data_ref": None,
        "replays": 0,
    }


@given(st.none() | st.binary(), st.text())
def test_what_is_written_is_read_the_same(data, message):
    letter = a_letter(data, message)
    assert DeadLetter.from_json(letter.to_json()) == letter
    assert "\n" not in letter.to_json()


@pytest.mark.parametrize("line", ["", "{}", "[]", "1", a_letter().to_json().replace('"version":1', '"version":9')])
def test_a_line_that_is_not_a_dead_letter_is_invalid(line):
    with pytest.raises(ValueError, match=r"dead letter|Expecting"):
        DeadLetter.from_json(line)


DOCUMENT: dict[str, Any] = json.loads(a_letter().to_json())


def changed(*path: str, value: object) -> str:
    """The JSON of a dead letter with one member changed."""
    document = json.loads(a_letter().to_json())
    place = document
    for name in path[:-1]:
        place = place[name]
    place[path[-1]] = value
    return json.dumps(document)


TEXTS = [("stage",), ("data",), ("data_ref",), ("error", "type"), ("error", "message")]
TEXTS += [("source", name) for name in ("stream", "shard_id", "sequence_number", "partition_key")]
MOMENTS = [("failed_at",), ("source", "arrived_at")]
COUNTS = [("attempts",), ("replays",), ("source", "subsequence_number")]
NOT_TEXTS: list[object] = [1, ["a"], {"a": 1}, True, "\ud800"]


@pytest.mark.parametrize(("path", "value"), [(path, value) for path in TEXTS for value in NOT_TEXTS])
def test_a_text_that_is_not_one_makes_a_line_invalid(path, value):
    with pytest.raises(ValueError, match=r"dead letter|surrogates"):
        DeadLetter.from_json(changed(*path, value=value))


@pytest.mark.parametrize("path", MOMENTS)
@pytest.mark.parametrize("value", [1, None, "", "yesterday", "2026-11-23T02:35:00", "2026-11-23T02:35:00+01:00"])
def test_a_time_that_is_not_one_of_utc_makes_a_line_invalid(path, value):
    with pytest.raises(ValueError, match=r"dead letter|isoformat"):
        DeadLetter.from_json(changed(*path, value=value))


@pytest.mark.parametrize("path", COUNTS)
@pytest.mark.parametrize("value", ["1", None, True, 1.0, -1, MAX_COUNT + 1, 10**4000])
def test_a_count_that_is_not_one_makes_a_line_invalid(path, value):
    with pytest.raises(ValueError, match="dead letter"):
        DeadLetter.from_json(changed(*path, value=value))


@pytest.mark.parametrize("path", COUNTS)
@pytest.mark.parametrize("value", [0, 1, MAX_COUNT])
def test_a_count_reads_from_nought_to_its_most(path, value):
    assert DeadLetter.from_json(changed(*path, value=value)).to_json()


@pytest.mark.parametrize("name", sorted(DOCUMENT))
def test_a_line_that_lacks_a_member_is_invalid(name):
    document = {key: value for key, value in DOCUMENT.items() if key != name}
    with pytest.raises(ValueError, match="not a dead letter: KeyError"):
        DeadLetter.from_json(json.dumps(document))


@pytest.mark.parametrize("line", ["[" * 100_000, '{"version":' * 100_000, '"x"', "null", '{"version":1,"source":[]}'])
def test_a_line_that_breaks_a_parser_is_invalid(line):
    with pytest.raises(ValueError, match=r"dead letter|Expecting"):
        DeadLetter.from_json(line)


def test_dead_letters_of_one_batch_share_a_message(queue):
    letters = [a_letter(b"%d" % n) for n in range(50)]
    assert queue.send(letters, soon()) == []
    (body,) = sent(queue)
    assert [DeadLetter.from_json(line) for line in body.splitlines()] == letters


def test_no_message_is_over_what_a_queue_takes(queue):
    letters = [a_letter(bytes(60_000)) for _ in range(5)]
    assert queue.send(letters, soon()) == []
    bodies = sent(queue)
    assert all(len(body) <= 262_144 for body in bodies)
    assert sum(len(body.splitlines()) for body in bodies) == 5


def test_bytes_too_large_for_a_message_are_left_in_s3_and_their_address_sent(queue):
    data = bytes(range(256)) * 4096
    assert queue.send([a_letter(b"small"), a_letter(data)], soon()) == []
    letters = [DeadLetter.from_json(line) for body in sent(queue) for line in body.splitlines()]
    (large,) = [letter for letter in letters if letter.data is None]
    assert large.data_ref is not None
    bucket, _, key = large.data_ref.removeprefix("s3://").partition("/")
    assert boto3.client("s3").get_object(Bucket=bucket, Key=key)["Body"].read() == data
    digest = hashlib.sha256(data).hexdigest()
    place = f"{SOURCE.shard_id}/{SOURCE.sequence_number}-{SOURCE.subsequence_number}"
    assert key == f"claims/{place}-{digest[:16]}"


def a_letter_of(line_bytes: int) -> DeadLetter:
    """A dead letter whose line has so many bytes."""
    shorter = a_letter(bytes((line_bytes - 1100) // 4 * 3))
    missing = line_bytes - len(shorter.to_json())
    return a_letter(shorter.data, "why" + "x" * missing)


def test_every_line_counts_with_its_newline_up_to_the_limit():
    first, second = a_letter_of(100_000), a_letter_of(MAX_MESSAGE_BYTES - 100_000 - 2)
    assert MAX_MESSAGE_BYTES == 250_000
    assert [len(message) for message in _messages([first, second])] == [2]
    larger = a_letter_of(MAX_MESSAGE_BYTES - 100_000 - 1)
    assert [len(message) for message in _messages([first, larger])] == [1, 1]


def test_texts_that_json_escapes_count_as_they_are_written():
    source = replace(SOURCE, partition_key="\N{RINGED PLANET}" * 256)
    letters = [replace(a_letter(b"x", "\N{RINGED PLANET}" * 1024), source=source) for _ in range(50)]
    for message in _messages(letters):
        assert len("\n".join(letter.to_json() for letter in message)) <= MAX_MESSAGE_BYTES


@pytest.mark.parametrize(("line_bytes", "is_claimed"), [(249_998, False), (249_999, False), (250_000, True)])
def test_a_line_that_fills_a_message_carries_its_bytes_and_a_longer_one_their_address(queue, line_bytes, is_claimed):
    letter = a_letter_of(line_bytes)
    assert len(letter.to_json()) == line_bytes
    assert queue.send([letter], soon()) == []
    (body,) = sent(queue)
    assert (DeadLetter.from_json(body).data_ref is not None) == is_claimed


@pytest.mark.parametrize(("characters", "kept"), [(1023, 1023), (1024, 1024), (1025, 1024)])
def test_an_error_text_is_cut_after_1024_characters(characters, kept):
    poison = Poison(SOURCE, b"poison", "PoisonEvent", "é" * characters)
    assert of_poison("table_writer", poison, "2026-11-23T02:35:00.000000Z").error.message == "é" * kept


class FailingQueue:
    """An SQS whose first calls fail."""

    def __init__(self, *errors):
        self.errors = list(errors)
        self.bodies = []

    def send_message(self, QueueUrl, MessageBody):
        if self.errors:
            raise self.errors.pop(0)
        self.bodies.append(MessageBody)
        return {"MessageId": str(len(self.bodies))}


def queue_on(sqs: object, clock: FakeClock) -> DeadLetterQueue:
    return DeadLetterQueue(cast("Any", sqs), cast("Any", None), "url", "dead", clock=clock)


@pytest.mark.parametrize(
    "failure",
    [
        aws_error("RequestThrottled"),
        aws_error("KmsThrottled"),
        aws_error("KMS.ThrottlingException"),
        aws_error("InternalError", 500),
        aws_error("ServiceUnavailable", 503),
    ],
)
def test_a_failure_that_may_pass_is_tried_again(failure):
    sqs, clock = FailingQueue(failure, failure), FakeClock()
    assert queue_on(sqs, clock).send([a_letter()], clock.monotonic() + 9) == []
    assert len(sqs.bodies) == 1


@pytest.mark.parametrize(
    "failure",
    [aws_error("AWS.SimpleQueueService.NonExistentQueue"), aws_error("AccessDenied", 403), aws_error("KmsDisabled")],
)
def test_what_can_not_be_sent_is_returned_and_the_rest_is_sent(failure):
    sqs, clock = FailingQueue(failure), FakeClock()
    letters = [a_letter(bytes(150_000)), a_letter(bytes(150_001))]
    unsent = queue_on(sqs, clock).send(letters, clock.monotonic() + 9)
    assert unsent == letters[:1]
    assert len(sqs.bodies) == 1


def test_an_answer_without_a_message_id_is_not_taken_for_sent():
    class Cutting(FailingQueue):
        def send_message(self, QueueUrl, MessageBody):
            super().send_message(QueueUrl, MessageBody)
            return {} if len(self.bodies) == 1 else {"MessageId": "m"}

    sqs, clock = Cutting(), FakeClock()
    assert queue_on(sqs, clock).send([a_letter()], clock.monotonic() + 9) == []
    assert len(sqs.bodies) == 2


def test_an_outage_ends_with_the_time_there_is():
    sqs, clock = FailingQueue(*[aws_error("ServiceUnavailable", 503)] * 100), FakeClock()
    assert queue_on(sqs, clock).send([a_letter()], clock.monotonic() + 5)
    assert 80 < len(sqs.errors) < 97


@pytest.mark.parametrize(("bound", "count"), [(None, 0), ("table", 2)])
def test_the_dead_letter_of_poison_was_tried_once_and_knows_its_replays(bound, count):
    mark = None if bound is None else ReplayMark(bound, count, "replay/1")
    poison = Poison(SOURCE, encode(an_event(replay=mark)), "ItemTooLarge", "why")
    letter = of_poison("table_writer", poison, "2026-11-23T02:35:00.000000Z")
    assert (letter.attempts, letter.replays, letter.data) == (1, count, poison.data)


def test_bytes_that_are_not_base64_make_a_line_invalid():
    with pytest.raises(ValueError, match=r"base64|Only base64"):
        DeadLetter.from_json(changed("data", value="YWJj*"))


def test_the_time_of_a_failure_is_in_utc_to_the_microsecond_in_any_time_zone(monkeypatch):
    monkeypatch.setenv("TZ", "Asia/Tokyo")
    time.tzset()
    try:
        assert utc_now(FakeClock(1_795_228_496.123456)) == "2026-11-21T02:34:56.123456Z"
    finally:
        monkeypatch.undo()
        time.tzset()
