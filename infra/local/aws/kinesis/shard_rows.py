"""The shards of a stream as the store holds them."""

import json
import sqlite3
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from infra.local.aws.kinesis.shard import HashRange, Shard
from infra.local.aws.kinesis.shard_records import ORDINAL_BITS, ShardRecords
from infra.local.store.database import Database
from producers.clock import Clock


@dataclass(frozen=True, slots=True)
class StreamRow:
    """A stream in the store.

    Args:
        id: of its row.
        incarnation: distinguishes it from others of the same name, deleted before or made since.
        created_ms: when it was made.
        retention_hours: how long records are kept.
        reserved_ordinal: no sequence number above this was given out.
    """

    id: int
    incarnation: str
    created_ms: int
    retention_hours: int
    reserved_ordinal: int


class ShardRows:
    """Reads and writes the rows of one stream's shards.

    Args:
        database: holds them.
        name: of the stream: account, region and name.
        clock: for the shards' limits.
    """

    def __init__(self, database: Database, name: str, clock: Clock) -> None:
        self.database = database
        self._name = name
        self._clock = clock

    def stream(self) -> StreamRow | None:
        """The stream's row; None where the store has none."""
        with self.database.reading() as connection:
            row = connection.execute(
                "SELECT id, incarnation, created_ms, retention_hours, reserved_ordinal FROM streams WHERE name = ?",
                (self._name,),
            ).fetchone()
        return StreamRow(*row) if row else None

    def create(self, connection: sqlite3.Connection, row: StreamRow) -> int:
        """Enter a new stream; gives its id."""
        sql = (
            "INSERT INTO streams (name, incarnation, created_ms, retention_hours, reserved_ordinal) "
            "VALUES (?, ?, ?, ?, ?) RETURNING id"
        )
        values = (self._name, row.incarnation, row.created_ms, row.retention_hours, row.reserved_ordinal)
        return int(connection.execute(sql, values).fetchone()[0])

    def delete(self, connection: sqlite3.Connection) -> None:
        """Delete the stream with its shards, its records and the checkpoints of its readers."""
        found = connection.execute("SELECT id FROM streams WHERE name = ?", (self._name,)).fetchone()
        if found is None:
            return
        for (shard,) in connection.execute("SELECT id FROM shards WHERE stream = ?", found).fetchall():
            low, high = shard << ORDINAL_BITS, (shard + 1) << ORDINAL_BITS
            connection.execute("DELETE FROM records WHERE position >= ? AND position < ?", (low, high))
        connection.execute("DELETE FROM shards WHERE stream = ?", found)
        connection.execute("DELETE FROM streams WHERE id = ?", found)
        connection.execute("DELETE FROM checkpoints WHERE stream = ?", (self._name,))

    def insert(
        self,
        connection: sqlite3.Connection,
        stream: int,
        number: int,
        hash_range: HashRange,
        *,
        ordinal: int,
        opened_ms: int,
        parents: tuple[str, ...],
    ) -> Shard:
        """Enter a new shard."""
        sql = (
            "INSERT INTO shards (stream, number, hash_start, hash_end, starting_ordinal, opened_ms, parents, children, "
            "floor) VALUES (?, ?, ?, ?, ?, ?, ?, '[]', ?) RETURNING id"
        )
        start, end = str(hash_range.start), str(hash_range.end)
        values = (stream, number, start, end, ordinal, opened_ms, json.dumps(parents), ordinal)
        row = int(connection.execute(sql, values).fetchone()[0])
        return self._shard(
            row, number, hash_range, ordinal=ordinal, opened_ms=opened_ms, parents=parents, floor=ordinal
        )

    def update(self, connection: sqlite3.Connection, stream: int, shards: Iterable[Shard]) -> None:
        """Enter what changes in a shard: its end, its children, what of it has expired."""
        for shard in shards:
            children = json.dumps([child.number for child in shard.children])
            connection.execute(
                "UPDATE shards SET ending_ordinal = ?, closed_ms = ?, children = ?, floor = ? "
                "WHERE stream = ? AND number = ?",
                (shard.ending_ordinal, shard.closed_ms, children, shard.records.floor, stream, shard.number),
            )

    def forget(self, connection: sqlite3.Connection, stream: int, shards: Iterable[Shard]) -> None:
        """Delete shards that have expired; their records went before them."""
        numbers = [(stream, shard.number) for shard in shards]
        connection.executemany("DELETE FROM shards WHERE stream = ? AND number = ?", numbers)

    def load(self, stream: int) -> list[Shard]:
        """Every shard of the stream, by number."""
        with self.database.reading() as connection:
            rows = connection.execute(
                "SELECT id, number, hash_start, hash_end, starting_ordinal, opened_ms, parents, floor, ending_ordinal, "
                "closed_ms, children FROM shards WHERE stream = ? ORDER BY number",
                (stream,),
            ).fetchall()
        shards: dict[int, Shard] = {}
        for row, number, start, end, ordinal, opened_ms, parents, floor, *_ in rows:
            hash_range = HashRange(int(start), int(end))
            shards[number] = self._shard(
                row,
                number,
                hash_range,
                ordinal=ordinal,
                opened_ms=opened_ms,
                parents=tuple(json.loads(parents)),
                floor=floor,
            )
        for _, number, *_, ending_ordinal, closed_ms, children in rows:
            if closed_ms is not None:
                found = [shards[child] for child in json.loads(children) if child in shards]
                shards[number].close(ending_ordinal, closed_ms, found)
                shards[number].is_sealed = True
        return list(shards.values())

    def _shard(
        self,
        row: int,
        number: int,
        hash_range: HashRange,
        *,
        ordinal: int,
        opened_ms: int,
        parents: tuple[str, ...],
        floor: int,
    ) -> Shard:
        return Shard(
            number,
            hash_range,
            starting_ordinal=ordinal,
            opened_ms=opened_ms,
            parents=parents,
            records=ShardRecords(self.database, row, number, floor),
            clock=self._clock,
        )


def stored_streams(database: Database) -> set[str]:
    """The names of the streams in a store."""
    with database.reading() as connection:
        return {str(row[0]) for row in connection.execute("SELECT name FROM streams")}


def latest_ms(shards: Iterable[Shard], arrived: Callable[[Shard], int | None]) -> int:
    """The latest time that anything happened to some shards."""
    times = [time for shard in shards for time in (shard.opened_ms, shard.closed_ms, arrived(shard)) if time]
    return max(times, default=0)
