"""Whether the memory of `spillway compact` grows with what it compacts: one hour of 0.5 GB, and of four times as much.

The command runs as it is, in a process of its own, on S3 served by moto from files on disk. An hour is landed in two
ways: in the order of time, as Firehose delivers it, and with every file spread over the whole hour, so that nothing can
be written before everything is read.
"""

import base64
import json
import os
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import boto3
import pyarrow as pa
import pyarrow.parquet as pq
from botocore.exceptions import EndpointConnectionError

from archive.lake.columns import arrow_schema, columns
from archive.lake.hours import Hour
from infra.names import Names
from tests.benchmarks.bench_lake import flights
from tests.benchmarks.ports import free_port
from tests.benchmarks.report import Report

GB: Final = 1_000_000_000
SIZES: Final = (GB // 2, 2 * GB)
QUICK_SIZES: Final = (GB // 40, GB // 10)
HOUR: Final = Hour(datetime(2026, 11, 23, 2, tzinfo=UTC))
NAMES: Final = Names("local", "123456789012")
FILE_ROWS: Final = 150_000
LATE_EVERY: Final = 10  # one file in so many holds an event of the day before
DAY: Final = 24 * 3600 * 1_000_000  # microseconds
SECONDS: Final = 1800
# The command, and the most memory that it had; getrusage would count the process that started it as well.
CHILD: Final = """
import sys
from infra.cli.main import spillway
from tests.benchmarks.compaction_process import peak_mib
spillway(["compact", "--json", "--from", "2026-11-23T02", "--to", "2026-11-23T03"], standalone_mode=False)
print(peak_mib())
"""


def run(report: Report) -> None:
    """Enter a row for each way of landing."""
    small, large = QUICK_SIZES if report.quick else SIZES
    for in_order, way in ((True, "in order"), (False, "every file over the whole hour")):
        before, after = _peak(small, in_order=in_order), _peak(large, in_order=in_order)
        report.row(
            f"spillway compact, {large / GB:g} GB of Parquet landed, {way}: peak memory",
            after["peak_mib"],
            before["peak_mib"],
            "MiB",
            "≤ 110 %",
            f"the same with {small / GB:g} GB",
            note=f"{after['files']:.0f} objects, {after['rows']:,.0f} rows, {after['seconds']:.0f} s",
        )


def _peak(size: int, *, in_order: bool) -> dict[str, float]:
    """Compact an hour of so many bytes."""
    with tempfile.TemporaryDirectory() as folder, _s3(Path(folder)) as (s3, environment):
        files = _land(s3, size, in_order=in_order)
        started = time.monotonic()
        done = subprocess.run(
            [sys.executable, "-c", CHILD], env=environment, capture_output=True, text=True, timeout=SECONDS, check=True
        )
        seconds = time.monotonic() - started
        outcome, peak = done.stdout.splitlines()
        (hour,) = json.loads(outcome)
        if hour["what"] != "compacted" or hour["rows"] != files * FILE_ROWS:
            raise RuntimeError(f"not every row came through: {hour}")
        return {"peak_mib": float(peak), "files": files, "rows": hour["rows"], "seconds": seconds}


@contextmanager
def _s3(folder: Path) -> Iterator[tuple[Any, dict[str, str]]]:
    """S3 in a process of its own that keeps objects on disk: a client, and the environment for commands."""
    port = free_port()
    environment = os.environ | {
        "AWS_ENDPOINT_URL": f"http://127.0.0.1:{port}",
        "AWS_ACCESS_KEY_ID": "local",
        "AWS_SECRET_ACCESS_KEY": "local",
        "AWS_DEFAULT_REGION": "eu-west-2",
        "MOTO_S3_DEFAULT_KEY_BUFFER_SIZE": "1048576",
        "TMPDIR": str(folder),
    }
    with subprocess.Popen(
        [sys.executable, "-m", "moto.server", "--host", "127.0.0.1", "--port", str(port)],
        env=environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    ) as server:
        try:
            s3 = boto3.client(
                "s3",
                endpoint_url=environment["AWS_ENDPOINT_URL"],
                region_name="eu-west-2",
                aws_access_key_id="local",
                aws_secret_access_key="local",  # noqa: S106 (the local endpoint takes any)
            )
            _create_bucket(s3)
            yield s3, environment
        finally:
            server.terminate()


def _create_bucket(s3: Any) -> None:
    """Create the lake's bucket as soon as the server answers."""
    for _ in range(100):
        try:
            s3.create_bucket(
                Bucket=NAMES.lake_bucket, CreateBucketConfiguration={"LocationConstraint": "eu-west-2"}
            )  # fmt: skip
        except EndpointConnectionError:
            time.sleep(0.2)
        else:
            return
    raise RuntimeError("moto does not answer")


def _land(s3: Any, size: int, *, in_order: bool) -> int:
    """Put files of flights until they have so many bytes; how many."""
    random_ = random.Random(7)
    events = _events()
    files = landed = 0
    # Half a kilobyte is more than a row takes, so the hour is long enough.
    spacing = 3600 * 1_000_000 * 128 // size
    while landed < size:
        body = _file(events, random_, files, None if not in_order else spacing)
        s3.put_object(Bucket=NAMES.lake_bucket, Key=f"events/{HOUR.path}/{files:06d}.parquet", Body=body)
        files, landed = files + 1, landed + len(body)
    return files


def _events() -> pa.Table:
    """Flights in the lake's columns."""
    payloads = flights()
    filled = {"payload": payloads, "source_ip": ["203.0.113.9"] * len(payloads), "user_agent": ["curl"] * len(payloads)}
    empty = [None] * len(payloads)
    schema = arrow_schema(columns())
    return pa.table({name: filled.get(name, empty) for name in schema.names}, schema)


def _file(events: pa.Table, random_: random.Random, number: int, spacing: int | None) -> bytes:
    """One landing object; its events so many microseconds apart, or anywhere in the hour."""
    start = int(HOUR.start.timestamp() * 1_000_000)
    if spacing is None:
        times = [start + random_.randrange(3600 * 1_000_000) for _ in range(FILE_ROWS)]
    else:
        first = start + number * FILE_ROWS * spacing
        times = [first + n * spacing + random_.randrange(4_000_000) for n in range(FILE_ROWS)]
    if number % LATE_EVERY == 0:
        times[0] -= DAY
    names = base64.b16encode(random_.randbytes(16 * FILE_ROWS)).decode()
    table = events.take(pa.array([random_.randrange(events.num_rows) for _ in range(FILE_ROWS)]))
    for name, values in (
        ("timestamp", pa.array([time_ // 1000 for time_ in times], pa.timestamp("ms"))),
        ("timestamp_micros", pa.array(times, pa.int64())),
        ("request_id", pa.array([names[at : at + 32] for at in range(0, len(names), 32)])),
    ):
        table = table.set_column(table.schema.names.index(name), name, values)
    sink = pa.BufferOutputStream()
    pq.write_table(table, sink, compression="snappy")
    return sink.getvalue().to_pybytes()
