"""Firehose's buffer in front of S3, and the objects made of it.

A full buffer becomes at most three objects: the records that the transform failed, the rows that could not be
converted, and the rest as Parquet. They are put in this order, each until S3 has taken it, under a key chosen
beforehand: a put that took effect without an answer is repeated onto itself. Meanwhile nothing more is taken in.

Memory: a buffer of `buffer_bytes` and one invocation's answer (6 MiB) beyond it; while it is converted, its Arrow
table and the Parquet file besides, together about as much again.
"""

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from infra.local.firehose.parquet_conversion import RecordConverter, parquet_file
from infra.local.firehose.records import (
    FORMAT_CONVERSION_FAILED,
    PROCESSING_FAILED,
    ConversionFailure,
    ProcessingFailure,
    Row,
    conversion_failed_object,
    processing_failed_object,
)
from infra.local.firehose.retry_timer import RetryTimer
from infra.local.firehose.schema import TableMissing, TableSchema
from infra.local.firehose.settings import DeliverySettings
from infra.local.firehose.transform import Transformed
from infra.openx.glue_types import Column, UnsupportedSchema
from producers.clock import Clock
from producers.retry import AWS_ERRORS, error_code

if TYPE_CHECKING:
    from types_boto3_s3 import S3Client

INVALID_SCHEMA: Final = "DataFormatConversion.InvalidSchema"
CONTENT_TYPE: Final = "application/octet-stream"

_log = logging.getLogger("spillway.firehose")


@dataclass(frozen=True, slots=True)
class PendingObject:
    """An object on its way to S3.

    Args:
        key: fixed; every try uses it.
        body: its content, as bytes or an Arrow buffer.
        delivered: user records that are rows in it.
        failed: user records that are errors in it.
        rows: rows in it: a record may hold several JSON objects.
    """

    key: str
    body: Any
    delivered: int
    failed: int
    rows: int


class Delivery:
    """Buffers what the transform gives and writes it to S3.

    Args:
        settings: the delivery stream.
        schema: gives the columns.
        s3: a boto3 client.
        clock: the time.
    """

    def __init__(self, settings: DeliverySettings, schema: TableSchema, s3: "S3Client", clock: Clock) -> None:
        self._settings = settings
        self._schema = schema
        self._s3 = s3
        self._clock = clock
        self._rows: list[Row] = []
        self._failures: list[ProcessingFailure] = []
        self._held_bytes = 0
        self._held_since = 0.0
        self._pending: list[PendingObject] = []
        self._retry = RetryTimer(clock)
        self._converter: tuple[tuple[Column, ...], RecordConverter] | None = None
        self.delivered = 0
        self.failed = 0

    @property
    def waiting(self) -> int:
        """User records that are not in an object yet."""
        pending = sum(each.delivered + each.failed for each in self._pending)
        return len(self._rows) + len(self._failures) + pending

    @property
    def cause(self) -> str:
        """Why the last try to write failed; empty where it did not."""
        return self._retry.cause

    @property
    def has_room(self) -> bool:
        """Whether more may come in."""
        return not self._pending and self._held_bytes < self._settings.buffer_bytes

    def add(self, transformed: Transformed) -> None:
        """Take what the transform settled. What it dropped is done with, and counts as delivered."""
        self.delivered += transformed.dropped
        if not transformed.rows and not transformed.failed:
            return
        if not self._rows and not self._failures:
            self._held_since = self._clock.monotonic()
        self._rows.extend(transformed.rows)
        self._failures.extend(transformed.failed)
        self._held_bytes += sum(len(row.data) for row in transformed.rows)
        self._held_bytes += sum(len(failure.source.data) for failure in transformed.failed)

    def run(self, *, flush: bool) -> bool:
        """Write the objects that are due, until a service fails; return whether an object was written.

        Args:
            flush: count the buffer as full.
        """
        written = False
        if not self._retry.is_due():
            return written
        try:
            if not self._pending and (self._rows or self._failures) and (flush or self._is_due()):
                self._pending = self._objects()
                self._rows, self._failures, self._held_bytes = [], [], 0
            while self._pending:
                self._put(self._pending[0])
                del self._pending[0]
                written = True
        except AWS_ERRORS as error:
            seconds = self._retry.failed(f"{error_code(error)}: {error}")
            _log.warning(
                "delivery to %s failed (%s), again in %.2f s", self._settings.bucket, error_code(error), seconds
            )
            return written
        self._retry.succeeded()
        return written

    def _is_due(self) -> bool:
        age_seconds = self._clock.monotonic() - self._held_since
        return self._held_bytes >= self._settings.buffer_bytes or age_seconds >= self._settings.buffer_seconds

    def _objects(self) -> list[PendingObject]:
        """Make the objects of what is held."""
        objects = [self._processing_failed(self._failures)] if self._failures else []
        if not self._rows:
            return objects
        try:
            converter = self._converter_for(self._schema.columns())
        except TableMissing as missing:
            return [*objects, self._all_failed(missing.code, missing.message)]
        except UnsupportedSchema as unsupported:
            return [*objects, self._all_failed(INVALID_SCHEMA, str(unsupported))]
        conversion = converter.convert([row.data for row in self._rows])
        now = self._now_ms()
        failures = [
            ConversionFailure(self._rows[each.index], each.code, each.message, now) for each in conversion.failed
        ]
        if failures:
            objects.append(self._conversion_failed(failures))
        failed = {each.index for each in conversion.failed}
        good = [row.arrival_ms for index, row in enumerate(self._rows) if index not in failed]
        if good:
            objects.append(
                PendingObject(
                    key=self._settings.names.data_key(min(good)),
                    body=parquet_file(conversion.table, self._settings.compression),
                    delivered=len(good),
                    failed=0,
                    rows=conversion.table.num_rows,
                )
            )
        return objects

    def _converter_for(self, columns: tuple[Column, ...]) -> RecordConverter:
        if self._converter is None or self._converter[0] != columns:
            self._converter = (columns, RecordConverter(columns, self._settings.json_rules))
        return self._converter[1]

    def _all_failed(self, code: str, message: str) -> PendingObject:
        now = self._now_ms()
        return self._conversion_failed([ConversionFailure(row, code, message, now) for row in self._rows])

    def _processing_failed(self, failures: Sequence[ProcessingFailure]) -> PendingObject:
        transform = self._settings.transform
        oldest = min(failure.source.arrival_ms for failure in failures)
        return PendingObject(
            key=self._settings.names.error_key(PROCESSING_FAILED, oldest),
            body=processing_failed_object(failures, transform.function_arn if transform else ""),
            delivered=0,
            failed=len(failures),
            rows=len(failures),
        )

    def _conversion_failed(self, failures: Sequence[ConversionFailure]) -> PendingObject:
        oldest = min(failure.row.arrival_ms for failure in failures)
        return PendingObject(
            key=self._settings.names.error_key(FORMAT_CONVERSION_FAILED, oldest),
            body=conversion_failed_object(failures, self._settings.catalog_table),
            delivered=0,
            failed=len(failures),
            rows=len(failures),
        )

    def _put(self, pending: PendingObject) -> None:
        body = pending.body if isinstance(pending.body, bytes) else pending.body.to_pybytes()
        self._s3.put_object(Bucket=self._settings.bucket, Key=pending.key, Body=body, ContentType=CONTENT_TYPE)
        self.delivered += pending.delivered
        self.failed += pending.failed
        _log.info("wrote %d rows, %d bytes: s3://%s/%s", pending.rows, len(body), self._settings.bucket, pending.key)

    def _now_ms(self) -> int:
        return int(self._clock.time() * 1000)
