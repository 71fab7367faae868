"""The records of one shard: all of them in the store, the latest in memory besides."""

import sqlite3
import threading
from bisect import bisect_left
from collections.abc import Iterable
from dataclasses import dataclass

from infra.local.store.database import Database

# Sequence numbers look like AWS's, 56 digits: a constant, a count that rises over the whole stream, and the
# number of the shard in the low bits.
FIRST_SEQUENCE_NUMBER = 1 << 185
SHARD_NUMBER_BITS = 32
ORDINAL_BITS = 40  # of a position in the store; the shard's row id is above them
TAIL_BYTES = 4 * 1024 * 1024  # of a shard's latest records, kept in memory for readers that keep up
DELETED_AT_ONCE = 2_000  # expired records in one transaction
RECORD_OVERHEAD_BYTES = 250  # what a record in memory takes besides its bytes


def sequence_number(ordinal: int, shard_number: int) -> int:
    """The sequence number of the `ordinal`-th thing that happened to a stream, in this shard."""
    return FIRST_SEQUENCE_NUMBER + (ordinal << SHARD_NUMBER_BITS) + shard_number


def ordinal_of(number: int) -> int:
    """The count over the stream that a sequence number was made from; negative for one that never was."""
    return (number - FIRST_SEQUENCE_NUMBER) >> SHARD_NUMBER_BITS


def shard_id_of(number: int) -> str:
    """The shard a sequence number was made for."""
    return shard_id(number & ((1 << SHARD_NUMBER_BITS) - 1))


def shard_id(shard_number: int) -> str:
    """The id of the shard with this number, such as `shardId-000000000003`."""
    return f"shardId-{shard_number:012d}"


@dataclass(frozen=True, slots=True)
class Record:
    """One record as it is kept: its bytes once, not as base64."""

    sequence_number: int
    partition_key: str
    data: bytes
    arrived_ms: int

    @property
    def size_bytes(self) -> int:
        """What AWS counts: the data and the partition key."""
        return len(self.data) + len(self.partition_key.encode())


@dataclass(frozen=True, slots=True)
class Found:
    """What a read gave.

    Args:
        records: in order.
        unread_ms: when the first record behind them arrived; None where nothing is behind them.
    """

    records: list[Record]
    unread_ms: int | None


class ShardRecords:
    """The records of one shard.

    Args:
        database: where they are.
        row: the shard's id in the store.
        shard_number: the shard's number in its stream.
        floor: ordinal below which every record has expired.
    """

    def __init__(self, database: Database, row: int, shard_number: int, floor: int) -> None:
        self._database = database
        self._base = row << ORDINAL_BITS
        self._shard_number = shard_number
        self._lock = threading.Lock()  # guards everything below
        self._floor = floor
        self._tail: list[Record] = []
        self._tail_bytes = 0
        last = self._row("position >= ? AND position < ? ORDER BY position DESC", floor, None)
        first = self._row("position >= ? AND position < ? ORDER BY position", floor, None)
        self._next_ordinal = last[0] + 1 if last else floor  # behind every record so far
        self._tail_from = self._next_ordinal  # the tail holds every record from here on
        self._oldest_ms = first[1] if first else None
        self.latest_ms = last[1] if last else None

    @property
    def floor(self) -> int:
        """The ordinal below which every record has expired."""
        return self._floor

    @property
    def next_ordinal(self) -> int:
        """An ordinal behind every record so far."""
        return self._next_ordinal

    def insert(self, connection: sqlite3.Connection, records: Iterable[Record]) -> None:
        """Write records, as part of a transaction; nobody reads them before `publish`."""
        connection.executemany(
            "INSERT INTO records VALUES (?, ?, ?, ?)",
            [
                (self._base + ordinal_of(each.sequence_number), each.arrived_ms, each.partition_key, each.data)
                for each in records
            ],
        )

    def publish(self, records: list[Record]) -> None:
        """Show records that are on disk now, which come behind all others."""
        with self._lock:
            self._tail += records
            self._tail_bytes += sum(each.size_bytes + RECORD_OVERHEAD_BYTES for each in records)
            self._next_ordinal = ordinal_of(records[-1].sequence_number) + 1
            self.latest_ms = records[-1].arrived_ms
            if self._oldest_ms is None:
                self._oldest_ms = records[0].arrived_ms
            if self._tail_bytes > 2 * TAIL_BYTES:
                self._cut_tail()

    def read(self, position: int, limit: int, max_bytes: int) -> Found:
        """The records from a position on, at least one where there is one.

        Args:
            position: the lowest sequence number wanted.
            limit: so many records at the most.
            max_bytes: of data and partition keys, at the most.
        """
        with self._lock:
            start = max(self._first_ordinal(position), self._floor)
            if start >= self._tail_from:
                return self._read_tail(start, limit, max_bytes)
        return self._read_store(start, limit, max_bytes)

    def forget_before(self, horizon_ms: int) -> None:
        """Show no more what arrived before the trim horizon; costs next to nothing where there is nothing such."""
        if self._oldest_ms is None or self._oldest_ms >= horizon_ms:
            return
        floor = self._ordinal_at(horizon_ms)
        first = self._row("position >= ? AND position < ? ORDER BY position", floor, None)
        with self._lock:
            self._floor = floor
            self._oldest_ms = first[1] if first else None
            gone = bisect_left(self._tail, floor, key=_ordinal)
            self._tail_bytes -= sum(each.size_bytes + RECORD_OVERHEAD_BYTES for each in self._tail[:gone])
            del self._tail[:gone]
            self._tail_from = max(self._tail_from, floor)

    def delete_expired(self) -> int:
        """Delete from the store some of what has expired; gives how many records, 0 once none are left."""
        end = self._base + self._floor
        some = "SELECT position FROM records WHERE position >= ? AND position < ? LIMIT ?"
        sql = f"DELETE FROM records WHERE position IN ({some})"  # noqa: S608 (ours)
        with self._database.reading() as connection:
            row = connection.execute(
                "SELECT 1 FROM records WHERE position >= ? AND position < ? LIMIT 1", (self._base, end)
            ).fetchone()
        if row is None:
            return 0
        return self._database.write(
            lambda connection: connection.execute(sql, (self._base, end, DELETED_AT_ONCE)).rowcount
        )

    def position_at(self, timestamp_ms: float) -> int:
        """The position of the first record that arrived at or after a time; where all are older, the end."""
        ordinal = self._ordinal_at(timestamp_ms)
        found = self._row("position >= ? AND position < ? ORDER BY position", ordinal, None)
        return sequence_number(found[0] if found else self._next_ordinal, self._shard_number)

    def count(self) -> int:
        """How many records have not expired."""
        with self._database.reading() as connection:
            sql = "SELECT count(*) FROM records WHERE position >= ? AND position < ?"
            return int(connection.execute(sql, self._range(self._floor)).fetchone()[0])

    def _read_tail(self, start: int, limit: int, max_bytes: int) -> Found:
        first = bisect_left(self._tail, start, key=_ordinal)
        found: list[Record] = []
        room = max_bytes
        for record in self._tail[first : first + limit]:
            room -= record.size_bytes
            if room < 0 and found:
                return Found(found, record.arrived_ms)
            found.append(record)
        following = first + len(found)
        return Found(found, self._tail[following].arrived_ms if following < len(self._tail) else None)

    def _read_store(self, start: int, limit: int, max_bytes: int) -> Found:
        found: list[Record] = []
        room = max_bytes
        with self._database.reading() as connection:
            rows = connection.execute(
                "SELECT position, partition_key, data, arrived_ms FROM records WHERE position >= ? AND position < ? "
                "ORDER BY position LIMIT ?",
                (*self._range(start), limit + 1),
            )
            try:
                for position, key, data, arrived_ms in rows:
                    number = sequence_number(position - self._base, self._shard_number)
                    record = Record(number, key, data, arrived_ms)
                    room -= record.size_bytes
                    if (room < 0 and found) or len(found) == limit:
                        return Found(found, arrived_ms)
                    found.append(record)
            finally:
                rows.close()
        return Found(found, None)

    def _ordinal_at(self, timestamp_ms: float) -> int:
        """The lowest ordinal from which on every record arrived at or after a time."""
        low, high = self._floor, self._next_ordinal
        with self._database.reading() as connection:
            while low < high:
                middle = (low + high) // 2
                row = connection.execute(
                    "SELECT position, arrived_ms FROM records WHERE position >= ? AND position < ? "
                    "ORDER BY position LIMIT 1",
                    (self._base + middle, self._base + high),
                ).fetchone()
                if row is None or row[1] >= timestamp_ms:
                    high = middle
                else:
                    low = row[0] - self._base + 1
        return low

    def _row(self, condition: str, start: int, end: int | None) -> tuple[int, int] | None:
        """Ordinal and arrival of the first row that a condition finds among the shard's."""
        low, high = self._range(start, end)
        with self._database.reading() as connection:
            sql = f"SELECT position, arrived_ms FROM records WHERE {condition} LIMIT 1"  # noqa: S608 (ours)
            row = connection.execute(sql, (low, high)).fetchone()
        return (row[0] - self._base, row[1]) if row else None

    def _range(self, start: int, end: int | None = None) -> tuple[int, int]:
        limit = 1 << ORDINAL_BITS if end is None else end
        return self._base + start, self._base + limit

    def _first_ordinal(self, position: int) -> int:
        """The lowest ordinal whose sequence number is not below a position."""
        ahead = position - FIRST_SEQUENCE_NUMBER - self._shard_number
        return max(0, -(-ahead >> SHARD_NUMBER_BITS))

    def _cut_tail(self) -> None:
        """Let go of the older records of the tail; they are in the store."""
        while self._tail_bytes > TAIL_BYTES and len(self._tail) > 1:
            half = len(self._tail) // 2
            self._tail_bytes -= sum(each.size_bytes + RECORD_OVERHEAD_BYTES for each in self._tail[:half])
            del self._tail[:half]
        self._tail_from = ordinal_of(self._tail[0].sequence_number)


def _ordinal(record: Record) -> int:
    return ordinal_of(record.sequence_number)
