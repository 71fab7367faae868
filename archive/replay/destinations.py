"""Where records are put back: on the stream, with a mark; directly into the table; on the stream as raw bytes."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Protocol

from archive.dead_letters.failures import FailedRecord
from archive.replay.destination_kinds import RAW, STREAM, TABLE
from consumers.stream_batch import Received, Source
from consumers.table import EventTable, TableUnavailable
from producers.aggregation import StreamRecord, pack
from producers.clock import SYSTEM_CLOCK, Clock
from producers.event import Event, encode
from producers.ingestion import MAX_KEY_CHARACTERS, partition_key_of
from producers.replay_mark import MAX_REPLAYS, Bound, ReplayMark
from producers.stream import StreamWriter

if TYPE_CHECKING:
    from types_boto3_kinesis import KinesisClient


@dataclass(frozen=True, slots=True)
class Planned:
    """A record that a replay will put back.

    Args:
        failed: as the archive has it, its data at hand.
        event: what is put; None for bytes as they are.
        bound: the only place where it goes; None for both table and lake.
    """

    failed: FailedRecord
    event: Event | None
    bound: Bound | None

    @property
    def size(self) -> int:
        """Bytes it takes on the stream, about."""
        text = 0 if self.event is None else len(self.event.payload.text) + 400
        return text or len(self.failed.data or b"")


@dataclass(slots=True)
class PutResult:
    """What became of records; the four together are all of them, by their positions.

    Args:
        written: known to be put.
        unwritten: known not to be, for now.
        doubtful: perhaps.
        refused: never will be, and why.
        size: bytes put on the stream.
        records: stream records put.
        throttled: whether the destination refused any of it because there was too much.
        error: why something is unwritten.
    """

    written: list[int] = field(default_factory=list)
    unwritten: list[int] = field(default_factory=list)
    doubtful: list[int] = field(default_factory=list)
    refused: dict[int, str] = field(default_factory=dict)
    size: int = 0
    records: int = 0
    throttled: bool = False
    error: str = ""


class Destination(Protocol):
    """Where records are put back."""

    kind: str

    def put(
        self,
        planned: Sequence[Planned],
        replay_id: str,
        first: int,
        deadline: float,
        before_call: Callable[[], None] = lambda: None,
    ) -> PutResult:
        """Put records, throttled ones again until the deadline.

        Args:
            planned: the records.
            replay_id: of the replay.
            first: number of the first of them in the replay.
            deadline: on the clock's `monotonic`.
            before_call: called right before each call that must not be made twice; what it raises ends the put.
        """


class StreamDestination:
    """The stream: events with the mark of where they are bound, or bytes as they are.

    Args:
        kinesis: the client; it should not retry by itself.
        stream: the stream's name.
        aggregate_bytes: how large an aggregate may get.
        partition_key: a JSON pointer into the payload; see `producers.ingestion`.
        raw: whether bytes are put as they are.
        clock: the time.
    """

    def __init__(
        self,
        kinesis: "KinesisClient",
        stream: str,
        aggregate_bytes: int,
        partition_key: str | None = None,
        *,
        raw: bool = False,
        clock: Clock = SYSTEM_CLOCK,
    ) -> None:
        self.kind = RAW if raw else STREAM
        self._kinesis = kinesis
        self._stream = stream
        self._aggregate_bytes = aggregate_bytes
        self._partition_key = partition_key
        self._clock = clock

    def put(
        self,
        planned: Sequence[Planned],
        replay_id: str,
        first: int,
        deadline: float,
        before_call: Callable[[], None] = lambda: None,
    ) -> PutResult:
        """See `Destination`."""
        records = self._records(planned, replay_id, first)
        outcome = StreamWriter(self._kinesis, self._stream, self._clock).put(
            records, deadline, resend_doubtful=False, before_call=before_call
        )
        return PutResult(
            written=_members(outcome.written),
            unwritten=_members(outcome.unwritten),
            doubtful=_members(outcome.doubtful),
            size=sum(record.size for record in outcome.written),
            records=len(outcome.written),
            throttled=outcome.throttled,
            error=outcome.error,
        )

    def _records(self, planned: Sequence[Planned], replay_id: str, first: int) -> list[StreamRecord]:
        """What goes on the stream, each event with its mark."""
        keyed: list[tuple[str, bytes]] = []
        for number, each in enumerate(planned):
            count = min(each.failed.replays + 1, MAX_REPLAYS)  # a line of others may name any number
            mark = ReplayMark(each.bound, count, f"{replay_id}/{first + number}")
            if each.event is None:
                keyed.append((mark.to_partition_key(), each.failed.data or b""))
            else:
                key = partition_key_of(each.event, self._partition_key)[:MAX_KEY_CHARACTERS]
                keyed.append((key, encode(replace(each.event, replay=mark))))
        if self.kind == RAW:
            return [StreamRecord(key, data, (number,)) for number, (key, data) in enumerate(keyed)]
        return pack(keyed, self._aggregate_bytes, by_key=bool(self._partition_key))


def _members(records: list[StreamRecord]) -> list[int]:
    return [member for record in records for member in record.members]


class TableDestination:
    """The table itself, past the stream: a row may be written twice, so nothing is ever in doubt.

    Args:
        table: writes rows.
    """

    kind = TABLE

    def __init__(self, table: EventTable) -> None:
        self._table = table

    def put(
        self,
        planned: Sequence[Planned],
        replay_id: str,  # noqa: ARG002
        first: int,  # noqa: ARG002
        deadline: float,
        before_call: Callable[[], None] = lambda: None,  # noqa: ARG002 (a row may be written twice)
    ) -> PutResult:
        """See `Destination`."""
        received = [
            Received(Source("", "", str(number), 0, "", ""), b"", each.event)
            for number, each in enumerate(planned)
            if each.event is not None
        ]
        try:
            outcome = self._table.write(received, deadline)
        except TableUnavailable as error:
            return PutResult(unwritten=list(range(len(planned))), error=str(error))
        return PutResult(
            written=[int(each.source.sequence_number) for each in outcome.written],
            unwritten=[int(each.source.sequence_number) for each in outcome.unwritten],
            refused={int(each.source.sequence_number): each.error_message for each in outcome.poison},
            throttled=bool(outcome.unwritten),
            error="the table did not take it in time" if outcome.unwritten else "",
        )
