"""The handler from the dead-letter queue to S3."""

import json

import boto3
import pytest

from producers.aggregation import MAGIC, pack
from tests.archive.archiving import STREAM, a_pointer, archive, archived, archiver, put
from tests.consumers.letters import a_letter

__all__ = ["archiver"]  # fixtures

KEY = "dead-letters/dt=2026-11-23/hour=02/message-0.json"


def test_dead_letters_are_archived_an_object_for_a_message(archiver):
    letters = [a_letter(b"1"), a_letter(b"2")]
    answer = archive(archiver, "\n".join(letter.to_json() for letter in letters), a_letter(b"3").to_json())
    assert answer == {"batchItemFailures": []}
    assert archived() == {KEY: letters, KEY.replace("-0.json", "-1.json"): [a_letter(b"3")]}


def test_a_message_delivered_twice_is_one_object(archiver):
    archive(archiver, a_letter().to_json())
    archive(archiver, a_letter().to_json())
    assert list(archived()) == [KEY]


def test_a_pointer_is_resolved_to_every_record_of_its_range_and_no_other(archiver):
    numbers = put(b"0", b"1", b"2", b"3", b"4")
    archive(archiver, a_pointer(numbers[1], numbers[3], 3))
    (letters,) = archived().values()
    assert [letter.data for letter in letters] == [b"1", b"2", b"3"]
    assert [letter.source.sequence_number for letter in letters] == numbers[1:4]
    assert {letter.error.type for letter in letters} == {"RetryAttemptsExhausted"}
    assert {letter.attempts for letter in letters} == {21}


def test_an_aggregate_in_a_pointers_range_is_taken_apart(archiver):
    (packed,) = pack([("k", b"first"), ("k", b"second")], 1000, by_key=False)
    damaged = MAGIC + b"damaged"
    numbers = put(packed.data, damaged)
    archive(archiver, a_pointer(numbers[0], numbers[1], 2))
    (letters,) = archived().values()
    assert [(letter.data, letter.source.subsequence_number) for letter in letters] == [
        (b"first", 0),
        (b"second", 1),
        (damaged, 0),
    ]


def test_a_pointer_without_response_is_resolved_too(archiver):
    numbers = put(b"0")
    pointer = json.loads(a_pointer(numbers[0], numbers[0], 1))
    del pointer["responseContext"]
    pointer["requestContext"]["condition"] = "RecordAgeExceeded"
    archive(archiver, json.dumps(pointer))
    (letters,) = archived().values()
    assert [letter.error.type for letter in letters] == ["RecordAgeExceeded"]


def test_what_has_left_the_stream_is_archived_as_lost_with_its_place(archiver):
    numbers = put(b"0", b"1")
    archive(archiver, a_pointer(numbers[0], numbers[1], 5))
    (letters,) = archived().values()
    assert [letter.data for letter in letters] == [b"0", b"1", None]
    assert letters[-1].error.type == "RecordsExpired"
    assert letters[-1].error.message.startswith(f"3 of 5 records between {numbers[0]} and {numbers[1]}")


def test_a_shard_that_is_gone_is_archived_as_lost(archiver):
    archive(archiver, a_pointer("1", "3", 3, shard_id="shardId-000000000099"))
    (letters,) = archived().values()
    assert [(letter.data, letter.error.type) for letter in letters] == [(None, "RecordsExpired")]


@pytest.mark.parametrize("body", ["", "hello", "{}", '{"KinesisBatchInfo":{}}', "[1]", a_letter().to_json() + "\nx"])
def test_a_message_of_others_is_kept_whole(archiver, body):
    assert archive(archiver, body) == {"batchItemFailures": []}
    (letters,) = archived().values()
    assert [(letter.stage, letter.data) for letter in letters] == [("unknown", body.encode())]


def test_a_pointer_delivered_again_after_its_records_left_the_stream_takes_nothing_away(archiver):
    numbers = put(b"0", b"1", b"2")
    pointer = a_pointer(numbers[0], numbers[2], 3)
    archive(archiver, pointer)
    before = archived()
    assert [letter.data for letter in before[KEY]] == [b"0", b"1", b"2"]
    boto3.client("kinesis").delete_stream(StreamName=STREAM)
    boto3.client("kinesis").create_stream(StreamName=STREAM, ShardCount=1)
    assert archive(archiver, pointer) == {"batchItemFailures": []}
    assert archived() == before


def test_what_a_redelivery_finds_in_addition_is_added_behind(archiver):
    numbers = put(b"0", b"1")
    pointer = a_pointer(numbers[0], numbers[1], 2)
    archive(archiver, pointer)
    (first, second) = archived()[KEY]
    body = f"{second.to_json()}\nnot a line of ours\n".encode()
    boto3.client("s3").put_object(Bucket="dead", Key=KEY, Body=body)
    archive(archiver, pointer)
    found = boto3.client("s3").get_object(Bucket="dead", Key=KEY)["Body"].read()
    assert found == body + f"{first.to_json()}\n".encode()


def test_what_was_lost_first_and_found_then_is_kept(archiver):
    numbers = put(b"0", b"1")
    archive(archiver, a_pointer(numbers[0], numbers[1], 2, shard_id="shardId-000000000099"))
    assert [letter.data for letter in archived()[KEY]] == [None]
    archive(archiver, a_pointer(numbers[0], numbers[1], 2))
    assert [letter.data for letter in archived()[KEY]] == [None, b"0", b"1"]


def test_a_pointer_of_an_enhanced_fan_out_consumer_names_its_stream(archiver):
    numbers = put(b"0")
    pointer = json.loads(a_pointer(numbers[0], numbers[0], 1))
    pointer["KinesisBatchInfo"]["streamArn"] += "/consumer/table-writer:1700000000"
    archive(archiver, json.dumps(pointer))
    (letters,) = archived().values()
    assert [(letter.data, letter.source.stream) for letter in letters] == [(b"0", STREAM)]


INVALID_POINTERS = {
    "a number for a shard": {"shardId": 7},
    "a text for a size": {"batchSize": "3"},
    "a negative size": {"batchSize": -1},
    "a list for a number": {"startSequenceNumber": ["1"]},
    "a sequence number of letters": {"endSequenceNumber": "x"},
    "a sequence number of 130 digits": {"endSequenceNumber": "1" * 130},
    "no stream": {"streamArn": None},
}


@pytest.mark.parametrize("change", INVALID_POINTERS.values(), ids=INVALID_POINTERS)
def test_a_pointer_with_invalid_members_is_kept_whole(archiver, change):
    pointer = json.loads(a_pointer("1", "3", 3))
    pointer["KinesisBatchInfo"] |= change
    body = json.dumps(pointer)
    assert archive(archiver, body) == {"batchItemFailures": []}
    assert [(letter.stage, letter.data) for letter in archived()[KEY]] == [("unknown", body.encode())]


def test_a_bad_message_does_not_keep_its_nine_neighbours_from_the_archive(archiver):
    bodies = [a_letter(b"%d" % number).to_json() for number in range(9)]
    assert archive(archiver, *bodies[:4], "[" * 100_000, *bodies[4:]) == {"batchItemFailures": []}
    letters = [letter for found in archived().values() for letter in found]
    assert sorted(letter.data or b"" for letter in letters)[:9] == [b"%d" % number for number in range(9)]
    assert [letter.stage for letter in letters].count("unknown") == 1


def test_what_nobody_foresaw_fails_its_message_alone(archiver, monkeypatch):
    put = archiver.Archive.put

    def put_or_fail(self, message, *arguments):
        if message["messageId"] == "message-1":
            raise ZeroDivisionError
        return put(self, message, *arguments)

    monkeypatch.setattr(archiver.Archive, "put", put_or_fail)
    answer = archive(archiver, *[a_letter(b"%d" % number).to_json() for number in range(3)])
    assert answer == {"batchItemFailures": [{"itemIdentifier": "message-1"}]}
    assert len(archived()) == 2


def test_what_can_not_be_archived_stays_in_the_queue_and_the_others_do_not(archiver):
    boto3.client("kinesis").delete_stream(StreamName=STREAM)
    boto3.client("s3").delete_bucket(Bucket="dead")
    assert archive(archiver, a_letter().to_json(), a_letter().to_json()) == {
        "batchItemFailures": [{"itemIdentifier": "message-0"}, {"itemIdentifier": "message-1"}]
    }
