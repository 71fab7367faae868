"""The local environment's names, the flights of the README, and what arrived in table and lake."""

import gzip
import io

import pyarrow.parquet as pq

from tests.end_to_end.conftest import ROOT, RunningPipeline

FLIGHTS = ROOT / "tests" / "data" / "flights-20k.ndjson.gz"


LAKE = "spillway-local-lake-123456789012"


DEAD_LETTERS = "spillway-local-dead-letters-123456789012"


TABLE = "spillway-local-events"


def flights() -> list[str]:
    return gzip.decompress(FLIGHTS.read_bytes()).decode().splitlines()


def lake_rows(running: RunningPipeline) -> list[dict]:
    s3 = running.client("s3")
    pages = s3.get_paginator("list_objects_v2").paginate(Bucket=LAKE, Prefix="events/")
    keys = [found["Key"] for page in pages for found in page.get("Contents", [])]
    tables = [pq.read_table(io.BytesIO(s3.get_object(Bucket=LAKE, Key=key)["Body"].read())) for key in keys]
    return [row for table in tables for row in table.to_pylist()]
