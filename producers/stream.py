"""Putting records on the stream, within every limit of PutRecords and whatever part of a call fails."""

import random
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from producers.aggregation import StreamRecord
from producers.clock import SYSTEM_CLOCK, Clock
from producers.retry import AWS_ERRORS, Backoff, error_code, is_transient, may_have_taken_effect

if TYPE_CHECKING:
    from types_boto3_kinesis import KinesisClient

# PutRecords (AWS API reference, 2026): 500 records, and 10 MiB with their partition keys.
MAX_CALL_RECORDS: Final = 500
MAX_CALL_BYTES: Final = 10 * 1024 * 1024

INCOMPLETE_ANSWER: Final = "IncompleteAnswer: PutRecords answered 200 without saying what became of each record"


@dataclass(frozen=True, slots=True)
class PutOutcome:
    """What became of the records of one `put`; `written` and `unwritten` hold all of them.

    Args:
        written: acknowledged by the stream.
        unwritten: not acknowledged.
        error: why the last try failed, an AWS error code and message; empty where nothing is unwritten.
        retries: how many records were sent once more, each time counted.
        doubtful: the unwritten records that may be on the stream: a call that carried them failed with 5xx or got
            no complete answer. The stream refused every other unwritten record.
    """

    written: list[StreamRecord]
    unwritten: list[StreamRecord]
    error: str = ""
    retries: int = 0
    doubtful: list[StreamRecord] = field(default_factory=list)


class StreamWriter:
    """Puts records on one stream.

    A call never holds two records of one partition key, and the next one of a key waits for the one before: a
    partial failure then cannot change the order within a key.

    Args:
        kinesis: the client; it should not retry by itself.
        stream: the stream's name.
        clock, jitter: see `producers.retry.Backoff`.
    """

    def __init__(
        self,
        kinesis: "KinesisClient",
        stream: str,
        clock: Clock = SYSTEM_CLOCK,
        jitter: Callable[[], float] = random.random,
    ) -> None:
        self._kinesis = kinesis
        self._stream = stream
        self._clock = clock
        self._jitter = jitter

    def put(self, records: Sequence[StreamRecord], deadline: float) -> PutOutcome:
        """Put records, the failed ones of each call again until the deadline.

        Args:
            records: each within the stream's limit for one record.
            deadline: on `clock.monotonic`; the last call may end a read time-out later.
        """
        backoff = Backoff(deadline, self._clock, self._jitter)
        written: list[StreamRecord] = []
        pending = list(records)
        doubtful: set[int] = set()  # identities of records
        retries = 0
        while True:
            attempt = self._put_once(pending)
            written += attempt.written
            pending = attempt.failed
            doubtful.update(attempt.doubtful)
            if not pending:
                return PutOutcome(written, [], "", retries)
            if attempt.hopeless or not backoff.wait():
                in_doubt = [record for record in pending if id(record) in doubtful]
                return PutOutcome(written, pending, attempt.error, retries, in_doubt)
            retries += len(pending)

    def _put_once(self, records: list[StreamRecord]) -> "_Attempt":
        """Try every record once; one of a key that failed in this attempt is not tried ahead of its predecessor."""
        attempt = _Attempt()
        failed_keys: set[str] = set()
        for call in _calls(records):
            if failed_keys:
                attempt.failed += [record for record in call if record.partition_key in failed_keys]
                call = [record for record in call if record.partition_key not in failed_keys]  # noqa: PLW2901
            if call:
                self._call(call, attempt)
                failed_keys.update(record.partition_key for record in attempt.failed)
        return attempt

    def _call(self, records: list[StreamRecord], attempt: "_Attempt") -> None:
        """Make one PutRecords call and enter what became of its records."""
        try:
            answers = (
                self._kinesis.put_records(
                    StreamName=self._stream,
                    Records=[{"Data": record.data, "PartitionKey": record.partition_key} for record in records],
                ).get("Records")
                or []
            )  # a body cut short has no such member
        except AWS_ERRORS as error:
            attempt.failed += records
            attempt.error = f"{error_code(error)}: {error}"
            attempt.hopeless = not is_transient(error)
            if may_have_taken_effect(error):
                attempt.doubtful.update(map(id, records))
            return
        if len(answers) != len(records):
            answers = [{}] * len(records)
        for record, answer in zip(records, answers, strict=True):
            if "ErrorCode" in answer:
                attempt.failed.append(record)
                attempt.error = f"{answer['ErrorCode']}: {answer.get('ErrorMessage', '')}"
            elif "SequenceNumber" in answer:
                attempt.written.append(record)
            else:
                attempt.failed.append(record)
                attempt.doubtful.add(id(record))
                attempt.error = INCOMPLETE_ANSWER


@dataclass(slots=True)
class _Attempt:
    """What became of the records of one round of calls; `hopeless` where trying again is of no use.

    `doubtful` holds the identities of failed records that may be on the stream.
    """

    written: list[StreamRecord] = field(default_factory=list)
    failed: list[StreamRecord] = field(default_factory=list)
    doubtful: set[int] = field(default_factory=set)
    error: str = ""
    hopeless: bool = False


def _calls(records: Sequence[StreamRecord]) -> Iterator[list[StreamRecord]]:
    """Split records, in order, into calls within the limits, no two records of one partition key in a call."""
    call: list[StreamRecord] = []
    keys: set[str] = set()
    size = 0
    for record in records:
        if len(call) == MAX_CALL_RECORDS or size + record.size > MAX_CALL_BYTES or record.partition_key in keys:
            yield call
            call, keys, size = [], set(), 0
        call.append(record)
        keys.add(record.partition_key)
        size += record.size
    if call:
        yield call
