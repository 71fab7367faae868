"""Dead letters: objects read beside a reader of one after the other, records put back, memory of a selection."""

import json
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from archive.dead_letters.reading import READERS, FailureReader
from archive.replay.batches import Replay
from archive.replay.destinations import StreamDestination
from archive.replay.in_doubt import StreamSearch
from archive.replay.journal import Journal, Record
from archive.replay.lock import Holder, ReplayLock
from archive.replay.plan import Planner
from archive.replay.rate import Pace, Rate
from archive.replay.settling import Settling
from producers import aws as clients
from producers.clock import SYSTEM_CLOCK
from tests.benchmarks.dead_letters import BUCKET, WrittenUnconditionally, client, fill, read_all
from tests.benchmarks.fake_aws import FakeAws
from tests.benchmarks.report import Report
from tests.benchmarks.timing import once

LATENCY_MS = 50.0
AGGREGATE_BYTES = 262_144
SECONDS = 600


def run(report: Report) -> None:
    """Enter a row for each promise."""
    with FakeAws() as aws:
        aws.use()
        _reading(report, aws)
        _putting_back(report, aws)
        _memory(report, aws)


def _reading(report: Report, aws: FakeAws) -> None:
    objects = 200 if report.quick else 1_000
    sequential = objects // 20
    aws.set()
    stored = fill(objects, 1)
    aws.set(latency_ms=LATENCY_MS)
    ours = objects / once(lambda: read_all(stored)).wall
    baseline = sequential / once(lambda: read_all(stored[:sequential], 1)).wall
    what = f"archived objects of 1 KB read, {LATENCY_MS:.0f} ms away"
    report.row(what, ours, baseline, "objects/s", "≥ 10 x", "one after the other")


def _putting_back(report: Report, aws: FakeAws) -> None:
    objects, each = (40 if report.quick else 200), 100
    aws.set()
    stored = fill(objects, each)
    aws.set(latency_ms=5.0)
    clients.client.cache_clear()
    kinesis = clients.client("kinesis")

    def ours() -> None:
        s3 = client()
        documents = WrittenUnconditionally(s3, BUCKET)
        with ThreadPoolExecutor(READERS) as executor:
            lock = ReplayLock(documents, Holder("bench", "here", os.getpid()))
            record = Record("bench", "bench", {}, {}, [], "stream", "2026-11-23", "2026-11-23")
            replay = Replay(
                Journal(documents, record),
                lock,
                planner=Planner(lambda failed: failed),
                destination=StreamDestination(kinesis, "events", AGGREGATE_BYTES),
                settling=Settling(documents, executor),
                search=StreamSearch(kinesis, "events", executor, SYSTEM_CLOCK),
                pace=Pace(Rate()),
            )
            reader = FailureReader(s3, executor, documents, frozenset())
            assert replay.run(reader.read(iter(stored))).put_back == objects * each

    def simple() -> None:
        s3 = client()
        for each_object in stored:
            body = s3.get_object(Bucket=BUCKET, Key=each_object.key)["Body"].read()
            letters = [json.loads(line) for line in body.splitlines()]
            records: Any = [{"Data": letter["data"], "PartitionKey": "k"} for letter in letters]
            kinesis.put_records(StreamName="events", Records=records)

    total = objects * each
    rates = total / once(ours).wall, total / once(simple).wall
    note = "with journal and settled lines, 5 ms away"
    report.row("dead letters put back", *rates, "events/s", "", "a loop of GetObject and PutRecords", note=note)


def _memory(report: Report, aws: FakeAws) -> None:
    objects = 100 if report.quick else 1_000
    aws.set()
    size = max(stored.size for stored in fill(objects, 100))
    done = subprocess.run(
        [sys.executable, "-m", "tests.benchmarks.dead_letters", str(objects), str(size)],
        capture_output=True,
        text=True,
        env={**os.environ, **aws.environment()},
        timeout=SECONDS,
        check=True,
    )
    measured = json.loads(done.stdout)
    assert measured["counts"] == [objects * 100] * 2
    what = f"peak memory, {objects * 100:,} dead letters selected and planned"
    note = f"{objects * 100 / measured['seconds']:,.0f} a second"
    report.row(what, measured["peak_mib"], None, "MiB", "≤ 300 MiB", "", note=note)
