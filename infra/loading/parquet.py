"""Rows of a Parquet file as JSON objects: every digit kept, times in ISO 8601, bytes as base64."""

import base64
import json
import math
from collections.abc import Iterator
from datetime import date, datetime
from decimal import Decimal
from typing import Any, BinaryIO, Final

import pyarrow as pa
import pyarrow.parquet as pq

ROWS_AT_ONCE: Final = 1_000


def parquet_rows(file: BinaryIO) -> Iterator[str]:
    """Each row as JSON.

    Raises:
        OSError: it is not a Parquet file that can be read from any place in it.
    """
    try:
        for batch in pq.ParquetFile(file).iter_batches(ROWS_AT_ONCE):
            for row in batch.to_pylist():
                yield _json(row)
    except pa.ArrowException as error:
        raise OSError(f"not a whole Parquet file: {error}") from error


def _json(value: Any) -> str:
    if isinstance(value, dict):
        return "{" + ",".join(f"{json.dumps(str(name))}:{_json(each)}" for name, each in value.items()) + "}"
    if isinstance(value, list | tuple):
        return "[" + ",".join(map(_json, value)) + "]"
    if isinstance(value, Decimal):
        return format(value, "f")
    return json.dumps(_plain(value), ensure_ascii=False, default=str)


def _plain(value: Any) -> Any:
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)  # JSON has no such number
    if isinstance(value, datetime | date):
        return value.isoformat()
    return base64.b64encode(value).decode("ascii") if isinstance(value, bytes) else value
