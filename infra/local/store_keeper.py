"""What the store needs while the pipeline runs: its log emptied, expired records deleted, a look at the disk."""

import logging
import threading
import time
from typing import Final

from infra.local.aws.dynamodb.expiry import ExpirySweep
from infra.local.aws.kinesis import find_stream
from infra.local.store.errors import StoreFull
from infra.local.store.store import Store

ROUND_SECONDS: Final = 1.0
EXPIRY_ROUNDS: Final = 10  # between two looks for expired records
WAL_BYTES: Final = 4 * 1024 * 1024  # from this size on the log is copied into the database
LOW_BYTES: Final = 1024**3  # free on the disk: less is low ...
LOW_SHARE: Final = 0.05  # ... and so is less than this share of it

_log = logging.getLogger("spillway.store")


class StoreKeeper:
    """Keeps the store in order, on a thread of its own.

    Args:
        store: the store.
        stream: the stream whose expired records are deleted.
        region: that it is in.
    """

    def __init__(self, store: Store, stream: str, region: str) -> None:
        self._store = store
        self._stream = stream
        self._region = region
        self._sweep = ExpirySweep(region)
        self._is_low = False
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="store keeper", daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def stop(self) -> None:
        """End, after the step at hand."""
        self._stopping.set()
        self._thread.join()

    def look_at_disk(self) -> None:
        """Log once when the disk becomes low, and once when it has room again."""
        free, total = self._store.free_bytes()
        is_low = is_disk_low(free, total)
        if is_low and not self._is_low:
            _log.warning(
                "%s: %.2f GiB of the disk are free; once it is full, posts are answered with 503 until there is room",
                self._store.folder.path,
                free / 1024**3,
            )
        if self._is_low and not is_low:
            _log.warning("%s: there is room on the disk again, %.2f GiB", self._store.folder.path, free / 1024**3)
        self._is_low = is_low

    def _run(self) -> None:
        rounds = 0
        while not self._stopping.wait(ROUND_SECONDS):
            rounds += 1
            try:
                self.look_at_disk()
                if self._store.database.wal_bytes() > WAL_BYTES:
                    self._store.database.empty_wal()
                if rounds % EXPIRY_ROUNDS == 0:
                    self._delete_expired()
                self._sweep.step()
            except StoreFull as full:
                _log.warning("%s: %s", self._store.folder.path, full)
            except Exception:  # noqa: BLE001 (the edge of the thread: the next round does it)
                _log.exception("%s: unexpected fault", self._store.folder.path)

    def _delete_expired(self) -> None:
        log = find_stream(self._stream, self._region).log
        while log.delete_expired() and not self._stopping.is_set():
            time.sleep(0.01)  # others write in between


def is_disk_low(free: int, total: int) -> bool:
    """Whether less than 1 GiB or 5 % of a disk is free."""
    return free < LOW_BYTES or free < total * LOW_SHARE
