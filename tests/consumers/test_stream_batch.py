"""A batch of stream records, taken apart."""

import pytest

from consumers.stream_batch import arrival_time, decode_batch, stream_name_of
from producers.event import encode
from tests.events import an_event, kinesis_record

STREAM = "arn:aws:kinesis:eu-west-2:123456789012:stream/spillway-prod-events"
CONSUMER = f"{STREAM}/consumer/table-writer:1700000000"


@pytest.mark.parametrize(
    ("arn", "name"),
    [
        (STREAM, "spillway-prod-events"),
        (CONSUMER, "spillway-prod-events"),
        ("arn:aws-cn:kinesis:cn-north-1:1:stream/a", "a"),
        ("arn:aws:sqs:eu-west-2:1:a/b", "arn:aws:sqs:eu-west-2:1:a/b"),
    ],
)
def test_the_name_of_a_stream_stands_in_its_arn_and_in_those_of_its_consumers(arn, name):
    assert stream_name_of(arn) == name


def test_records_of_an_enhanced_fan_out_consumer_are_of_its_stream():
    record = {**kinesis_record(encode(an_event()), 1), "eventSourceARN": CONSUMER}
    (received,) = decode_batch([record]).received
    assert received.source.stream == "spillway-prod-events"


def test_a_sequence_number_is_kept_as_its_text():
    record = {**kinesis_record(encode(an_event()), 1), "eventID": "shardId-000000000007:00042"}
    (received,) = decode_batch([record]).received
    assert (received.source.shard_id, received.source.sequence_number) == ("shardId-000000000007", "00042")


def test_an_arrival_time_is_in_milliseconds():
    assert arrival_time(1_795_401_296.9876) == "2026-11-23T02:34:56.987Z"
    assert arrival_time(0) == "1970-01-01T00:00:00.000Z"
