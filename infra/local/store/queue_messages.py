"""The messages of queues, with how often each was received and from when on it is visible again."""

import sqlite3
from dataclasses import dataclass
from typing import Final

from infra.local.store.database import Database

_COLUMNS: Final = "id, message_id, body, attributes, sent_ms, receive_count, first_received_ms"


@dataclass(frozen=True, slots=True)
class StoredMessage:
    """A message.

    Args:
        number: its row.
        message_id: as SQS shows it.
        body: its text.
        attributes: message attributes and system attributes, as JSON.
        sent_ms: when it was sent, milliseconds since the Unix epoch.
        receive_count: how often it was received.
        first_received_ms: when it was first received; None before that.
    """

    number: int
    message_id: str
    body: str
    attributes: str
    sent_ms: int
    receive_count: int
    first_received_ms: int | None


@dataclass(frozen=True, slots=True)
class Counts:
    """How many messages of a queue can be received, are hidden after a receive, and are not to be received yet."""

    visible: int
    hidden: int
    delayed: int


class QueueMessages:
    """The messages of one queue.

    Args:
        database: where they are.
        name: of the queue: account, region and name. A queue that is not there is made.
    """

    def __init__(self, database: Database, name: str) -> None:
        self._database = database
        self.id = database.write(lambda connection: _queue_id(connection, name))

    def send(self, message_id: str, body: str, attributes: str, *, sent_ms: int, visible_ms: int) -> None:
        """Keep a message; on disk when this returns."""
        sql = (
            "INSERT INTO messages (queue, message_id, body, attributes, sent_ms, visible_ms, delayed, receive_count) "
            "VALUES (?, ?, ?, ?, ?, ?, ?, 0)"
        )
        values = (self.id, message_id, body, attributes, sent_ms, visible_ms, visible_ms > sent_ms)
        self._database.write(lambda connection: connection.execute(sql, values))

    def is_any_visible(self, now_ms: int) -> bool:
        """Whether a message can be received now."""
        with self._database.reading() as connection:
            sql = "SELECT 1 FROM messages WHERE queue = ? AND visible_ms <= ? LIMIT 1"
            return connection.execute(sql, (self.id, now_ms)).fetchone() is not None

    def receive(
        self, count: int, *, now_ms: int, visible_ms: int, redrive: tuple[int, "QueueMessages"] | None
    ) -> list[StoredMessage]:
        """Receive messages, and hide them for a while.

        Args:
            count: so many at the most.
            now_ms: the time.
            visible_ms: until when they are hidden.
            redrive: how often a message may be received before it moves, and the queue that it moves to.
        """

        def receive(connection: sqlite3.Connection) -> list[StoredMessage]:
            if redrive is not None:
                most, parked = redrive
                sql = "UPDATE messages SET queue = ? WHERE queue = ? AND visible_ms <= ? AND receive_count >= ?"
                connection.execute(sql, (parked.id, self.id, now_ms, most))
            sql = f"SELECT {_COLUMNS} FROM messages WHERE queue = ? AND visible_ms <= ? ORDER BY visible_ms, id LIMIT ?"  # noqa: S608 (ours)
            found = [StoredMessage(*row) for row in connection.execute(sql, (self.id, now_ms, count))]
            connection.executemany(
                "UPDATE messages SET visible_ms = ?, delayed = 0, receive_count = receive_count + 1, "
                "first_received_ms = coalesce(first_received_ms, ?) WHERE id = ?",
                [(visible_ms, now_ms, message.number) for message in found],
            )
            return found

        return self._database.write(receive)

    def delete(self, number: int) -> None:
        """Delete a message, if it is still there."""
        self._database.write(
            lambda connection: connection.execute("DELETE FROM messages WHERE id = ? AND queue = ?", (number, self.id))
        )

    def sent_ms(self, number: int) -> int | None:
        """When a message was sent; None where it is gone."""
        with self._database.reading() as connection:
            sql = "SELECT sent_ms FROM messages WHERE id = ? AND queue = ?"
            row = connection.execute(sql, (number, self.id)).fetchone()
        return int(row[0]) if row else None

    def show_from(self, number: int, visible_ms: int) -> None:
        """Hide a message until a time."""
        sql = "UPDATE messages SET visible_ms = ? WHERE id = ? AND queue = ?"
        self._database.write(lambda connection: connection.execute(sql, (visible_ms, number, self.id)))

    def delete_sent_before(self, horizon_ms: int) -> None:
        """Delete what is past the queue's retention."""
        with self._database.reading() as connection:
            sql = "SELECT 1 FROM messages WHERE queue = ? AND sent_ms <= ? LIMIT 1"
            if connection.execute(sql, (self.id, horizon_ms)).fetchone() is None:
                return
        sql = "DELETE FROM messages WHERE queue = ? AND sent_ms <= ?"
        self._database.write(lambda connection: connection.execute(sql, (self.id, horizon_ms)))

    def clear(self) -> None:
        """Delete every message."""
        self._database.write(lambda connection: connection.execute("DELETE FROM messages WHERE queue = ?", (self.id,)))

    def drop(self) -> None:
        """Delete the queue with its messages."""

        def drop(connection: sqlite3.Connection) -> None:
            connection.execute("DELETE FROM messages WHERE queue = ?", (self.id,))
            connection.execute("DELETE FROM queues WHERE id = ?", (self.id,))

        self._database.write(drop)

    def counts(self, now_ms: int) -> Counts:
        """How many there are."""
        with self._database.reading() as connection:
            row = connection.execute(
                "SELECT count(*) FILTER (WHERE visible_ms <= ?1), "
                "count(*) FILTER (WHERE visible_ms > ?1 AND NOT delayed), "
                "count(*) FILTER (WHERE visible_ms > ?1 AND delayed) FROM messages WHERE queue = ?2",
                (now_ms, self.id),
            ).fetchone()
        return Counts(*row)


def stored_queues(database: Database) -> set[str]:
    """The names of the queues in a store."""
    with database.reading() as connection:
        return {str(row[0]) for row in connection.execute("SELECT name FROM queues")}


def _queue_id(connection: sqlite3.Connection, name: str) -> int:
    connection.execute("INSERT OR IGNORE INTO queues (name) VALUES (?)", (name,))
    return int(connection.execute("SELECT id FROM queues WHERE name = ?", (name,)).fetchone()[0])
