"""`kill -9` at each named point of the store, one after the other on one folder; each is hit, or the test fails."""

import json
import sqlite3
import time
import urllib.request
from pathlib import Path

import pytest
from botocore.exceptions import BotoCoreError, ClientError

from infra.local.store.crash_points import CrashPoint
from tests.crash import held
from tests.crash.arriving import audit, wait_until_settled
from tests.crash.running import DEAD_LETTERS, STREAM, Ledger, Running, start

HIT_SECONDS = 60
DAY_MS = 25 * 3600 * 1000
LARGE_BYTES = 5 * 1024 * 1024  # of a record that is over Lambda's 6 MB in base64


def provoke(running: Running, point: CrashPoint, ledger: Ledger) -> bool:
    """Do what leads to a point, until the process has killed itself there or a while has passed; whether it has."""
    kinesis, s3 = running.client("kinesis"), running.client("s3")
    deadline = time.monotonic() + HIT_SECONDS
    while running.is_alive() and time.monotonic() < deadline:
        try:
            match point:
                case CrashPoint.DELETION_RECORDED | CrashPoint.DELETION_DONE:
                    s3.put_object(Bucket=DEAD_LETTERS, Key="scratch", Body=b"x")
                    s3.delete_object(Bucket=DEAD_LETTERS, Key="scratch")
                case CrashPoint.RESHARDED:
                    kinesis.update_shard_count(StreamName=STREAM, TargetShardCount=3, ScalingType="UNIFORM_SCALING")
                case CrashPoint.POINTER_SENT:
                    arn = kinesis.describe_stream_summary(StreamName=STREAM)["StreamDescriptionSummary"]["StreamARN"]
                    kinesis.update_max_record_size(StreamARN=arn, MaxRecordSizeInKiB=10_240)
                    kinesis.put_record(StreamName=STREAM, Data=bytes(LARGE_BYTES), PartitionKey="large")
                    time.sleep(5)
                case _:
                    post(running, ledger, events=400 if point is CrashPoint.WAL_EMPTIED else 20)
        except (OSError, ValueError, KeyError, BotoCoreError, ClientError):
            pass  # killed in the middle of an answer
        time.sleep(0.05)
    try:
        running.process.wait(timeout=5)
    finally:
        was_hit = running.process.returncode == -9
        running.kill()
    return was_hit


def post(running: Running, ledger: Ledger, *, events: int) -> None:
    body = json.dumps([{"n": number, "text": "x" * 2_000} for number in range(events)]).encode()
    request = urllib.request.Request(running.url, body, {"Content-Type": "application/json"})  # noqa: S310 (loopback)
    with urllib.request.urlopen(request, timeout=10) as answer:  # noqa: S310
        ledger.add(json.load(answer))


def make_records_a_day_older(data: Path) -> None:
    """So that they have expired; every reader has passed them."""
    connection = sqlite3.connect(data / "spillway.db")
    with connection:
        connection.execute("UPDATE records SET arrived_ms = arrived_ms - ?", (DAY_MS,))
    connection.close()


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_every_named_point_is_hit_and_costs_nothing_that_was_accepted(tmp_path: Path) -> None:
    data, ledger = tmp_path / "data", Ledger()
    for point in CrashPoint:
        if point is CrashPoint.EXPIRED_DELETED:
            continue
        running = start(data, tmp_path, point)
        assert running is None or provoke(running, point, ledger), f"{point} was not reached in {HIT_SECONDS} s"
        found = held.read(data)
        assert found.problems == [], point
        assert ledger.keys - found.on_stream.keys() == set(), f"{point}: accepted, and not on the stream"
        assert list(found.ahead()) == [], point
    settled = start(data, tmp_path)
    assert settled is not None
    try:
        found = wait_until_settled(data)
        audited = audit(settled)
    finally:
        settled.kill()
    assert audited.returncode == 0, f"{audited.stdout}{audited.stderr}"
    assert ledger.keys <= found.rows
    make_records_a_day_older(data)
    running = start(data, tmp_path, CrashPoint.EXPIRED_DELETED)
    assert running is None or provoke(running, CrashPoint.EXPIRED_DELETED, Ledger())
    after = held.read(data)
    assert (after.problems, list(after.ahead())) == ([], [])
    assert found.rows <= after.rows
    assert len(after.on_stream) < len(found.on_stream)
