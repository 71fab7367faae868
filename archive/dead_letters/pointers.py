"""Reading again what a pointer of the event source mapping names: a range of one shard."""

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from producers.retry import Backoff, error_code, required

if TYPE_CHECKING:
    from collections.abc import Iterator

    from types_boto3_kinesis import KinesisClient
    from types_boto3_kinesis.type_defs import GetRecordsOutputTypeDef, RecordTypeDef


@dataclass(frozen=True, slots=True)
class Pointer:
    """What the event source mapping sends when it gives a batch up: where it was, not what was in it.

    Args:
        stream: the stream's name.
        shard_id: the shard.
        start: sequence number of the first record given up.
        end: of the last one.
        batch_size: how many records of the range were in the batch.
        condition: why: `RetryAttemptsExhausted` or `RecordAgeExceeded`.
        attempts: how often the batch was tried.
        error: the function's error as Lambda names it, or the condition where there is none.
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
    def from_message(cls, message: dict[str, Any]) -> "Pointer":
        """Read the on-failure message.

        Raises:
            KeyError: it is none.
        """
        batch, request = message["KinesisBatchInfo"], message["requestContext"]
        return cls(
            stream=batch["streamArn"].rpartition("/")[2],
            shard_id=batch["shardId"],
            start=batch["startSequenceNumber"],
            end=batch["endSequenceNumber"],
            batch_size=batch["batchSize"],
            condition=request["condition"],
            attempts=request["approximateInvokeCount"],
            error=(message.get("responseContext") or {}).get("functionError") or request["condition"],
            given_up_at=message["timestamp"],
        )


def read_range(kinesis: "KinesisClient", pointer: Pointer, backoff: Backoff) -> "Iterator[RecordTypeDef]":
    """Yield the records of a pointer's range that the stream still holds, in order; none where the shard is gone.

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
        if error_code(error) == "ResourceNotFoundException":
            return  # the shard was closed longer ago than the retention: everything in it is gone
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
