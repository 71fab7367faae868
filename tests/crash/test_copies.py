"""A copy of the data folder: a backup that is started elsewhere, and the lake that moves to AWS."""

import shutil
import sqlite3
import threading
from pathlib import Path
from typing import Any

import pytest

from tests.crash import held
from tests.crash.arriving import assert_all_arrive, audit, post, running
from tests.crash.running import Ledger, Running

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]

LAKE = "spillway-local-lake-123456789012"


def post_until(stop: threading.Event, pipeline: Running, ledger: Ledger) -> None:
    while not stop.is_set():
        assert post(pipeline, ledger) == 201


def test_a_backup_of_a_running_pipeline_is_started_as_a_copy(tmp_path: Path) -> None:
    """The steps of docs/one-machine.md, Backup, while events come in."""
    data, copy = tmp_path / "data", tmp_path / "copy"
    ledger, stop = Ledger(), threading.Event()
    with running(data, tmp_path) as pipeline:
        writer = threading.Thread(target=post_until, args=(stop, pipeline, ledger))
        writer.start()
        while len(ledger.keys) < 200:
            stop.wait(0.01)
        with ledger.lock:
            acknowledged = Ledger(set(ledger.keys))
        copy.mkdir()
        source, target = sqlite3.connect(data / "spillway.db"), sqlite3.connect(copy / "spillway.db")
        source.backup(target)
        source.close()
        target.close()
        shutil.copytree(data / "buckets", copy / "buckets")
        stop.set()
        writer.join()
    with running(copy, tmp_path) as restored:
        assert_all_arrive(copy, acknowledged)
        assert audit(restored).returncode == 0


def test_the_lake_moves_to_another_account_and_the_table_is_rebuilt_from_it(tmp_path: Path) -> None:
    """The steps of docs/one-machine.md, Moving to AWS; a second local endpoint stands for AWS."""
    source, target, ledger = tmp_path / "source", tmp_path / "target", Ledger()
    with running(source, tmp_path) as pipeline:
        for _ in range(5):
            assert post(pipeline, ledger) == 201
        assert_all_arrive(source, ledger)
    with running(target, tmp_path) as elsewhere:
        for _ in range(2):  # a second time changes nothing
            copy_lake(source / "buckets" / LAKE, elsewhere.client("s3"))
            rebuilt = elsewhere.command(
                "rebuild-table", "--from", "2h", "--journal", str(tmp_path / "journal"), seconds=120
            )
            assert rebuilt.returncode == 0, rebuilt.stderr
        assert held.read(target).rows == held.read(source).rows == ledger.keys
        audited = audit(elsewhere)
        assert audited.returncode == 0, audited.stdout + audited.stderr


def copy_lake(bucket: Path, s3: Any) -> None:
    """What `aws s3 sync` does."""
    for file in bucket.glob("events/**/*.parquet"):
        s3.upload_file(str(file), LAKE, file.relative_to(bucket).as_posix())
