"""How many records of a stream a reader has not read yet."""

import threading
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from infra.local.aws.kinesis.shard_records import ORDINAL_BITS, ordinal_of, shard_id
from infra.local.store.checkpoints import Checkpoint, Kind
from infra.local.store.database import Database

_SHARDS: Final = (
    "SELECT shards.id, shards.number, shards.floor FROM shards JOIN streams ON streams.id = shards.stream "
    "WHERE streams.name = ?"
)
_COUNT: Final = "SELECT count(*) FROM records WHERE position >= ? AND position < ?"
_LAST: Final = "SELECT max(position) FROM records WHERE position >= ? AND position < ?"


@dataclass(slots=True)
class _Counted:
    """How many records of a shard lie from one position, included, to another, excluded."""

    start: int
    end: int
    records: int = 0


class UnreadRecords:
    """Counts what a reader has before it. A count looks only at what was put or read since the one before.

    Args:
        database: holds the records.
        stream: the stream: account, region and name.
    """

    def __init__(self, database: Database, stream: str) -> None:
        self._database = database
        self._stream = stream
        self._lock = threading.Lock()  # guards what follows
        self._counted: dict[int, _Counted] = {}

    def count(self, read: Mapping[str, Checkpoint]) -> int:
        """How many records of the stream lie behind what was read.

        Args:
            read: where the reader reads on, by shard id. A shard that is absent was not read at all.
        """
        with self._lock, self._database.reading() as connection:

            def records(start: int, end: int) -> int:
                return int(connection.execute(_COUNT, (start, end)).fetchone()[0]) if start < end else 0

            total = 0
            for row, number, floor in connection.execute(_SHARDS, (self._stream,)).fetchall():
                at = read.get(shard_id(number))
                if at is not None and at.kind is Kind.FINISHED:
                    self._counted.pop(row, None)
                    continue
                base, limit = row << ORDINAL_BITS, (row + 1) << ORDINAL_BITS
                start = base + max(floor, 0 if at is None else _first_unread(at))
                last = connection.execute(_LAST, (base, limit)).fetchone()[0]
                end = max(start, base if last is None else last + 1)
                counted = self._counted.get(row)
                if counted is None or not counted.start <= start <= counted.end or base + floor > counted.start:
                    counted = self._counted[row] = _Counted(start, start)
                counted.records += records(counted.end, end) - records(counted.start, start)
                counted.start, counted.end = start, end
                total += counted.records
            return total


def _first_unread(at: Checkpoint) -> int:
    """The ordinal from which on a reader has read nothing."""
    return ordinal_of(int(at.sequence_number)) + (at.kind is Kind.AFTER)
