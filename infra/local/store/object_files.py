"""Objects of buckets as plain files, whose metadata lies in the database.

A put is recorded in the database before its file takes its place, and a deletion before its file goes: `aside` names
what is still to be done, and `finish` does it after a crash. So the commit decides, and file and metadata never
disagree. Whoever changes one key from several threads orders the changes: the last commit and the last rename are then
of the same change.
"""

import json
import os
import sqlite3
import uuid
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from infra.local.store.crash_points import CrashPoint, reached
from infra.local.store.database import Database
from infra.local.store.errors import StoreFull
from infra.local.store.object_paths import can_be_path, files_below, hidden, make_folders, remove_if_empty

DELETED: Final = ""  # as `aside`: the object is gone, its file not yet

State = dict[str, Any]


@dataclass(frozen=True, slots=True)
class StoredObject:
    """An object as the database knows it.

    Args:
        key: its key.
        file: where its bytes are.
        size: in bytes.
        state: what S3 knows of it besides, as JSON takes it.
    """

    key: str
    file: Path
    size: int
    state: State


@dataclass(frozen=True, slots=True)
class Put:
    """An object to be kept.

    Args:
        key: its key.
        state: what S3 knows of it besides its bytes and size.
        body: its bytes; None where only the state changes.
    """

    key: str
    state: State
    body: bytes | None


class ObjectFiles:
    """The objects of all buckets.

    Args:
        database: holds their metadata.
        buckets: the folder with a folder for each bucket.
        aside: a folder of the same file system, for files being written.
        durable: whether files are synced to the disk.
    """

    def __init__(self, database: Database, buckets: Path, aside: Path, *, durable: bool) -> None:
        self._database = database
        self._buckets = buckets
        self._aside = aside
        self._sync = os.fsync if durable else _leave

    def get(self, bucket: str, key: str) -> StoredObject | None:
        """An object; None where no object has this key, or its file was deleted by hand."""
        with self._database.reading() as connection:
            row = connection.execute(
                "SELECT key, path, size, state FROM objects WHERE bucket = ? AND key = ? AND aside IS NOT ?",
                (bucket, key, DELETED),
            ).fetchone()
        found = self._object(bucket, row) if row else None
        return found if found and found.file.exists() else None

    def listed(self, bucket: str, start: str = "", end: str | None = None, limit: int = -1) -> list[StoredObject]:
        """So many objects by key, from a key on and before another; without those whose file was deleted by hand."""
        found: list[StoredObject] = []
        while True:
            wanted = -1 if limit < 0 else limit - len(found)
            recorded = self._recorded(bucket, start, end, wanted)
            found += [each for each in recorded if each.file.exists()]
            if len(recorded) < wanted or wanted < 0 or len(found) == limit:
                return found
            start = recorded[-1].key + "\0"

    def _recorded(self, bucket: str, start: str = "", end: str | None = None, limit: int = -1) -> list[StoredObject]:
        with self._database.reading() as connection:
            rows = connection.execute(
                "SELECT key, path, size, state FROM objects WHERE bucket = ? AND key >= ? AND (? IS NULL OR key < ?) "
                "AND aside IS NOT ? ORDER BY key LIMIT ?",
                (bucket, start, end, end, DELETED, limit),
            ).fetchall()
        return [self._object(bucket, row) for row in rows]

    def has_any(self, bucket: str, start: str, end: str) -> bool:
        """Whether there is an object from a key on and before another."""
        return bool(self.listed(bucket, start, end, 1))

    def commit(self, bucket: str, puts: Sequence[Put], deletions: Iterable[str]) -> None:
        """Keep objects and delete others, together; on disk when this returns.

        Raises:
            StoreFull: the disk is full; nothing was changed.
        """
        asides = {put.key: self._write_aside(put.body) for put in puts if put.body is not None}
        reached(CrashPoint.OBJECT_ASIDE)
        gone = list(deletions)
        try:
            moves = self._database.write(lambda connection: self._record(connection, bucket, puts, asides, gone))
        except BaseException:
            for aside in asides.values():
                (self._aside / aside).unlink(missing_ok=True)
            raise
        reached(CrashPoint.OBJECT_RECORDED if asides else CrashPoint.DELETION_RECORDED)
        self._carry_out(bucket, moves)

    def delete_bucket(self, bucket: str) -> None:
        """Delete every object of a bucket, and its folder."""
        keys = [each.key for each in self._recorded(bucket)]
        self.commit(bucket, [], keys)
        folder = self._buckets / bucket
        for place in sorted((each for each in folder.rglob("*") if each.is_dir()), reverse=True):
            remove_if_empty(place)
        remove_if_empty(folder)

    def buckets(self) -> set[str]:
        """The buckets that objects are in."""
        with self._database.reading() as connection:
            recorded = {str(row[0]) for row in connection.execute("SELECT DISTINCT bucket FROM objects")}
        return recorded | {each.name for each in self._buckets.iterdir() if each.is_dir()}

    def finish(self) -> None:
        """Do after a crash what was recorded and not done, and drop what was not recorded."""
        with self._database.reading() as connection:
            rows = connection.execute(
                "SELECT bucket, key, path, aside FROM objects WHERE aside IS NOT NULL ORDER BY bucket"
            ).fetchall()
        for bucket, key, path, aside in rows:
            self._carry_out(bucket, [(key, path, aside)])
        for left in self._aside.iterdir():
            left.unlink()

    def adopt(self, state_of: Callable[[Path], State]) -> tuple[int, int]:
        """Take in files that were put into buckets by hand, and forget objects whose file was taken away.

        Args:
            state_of: what S3 is to know of such a file.

        Returns:
            How many were taken in, and how many forgotten.
        """
        taken = forgotten = 0
        for bucket in self.buckets():
            known = {each.file: each for each in self._recorded(bucket)}
            missing = [each.key for file, each in known.items() if not file.exists()]
            self.commit(bucket, [], missing)
            forgotten += len(missing)
            folder = self._buckets / bucket
            for file in files_below(folder):
                size = file.stat().st_size
                if file in known and known[file].size == size:
                    continue
                key = known[file].key if file in known else file.relative_to(folder).as_posix()
                self._adopt_one(bucket, key, file, size, state_of(file))
                taken += 1
        return taken, forgotten

    def bytes_by_bucket(self) -> dict[str, int]:
        """The size of all objects of each bucket."""
        with self._database.reading() as connection:
            return dict(connection.execute("SELECT bucket, sum(size) FROM objects GROUP BY bucket").fetchall())

    def _adopt_one(self, bucket: str, key: str, file: Path, size: int, state: State) -> None:
        path = str(file.relative_to(self._buckets / bucket))
        row = (bucket, key, path, size, json.dumps(state))
        self._database.write(
            lambda connection: connection.execute("INSERT OR REPLACE INTO objects VALUES (?, ?, ?, ?, ?, NULL)", row)
        )

    def _record(
        self,
        connection: sqlite3.Connection,
        bucket: str,
        puts: Sequence[Put],
        asides: dict[str, str],
        deletions: list[str],
    ) -> list[tuple[str, str, str]]:
        """Enter the change; gives what is to be done with files: key, path and what to put there."""
        moves = []
        for put in puts:
            known = connection.execute(
                "SELECT path FROM objects WHERE bucket = ? AND key = ?", (bucket, put.key)
            ).fetchone()
            path = known[0] if known else self._path_for(connection, bucket, put.key)
            state, aside = json.dumps(put.state), asides.get(put.key)
            if put.body is None:
                sql = "UPDATE objects SET state = ? WHERE bucket = ? AND key = ?"
                connection.execute(sql, (state, bucket, put.key))
                continue
            connection.execute(
                "INSERT OR REPLACE INTO objects VALUES (?, ?, ?, ?, ?, ?)",
                (bucket, put.key, path, len(put.body), state, aside),
            )
            moves.append((put.key, path, str(aside)))
        for key in deletions:
            row = connection.execute(
                "UPDATE objects SET aside = ? WHERE bucket = ? AND key = ? RETURNING path", (DELETED, bucket, key)
            ).fetchone()
            if row:
                moves.append((key, row[0], DELETED))
        return moves

    def _carry_out(self, bucket: str, moves: list[tuple[str, str, str]]) -> None:
        """Put files in their places or delete them, sync their folders, and enter that it was done."""
        if not moves:
            return
        root = self._buckets / bucket
        folders: set[Path] = set()
        for _, path, aside in moves:
            file = root / path
            if aside == DELETED:
                file.unlink(missing_ok=True)
                if file.parent.exists():
                    folders.add(file.parent)
            elif (self._aside / aside).exists():
                try:
                    folders |= make_folders(file.parent)
                    (self._aside / aside).replace(file)
                except OSError as error:  # a folder needs room, too; `finish` or the next put does what is left
                    raise StoreFull(f"the disk takes no more ({error.strerror})") from error
        reached(CrashPoint.OBJECT_IN_PLACE if any(aside for *_, aside in moves) else CrashPoint.DELETION_DONE)
        for folder in folders:
            self._sync_folder(folder)
        self._database.write(lambda connection: _settle(connection, bucket, moves))

    def _write_aside(self, body: bytes) -> str:
        """Write bytes to a file that nobody reads yet; gives its name."""
        name = uuid.uuid4().hex
        file = self._aside / name
        try:
            with file.open("wb") as stream:
                stream.write(body)
                stream.flush()
                self._sync(stream.fileno())
        except OSError as error:
            file.unlink(missing_ok=True)
            raise StoreFull(f"the disk takes no more ({error.strerror})") from error
        return name

    def _sync_folder(self, folder: Path) -> None:
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
        try:
            self._sync(descriptor)
        finally:
            os.close(descriptor)

    def _path_for(self, connection: sqlite3.Connection, bucket: str, key: str) -> str:
        """Where an object is kept below its bucket: at its key, where that can be a path and none is in its way."""
        if not can_be_path(key):
            return hidden(key)
        if (self._buckets / bucket / key).is_dir():
            return hidden(key)
        above = [part.as_posix() for part in Path(key).parents if part != Path()]
        marks = ",".join("?" * len(above))
        in_the_way = connection.execute(
            f"SELECT 1 FROM objects WHERE bucket = ? AND path IN ({marks}) LIMIT 1",  # noqa: S608 (marks alone)
            (bucket, *above),
        ).fetchone()
        below = connection.execute(
            "SELECT 1 FROM objects WHERE bucket = ? AND path > ? AND path < ? LIMIT 1", (bucket, f"{key}/", f"{key}0")
        ).fetchone()
        return hidden(key) if in_the_way or below else key

    def _object(self, bucket: str, row: tuple[str, str, int, str]) -> StoredObject:
        key, path, size, state = row
        return StoredObject(key, self._buckets / bucket / path, size, json.loads(state))


def _settle(connection: sqlite3.Connection, bucket: str, moves: list[tuple[str, str, str]]) -> None:
    for key, _, aside in moves:
        if aside == DELETED:
            sql = "DELETE FROM objects WHERE bucket = ? AND key = ? AND aside = ?"
        else:
            sql = "UPDATE objects SET aside = NULL WHERE bucket = ? AND key = ? AND aside = ?"
        connection.execute(sql, (bucket, key, aside))


def _leave(_descriptor: int) -> None:
    """Sync nothing: what is thrown away at the end need not reach the disk."""
