"""The state of a stream's shards: which there are, in memory and in the store, and what of it has expired."""

import sqlite3
import threading
from collections import deque
from collections.abc import Callable
from dataclasses import replace
from itertools import pairwise
from typing import Any
from uuid import uuid4

from infra.local.aws.kinesis.errors import NotFound, ThroughputExceeded
from infra.local.aws.kinesis.shard import HashRange, Shard
from infra.local.aws.kinesis.shard_rows import ShardRows, StreamRow, latest_ms
from infra.local.store.crash_points import CrashPoint, reached
from infra.local.store.database import Database
from producers.clock import Clock

HASH_KEYS = 1 << 128  # partition keys are hashed with MD5
MS_PER_HOUR = 3_600_000
RESERVED_ORDINALS = 100_000  # sequence numbers that one write to the store reserves


class StoredShards:
    """Which shards a stream has.

    Every method that is not private takes the lock; no caller of one that writes holds it.

    Args:
        database: where shards and records are.
        name: of the stream: account, region and name.
        shard_count: shards of equal hash ranges to begin with, where the store has no such stream.
        label: names the stream in error messages: `stream NAME under account ID`.
        retention_hours: how long records are kept, where the store has no such stream.
        clock: arrival times, retention and limits go by it.
    """

    def __init__(
        self, database: Database, name: str, shard_count: int, *, label: str, retention_hours: int, clock: Clock
    ) -> None:
        self.lock = threading.RLock()
        self._database = database
        self._rows = ShardRows(database, name, clock)
        self._label = label
        self._clock = clock
        self._last_ms = 0
        self._retention_ms = retention_hours * MS_PER_HOUR
        self._shards: dict[str, Shard] = {}
        self._closed: deque[Shard] = deque()  # in the order they were closed
        self._open: list[Shard] = []  # by hash range
        self._starts: list[int] = []  # of the open shards' hash ranges
        self._expired: list[Shard] = []  # forgotten, and still in the store
        if self._rows.stream() is None:
            row = StreamRow(0, uuid4().hex, self._now_ms(), retention_hours, 0)
            self._read_row(row)
            database.write(lambda connection: self._create(connection, row, uniform_starts(shard_count)))
        self._load()

    def shard(self, wanted: str) -> Shard:
        """The shard with this id, open or closed, its expired records dropped.

        Raises:
            NotFound: no shard has this id, or it has expired.
        """
        with self.lock:
            now_ms = self._forget_expired()
            try:
                shard = self._shards[wanted]
            except KeyError:
                raise NotFound(f"Could not find shard {wanted} in {self._label}.") from None
            shard.records.forget_before(now_ms - self._retention_ms)
            return shard

    def all_shards(self) -> list[Shard]:
        """Every shard that has not expired, by number."""
        with self.lock:
            self._forget_expired()
            return list(self._shards.values())

    def open_shards(self) -> list[Shard]:
        """The shards records are routed to, by hash range."""
        with self.lock:
            return list(self._open)

    def trim_horizon_ms(self) -> int:
        """The time before which everything is forgotten, or that of the stream's creation where it is later."""
        with self.lock:
            return max(self._created_ms, self._now_ms() - self._retention_ms)

    def now_ms(self) -> int:
        """The time in milliseconds since the Unix epoch; it never goes back."""
        with self.lock:
            return self._now_ms()

    @property
    def last_ordinal(self) -> int:
        """How many sequence numbers were given out."""
        return self._ordinal

    def clear(self) -> None:
        """Delete the stream and let go of every record."""

        def delete(connection: sqlite3.Connection) -> None:
            with self.lock:
                self._rows.delete(connection)
                self._shards, self._open, self._starts = {}, [], []
                self._closed.clear()

        self._database.write(delete, undo=self._load)

    def change(self, change: Callable[[], Any]) -> None:
        """Change the shards, alone and all at once: on disk when this returns, undone where it raises."""

        def apply(connection: sqlite3.Connection) -> None:
            with self.lock:
                change()
                self._rows.update(connection, self._row.id, self._shards.values())
                self._reserve(connection)
                connection.execute(
                    "UPDATE streams SET retention_hours = ? WHERE id = ?",
                    (self._retention_ms // MS_PER_HOUR, self._row.id),
                )

        self._database.write(apply, then=self._seal, undo=self._load)

    def delete_expired(self) -> int:
        """Delete from the store some of what has expired; gives how many records, 0 once none are left."""
        with self.lock:
            horizon_ms = self._forget_expired() - self._retention_ms
            shards, expired = list(self._shards.values()), list(self._expired)
            for shard in [*shards, *expired]:
                shard.records.forget_before(horizon_ms)
        deleted = sum(shard.records.delete_expired() for shard in [*shards, *expired])
        if deleted:
            reached(CrashPoint.EXPIRED_DELETED)
        elif expired:
            self._database.write(lambda connection: self._rows.forget(connection, self._row.id, expired))
            with self.lock:
                self._expired = [shard for shard in self._expired if shard not in expired]
        return deleted

    @property
    def incarnation(self) -> str:
        """Distinguishes the stream from others of its name, deleted before or made since."""
        return self._row.incarnation

    @property
    def retention_hours(self) -> int:
        """How long records are kept."""
        return self._retention_ms // MS_PER_HOUR

    def throughput_exceeded(self, shard_id: str) -> ThroughputExceeded:
        """The error that says a shard has no throughput left."""
        return ThroughputExceeded(shard_id, self._label)

    def _now_ms(self) -> int:
        self._last_ms = max(self._last_ms, int(self._clock.time() * 1000))
        return self._last_ms

    def _next_ordinal(self) -> int:
        self._ordinal += 1
        return self._ordinal

    def _create(self, connection: sqlite3.Connection, row: StreamRow, starts: list[int]) -> None:
        """Enter the stream and its first shards."""
        self._row = replace(row, id=self._rows.create(connection, row))
        for start, end in pairwise([*starts, HASH_KEYS]):
            self._make_shard(HashRange(start, end - 1), ())
        self._reserve(connection)

    def _load(self) -> None:
        """Read everything from the store; sequence numbers go on behind every one that may have been given out."""
        row = self._rows.stream()
        with self.lock:
            if row is None:
                return
            shards = self._rows.load(row.id)
            self._read_row(row)
            self._shards = {shard.shard_id: shard for shard in shards}
            self._open = sorted((shard for shard in shards if shard.is_open), key=lambda shard: shard.hash_range.start)
            self._starts = [shard.hash_range.start for shard in self._open]
            closed = sorted(
                (shard for shard in shards if not shard.is_open), key=lambda shard: shard.ending_ordinal or 0
            )
            self._closed = deque(closed)
            self._next_number = max((shard.number for shard in shards), default=-1) + 1
            self._last_ms = max(self._last_ms, latest_ms(shards, lambda shard: shard.records.latest_ms))

    def _read_row(self, row: StreamRow) -> None:
        self._row = row
        self._ordinal = self._reserved = row.reserved_ordinal
        self._created_ms = row.created_ms
        self._retention_ms = row.retention_hours * MS_PER_HOUR
        self._next_number = 0

    def _reserve(self, connection: sqlite3.Connection) -> None:
        """Let the store know how far sequence numbers may go, so that none is given out twice after a crash."""
        if self._ordinal > self._reserved:
            self._reserved = self._ordinal + RESERVED_ORDINALS
            sql = "UPDATE streams SET reserved_ordinal = ? WHERE id = ?"
            connection.execute(sql, (self._reserved, self._row.id))

    def _seal(self, _: None) -> None:
        """Let readers come to the end of what was closed: every record put before is shown by now."""
        reached(CrashPoint.RESHARDED)
        with self.lock:
            for shard in self._closed:
                shard.is_sealed = True

    def _make_shard(self, hash_range: HashRange, parents: tuple[str, ...]) -> Shard:
        """Open a shard, within a change."""
        ordinal, now_ms = self._next_ordinal(), self._now_ms()
        number, self._next_number = self._next_number, self._next_number + 1
        with self._database.reading() as connection:
            shard = self._rows.insert(
                connection, self._row.id, number, hash_range, ordinal=ordinal, opened_ms=now_ms, parents=parents
            )
        self._shards[shard.shard_id] = shard
        return shard

    def _forget_expired(self) -> int:
        """Drop the shards closed for longer than records are kept; returns the time, in milliseconds."""
        now_ms = self._now_ms()
        horizon_ms = now_ms - self._retention_ms
        while self._closed and (self._closed[0].closed_ms or 0) < horizon_ms:
            self._expired.append(self._closed.popleft())
            del self._shards[self._expired[-1].shard_id]
        return now_ms


def uniform_starts(shard_count: int) -> list[int]:
    """Where the hash ranges of so many equal shards begin; the last takes what division leaves over."""
    step = HASH_KEYS // shard_count
    return [number * step for number in range(shard_count)]
