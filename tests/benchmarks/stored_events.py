"""A data folder that holds many events, made without posting them: to measure a start, the memory and the sizes.

    python -m tests.benchmarks.stored_events 1000000 FOLDER

Fills the table, the stream (in aggregates of 250 events) and the checkpoints, as they are once everything was delivered
to the table. Then starts `spillway run` on it and prints as JSON: bytes an event in the database, seconds to the first
accepted POST, and the resident MiB at that moment and after a scan of the whole table.
"""

import json
import re
import subprocess
import sys
import time
from pathlib import Path

import boto3

from infra.local.aws.dynamodb.keys import key_bytes
from infra.local.aws.endpoint import ACCOUNT
from infra.local.aws.kinesis.shard_map import Entry, ShardMap
from infra.local.store.checkpoints import Checkpoint, Kind
from infra.local.store.store import opened
from infra.local.store.table_items import Row, TableItems
from producers.aggregation import pack
from producers.clock import SYSTEM_CLOCK
from producers.event import Event, encode, format_timestamp
from producers.exact_json import JsonValue
from tests.benchmarks.machine import resident_mib
from tests.benchmarks.posting import post
from tests.benchmarks.running_pipeline import SPILLWAY, environment

BATCH = 1_000
REGION = "eu-west-2"
STREAM, TABLE = "spillway-local-events", "spillway-local-events"
FIRST_MICROS = 1_790_000_000_000_000


def fill(folder: Path, count: int) -> None:
    """Make the folder."""
    with opened(folder, fresh=True) as store:
        database = store.database
        name = f"{ACCOUNT}/{REGION}/{STREAM}"
        shards = ShardMap(database, name, 2, label="stream", retention_hours=24, clock=SYSTEM_CLOCK)
        items = TableItems(database, f"{ACCOUNT}/{REGION}/{TABLE}")
        for first in range(0, count, BATCH):
            events = [_event(number) for number in range(first, min(first + BATCH, count))]
            items.put([_row(event, number) for number, event in enumerate(events, first)])
            packed = pack([(event.request_id, encode(event)) for event in events], 100_000, by_key=False)
            entries = [
                Entry(each.partition_key, (first * 7919 << 100) % 2**128, each.data, len(each.data)) for each in packed
            ]
            placements = shards.put(entries, limited=False)
            last = {each.shard_id: Checkpoint(Kind.AFTER, str(each.sequence_number)) for each in placements}
            for reader in ("stream_mapping", "firehose"):
                store.checkpoints.keep(reader, name, last)
            database.empty_wal()
        database.empty_wal(limit_bytes=0)


def _payload(number: int) -> dict[str, str | int]:
    return {"carrier": "BA", "flight": number % 2000, "origin": "LHR", "dest": "JFK", "delay": number % 60, "n": number}


def _event(number: int) -> Event:
    return Event(
        timestamp=format_timestamp(FIRST_MICROS + number),
        request_id=f"request-{number:012d}",
        source_ip="127.0.0.1",
        user_agent="benchmark",
        trace=None,
        payload=JsonValue(json.dumps(_payload(number), separators=(",", ":"))),
    )


def _row(event: Event, number: int) -> Row:
    payload = {
        name: {"S": value} if isinstance(value, str) else {"N": str(value)} for name, value in _payload(number).items()
    }
    key = {"timestamp": {"S": event.timestamp}, "request_id": {"S": event.request_id}}
    item = {**key, "source_ip": {"S": "127.0.0.1"}, "user_agent": {"S": "benchmark"}, "payload": {"M": payload}}
    return Row(key_bytes(key["timestamp"]), key_bytes(key["request_id"]), json.dumps(item))


def main(count: int, folder: Path) -> None:
    """Fill, start, measure, stop."""
    fill(folder, count)
    size = (folder / "spillway.db").stat().st_size
    log = folder / "run.log"
    began = time.monotonic()
    with log.open("wb") as output:
        process = subprocess.Popen(
            [str(SPILLWAY), "run", "--port", "0", "--aws-port", "0", "--data", str(folder)],
            stdout=output,
            stderr=subprocess.STDOUT,
            env=environment(),
        )
    try:
        while "\n  stop " not in log.read_text() and process.poll() is None:
            time.sleep(0.02)
        greeting = log.read_text()
        urls = dict(re.findall(r"(SPILLWAY_URL|AWS_ENDPOINT_URL)=(\S+)", greeting))
        post(urls["SPILLWAY_URL"], 1, 1)
        started = time.monotonic() - began
        at_start = resident_mib(process.pid)[0]
        scanned, scanning = _scan(urls["AWS_ENDPOINT_URL"])
        after = resident_mib(process.pid)[0]
    finally:
        process.kill()
        process.wait(timeout=30)
    figures = {
        "greeting": greeting.splitlines()[0],
        "bytes an event in the database": round(size / count),
        "start to first accepted POST, s": round(started, 2),
        "resident after it, MiB": round(at_start),
        "rows scanned": scanned,
        "scan of the table, s": round(scanning, 1),
        "resident after the scan, MiB": round(after),
    }
    sys.stdout.write(json.dumps(figures, indent=2) + "\n")


def _scan(url: str) -> tuple[int, float]:
    began = time.monotonic()
    client = boto3.client(
        "dynamodb",
        endpoint_url=url,
        region_name=REGION,
        aws_access_key_id="local",
        aws_secret_access_key="local",  # noqa: S106
    )
    pages = client.get_paginator("scan").paginate(TableName=TABLE, Select="COUNT")
    return sum(page["Count"] for page in pages), time.monotonic() - began


if __name__ == "__main__":
    main(int(sys.argv[1]), Path(sys.argv[2]))
