"""A real `spillway run` whose disk fills, whose clock jumps, whose files others open or delete: nothing is lost."""

import contextlib
import os
import signal
import sqlite3
import struct
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path

import pytest
from botocore.exceptions import ClientError

from infra.local.aws.kinesis.shard_records import ORDINAL_BITS
from infra.local.store.integrity import integrity
from tests.crash.arriving import assert_all_arrive, audit, post, running
from tests.crash.running import SPILLWAY, Ledger

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]

LAKE = "spillway-local-lake-123456789012"
DISK_MIB = 24
TEN_MINUTES = 600.0


@dataclass
class Clocks:
    """The shifts of a process's clocks, in a file that it shares."""

    file: Path
    wall: float = 0.0
    monotonic: float = 0.0
    environment: dict[str, str] = field(init=False)

    def __post_init__(self) -> None:
        self.set()
        folder = Path(__file__).parent / "shifted_clock"
        self.environment = {"PYTHONPATH": str(folder), "CLOCK_SHIFTS": str(self.file)}

    def set(self) -> None:
        with self.file.open("r+b" if self.file.exists() else "w+b") as file:
            file.write(struct.pack("dd", self.wall, self.monotonic))


@contextmanager
def small_disk(place: Path) -> Iterator[Path]:
    place.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={DISK_MIB}m", "tmpfs", str(place)], check=True)
    try:
        yield place
    finally:
        subprocess.run(["umount", "--lazy", str(place)], check=True)


def fill(ballast: Path) -> None:
    """Write until the disk takes nothing more."""
    with ballast.open("wb", buffering=0) as file, contextlib.suppress(OSError):
        while True:
            file.write(bytes(4096))


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may mount a small disk")
def test_a_full_disk_is_503_and_goes_on_by_itself_once_there_is_room(tmp_path: Path) -> None:
    ledger = Ledger()
    with small_disk(tmp_path / "disk") as disk, running(disk / "data", tmp_path) as pipeline:
        assert post(pipeline, ledger) == 201
        ballast = disk / "ballast"
        fill(ballast)
        answers = [post(pipeline, ledger, text="y" * 5_000)]
        while answers[-1] == 201 and len(answers) < 30:  # SQLite reuses the room that it has first
            answers.append(post(pipeline, ledger, text="y" * 5_000))
        assert answers[-1] == 503
        ballast.unlink()
        assert post(pipeline, ledger) == 201
        assert_all_arrive(disk / "data", ledger)
        assert "GiB of the disk are free; once it is full, posts are answered with 503" in pipeline.log.read_text()
        assert integrity(disk / "data") == []


def test_a_process_that_stood_still_for_ten_minutes_goes_on(tmp_path: Path) -> None:
    clocks, ledger = Clocks(tmp_path / "clocks"), Ledger()
    with running(tmp_path / "data", tmp_path, clocks.environment) as pipeline:
        assert post(pipeline, ledger) == 201
        pipeline.process.send_signal(signal.SIGSTOP)
        clocks.wall = clocks.monotonic = TEN_MINUTES
        clocks.set()
        time.sleep(0.5)
        pipeline.process.send_signal(signal.SIGCONT)
        assert post(pipeline, ledger) == 201
        assert_all_arrive(tmp_path / "data", ledger)
        assert "Traceback" not in pipeline.log.read_text()


@pytest.mark.parametrize("step_seconds", [-7_200.0, 7_200.0])
def test_a_step_of_the_wall_clock_stalls_nothing_and_no_arrival_runs_backwards(
    tmp_path: Path, step_seconds: float
) -> None:
    clocks, ledger = Clocks(tmp_path / "clocks"), Ledger()
    with running(tmp_path / "data", tmp_path, clocks.environment) as pipeline:
        for step in (0.0, step_seconds):
            clocks.wall = step
            clocks.set()
            for _ in range(3):
                assert post(pipeline, ledger) == 201
        assert_all_arrive(tmp_path / "data", ledger)
    connection = sqlite3.connect(tmp_path / "data" / "spillway.db")
    rows = connection.execute("SELECT position, arrived_ms FROM records ORDER BY position").fetchall()
    connection.close()
    shards = {position >> ORDINAL_BITS for position, _ in rows}
    for shard in shards:
        arrived = [time_ms for position, time_ms in rows if position >> ORDINAL_BITS == shard]
        assert all(first <= second for first, second in pairwise(arrived))


def test_another_process_may_read_and_write_the_database_and_none_may_run_on_it(tmp_path: Path) -> None:
    data, ledger = tmp_path / "data", Ledger()
    with running(data, tmp_path) as pipeline:
        assert post(pipeline, ledger) == 201
        other = sqlite3.connect(data / "spillway.db", isolation_level=None, check_same_thread=False)
        other.execute("BEGIN IMMEDIATE")
        release = threading.Timer(1.0, lambda: other.execute("ROLLBACK"))
        release.start()
        began = time.monotonic()
        assert post(pipeline, ledger) == 201
        assert time.monotonic() - began > 0.5
        release.join()
        other.close()
        second = subprocess.run(
            [str(SPILLWAY), "run", "--port", "0", "--aws-port", "0", "--data", str(data)],
            capture_output=True, text=True, check=False, timeout=60,
        )  # fmt: skip
        assert second.returncode == 1
        assert f"in use by process {pipeline.process.pid}" in second.stderr
        assert len(second.stderr.strip().splitlines()) == 1
        assert_all_arrive(data, ledger)


def test_a_file_of_a_bucket_that_was_deleted_by_hand_is_gone_and_stops_nothing(tmp_path: Path) -> None:
    data, ledger = tmp_path / "data", Ledger()
    with running(data, tmp_path) as pipeline:
        assert post(pipeline, ledger) == 201
        assert_all_arrive(data, ledger)
        for file in data.glob("buckets/*lake*/events/**/*.parquet"):
            file.unlink()
        [missing, *_] = integrity(data)
        assert "is missing; restore it from a backup" in missing
        s3 = pipeline.client("s3")
        assert s3.list_objects_v2(Bucket=LAKE, Prefix="events/").get("Contents", []) == []
        key = missing.partition(f"{LAKE}/")[2].partition(" ")[0]
        with pytest.raises(ClientError, match=r"NoSuchKey|404"):
            s3.get_object(Bucket=LAKE, Key=key)
        audited = audit(pipeline)
        assert audited.returncode in {0, 1}  # 0 while the event is so young that the lake may still get it
        assert "Traceback" not in audited.stdout + audited.stderr
        more = Ledger()
        assert post(pipeline, more) == 201
        deadline = time.monotonic() + 60
        while not list(data.glob("buckets/*lake*/events/**/*.parquet")) and time.monotonic() < deadline:
            time.sleep(0.2)
        assert s3.list_objects_v2(Bucket=LAKE, Prefix="events/")["KeyCount"] >= 1
    with running(data, tmp_path):
        assert integrity(data) == []
