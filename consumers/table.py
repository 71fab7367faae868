"""Writing rows to the DynamoDB table: several calls in flight, failed parts retried, invalid rows found by halving."""

import json
import random
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass, field
from typing import Any, Final

from botocore.exceptions import BotoCoreError, ClientError

from consumers.row import MAX_ITEM_BYTES, Row, row_of, text_row_of
from consumers.stream_batch import Poison, Received
from producers.clock import SYSTEM_CLOCK, Clock
from producers.explained import Explained
from producers.retry import AWS_ERRORS, Backoff, CutAnswer, error_code, is_transient, required

MAX_CALL_ROWS: Final = 25  # BatchWriteItem (AWS API reference, 2026); also 16 MB, of JSON that may be escaped to
MAX_CALL_BYTES: Final = 2 * 1024 * 1024  # several times a row's size

Key = tuple[str, str]


class TableUnavailable(Explained):
    """Nothing can be written now: the table is missing, access is denied, its key is disabled."""


@dataclass(frozen=True, slots=True)
class WriteOutcome:
    """What became of the events of one `write`; the three lists hold all of them.

    Args:
        written: in the table.
        unwritten: not known to be in the table when time ran out; may work later.
        poison: refused by the table, now and always.
        errors: why events are unwritten, an entry for each call that gave up.
    """

    written: list[Received]
    unwritten: list[Received]
    poison: list[Poison]
    errors: list[str] = field(default_factory=list)

    def add(self, other: "WriteOutcome") -> None:
        """Take in what became of other events."""
        self.written.extend(other.written)
        self.unwritten.extend(other.unwritten)
        self.poison.extend(other.poison)
        self.errors.extend(other.errors)


@dataclass(frozen=True, slots=True)
class _Write:
    """One row to write, and every delivery of its event in the batch."""

    row: Row
    deliveries: list[Received]

    @property
    def key(self) -> Key:
        """Of the row."""
        event = self.deliveries[-1].event
        return event.timestamp, event.request_id


class EventTable:
    """Writes events to one table.

    Args:
        batch_write_item: makes the call, given the body of its request, without retries of its own.
        table: the table's name.
        executor: runs the calls; its number of threads is how many are in flight at once.
        ttl_seconds: see `consumers.row.row_of`.
        clock, jitter: see `producers.retry.Backoff`.
    """

    def __init__(
        self,
        batch_write_item: Callable[[bytes], dict[str, Any]],
        table: str,
        executor: Executor,
        *,
        ttl_seconds: int | None = None,
        clock: Clock = SYSTEM_CLOCK,
        jitter: Callable[[], float] = random.random,
    ) -> None:
        self._batch_write_item = batch_write_item
        self._table = table
        self._executor = executor
        self._ttl_seconds = ttl_seconds
        self._clock = clock
        self._jitter = jitter

    def write(self, received: Sequence[Received], deadline: float) -> WriteOutcome:
        """Write events, what fails for now again until the deadline.

        Args:
            received: in the order of the stream; deliveries of one key become one row, the last one's.
            deadline: on `clock.monotonic`; the last call may end a read time-out later.

        Raises:
            TableUnavailable: nothing can be written; what was written before may have been.
        """
        outcome = WriteOutcome([], [], [])
        calls = _calls(self._rows(received, outcome))  # the rows of a call are made while the calls before it wait
        for part in self._executor.map(lambda writes: self._write_call(writes, deadline), calls):
            outcome.add(part)
        return outcome

    def _rows(self, received: Sequence[Received], outcome: WriteOutcome) -> Iterator[_Write]:
        """The rows to write, one a key: BatchWriteItem refuses a whole call for one key twice."""
        of_key: dict[Key, list[Received]] = {}
        for delivery in received:
            of_key.setdefault((delivery.event.timestamp, delivery.event.request_id), []).append(delivery)
        for deliveries in of_key.values():
            row = row_of(deliveries[-1].event, self._ttl_seconds)
            if row.size > MAX_ITEM_BYTES:
                message = f"the row would have {row.size:,} bytes; DynamoDB takes {MAX_ITEM_BYTES:,}"
                outcome.poison.extend(_poison(delivery, "ItemTooLarge", message) for delivery in deliveries)
            else:
                yield _Write(row, deliveries)

    def _write_call(self, writes: list[_Write], deadline: float) -> WriteOutcome:
        """Write what fits one call, its unprocessed part again until the deadline."""
        backoff = Backoff(deadline, self._clock, self._jitter)
        outcome = WriteOutcome([], [], [])
        pending = writes
        while pending:
            why = "DynamoDB left items unprocessed"
            try:
                unprocessed = self._batch_write(pending)
            except AWS_ERRORS as error:
                if error_code(error) == "ValidationException":
                    return self._isolate(pending, error, deadline, outcome)
                if not is_transient(error):
                    raise TableUnavailable(f"table {self._table}: {error_code(error)}: {error}") from error
                unprocessed, why = pending, f"{error_code(error)}: {error}"
            left = {id(write) for write in unprocessed}
            outcome.written.extend(d for write in pending if id(write) not in left for d in write.deliveries)
            pending = unprocessed
            if pending and not backoff.wait():
                outcome.unwritten.extend(d for write in pending for d in write.deliveries)
                outcome.errors.append(why)
                break
        return outcome

    def _isolate(
        self, writes: list[_Write], error: ClientError | BotoCoreError, deadline: float, outcome: WriteOutcome
    ) -> WriteOutcome:
        """Find the rows that make a call invalid by halving it; the others are written.

        A row refused with its payload as a native value is tried once more with the payload as text.
        """
        if len(writes) == 1 and writes[0].row.is_native:
            deliveries = writes[0].deliveries
            row = text_row_of(deliveries[-1].event, self._ttl_seconds)
            outcome.add(self._write_call([_Write(row, deliveries)], deadline))
            return outcome
        if len(writes) == 1:
            outcome.poison.extend(_poison(d, error_code(error), str(error)) for d in writes[0].deliveries)
            return outcome
        middle = len(writes) // 2
        for half in (writes[:middle], writes[middle:]):
            outcome.add(self._write_call(half, deadline))
        return outcome

    def _batch_write(self, writes: list[_Write]) -> list[_Write]:
        """Make one BatchWriteItem call, and return the writes that it left unprocessed.

        Raises:
            CutAnswer: the answer does not say which; a row may be written twice, so all are written again.
        """
        requests = ",".join(f'{{"PutRequest":{{"Item":{write.row.item}}}}}' for write in writes)
        answer = self._batch_write_item(f'{{"RequestItems":{{{json.dumps(self._table)}:[{requests}]}}}}'.encode())
        left = [request for requests in required(answer, "UnprocessedItems").values() for request in requests]
        if not left:
            return []
        keys = {_key(request["PutRequest"]["Item"]) for request in left}
        unprocessed = [write for write in writes if write.key in keys]
        if len(unprocessed) != len(left):
            raise CutAnswer(problem=f"it names {len(left)} unprocessed items, {len(unprocessed)} of them known")
        return unprocessed


def _key(item: dict[str, dict[str, str]]) -> Key:
    return item["timestamp"]["S"], item["request_id"]["S"]


def _calls(writes: Iterator[_Write]) -> Iterator[list[_Write]]:
    """Split rows into calls within BatchWriteItem's limits."""
    call: list[_Write] = []
    size = 0
    for write in writes:
        if call and (len(call) == MAX_CALL_ROWS or size + write.row.size > MAX_CALL_BYTES):
            yield call
            call, size = [], 0
        call.append(write)
        size += write.row.size
    if call:
        yield call


def _poison(delivery: Received, error_type: str, message: str) -> Poison:
    return Poison(delivery.source, delivery.data, error_type, message)
