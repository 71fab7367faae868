"""Reading again what a pointer of the event source mapping names: a range of one shard."""

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, Final

from botocore.exceptions import ClientError

from consumers.dead_letter import checked_count, checked_moment, checked_text
from consumers.stream_batch import stream_name_of
from producers.retry import Backoff, error_code, required

if TYPE_CHECKING:
    from collections.abc import Iterator

    from types_boto3_kinesis import KinesisClient
    from types_boto3_kinesis.type_defs import GetRecordsOutputTypeDef, RecordTypeDef


MAX_SEQUENCE_NUMBER_DIGITS: Final = 129  # Kinesis API reference: the pattern is 0|([1-9]\d{0,128})

# The shard closed longer ago than the retention, or somebody made the stream again: every record of the range is gone.
_GONE: Final = frozenset({"ResourceNotFoundException", "InvalidArgumentException"})


@dataclass(frozen=True, slots=True)
class Pointer:
    """What the event source mapping sends when it gives up on a batch: the batch's place, without its records.

    Args:
        stream: the stream's name.
        shard_id: the shard.
        start: sequence number of the first record given up.
        end: of the last one.
        batch_size: how many records of the range were in the batch.
        condition: why: `RetryAttemptsExhausted` or `RecordAgeExceeded`.
        attempts: how often the batch was tried.
        error: the function's error as Lambda names it, or the condition where Lambda names none.
        given_up_at: when: UTC, ISO 8601, `Z`.
    """

    stream: str
    shard_id: str
    start: str
    end: str
    batch_size: int
    condition: str
    attempts: int
    error: str
    given_up_at: str

    @classmethod
    def from_message(cls, message: dict[str, Any], stream: str | None = None) -> "Pointer":
        """Read the on-failure message.

        Args:
            message: its body.
            stream: the only one that it may name; None for any.

        Raises:
            KeyError, TypeError, ValueError: it is not one: a member is missing, or is not what it must be.
        """
        batch, request = message["KinesisBatchInfo"], message["requestContext"]
        condition = checked_text(request["condition"])
        own_stream = stream_name_of(checked_text(batch["streamArn"]))
        if stream not in (None, own_stream):
            raise ValueError(f"it names the stream {own_stream}, not {stream}")
        response = message.get("responseContext") or {}
        return cls(
            stream=own_stream,
            shard_id=checked_text(batch["shardId"]),
            start=_sequence_number(batch["startSequenceNumber"]),
            end=_sequence_number(batch["endSequenceNumber"]),
            batch_size=checked_count(batch["batchSize"]),
            condition=condition,
            attempts=checked_count(request["approximateInvokeCount"]),
            error=checked_text(response.get("functionError") or condition),
            given_up_at=checked_moment(message["timestamp"]),
        )


def _sequence_number(value: Any) -> str:
    number = checked_text(value)
    if not (number.isascii() and number.isdecimal() and len(number) <= MAX_SEQUENCE_NUMBER_DIGITS):
        raise ValueError(f"{number!r:.40} is not a sequence number")
    return number


def read_range(kinesis: "KinesisClient", pointer: Pointer, backoff: Backoff) -> "Iterator[RecordTypeDef]":
    """Yield the records of a pointer's range that the stream still holds, in order; nothing where the shard is gone.

    Raises:
        ClientError, BotoCoreError: the stream cannot be read now, or not within the back-off's deadline.
    """
    end = int(pointer.end)
    for record in _records(kinesis, pointer, backoff):
        if int(record["SequenceNumber"]) > end:
            return
        yield record
        if int(record["SequenceNumber"]) == end:
            return


def _records(kinesis: "KinesisClient", pointer: Pointer, backoff: Backoff) -> "Iterator[RecordTypeDef]":
    """Yield a shard's records from a pointer's start to the shard's present end."""
    try:
        iterator: str | None = backoff.call(
            lambda: kinesis.get_shard_iterator(
                StreamName=pointer.stream,
                ShardId=pointer.shard_id,
                ShardIteratorType="AT_SEQUENCE_NUMBER",
                StartingSequenceNumber=pointer.start,
            )["ShardIterator"]
        )
    except ClientError as error:
        if error_code(error) in _GONE:
            return
        raise
    while iterator:
        answer = backoff.call(partial(_get_records, kinesis, iterator))
        yield from answer["Records"]
        iterator = answer.get("NextShardIterator")
        if not answer["Records"] and answer.get("MillisBehindLatest", 0) == 0:
            return


def _get_records(kinesis: "KinesisClient", iterator: str) -> "GetRecordsOutputTypeDef":
    answer = kinesis.get_records(ShardIterator=iterator)
    required(answer, "Records")
    return answer
