"""The tables of the database, by format version.

A version is never changed once released; a change of the tables is one more entry of `MIGRATIONS`. A database is
brought up to date in one transaction, so that a process killed meanwhile leaves it as it was.
"""

import sqlite3
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from infra.local.store.errors import StoreDamaged, StoreVersionUnknown

APPLICATION_ID: Final = 0x5350_494C  # "SPIL": which program the file belongs to (PRAGMA application_id)

_VERSION_1: Final = """
CREATE TABLE streams (
  id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, incarnation TEXT NOT NULL, created_ms INTEGER NOT NULL,
  retention_hours INTEGER NOT NULL, reserved_ordinal INTEGER NOT NULL);
CREATE TABLE shards (
  id INTEGER PRIMARY KEY, stream INTEGER NOT NULL REFERENCES streams, number INTEGER NOT NULL,
  hash_start TEXT NOT NULL, hash_end TEXT NOT NULL, starting_ordinal INTEGER NOT NULL, ending_ordinal INTEGER,
  opened_ms INTEGER NOT NULL, closed_ms INTEGER, parents TEXT NOT NULL, children TEXT NOT NULL,
  floor INTEGER NOT NULL, UNIQUE (stream, number));
-- position: the shard's id in the high bits, and the record's ordinal within its stream in the low forty.
CREATE TABLE records (
  position INTEGER PRIMARY KEY, arrived_ms INTEGER NOT NULL, partition_key TEXT NOT NULL, data BLOB NOT NULL);
CREATE TABLE checkpoints (
  reader TEXT NOT NULL, stream TEXT NOT NULL, shard TEXT NOT NULL, kind TEXT NOT NULL, sequence_number TEXT NOT NULL,
  PRIMARY KEY (reader, stream, shard)) WITHOUT ROWID;
CREATE TABLE tables (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, items INTEGER NOT NULL);
CREATE TABLE items (
  table_id INTEGER NOT NULL, partition INTEGER NOT NULL, hash BLOB NOT NULL, range BLOB NOT NULL,
  attributes TEXT NOT NULL, PRIMARY KEY (table_id, partition, hash, range)) WITHOUT ROWID;
CREATE TABLE queues (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE);
CREATE TABLE messages (
  id INTEGER PRIMARY KEY AUTOINCREMENT, queue INTEGER NOT NULL, message_id TEXT NOT NULL, body TEXT NOT NULL,
  attributes TEXT NOT NULL, sent_ms INTEGER NOT NULL, visible_ms INTEGER NOT NULL, delayed INTEGER NOT NULL,
  receive_count INTEGER NOT NULL, first_received_ms INTEGER);
CREATE INDEX messages_by_visibility ON messages (queue, visible_ms);
CREATE INDEX messages_by_age ON messages (queue, sent_ms);
CREATE TABLE objects (
  bucket TEXT NOT NULL, key TEXT NOT NULL, path TEXT NOT NULL, size INTEGER NOT NULL, state TEXT NOT NULL, aside TEXT,
  PRIMARY KEY (bucket, key)) WITHOUT ROWID;
CREATE UNIQUE INDEX objects_by_path ON objects (bucket, path);
CREATE INDEX objects_under_way ON objects (aside) WHERE aside IS NOT NULL;
"""

MIGRATIONS: Final[tuple[str, ...]] = (_VERSION_1,)


def prepare(path: Path, migrations: Sequence[str] = MIGRATIONS) -> None:
    """Make the database, or bring it up to date.

    Raises:
        StoreVersionUnknown: a newer Spillway or another program wrote it.
        StoreDamaged: SQLite cannot read it.
    """
    try:
        connection = sqlite3.connect(path, isolation_level=None, timeout=60)
        try:
            _migrate(connection, path, migrations)
        finally:
            connection.close()
    except sqlite3.DatabaseError as error:
        raise damaged(path, str(error)) from error


def problems(path: Path) -> list[str]:
    """What SQLite's integrity check finds wrong; nothing where the database is sound."""
    try:
        connection = sqlite3.connect(f"file:{path}?mode=ro", uri=True, timeout=60)
        try:
            found = [str(row[0]) for row in connection.execute("PRAGMA integrity_check(20)")]
        finally:
            connection.close()
    except sqlite3.DatabaseError as error:
        return [str(error)]
    return [] if found == ["ok"] else found


def damaged(path: Path, problem: str) -> StoreDamaged:
    """The error for a database that SQLite finds damaged."""
    return StoreDamaged(
        f"{path} is damaged ({problem}) and was left as it is; put a backup in its place, or start over with --fresh "
        "(docs/one-machine.md, Backup)"
    )


def _migrate(connection: sqlite3.Connection, path: Path, migrations: Sequence[str]) -> None:
    version = connection.execute("PRAGMA user_version").fetchone()[0]
    application = connection.execute("PRAGMA application_id").fetchone()[0]
    is_new = version == 0 and connection.execute("SELECT count(*) FROM sqlite_schema").fetchone()[0] == 0
    if not is_new and application != APPLICATION_ID:
        raise StoreVersionUnknown(f"{path} was not written by Spillway; name another folder with --data")
    if version > len(migrations):
        raise StoreVersionUnknown(
            f"{path} has format {version}, and this Spillway knows formats up to {len(migrations)}; use the newer one "
            "that wrote it, or name another folder with --data"
        )
    if version == len(migrations):
        return
    if is_new:
        connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("BEGIN IMMEDIATE")
    for script in migrations[version:]:
        for statement in _statements(script):
            connection.execute(statement)
    connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
    connection.execute(f"PRAGMA user_version = {len(migrations)}")
    connection.execute("COMMIT")


def _statements(script: str) -> list[str]:
    """The statements of a script, which `executescript` would commit one by one."""
    found, text = [], ""
    for line in script.splitlines(keepends=True):
        text += line
        if sqlite3.complete_statement(text):
            found.append(text)
            text = ""
    return found
