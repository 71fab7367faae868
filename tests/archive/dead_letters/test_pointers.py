"""Pointers, resolved against a stream that expires, reshards and fails."""

import json

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError, ReadTimeoutError

from archive.dead_letters.archive import letters_of
from archive.dead_letters.pointers import Pointer, read_range
from consumers.dead_letter import DeadLetter
from infra.local.aws import kinesis as local_kinesis
from producers.retry import Backoff
from tests.archive.archiving import STREAM, a_message, a_pointer
from tests.clock import FakeClock
from tests.faults import failure, injected

HOUR = 3600.0


@pytest.fixture
def clock(aws):
    clock = FakeClock()
    with local_kinesis.installed("off", clock):
        boto3.client("kinesis").create_stream(StreamName=STREAM, ShardCount=1)
        yield clock


def client_without_retries():
    return boto3.client("kinesis", config=Config(retries={"total_max_attempts": 1}))


def put(*datas: bytes, key: str = "k") -> list[str]:
    client = boto3.client("kinesis")
    return [client.put_record(StreamName=STREAM, PartitionKey=key, Data=data)["SequenceNumber"] for data in datas]


def resolve(clock: FakeClock, pointer: str, client=None) -> list[DeadLetter]:
    backoff = Backoff(clock.monotonic() + 5, clock)
    return list(letters_of(a_message(pointer), lambda: client or boto3.client("kinesis"), backoff))


def test_a_partly_expired_range_archives_the_rest_and_reports_the_loss(clock):
    old = put(b"0", b"1")
    clock.advance(20 * HOUR)
    new = put(b"2", b"3")
    clock.advance(5 * HOUR)
    letters = resolve(clock, a_pointer(old[0], new[1], 4))
    assert [letter.data for letter in letters] == [b"2", b"3", None]
    assert letters[-1].error.type == "RecordsExpired"
    assert letters[-1].error.message.startswith(f"2 of 4 records between {old[0]} and {new[1]}")
    assert letters[-1].source.sequence_number == old[0]


def test_a_range_that_expired_whole_is_one_loss_with_its_place(clock):
    numbers = put(b"0", b"1")
    clock.advance(25 * HOUR)
    put(b"later")
    (lost,) = resolve(clock, a_pointer(numbers[0], numbers[1], 2))
    assert (lost.data, lost.error.type, lost.source.shard_id) == (None, "RecordsExpired", "shardId-000000000000")


def test_a_range_of_a_shard_that_was_split_since_is_read_from_the_closed_shard(clock):
    numbers = put(b"0", b"1", b"2")
    boto3.client("kinesis").update_shard_count(StreamName=STREAM, TargetShardCount=2, ScalingType="UNIFORM_SCALING")
    put(b"to a child")
    letters = resolve(clock, a_pointer(numbers[0], numbers[2], 3))
    assert [letter.data for letter in letters] == [b"0", b"1", b"2"]


def test_a_closed_shard_that_has_expired_altogether_is_a_loss(clock):
    numbers = put(b"0")
    boto3.client("kinesis").update_shard_count(StreamName=STREAM, TargetShardCount=2, ScalingType="UNIFORM_SCALING")
    clock.advance(49 * HOUR)
    put(b"to a child")
    (lost,) = resolve(clock, a_pointer(numbers[0], numbers[0], 1))
    assert (lost.data, lost.error.type) == (None, "RecordsExpired")


def test_the_batch_size_shows_that_a_filter_left_out_neighbours(clock):
    numbers = put(b"in", b"filtered out", b"in")
    letters = resolve(clock, a_pointer(numbers[0], numbers[2], 2))
    assert len(letters) == 3
    assert all("(2 of these 3 records were in the batch)" in letter.error.message for letter in letters)


@pytest.mark.parametrize(
    "fault",
    [
        lambda request: failure(request, "ProvisionedThroughputExceededException"),
        lambda request: failure(request, "KMSThrottlingException"),
        lambda request: failure(request, "InternalFailure", 500),
        lambda request: ReadTimeoutError(endpoint_url=request.url),
    ],
    ids=["throttled", "KMS throttled", "internal", "time-out"],
)
@pytest.mark.parametrize("operation", ["GetShardIterator", "GetRecords"])
def test_a_read_that_may_work_later_is_made_again(clock, operation, fault):
    numbers = put(b"0")
    client, faults = client_without_retries(), [fault] * 3
    with injected(client, operation, lambda request: faults.pop()(request) if faults else None):
        letters = resolve(clock, a_pointer(numbers[0], numbers[0], 1), client)
    assert [letter.data for letter in letters] == [b"0"]


@pytest.mark.parametrize(
    "code", ["AccessDeniedException", "KMSDisabledException", "KMSInvalidStateException", "KMSAccessDeniedException"]
)
def test_a_stream_that_can_not_be_read_leaves_the_pointer_in_the_queue(clock, code):
    numbers = put(b"0")
    client = boto3.client("kinesis")
    with injected(client, "GetRecords", lambda r: failure(r, code)), pytest.raises(ClientError, match=code):
        resolve(clock, a_pointer(numbers[0], numbers[0], 1), client)


def test_reading_a_range_gives_up_when_time_is_up(clock):
    numbers = put(b"0")
    client = client_without_retries()
    pointer = Pointer.from_message(json.loads(a_pointer(numbers[0], numbers[0], 1)))
    throttled = injected(client, "GetRecords", lambda r: failure(r, "ProvisionedThroughputExceededException"))
    with throttled, pytest.raises(ClientError, match="ProvisionedThroughputExceeded"):
        list(read_range(client, pointer, Backoff(clock.monotonic() + 5, clock)))
