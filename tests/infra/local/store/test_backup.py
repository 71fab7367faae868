"""The backup of docs/one-machine.md: the database by SQLite's own backup, then the files, while both are written."""

import shutil
import sqlite3
import threading
from pathlib import Path

from infra.local.store import schema
from infra.local.store.object_files import Put
from infra.local.store.store import Store, opened
from infra.local.store.table_items import Row, TableItems


def write(store: Store, items: TableItems, stop: threading.Event, done: list[int]) -> None:
    """Write rows and objects, one after the other, and write down how many were acknowledged."""
    number = 0
    while not stop.is_set():
        key = f"{number:06d}".encode()
        items.put([Row(key, b"", "{}")])
        store.objects.commit("lake", [Put(f"events/{number:06d}", {}, key)], [])
        number += 1
        done[0] = number


def test_a_copy_taken_while_it_runs_holds_what_was_acknowledged_before(tmp_path: Path) -> None:
    stop, done = threading.Event(), [0]
    with opened(tmp_path / "data") as store:
        items = TableItems(store.database, "events")
        writer = threading.Thread(target=write, args=(store, items, stop, done))
        writer.start()
        while done[0] < 20:
            stop.wait(0.005)
        acknowledged = done[0]
        (tmp_path / "copy").mkdir()
        source, target = sqlite3.connect(store.folder.database), sqlite3.connect(tmp_path / "copy" / "spillway.db")
        source.backup(target)
        source.close()
        target.close()
        shutil.copytree(store.folder.buckets, tmp_path / "copy" / "buckets")
        stop.set()
        writer.join()
    with opened(tmp_path / "copy") as copy:
        assert schema.problems(copy.folder.database) == []
        copy.objects.adopt(lambda _: {})
        rows = {row.hash_key for row in TableItems(copy.database, "events").behind()}
        objects = copy.objects.listed("lake")
        expected = {f"{number:06d}".encode() for number in range(acknowledged)}
        assert expected <= rows
        assert expected <= {each.file.read_bytes() for each in objects}
        assert all(each.file.read_bytes() == each.key.removeprefix("events/").encode() for each in objects)
