"""One SQLite database that many threads write to, with one fsync for all that wait.

The thread that comes first commits what every waiting thread wants written, in one transaction, and then hands over to
the first of those that came meanwhile. So a write costs one fsync and no change of threads when it is alone, and a
share of an fsync when it is not.
"""

import sqlite3
import threading
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final, Generic, TypeVar

from infra.local.store.crash_points import CrashPoint, reached
from infra.local.store.errors import StoreClosed, StoreFull

T = TypeVar("T")

MAX_GROUP: Final = 512  # writes to a commit
MAX_READERS: Final = 32  # connections kept for reading
CACHE_KIB: Final = 16 * 1024  # of the writing connection; each reading one has SQLite's 2 MiB
WAL_LIMIT_BYTES: Final = 64 * 1024 * 1024  # the log is cut back to this after it was emptied

Work = Callable[[sqlite3.Connection], T]


class _Write(Generic[T]):
    """A write on its way, and the place where its outcome is put."""

    __slots__ = ("error", "leads", "ready", "result", "then", "undo", "work")

    def __init__(self, work: Work[T], then: Callable[[T], None] | None, undo: Callable[[], None] | None) -> None:
        self.work = work
        self.then = then
        self.undo = undo
        self.ready = threading.Lock()  # taken until there is an outcome, or the lead to take over
        self.ready.acquire()
        self.leads = False
        self.result: T | None = None
        self.error: BaseException | None = None


class Database:
    """A database in WAL mode.

    Args:
        path: of its file; it must exist with its tables made (`infra.local.store.schema`).
        durable: whether a commit waits until the disk has it.
    """

    def __init__(self, path: Path, *, durable: bool) -> None:
        self.path = path
        self._connection = self._open()
        self._connection.execute(f"PRAGMA synchronous = {'FULL' if durable else 'OFF'}")
        self._connection.execute("PRAGMA wal_autocheckpoint = 0")  # `empty_wal` does it, beside the writing
        self._connection.execute(f"PRAGMA journal_size_limit = {WAL_LIMIT_BYTES}")
        self._connection.execute(f"PRAGMA cache_size = -{CACHE_KIB}")
        self._connection.execute("PRAGMA secure_delete = OFF")
        self._queue: deque[_Write[Any]] = deque()
        self._turn = threading.Lock()  # guards the two below
        self._led = False
        self._closed = False
        self._within = threading.local()
        self._readers: deque[sqlite3.Connection] = deque()

    def write(
        self, work: Work[T], *, then: Callable[[T], None] | None = None, undo: Callable[[], None] | None = None
    ) -> T:
        """Run `work` in a transaction, alone, and return its result once that is on disk.

        It may run on another thread that writes at the same time, so the caller must hold no lock that any `work`
        takes. Called from within a `work`, it becomes part of that one's transaction.

        Args:
            work: reads and writes with the connection it gets.
            then: called with the result after the commit and before anybody is answered, in the order of the writes.
            undo: called where the work raised or its transaction was not committed.

        Raises:
            StoreFull: the disk is full; nothing was written.
            StoreClosed: the database was closed.
            Exception: what `work` raised; nothing of it was written.
        """
        if getattr(self._within, "connection", None) is not None:
            return self._write_within(work, then)
        write = _Write(work, then, undo)
        with self._turn:
            if self._closed:
                raise StoreClosed(f"{self.path} is closed")
            self._queue.append(write)
            write.leads = not self._led
            self._led = True
        if not write.leads:
            write.ready.acquire()
        if write.leads:
            self._lead()
        if write.error is not None:
            raise write.error
        return write.result  # type: ignore[return-value] # set by the commit

    def read(self, work: Work[T]) -> T:
        """Run `work` on a view of one moment: all that was committed before, nothing that comes after."""
        with self.reading() as connection:
            return work(connection)

    @contextmanager
    def reading(self) -> Iterator[sqlite3.Connection]:
        """A connection for reading; within a write, the one that sees what was written so far."""
        within: sqlite3.Connection | None = getattr(self._within, "connection", None)
        if within is not None:
            yield within
            return
        try:
            connection = self._readers.pop()
        except IndexError:
            connection = self._open()
            connection.execute("PRAGMA query_only = ON")
        try:
            yield connection
        finally:
            if self._closed or len(self._readers) >= MAX_READERS:
                connection.close()
            else:
                self._readers.append(connection)

    def empty_wal(self, *, limit_bytes: int = WAL_LIMIT_BYTES) -> None:
        """Copy the log into the database, beside the writing; over its limit, hold writers up until that is done."""
        with self._turn:
            if self._closed:
                return
        connection = self._open()
        try:
            mode = "TRUNCATE" if self.wal_bytes() > limit_bytes else "PASSIVE"
            connection.execute(f"PRAGMA wal_checkpoint({mode})").fetchone()
        finally:
            connection.close()
        reached(CrashPoint.WAL_EMPTIED)

    def wal_bytes(self) -> int:
        """How long the log is now."""
        try:
            return self.path.with_name(self.path.name + "-wal").stat().st_size
        except FileNotFoundError:
            return 0

    def close(self) -> None:
        """Let the writes under way end, take no more, and close."""
        with self._turn:
            self._closed = True
            waiting = bool(self._queue) or self._led
        while waiting:
            with self._turn:
                waiting = bool(self._queue) or self._led
            threading.Event().wait(0.001)
        while self._readers:
            self._readers.pop().close()
        self._connection.close()

    def _open(self) -> sqlite3.Connection:
        connection = sqlite3.connect(self.path, isolation_level=None, check_same_thread=False, timeout=60)
        connection.execute("PRAGMA temp_store = MEMORY")
        return connection

    def _write_within(self, work: Work[T], then: Callable[[T], None] | None) -> T:
        result = work(self._within.connection)
        if then is not None:
            self._within.later.append((then, result))
        return result

    def _lead(self) -> None:
        """Commit a group, answer all in it, and hand the lead to the first that came meanwhile."""
        with self._turn:
            group = [self._queue.popleft() for _ in range(min(len(self._queue), MAX_GROUP))]
        try:
            self._commit(group)
        finally:
            with self._turn:
                following = self._queue[0] if self._queue else None
                self._led = following is not None
            if following is not None:
                following.leads = True
                following.ready.release()
            for write in group:
                if not write.leads:
                    write.ready.release()

    def _commit(self, group: list[_Write[Any]]) -> None:
        later: list[tuple[Callable[[Any], None], Any]] = []
        connection = self._connection
        self._within.connection, self._within.later = connection, later
        try:
            connection.execute("BEGIN IMMEDIATE")
            for write in group:
                self._run(write, later)
            reached(CrashPoint.BEFORE_COMMIT)
            connection.execute("COMMIT")
            reached(CrashPoint.AFTER_COMMIT)
        except BaseException as error:  # noqa: BLE001 (every kind is handed to all that wait)
            self._fail(group, _meaning(error))
            return
        finally:
            self._within.connection = None
        for call, result in later:
            call(result)

    def _run(self, write: _Write[Any], later: list[tuple[Callable[[Any], None], Any]]) -> None:
        """Run one write of a group; what it raises undoes it alone."""
        connection = self._connection
        connection.execute("SAVEPOINT one")
        before = len(later)
        try:
            write.result = write.work(connection)
        except Exception as error:
            del later[before:]
            if isinstance(error, sqlite3.Error) and not connection.in_transaction:
                raise  # SQLite has rolled the whole transaction back: the disk is full, or worse
            connection.execute("ROLLBACK TO one")
            write.error = _meaning(error)
            if write.undo is not None:
                write.undo()
        else:
            if write.then is not None:
                later.append((write.then, write.result))
        connection.execute("RELEASE one")

    def _fail(self, group: list[_Write[Any]], error: BaseException) -> None:
        if self._connection.in_transaction:
            self._connection.execute("ROLLBACK")
        for write in group:
            if write.error is None:
                write.error = error
                if write.undo is not None:
                    write.undo()


def _meaning(error: BaseException) -> BaseException:
    """A full disk by its own name; anything else as it is."""
    full = ("full", "disk i/o error")
    if isinstance(error, sqlite3.OperationalError) and any(words in str(error).lower() for words in full):
        return StoreFull(f"the disk takes no more ({error})")
    return error
