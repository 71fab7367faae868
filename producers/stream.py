"""Putting records on the stream within every limit of PutRecords, and saying what became of each."""

import random
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from producers.aggregation import StreamRecord
from producers.clock import SYSTEM_CLOCK, Clock
from producers.retry import (
    AWS_ERRORS,
    THROTTLING_CODES,
    Backoff,
    CutAnswer,
    error_code,
    is_doubtful,
    is_throttling,
    is_transient,
    required,
)

if TYPE_CHECKING:
    from types_boto3_kinesis import KinesisClient

# PutRecords (AWS API reference, 2026): 500 records, and 10 MiB with their partition keys.
MAX_CALL_RECORDS: Final = 500
MAX_CALL_BYTES: Final = 10 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class PutOutcome:
    """What became of the records of one `put`; the three lists hold all of them.

    Args:
        written: acknowledged by the stream.
        unwritten: known not to be on the stream.
        doubtful: perhaps on the stream: a call that held them took effect or not, and no later call acknowledged them.
        error: why the last try failed, an AWS error code and message; empty where every record is written.
        retries: how many records were sent once more, each time counted.
        throttled: whether the stream refused any record because there were too many.
    """

    written: list[StreamRecord]
    unwritten: list[StreamRecord]
    doubtful: list[StreamRecord]
    error: str = ""
    retries: int = 0
    throttled: bool = False


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

    def put(
        self,
        records: Sequence[StreamRecord],
        deadline: float,
        *,
        resend_doubtful: bool = True,
        before_call: Callable[[], None] = lambda: None,
    ) -> PutOutcome:
        """Put records, the failed ones of each call again until the deadline.

        Args:
            records: each within the stream's limit for one record.
            deadline: on `clock.monotonic`; the last call may end a read time-out later.
            resend_doubtful: whether a record that may be on the stream is sent again, so that it may be there twice.
            before_call: called before each PutRecords call; what it raises ends the put.
        """
        backoff = Backoff(deadline, self._clock, self._jitter)
        state = _Put(list(records))
        while True:
            self._try_each(state, before_call)
            is_over = not state.pending or state.is_hopeless or (bool(state.doubtful) and not resend_doubtful)
            if is_over or not backoff.wait():
                return state.outcome()
            state.retries += len(state.pending)

    def _try_each(self, state: "_Put", before_call: Callable[[], None]) -> None:
        """Try every pending record once; one of a key that failed is not tried ahead of its predecessor."""
        failed: list[StreamRecord] = []
        failed_keys: set[str] = set()
        for call in _calls(state.pending):
            if state.is_hopeless:
                failed += call
                continue
            if failed_keys:
                failed += [record for record in call if record.partition_key in failed_keys]
                call = [record for record in call if record.partition_key not in failed_keys]  # noqa: PLW2901
            if call:
                before_call()
                unacknowledged = self._call(call, state)
                failed += unacknowledged
                failed_keys.update(record.partition_key for record in unacknowledged)
        state.pending = failed

    def _call(self, records: list[StreamRecord], state: "_Put") -> list[StreamRecord]:
        """Make one PutRecords call, enter what became of its records, and return those that it does not acknowledge."""
        try:
            results = _results(
                self._kinesis.put_records(
                    StreamName=self._stream,
                    Records=[{"Data": record.data, "PartitionKey": record.partition_key} for record in records],
                ),
                len(records),
            )
        except AWS_ERRORS as error:
            state.error = f"{error_code(error)}: {error}"
            state.is_hopeless = not is_transient(error)
            state.throttled |= is_throttling(error)
            if is_doubtful(error):
                state.doubtful.update(map(id, records))
            return records
        failed = []
        for record, result in zip(records, results, strict=True):
            if "ErrorCode" in result:
                failed.append(record)
                state.error = f"{result['ErrorCode']}: {result.get('ErrorMessage', '')}"
                state.throttled |= result["ErrorCode"] in THROTTLING_CODES
            else:
                state.written.append(record)
        return failed


@dataclass(slots=True)
class _Put:
    """How far a put has come.

    Args:
        pending: not acknowledged, in the order of the stream.
        doubtful: ids of records that a call with an unknown effect held.
        is_hopeless: whether a further try is of no use.
        written, error, retries, throttled: see `PutOutcome`.
    """

    pending: list[StreamRecord]
    written: list[StreamRecord] = field(default_factory=list)
    doubtful: set[int] = field(default_factory=set)
    error: str = ""
    retries: int = 0
    throttled: bool = False
    is_hopeless: bool = False

    def outcome(self) -> PutOutcome:
        """What became of the records, should there be no further try."""
        return PutOutcome(
            self.written,
            [record for record in self.pending if id(record) not in self.doubtful],
            [record for record in self.pending if id(record) in self.doubtful],
            self.error if self.pending else "",
            self.retries,
            self.throttled,
        )


def _results(answer: Any, count: int) -> list[dict[str, Any]]:
    """The result of each record in an answer of PutRecords.

    Raises:
        CutAnswer: the answer does not say of every record what became of it.
    """
    results: list[dict[str, Any]] = required(answer, "Records")
    failures = sum("ErrorCode" in result for result in results)
    if len(results) != count or required(answer, "FailedRecordCount") != failures:
        raise CutAnswer(problem=f"it has {len(results)} results, {failures} of them failures, for {count} records")
    if not all("ErrorCode" in result or "SequenceNumber" in result for result in results):
        raise CutAnswer(problem="a result has neither a sequence number nor an error")
    return results


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
