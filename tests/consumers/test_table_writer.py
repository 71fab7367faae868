"""The handler from the stream to the table."""

import boto3
import pytest

from consumers import table_writer
from producers.aggregation import pack
from producers.event import encode
from tests.aws_errors import aws_error
from tests.consumers.fake_dynamodb import FakeDynamoDB
from tests.consumers.written import dead_letters, records, rows, writer
from tests.events import Context, an_event

__all__ = ["writer"]  # fixtures


def good(count: int) -> list[bytes]:
    return [encode(an_event(f"{n}", n)) for n in range(count)]


def test_every_event_of_a_batch_becomes_a_row(writer):
    assert writer.handler(records(*good(60)), Context()) == {"batchItemFailures": []}
    assert rows() == 60


def test_every_event_of_an_aggregate_becomes_a_row(writer):
    packed = pack([("key", data) for data in good(60)], 100_000, by_key=False)
    assert len(packed) == 1
    assert writer.handler(records(packed[0].data), Context()) == {"batchItemFailures": []}
    assert rows() == 60


def test_a_batch_delivered_twice_changes_nothing(writer):
    writer.handler(records(*good(5)), Context())
    writer.handler(records(*good(5)), Context())
    assert rows() == 5


def test_a_poison_event_leaves_the_rest_of_its_batch_written(writer):
    assert writer.handler(records(*good(3), b"poison", b"\xf3\x89\x9a\xc2x"), Context()) == {"batchItemFailures": []}
    assert rows() == 3
    first, second = dead_letters(writer)
    assert (first.data, first.error.type, first.source.sequence_number) == (b"poison", "PoisonEvent", "1003")
    assert (second.data, second.error.type) == (b"\xf3\x89\x9a\xc2x", "MalformedAggregate")
    assert first.stage == "table_writer"
    assert first.source.arrived_at == "2026-11-23T02:34:56.987Z"


def test_poison_within_an_aggregate_is_named_by_its_place_in_it(writer):
    (packed,) = pack([("key", data) for data in [*good(2), b"poison"]], 100_000, by_key=False)
    writer.handler(records(packed.data), Context())
    (letter,) = dead_letters(writer)
    assert (letter.data, letter.source.subsequence_number) == (b"poison", 2)


def test_what_is_not_written_is_reported_from_the_lowest_on(writer, monkeypatch):
    monkeypatch.setattr(writer._table(), "_batch_write_item", FakeDynamoDB((2,) * 1000).batch_write_item)
    answer = writer.handler(records(*good(5)), Context(seconds=table_writer.WRITE_RESERVE_SECONDS + 0.2))
    assert answer == {"batchItemFailures": [{"itemIdentifier": "1003"}]}


def test_poison_behind_the_checkpoint_is_left_for_the_next_delivery(writer, monkeypatch):
    monkeypatch.setattr(writer._table(), "_batch_write_item", FakeDynamoDB((2,) * 1000).batch_write_item)
    batch = records(b"before", *good(5), b"after")
    writer.handler(batch, Context(seconds=table_writer.WRITE_RESERVE_SECONDS + 0.2))
    assert [letter.data for letter in dead_letters(writer)] == [b"before"]


def test_poison_in_the_very_record_from_which_lambda_delivers_again_is_left_for_then(writer, monkeypatch):
    monkeypatch.setattr(writer._table(), "_batch_write_item", FakeDynamoDB((1,) * 1000).batch_write_item)
    (packed,) = pack([("key", data) for data in [*good(1), b"poison"]], 100_000, by_key=False)
    answer = writer.handler(records(b"before", packed.data), Context(seconds=table_writer.WRITE_RESERVE_SECONDS + 0.2))
    assert answer == {"batchItemFailures": [{"itemIdentifier": "1001"}]}
    assert [letter.data for letter in dead_letters(writer)] == [b"before"]


def test_the_checkpoint_is_the_lowest_number_and_its_own_text(writer, monkeypatch):
    batch = records(*good(3))
    for record, number in zip(batch["Records"], ("00000100", "99", "0000101"), strict=True):
        record["eventID"] = f"shardId-000000000003:{number}"
    batch["Records"].append({**batch["Records"][0], "kinesis": {**batch["Records"][0]["kinesis"], "data": "cG9pc29u"}})
    monkeypatch.setattr(writer._table(), "_batch_write_item", FakeDynamoDB((3,) * 1000).batch_write_item)
    context = Context(seconds=table_writer.WRITE_RESERVE_SECONDS + 0.2)
    assert writer.handler(batch, context) == {"batchItemFailures": [{"itemIdentifier": "99"}]}
    batch["Records"].pop(1)
    assert writer.handler(batch, context) == {"batchItemFailures": [{"itemIdentifier": "00000100"}]}


def test_poison_that_can_not_be_sent_is_reported_as_failed(writer):
    boto3.client("sqs").delete_queue(QueueUrl=writer._dead_letters()._queue_url)
    answer = writer.handler(records(*good(2), b"poison", *good(1)), Context())
    assert answer == {"batchItemFailures": [{"itemIdentifier": "1002"}]}


def test_an_unavailable_table_fails_the_invocation(writer, monkeypatch):
    monkeypatch.setattr(
        writer._table(),
        "_batch_write_item",
        FakeDynamoDB((aws_error("ResourceNotFoundException"),)).batch_write_item,
    )
    with pytest.raises(Exception, match="table events: ResourceNotFoundException"):
        writer.handler(records(*good(2)), Context())


def test_a_flood_of_poison_fails_the_invocation_and_sends_nothing(writer):
    with pytest.raises(Exception, match=r"11 of 20 events are poison.*runbooks"):
        writer.handler(records(*good(9), *[b"poison"] * 11), Context())
    assert dead_letters(writer) == []


@pytest.mark.parametrize(("events", "poison"), [(10, 10), (8, 11)])
def test_half_poison_or_a_small_batch_of_it_is_no_flood(writer, events, poison):
    assert writer.handler(records(*good(events), *[b"poison"] * poison), Context()) == {"batchItemFailures": []}
    assert len(dead_letters(writer)) == poison
