"""The data folder: one process at a time, on a file system that keeps its promises."""

import fcntl
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Final

from infra.local.store.errors import StoreInUse, StoreUnwritable

LOCK_FILE: Final = "lock"
DATABASE_FILE: Final = "spillway.db"
BUCKETS_FOLDER: Final = "buckets"
ASIDE_FOLDER: Final = "aside"  # objects being written, which a rename puts in their place
OURS: Final = (DATABASE_FILE, f"{DATABASE_FILE}-wal", f"{DATABASE_FILE}-shm", BUCKETS_FOLDER, ASIDE_FOLDER)
MEMORY_PREFIX: Final = "spillway-memory-"
MOUNTS: Final = Path("/proc/self/mounts")
# File systems whose locks other machines do not see, or on which SQLite's shared memory does not work.
NETWORK_FILE_SYSTEMS: Final = frozenset({
    "nfs", "nfs4", "cifs", "smb3", "smbfs", "9p", "afs", "ncpfs", "fuse.sshfs", "fuse.s3fs", "fuse.glusterfs",
})  # fmt: skip


class DataFolder:
    """A folder that this process holds; a context manager that lets it go.

    The kernel drops the lock when the process ends, however it ends.

    Args:
        path: of the folder; it is made where its parent exists.

    Raises:
        StoreInUse: another process holds it.
        StoreUnwritable: it cannot be used; the message says why.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        _require_local(path, _mounts())
        try:
            path.mkdir(exist_ok=True)
            (path / BUCKETS_FOLDER).mkdir(exist_ok=True)
            (path / ASIDE_FOLDER).mkdir(exist_ok=True)
            self._lock = os.open(path / LOCK_FILE, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        except OSError as error:
            raise StoreUnwritable(f"{_reason(path, error)}; name another folder with --data") from error
        self.was_left_open = self._take()

    @property
    def database(self) -> Path:
        """The path of the database."""
        return self.path / DATABASE_FILE

    @property
    def buckets(self) -> Path:
        """The folder of the buckets."""
        return self.path / BUCKETS_FOLDER

    @property
    def aside(self) -> Path:
        """The folder of objects on their way."""
        return self.path / ASIDE_FOLDER

    def clear(self) -> None:
        """Delete everything that Spillway keeps in it, and nothing else."""
        for name in OURS:
            place = self.path / name
            if place.is_dir() and not place.is_symlink():
                shutil.rmtree(place)
            else:
                place.unlink(missing_ok=True)
        self.buckets.mkdir()
        self.aside.mkdir()

    def release(self) -> None:
        """Say that it was closed in order, and let it go."""
        os.ftruncate(self._lock, 0)
        os.close(self._lock)

    def __enter__(self) -> "DataFolder":
        return self

    def __exit__(self, *_: type[BaseException] | BaseException | TracebackType | None) -> None:
        self.release()

    def _take(self) -> bool:
        """Take the lock and write our pid; gives whether the process before ended without `release`."""
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            pid = os.pread(self._lock, 20, 0).decode(errors="replace").strip()
            os.close(self._lock)
            raise StoreInUse(f"{self.path} is in use by process {pid or 'unknown'}; stop that one first") from error
        except OSError as error:
            os.close(self._lock)
            raise StoreUnwritable(
                f"{self.path} is on a file system without locks ({error.strerror}), which is not "
                "supported; name a folder on a local disk with --data"
            ) from error
        left_open = bool(os.pread(self._lock, 20, 0))
        os.ftruncate(self._lock, 0)
        os.pwrite(self._lock, f"{os.getpid()}\n".encode(), 0)
        return left_open


@contextmanager
def throwaway_folder() -> Iterator[DataFolder]:
    """A temporary data folder, deleted at the end; folders that killed processes left are deleted first."""
    parent = Path(tempfile.gettempdir())
    for left in parent.glob(f"{MEMORY_PREFIX}*"):
        pid = left.name.removeprefix(MEMORY_PREFIX).partition("-")[0]
        if pid.isdecimal() and not _is_alive(int(pid)):
            shutil.rmtree(left, ignore_errors=True)
    path = Path(tempfile.mkdtemp(prefix=f"{MEMORY_PREFIX}{os.getpid()}-"))
    folder = DataFolder(path)
    try:
        yield folder
    finally:
        shutil.rmtree(path, ignore_errors=True)
        folder.release()


def _is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def _reason(path: Path, error: OSError) -> str:
    """Why a folder cannot be used."""
    match error:
        case FileExistsError():
            return f"{error.filename} is a file, not a folder"
        case NotADirectoryError():
            return f"{path.parent} is a file, not a folder"
        case FileNotFoundError():
            return f"the folder {path.parent} does not exist"
        case _:
            return f"{path} cannot be written to ({error.strerror})"


def _mounts() -> str:
    """What the kernel lists as mounted; empty where it has no such list."""
    try:
        return MOUNTS.read_text(encoding="utf-8", errors="surrogateescape")
    except OSError:
        return ""


def _require_local(path: Path, mounts: str) -> None:
    """Refuse a folder on a network file system."""
    kind = file_system(path.resolve(), mounts)
    if kind in NETWORK_FILE_SYSTEMS:
        raise StoreUnwritable(
            f"{path} is on a network file system ({kind}), which is not supported; "
            "name a folder on a local disk with --data"
        )


def file_system(path: Path, mounts: str) -> str | None:
    """The kind of file system that a path is on, by a list of mounts as in /proc/self/mounts."""
    found: tuple[int, str] | None = None
    for line in mounts.splitlines():
        _, point, kind, *_ = line.split(" ")
        place = Path(point.encode().decode("unicode_escape"))
        if (path == place or place in path.parents) and (found is None or len(place.parts) >= found[0]):
            found = len(place.parts), kind
    return found[1] if found else None
