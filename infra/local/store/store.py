"""The store: a data folder that is open."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from infra.local.store import schema
from infra.local.store.checkpoints import Checkpoints
from infra.local.store.database import Database
from infra.local.store.folder import DataFolder, throwaway_folder
from infra.local.store.object_files import ObjectFiles

QUICK_CHECK_BYTES: Final = 64 * 1024 * 1024  # up to this size the database is checked after a crash, within a second


class Store:
    """What is kept, open for this process alone.

    Args:
        folder: held by this process.
        durable: whether an answer waits until the disk has what it answers for.

    Raises:
        infra.local.store.errors.StoreError: the folder cannot be used; its message says why and what to do.
    """

    def __init__(self, folder: DataFolder, *, durable: bool) -> None:
        self.folder = folder
        self.durable = durable
        schema.prepare(folder.database)
        if folder.was_left_open and folder.database.stat().st_size <= QUICK_CHECK_BYTES:
            found = schema.problems(folder.database)
            if found:
                raise schema.damaged(folder.database, found[0])
        self.database = Database(folder.database, durable=durable)
        self.objects = ObjectFiles(self.database, folder.buckets, folder.aside, durable=durable)
        self.checkpoints = Checkpoints(self.database)
        self.objects.finish()

    def close(self) -> None:
        """Let what is being written end, and close."""
        self.database.close()

    def bytes_by_part(self) -> dict[str, int]:
        """What each part takes on the disk: the database, its log, what of it is free for reuse, and the buckets."""
        with self.database.reading() as connection:
            free = connection.execute("PRAGMA freelist_count").fetchone()[0]
            page = connection.execute("PRAGMA page_size").fetchone()[0]
        return {
            "database": self.folder.database.stat().st_size,
            "of it free for reuse": free * page,
            "database log": self.database.wal_bytes(),
        } | {f"bucket {bucket}": size for bucket, size in sorted(self.objects.bytes_by_bucket().items())}

    def free_bytes(self) -> tuple[int, int]:
        """What is free on the disk, and how large it is."""
        usage = shutil.disk_usage(self.folder.path)
        return usage.free, usage.total


@contextmanager
def opened(path: Path, *, fresh: bool = False) -> Iterator[Store]:
    """The store in a folder, kept.

    Args:
        path: of the folder.
        fresh: delete first what it holds.
    """
    with DataFolder(path) as folder:
        if fresh:
            folder.clear()
        store = Store(folder, durable=True)
        try:
            yield store
        finally:
            store.close()


@contextmanager
def throwaway() -> Iterator[Store]:
    """A store that is gone at the end: the same code and the same files, without waiting for the disk."""
    with throwaway_folder() as folder:
        store = Store(folder, durable=False)
        try:
            yield store
        finally:
            store.close()
