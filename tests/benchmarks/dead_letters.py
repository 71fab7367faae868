"""An archive of dead letters in the fake AWS, and what is done with it; as a process it reports its memory."""

import json
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import boto3
from botocore.config import Config

from archive.dead_letters.documents import Documents
from archive.dead_letters.outlook import outlook_of
from archive.dead_letters.reading import READERS, FailureReader
from archive.dead_letters.report import FailureReport
from archive.dead_letters.stores import StoredObject, stores
from archive.replay.destinations import Planned
from archive.replay.plan import Planner, Tally
from consumers.dead_letter import DeadLetter, Failure
from consumers.stream_batch import Source
from producers.event import encode
from tests.benchmarks import machine
from tests.events import an_event

BUCKET: Final = "dead"
STORE: Final = stores(BUCKET, "lake", timedelta(hours=24))[0]
AT: Final = datetime(2026, 11, 23, 2, 35, tzinfo=UTC)
PAYLOAD: Final = json.dumps({"origin": "JFK", "destination": "LAX", "delay": 12.5, "text": "x" * 150})


class WrittenUnconditionally(Documents):
    """Documents in an S3 that knows no conditions, as the fake one; each write goes there all the same."""

    def write_if(self, key: str, body: bytes, etag: str | None) -> str:
        """As `Documents`, the condition taken to hold."""
        self.write(key, body)
        return str(int(etag or 0) + 1)


def client() -> Any:
    """An S3 client with a connection for each reader."""
    return boto3.client("s3", config=Config(max_pool_connections=READERS + 4, s3={"addressing_style": "path"}))


def a_line(number: int) -> str:
    """A dead letter of about a kilobyte, whose event would pass now."""
    sequence_number = str(49590338271490256608559692538361571095 + number)
    data = encode(an_event(PAYLOAD, number % 1_000_000, request_id=f"8f1c7d5e-0000-4000-8000-{number:012d}"))
    source = Source("events", "shardId-000000000000", sequence_number, 0, "k", "2026-11-23T02:34:56.987Z")
    return DeadLetter("table_writer", AT.isoformat(), Failure("Throttling", "x" * 50), 1, source, data).to_json()


def fill(objects: int, each: int) -> list[StoredObject]:
    """Archive dead letters, and give their objects."""
    s3 = client()
    filled = []
    for number in range(objects):
        body = "".join(f"{a_line(number * each + n)}\n" for n in range(each)).encode()
        filled.append(StoredObject(STORE, key_of(number), len(body), AT))
        s3.put_object(Bucket=BUCKET, Key=key_of(number), Body=body)
    return filled


def key_of(number: int) -> str:
    """Of an object."""
    return f"{STORE.prefix}dt=2026-11-23/hour=02/{number:06d}.json"


def read_all(stored: list[StoredObject], readers: int = READERS) -> int:
    """Read every failure, so many objects at once; how many there were."""
    s3 = client()
    with ThreadPoolExecutor(readers) as executor:
        reader = FailureReader(s3, executor, Documents(s3, BUCKET), frozenset())
        return sum(1 for _ in reader.read(iter(stored)))


def select_and_plan(objects: int, size: int) -> tuple[int, int]:
    """Do with an archive what `list` and a dry run do; counts of both."""
    s3 = client()
    report, tally = FailureReport(), Tally()
    planner = Planner(lambda failed: failed)

    def stored() -> Iterator[StoredObject]:
        return (StoredObject(STORE, key_of(number), size, AT) for number in range(objects))

    with ThreadPoolExecutor(READERS) as executor:
        for failed, _ in FailureReader(s3, executor, Documents(s3, BUCKET), frozenset()).read(stored()):
            report.add(failed, outlook_of(failed))
            decided = planner.decide(failed)
            if isinstance(decided, Planned):
                tally.plan(decided)
    return report.left, tally.put_back


if __name__ == "__main__":
    started = time.monotonic()
    counts = select_and_plan(int(sys.argv[1]), int(sys.argv[2]))
    peak = machine.resident_mib()[1]
    sys.stdout.write(json.dumps({"counts": counts, "peak_mib": peak, "seconds": time.monotonic() - started}))
