"""Writes of many threads: all or nothing each, in order, one fsync for all that wait."""

import resource
import sqlite3
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from infra.local.store import schema
from infra.local.store.database import Database
from infra.local.store.errors import StoreClosed, StoreFull


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    path = tmp_path / "spillway.db"
    schema.prepare(path)
    database = Database(path, durable=True)
    database.write(lambda connection: connection.execute("CREATE TABLE t (n INTEGER UNIQUE, text TEXT)"))
    yield database
    database.close()


def numbers(database: Database) -> list[int]:
    return database.read(lambda connection: [row[0] for row in connection.execute("SELECT n FROM t ORDER BY n")])


def insert(number: int, text: str = "") -> Callable[[sqlite3.Connection], object]:
    return lambda connection: connection.execute("INSERT INTO t VALUES (?, ?)", (number, text))


def test_what_was_written_is_there_for_another_process(database: Database) -> None:
    database.write(insert(1))
    other = sqlite3.connect(database.path)
    assert other.execute("SELECT n FROM t").fetchall() == [(1,)]
    other.close()


def test_writes_of_many_threads_are_all_there_and_shown_in_order(database: Database) -> None:
    shown: list[int] = []

    def write(number: int) -> None:
        def work(connection: sqlite3.Connection) -> int:
            place = int(connection.execute("SELECT count(*) FROM t").fetchone()[0])
            connection.execute("INSERT INTO t VALUES (?, '')", (number,))
            return place

        database.write(work, then=shown.append)

    with ThreadPoolExecutor(16) as executor:
        list(executor.map(write, range(400)))
    assert numbers(database) == list(range(400))
    assert shown == list(range(400))


def test_a_write_that_fails_leaves_those_beside_it_alone(database: Database) -> None:
    undone: list[int] = []

    def write(number: int) -> bool:
        def work(connection: sqlite3.Connection) -> None:
            connection.execute("INSERT INTO t VALUES (?, '')", (number,))
            if number % 3 == 0:
                raise ValueError(number)

        try:
            database.write(work, undo=lambda: undone.append(number))
        except ValueError:
            return False
        return True

    with ThreadPoolExecutor(8) as executor:
        outcomes = list(executor.map(write, range(99)))
    assert outcomes == [number % 3 != 0 for number in range(99)]
    assert numbers(database) == [number for number in range(99) if number % 3]
    assert sorted(undone) == list(range(0, 99, 3))


def test_nothing_is_seen_before_it_is_committed(database: Database) -> None:
    seen: list[list[int]] = []

    def work(connection: sqlite3.Connection) -> None:
        connection.execute("INSERT INTO t VALUES (1, '')")
        thread = threading.Thread(target=lambda: seen.append(numbers(database)))
        thread.start()
        thread.join()
        seen.append(numbers(database))

    database.write(work)
    assert seen == [[], [1]]


def test_a_write_within_a_write_is_part_of_it(database: Database) -> None:
    def work(_: sqlite3.Connection) -> None:
        database.write(insert(1))
        raise ValueError

    with pytest.raises(ValueError):  # noqa: PT011 (raised above)
        database.write(work)
    assert numbers(database) == []


def test_a_full_disk_refuses_the_write_whole_and_is_forgotten_once_there_is_room(database: Database) -> None:
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    database.write(insert(1))
    undone: list[bool] = []
    resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, before[1]))
    try:
        with pytest.raises(StoreFull):
            database.write(insert(2, "x" * 1_000_000), undo=lambda: undone.append(True))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert (numbers(database), undone) == ([1], [True])
    database.write(insert(2, "x" * 1_000_000))
    assert numbers(database) == [1, 2]


def test_a_closed_database_takes_nothing(database: Database) -> None:
    database.close()
    with pytest.raises(StoreClosed):
        database.write(insert(1))


def test_the_log_is_bounded(database: Database) -> None:
    for number in range(40):
        database.write(insert(number, "x" * 100_000))
        database.empty_wal(limit_bytes=1_000_000)
    assert database.wal_bytes() < 2_000_000
    assert numbers(database) == list(range(40))
