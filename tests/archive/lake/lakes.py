"""A lake in memory for tests: events put where Firehose would have put them, and read as Athena would."""

import io
import threading
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

import boto3
import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

from archive.lake.columns import Column, arrow_schema, columns
from archive.lake.hours import Hour
from archive.lake.listing import list_objects
from infra.names import Names
from infra.querying.local_lake import LocalLake
from infra.querying.local_query import run_local
from producers.event import Event

NAMES = Names("local", "123456789012")
HOUR = Hour(datetime(2026, 11, 23, 2, tzinfo=UTC))


class Lake:
    """The buckets, and a client for them."""

    def __init__(self, endpoint: str) -> None:
        self.s3: Any = boto3.client(
            "s3",
            endpoint_url=endpoint,
            region_name="eu-west-2",
            aws_access_key_id="local",
            aws_secret_access_key="local",  # noqa: S106 (the local endpoint takes any)
        )
        self._landed = 0
        self._lock = threading.Lock()
        for bucket in (NAMES.lake_bucket, NAMES.dead_letter_bucket):
            self.s3.create_bucket(Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": "eu-west-2"})

    def put(self, key: str, body: bytes, bucket: str = NAMES.lake_bucket) -> None:
        self.s3.put_object(Bucket=bucket, Key=key, Body=body)

    def land(self, rows: Iterable[dict[str, Any]], hour: Hour = HOUR, of: tuple[Column, ...] | None = None) -> str:
        """Put one landing object with these rows; its key."""
        with self._lock:
            self._landed += 1
            key = f"events/{hour.path}/{self._landed:06d}.parquet"
        self.put(key, parquet_of(rows, of or columns()))
        return key

    def keys(self, prefix: str = "") -> list[str]:
        return [found.key for found in list_objects(self.s3, NAMES.lake_bucket, prefix)]

    def query(self, sql: str, *parameters: str) -> list[tuple[Any, ...]]:
        table = run_local(LocalLake(self.s3, NAMES), sql, parameters)
        return [tuple(row.values()) for row in table.to_pylist()]

    def events(self) -> list[str]:
        """The request ids that the view gives, sorted, so one that is there twice shows."""
        return [row[0] for row in self.query("SELECT request_id FROM events ORDER BY request_id")]

    def sql(self) -> duckdb.DuckDBPyConnection:
        """A connection that has every table and the view."""
        lake, connection = LocalLake(self.s3, NAMES), duckdb.connect()
        lake.open(connection, lake.names)
        return connection


def a_row(number: int, hour: Hour = HOUR, **values: Any) -> dict[str, Any]:
    """The row of an event whose key follows from its number, a second after the one before."""
    micros = int(hour.start.timestamp() * 1_000_000) + number * 1_000_000 + 7
    return {
        "timestamp": micros // 1000,
        "timestamp_micros": micros,
        "request_id": f"r{number:05d}",
        "payload": f'{{"n":{number}}}',
        **values,
    }


def parquet_of(rows: Iterable[dict[str, Any]], of: tuple[Column, ...]) -> bytes:
    sink = io.BytesIO()
    pq.write_table(pa.Table.from_pylist(list(rows), arrow_schema(of)), sink)
    return sink.getvalue()


def micros(event: Event) -> int:
    return int(datetime.fromisoformat(event.timestamp).timestamp() * 1_000_000)
