"""The items of tables: keys as bytes whose order is that of DynamoDB, attributes as DynamoDB's JSON."""

import hashlib
import sqlite3
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from infra.local.store.database import Database

# A scan goes through the partitions one after the other, as on AWS, where nobody outside knows what a key's partition
# is. Within one, items come by key, so that those written at about the same time lie together.
PARTITIONS: Final = 8
ROWS_AT_ONCE: Final = 200  # of a scan; read ahead for one page


@dataclass(frozen=True, slots=True)
class Row:
    """An item.

    Args:
        hash_key: its partition key.
        range_key: its sort key; empty in a table without.
        attributes: all of it, as DynamoDB's JSON.
    """

    hash_key: bytes
    range_key: bytes
    attributes: str


Place = tuple[int, bytes, bytes]  # of an item in the order of a scan


class TableItems:
    """The items of one table.

    Args:
        database: where they are.
        name: of the table: account, region and name. A table that is not there is made.
    """

    def __init__(self, database: Database, name: str) -> None:
        self._database = database
        self._id = database.write(lambda connection: _table_id(connection, name))

    def get(self, hash_key: bytes, range_key: bytes) -> Row | None:
        """An item; None where the table has no item with this key."""
        with self._database.reading() as connection:
            row = connection.execute(
                "SELECT attributes FROM items WHERE table_id = ? AND partition = ? AND hash = ? AND range = ?",
                (self._id, partition_of(hash_key), hash_key, range_key),
            ).fetchone()
        return Row(hash_key, range_key, row[0]) if row else None

    def put(self, rows: Sequence[Row]) -> None:
        """Keep items, in place of others of the same keys; on disk when this returns."""
        self._database.write(lambda connection: self._put(connection, rows))

    def delete(self, hash_key: bytes, range_key: bytes) -> None:
        """Delete an item, if it is there."""
        sql = "DELETE FROM items WHERE table_id = ? AND partition = ? AND hash = ? AND range = ?"
        key = self._id, partition_of(hash_key), hash_key, range_key
        self._database.write(lambda connection: self._count(connection, -connection.execute(sql, key).rowcount))

    def of_hash(self, hash_key: bytes) -> list[Row]:
        """The items of a partition key, by sort key."""
        with self._database.reading() as connection:
            rows = connection.execute(
                "SELECT hash, range, attributes FROM items WHERE table_id = ? AND partition = ? AND hash = ? "
                "ORDER BY range",
                (self._id, partition_of(hash_key), hash_key),
            ).fetchall()
        return [Row(*row) for row in rows]

    def behind(self, after: tuple[bytes, bytes] | None = None) -> Iterator[Row]:
        """Every item behind a key, in the order of a scan; items written meanwhile may come or not."""
        place = (-1, b"", b"") if after is None else (partition_of(after[0]), *after)
        while True:
            with self._database.reading() as connection:
                rows = connection.execute(
                    "SELECT partition, hash, range, attributes FROM items WHERE table_id = ? "
                    "AND (partition, hash, range) > (?, ?, ?) ORDER BY partition, hash, range LIMIT ?",
                    (self._id, *place, ROWS_AT_ONCE),
                ).fetchall()
            yield from (Row(*row[1:]) for row in rows)
            if len(rows) < ROWS_AT_ONCE:
                return
            place = rows[-1][:3]

    def delete_expired(
        self, attribute: str, now_seconds: int, *, behind: Place | None, limit: int
    ) -> tuple[int, Place | None]:
        """Delete the items among the next ones whose time has come.

        Args:
            attribute: the number of seconds since the epoch after which an item has expired.
            now_seconds: the time.
            behind: where to go on; None for the beginning.
            limit: so many items are looked at.

        Returns:
            How many were deleted, and where to go on; None for the beginning, after the last item.
        """
        key = f'$."{attribute}".N'
        with self._database.reading() as connection:
            looked_at = connection.execute(
                "SELECT partition, hash, range, CAST(json_extract(attributes, ?) AS INTEGER) FROM items "
                "WHERE table_id = ? AND (partition, hash, range) > (?, ?, ?) ORDER BY partition, hash, range LIMIT ?",
                (key, self._id, *(behind or (-1, b"", b"")), limit),
            ).fetchall()
        expired = [(self._id, *row[:3], key, now_seconds) for row in looked_at if row[3] and row[3] < now_seconds]
        sql = (
            "DELETE FROM items WHERE table_id = ? AND partition = ? AND hash = ? AND range = ? "
            "AND CAST(json_extract(attributes, ?) AS INTEGER) < ?"  # it may have been written again
        )

        def delete(connection: sqlite3.Connection) -> int:
            gone = connection.executemany(sql, expired).rowcount
            self._count(connection, -gone)
            return gone

        deleted = self._database.write(delete) if expired else 0
        return deleted, looked_at[-1][:3] if len(looked_at) == limit else None

    def first(self) -> Row | None:
        """The item of the lowest key."""
        found: list[Row] = []
        with self._database.reading() as connection:
            for partition in range(PARTITIONS):
                sql = (
                    "SELECT hash, range, attributes FROM items WHERE table_id = ? AND partition = ? "
                    "ORDER BY hash, range LIMIT 1"
                )
                found += [Row(*row) for row in connection.execute(sql, (self._id, partition))]
        return min(found, key=lambda row: (row.hash_key, row.range_key), default=None)

    def __len__(self) -> int:
        with self._database.reading() as connection:
            row = connection.execute("SELECT items FROM tables WHERE id = ?", (self._id,)).fetchone()
        return int(row[0]) if row else 0

    def copy_to(self, other: "TableItems") -> None:
        """Give another table, an empty one, the same items."""
        sql = "INSERT INTO items SELECT ?, partition, hash, range, attributes FROM items WHERE table_id = ?"
        self._database.write(
            lambda connection: other._count(connection, connection.execute(sql, (other._id, self._id)).rowcount)  # noqa: SLF001 (of the same class)
        )

    def drop(self) -> None:
        """Delete the table with its items."""

        def drop(connection: sqlite3.Connection) -> None:
            connection.execute("DELETE FROM items WHERE table_id = ?", (self._id,))
            connection.execute("DELETE FROM tables WHERE id = ?", (self._id,))

        self._database.write(drop)

    def _put(self, connection: sqlite3.Connection, rows: Sequence[Row]) -> None:
        values = [(self._id, partition_of(row.hash_key), row.hash_key, row.range_key, row.attributes) for row in rows]
        new = connection.executemany("INSERT OR IGNORE INTO items VALUES (?, ?, ?, ?, ?)", values).rowcount
        if new < len(values):
            connection.executemany("INSERT OR REPLACE INTO items VALUES (?, ?, ?, ?, ?)", values)
        self._count(connection, new)

    def _count(self, connection: sqlite3.Connection, more: int) -> None:
        """Count items that came or went, so that nobody has to count them all."""
        if more:
            connection.execute("UPDATE tables SET items = items + ? WHERE id = ?", (more, self._id))


def partition_of(hash_key: bytes) -> int:
    """The partition that a key lies in."""
    return hashlib.md5(hash_key, usedforsecurity=False).digest()[0] % PARTITIONS


def stored_tables(database: Database) -> set[str]:
    """The names of the tables in a store."""
    with database.reading() as connection:
        return {str(row[0]) for row in connection.execute("SELECT name FROM tables")}


def _table_id(connection: sqlite3.Connection, name: str) -> int:
    connection.execute("INSERT OR IGNORE INTO tables (name, items) VALUES (?, 0)", (name,))
    return int(connection.execute("SELECT id FROM tables WHERE name = ?", (name,)).fetchone()[0])
