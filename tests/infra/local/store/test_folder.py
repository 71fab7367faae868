"""A data folder: held by one process, refused in one line where it cannot be used."""

import ctypes
import os
import sqlite3
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from infra.local.store import schema
from infra.local.store.errors import StoreDamaged, StoreError, StoreInUse, StoreUnwritable, StoreVersionUnknown
from infra.local.store.folder import DataFolder, file_system, throwaway_folder
from infra.local.store.store import opened

NOBODY = 65_534
MOUNTS = "\n".join([  # noqa: FLY002 (a line each)
    "/dev/vda / ext4 rw 0 0",
    "server:/home /home nfs4 rw 0 0",
    "tmpfs /home/me/local\\040disk tmpfs rw 0 0",
])  # fmt: skip


def line_of(error: pytest.ExceptionInfo[StoreError]) -> str:
    text = str(error.value)
    assert "\n" not in text
    return text


def test_a_folder_in_use_is_refused_with_the_pid(tmp_path: Path) -> None:
    with DataFolder(tmp_path / "data"), pytest.raises(StoreInUse) as error:
        DataFolder(tmp_path / "data")
    assert f"in use by process {os.getpid()}" in line_of(error)


def test_a_killed_process_leaves_the_folder_free_and_marked(tmp_path: Path) -> None:
    script = (
        "import os, sys; from pathlib import Path; from infra.local.store.folder import DataFolder; "
        "folder = DataFolder(Path(sys.argv[1])); os.kill(os.getpid(), 9)"
    )
    done = subprocess.run([sys.executable, "-c", script, str(tmp_path / "data")], check=False, timeout=60)
    assert done.returncode == -9
    with DataFolder(tmp_path / "data") as folder:
        assert folder.was_left_open
    with DataFolder(tmp_path / "data") as folder:
        assert not folder.was_left_open


def test_a_file_where_the_folder_should_be_is_named(tmp_path: Path) -> None:
    (tmp_path / "data").write_text("")
    with pytest.raises(StoreUnwritable) as error:
        DataFolder(tmp_path / "data")
    assert "is a file, not a folder" in line_of(error)


def test_a_missing_parent_is_named(tmp_path: Path) -> None:
    with pytest.raises(StoreUnwritable) as error:
        DataFolder(tmp_path / "a" / "b")
    assert f"the folder {tmp_path / 'a'} does not exist" in line_of(error)


@pytest.fixture
def readable() -> Iterator[Path]:
    """A folder that everybody may read; pytest's own is root's alone."""
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        yield Path(folder)


def test_a_read_only_folder_is_named(readable: Path) -> None:
    readable.chmod(0o555)
    with without_root(), pytest.raises(StoreUnwritable) as error:
        DataFolder(readable / "data")
    readable.chmod(0o755)
    assert "cannot be written to (Permission denied)" in line_of(error)


def test_a_data_folder_that_may_only_be_read_is_named_and_left_as_it_is(readable: Path) -> None:
    with opened(readable / "data"):
        pass
    places = [readable / "data", *(readable / "data").rglob("*")]
    for place in places:
        place.chmod(0o555 if place.is_dir() else 0o444)
    held = {place: place.read_bytes() for place in places if place.is_file()}
    with without_root(), pytest.raises(StoreUnwritable) as error, opened(readable / "data"):
        pass
    for place in places:
        place.chmod(0o755)
    assert "cannot be written to (Permission denied)" in line_of(error)
    assert {place: place.read_bytes() for place in places if place.is_file()} == held


@contextmanager
def without_root() -> Iterator[None]:
    """Root may write everywhere, but for file accesses under another user id, which this thread takes on."""
    set_fsuid = ctypes.CDLL(None).setfsuid
    before = set_fsuid(NOBODY if os.geteuid() == 0 else os.geteuid())
    try:
        yield
    finally:
        set_fsuid(before)


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("/var/data", "ext4"),
        ("/home/me", "nfs4"),
        ("/home", "nfs4"),
        ("/home/me/local disk/x", "tmpfs"),
        ("/homes", "ext4"),
    ],
)
def test_the_file_system_of_a_folder_is_that_of_the_nearest_mount(path: str, kind: str) -> None:
    assert file_system(Path(path), MOUNTS) == kind


def test_a_network_file_system_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("infra.local.store.folder._mounts", lambda: f"server:/x {tmp_path} nfs4 rw 0 0")
    with pytest.raises(StoreUnwritable) as error:
        DataFolder(tmp_path / "data")
    assert "network file system (nfs4), which is not supported" in line_of(error)


def test_a_newer_format_is_refused_and_left_alone(tmp_path: Path) -> None:
    with opened(tmp_path / "data"):
        pass
    path = tmp_path / "data" / "spillway.db"
    newer = len(schema.MIGRATIONS) + 1
    with sqlite3.connect(path) as connection:
        connection.execute(f"PRAGMA user_version = {newer}")
    with pytest.raises(StoreVersionUnknown) as error, opened(tmp_path / "data"):
        pass
    assert f"has format {newer}" in line_of(error)
    assert sqlite3.connect(path).execute("PRAGMA user_version").fetchone() == (newer,)


def test_the_database_of_another_program_is_refused(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    with sqlite3.connect(tmp_path / "data" / "spillway.db") as connection:
        connection.execute("CREATE TABLE theirs (x)")
    with pytest.raises(StoreVersionUnknown) as error, opened(tmp_path / "data"):
        pass
    assert "was not written by Spillway" in line_of(error)


@pytest.mark.parametrize("where", [0, 4096 * 3])
def test_a_damaged_database_is_reported_and_left_as_it_is(tmp_path: Path, where: int) -> None:
    with opened(tmp_path / "data") as store:
        store.database.write(
            lambda connection: connection.executemany(
                "INSERT INTO records VALUES (?, 0, '', ?)", [(n, b"x" * 500) for n in range(200)]
            )
        )
        store.database.empty_wal(limit_bytes=0)
    path = tmp_path / "data" / "spillway.db"
    bytes_before = bytearray(path.read_bytes())
    bytes_before[where : where + 4096] = b"\xaa" * 4096
    path.write_bytes(bytes_before)
    (tmp_path / "data" / "lock").write_text("1")  # as a killed process leaves it
    with pytest.raises(StoreDamaged) as error, opened(tmp_path / "data"):
        pass
    assert "put a backup in its place, or start over with --fresh" in line_of(error)
    assert path.read_bytes() == bytes_before
    with opened(tmp_path / "data", fresh=True) as store:
        assert schema.problems(store.folder.database) == []


def test_an_older_format_is_brought_up_to_date_with_what_it_holds(tmp_path: Path) -> None:
    path = tmp_path / "spillway.db"
    schema.prepare(path, schema.MIGRATIONS)
    with sqlite3.connect(path) as connection:
        connection.execute("INSERT INTO queues (name) VALUES ('kept')")
    newer = (*schema.MIGRATIONS, "ALTER TABLE queues ADD COLUMN more TEXT DEFAULT 'new';\nCREATE TABLE another (x);")
    schema.prepare(path, newer)
    connection = sqlite3.connect(path)
    assert connection.execute("SELECT name, more FROM queues").fetchall() == [("kept", "new")]
    assert connection.execute("PRAGMA user_version").fetchone() == (len(newer),)


def test_a_migration_that_fails_leaves_the_older_format(tmp_path: Path) -> None:
    path = tmp_path / "spillway.db"
    schema.prepare(path)
    with pytest.raises(StoreDamaged):
        schema.prepare(path, (*schema.MIGRATIONS, "CREATE TABLE first (x);\nCREATE TABLE streams (x);"))
    connection = sqlite3.connect(path)
    assert connection.execute("SELECT count(*) FROM sqlite_schema WHERE name = 'first'").fetchone() == (0,)
    assert connection.execute("PRAGMA user_version").fetchone() == (len(schema.MIGRATIONS),)


def test_starting_over_deletes_what_spillway_keeps_and_nothing_else(tmp_path: Path) -> None:
    data = tmp_path / "data"
    with opened(data) as store:
        store.database.write(lambda connection: connection.execute("INSERT INTO queues (name) VALUES ('x')"))
    (data / "mine.txt").write_text("kept")
    with opened(data, fresh=True) as store:
        assert store.database.read(lambda connection: connection.execute("SELECT * FROM queues").fetchall()) == []
    assert (data / "mine.txt").read_text() == "kept"


def test_a_throwaway_folder_is_gone_at_the_end() -> None:
    with throwaway_folder() as folder:
        assert folder.path.is_dir()
    assert not folder.path.exists()
