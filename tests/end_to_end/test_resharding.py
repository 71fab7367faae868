"""The pipeline during a reshard: under live traffic no event is lost, doubled or out of turn."""

import io
import json
import threading
import time
from collections import defaultdict
from dataclasses import replace
from pathlib import Path
from typing import Any

import boto3
import pyarrow.parquet as pq
import pytest

from consumers.stream_batch import Received
from consumers.table import EventTable
from infra.local.aws import kinesis as local_kinesis
from infra.local.pipeline import LocalPipeline
from infra.settings import load
from infra.shards.applying import Application
from infra.shards.journal import Journal
from infra.shards.plan import Bounds, Plan
from infra.shards.planning import make_plan
from infra.shards.report import Clients
from infra.shards.sampling import hash_key_of
from infra.shards.steps import Step
from infra.shards.stream import read_stream
from infra.shards.watching import Watch
from producers.clock import SystemClock
from producers.event import encode, format_timestamp
from tests.events import an_event

HOT_KEY = "customer-4711"
KEYS = [HOT_KEY, *(f"customer-{number}" for number in range(24))]
HOT_EVENTS = 20  # of the hot key, to one of each other
UPDATE_SECONDS = 0.3
EPOCH_MICROS = 1_795_000_000_000_000  # of the first event's timestamp


class Traffic:
    """Puts events on the stream, numbered per partition key, until it is stopped.

    Of each key one event is put after the other: a record that is refused is put again before those that follow it.
    """

    def __init__(self, stream_name: str, first_number: int, keys: list[str]) -> None:
        self.sent: dict[str, int] = dict.fromkeys(keys, 0)
        self._stream_name = stream_name
        self._number = first_number
        self._kinesis: Any = boto3.client("kinesis")
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def stop(self) -> None:
        self._stopping.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._stopping.is_set():
            for round_ in range(HOT_EVENTS):
                self._put([key for key in self.sent if key == HOT_KEY or round_ == 0])

    def _put(self, keys: list[str]) -> None:
        """Put the next event of each of these keys."""
        pending = [{"Data": self._event(key), "PartitionKey": key} for key in keys]
        while pending:
            answers = self._kinesis.put_records(StreamName=self._stream_name, Records=pending)["Records"]
            pending = [record for record, answer in zip(pending, answers, strict=True) if "ErrorCode" in answer]
        for key in keys:
            self.sent[key] += 1

    def _event(self, key: str) -> bytes:
        self._number += 1
        payload = f'{{"key":"{key}","n":{self.sent[key]}}}'
        timestamp = format_timestamp(EPOCH_MICROS + self._number)
        return encode(an_event(payload, self._number, timestamp=timestamp))


@pytest.fixture
def written(monkeypatch: pytest.MonkeyPatch) -> dict[str, list[int]]:
    """What the table writer was handed, by key, in its order."""
    seen: dict[str, list[int]] = defaultdict(list)
    write = EventTable.write

    def recording(table: EventTable, received: list[Received], *arguments: Any, **named: Any) -> Any:
        for delivery in received:
            payload = delivery.event.payload.value
            assert isinstance(payload, dict)
            seen[str(payload["key"])].append(int(str(payload["n"])))
        return write(table, received, *arguments, **named)

    monkeypatch.setattr(EventTable, "write", recording)
    return seen


class Operator:
    """Plans and applies as `spillway shards` does, on a pipeline in this process."""

    def __init__(self, pipeline: LocalPipeline, folder: Path) -> None:
        self._names = pipeline.names
        self._folder = folder
        self.clients = Clients(*(boto3.client(name) for name in ("kinesis", "cloudwatch", "lambda", "firehose")))

    def scale_to(self, count: int) -> None:
        stream = read_stream(self.clients.kinesis, self._names.stream, now=time.time())
        self.apply(make_plan(stream, Bounds(1.0, count, count), now=time.time()))
        assert len(self.shards()) == count

    def take(self, *steps: Step) -> None:
        """Take steps of the test's own choice."""
        stream = read_stream(self.clients.kinesis, self._names.stream, now=time.time())
        self.apply(replace(make_plan(stream, Bounds(), now=time.time()), steps=steps))

    def apply(self, plan: Plan) -> None:
        plan_id = f"plan-{time.monotonic_ns()}"
        watch = Watch(self.clients.cloudwatch, plan.stream_name, "spillway", needs_age=False)
        journal = Journal(self._folder / "journal.jsonl")
        Application(self.clients, plan, plan_id, journal, watch, by="a test", clock=_Hasty(), settle_seconds=0).run()

    def shards(self) -> list[tuple[int, int]]:
        stream = read_stream(self.clients.kinesis, self._names.stream, now=time.time())
        return [(shard.start, shard.end) for shard in stream.shards]


class _Hasty(SystemClock):
    """The machine's clock, but waits of seconds are over in moments."""

    def sleep(self, seconds: float) -> None:
        super().sleep(min(seconds, 0.05))


@pytest.mark.slow
def test_shards_come_and_go_and_every_event_is_written_once_and_in_turn(tmp_path, written):
    with LocalPipeline(load("local"), "local", 0, 0) as pipeline:
        local_kinesis.install("aws", update_seconds=UPDATE_SECONDS)
        operator = Operator(pipeline, tmp_path)
        traffic = [
            Traffic(pipeline.names.stream, 0, KEYS[::2]),
            Traffic(pipeline.names.stream, 500_000_000, KEYS[1::2]),
        ]
        let_flow(traffic)
        operator.scale_to(8)
        let_flow(traffic)
        operator.scale_to(3)
        let_flow(traffic)

        hot = next(shard for shard in operator.shards() if shard[0] <= hash_key_of(HOT_KEY) <= shard[1])
        operator.take(Step("split", 3, 4, (hot,), sum(hot) // 2))
        let_flow(traffic)

        lower, upper, *_ = operator.shards()
        operator.take(Step("merge", 4, 3, (lower, upper)))
        assert len(operator.shards()) == 3
        let_flow(traffic)

        for each in traffic:
            each.stop()
        assert pipeline.drain()
        sent = {key: count for each in traffic for key, count in each.sent.items()}
        assert sorted(table_numbers(pipeline)) == sorted((key, n) for key, count in sent.items() for n in range(count))
        assert sorted(lake_numbers(pipeline)) == sorted((key, n) for key, count in sent.items() for n in range(count))
    assert dict(written) == {key: list(range(count)) for key, count in sent.items()}, "each once, and in turn"


def let_flow(traffic: list[Traffic], events: int = 400) -> None:
    """Wait until so many more events were put."""
    goal = total(traffic) + events
    deadline = time.monotonic() + 60
    while total(traffic) < goal:
        assert time.monotonic() < deadline
        time.sleep(0.02)


def total(traffic: list[Traffic]) -> int:
    return sum(count for each in traffic for count in each.sent.values())


def table_numbers(pipeline: LocalPipeline) -> list[tuple[str, int]]:
    pages = boto3.client("dynamodb").get_paginator("scan").paginate(TableName=pipeline.names.table)
    payloads = [item["payload"]["M"] for page in pages for item in page["Items"]]
    return [(payload["key"]["S"], int(payload["n"]["N"])) for payload in payloads]


def lake_numbers(pipeline: LocalPipeline) -> list[tuple[str, int]]:
    s3, bucket = boto3.client("s3"), pipeline.names.lake_bucket
    pages = s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix="events/")
    keys = [found["Key"] for page in pages for found in page.get("Contents", [])]
    tables = [pq.read_table(io.BytesIO(s3.get_object(Bucket=bucket, Key=key)["Body"].read())) for key in keys]
    texts = [text for table in tables for text in table.column("payload").to_pylist()]
    return [key_and_number(str(text)) for text in texts]


def key_and_number(payload: str) -> tuple[str, int]:
    fields = json.loads(payload)
    return fields["key"], fields["n"]
