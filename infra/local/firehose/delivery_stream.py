"""Firehose on one machine: a Kinesis stream through a Lambda transform to Parquet on S3.

One thread goes round: read the stream, transform, deliver. What fails is tried again later and holds the rest up, so a
service that is down makes the stream the buffer, as on AWS, and never the memory of this process. What is held is in
memory, and the position moves only once it is on S3: a process that comes later reads it again, so each record is
delivered at least once.
"""

import logging
import threading
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Final

from infra.local.firehose.delivery import Delivery
from infra.local.firehose.retry_timer import RetryTimer
from infra.local.firehose.schema import TableMissing, TableSchema
from infra.local.firehose.settings import read_settings
from infra.local.firehose.source import READ_SECONDS, StreamReader
from infra.local.firehose.transform import Invoke, Transform
from infra.local.store.checkpoints import Checkpoint, ReaderCheckpoints
from infra.local.store.crash_points import CrashPoint, reached
from infra.status import HopStatus
from producers.clock import SYSTEM_CLOCK, Clock

if TYPE_CHECKING:
    from types_boto3_glue import GlueClient
    from types_boto3_kinesis import KinesisClient
    from types_boto3_s3 import S3Client

IDLE_SECONDS: Final = 0.05  # between rounds that found nothing to do

_log = logging.getLogger("spillway.firehose")


class Firehose:
    """Runs one delivery stream; a `infra.local.worker.Worker` whose unit is the user record.

    Args:
        description: the answer of `firehose.describe_delivery_stream`, whoever created it.
        invoke: calls the transform's function with an event, such as `LocalFunction.invoke`.
        kinesis: boto3 clients; their own retries may be off, since everything is tried again here.
        s3: a boto3 client, as for `kinesis`.
        glue: a boto3 client, as for `kinesis`.
        clock: the time.
        checkpoints: where this delivery stream goes on after a restart; None for one that does not.
        unread: counts the records behind where each shard is read on; see `UnreadRecords.count`.
        read_seconds: between two reads of a shard; less than Firehose's second only where the stream has no limits.

    Raises:
        infra.local.firehose.settings.UnsupportedDeliveryStream: it is configured for what is not run here.
        infra.local.firehose.object_names.UnsupportedName: a prefix cannot be evaluated.
        infra.openx.glue_types.UnsupportedSchema: a column of the Glue table has a type that is not supported. A table
            that does not exist yet is no error: until it does, every record fails with a code that says so.
    """

    def __init__(
        self,
        description: Mapping[str, Any],
        invoke: Invoke,
        kinesis: "KinesisClient",
        s3: "S3Client",
        glue: "GlueClient",
        *,
        clock: Clock = SYSTEM_CLOCK,
        read_seconds: float = READ_SECONDS,
        checkpoints: ReaderCheckpoints | None = None,
        unread: Callable[[Mapping[str, Checkpoint]], int] = lambda _read: 0,
    ) -> None:
        settings = read_settings(description)
        schema = TableSchema(glue, settings.catalog_table)
        with suppress(TableMissing):
            schema.columns()
        self._checkpoints = checkpoints
        self._unread = unread
        kept = None if checkpoints is None else checkpoints.load()
        self._reader = StreamReader(kinesis, settings.stream, clock, read_seconds, kept)
        self._transform = Transform(settings, invoke, clock)
        self._delivery = Delivery(settings, schema, s3, clock)
        self._name = settings.name
        self._crashes = RetryTimer(clock)
        self._received = 0
        self._round = threading.Lock()  # held while records move from one stage to the next
        self._draining = threading.Event()
        self._reading_to_end = False
        self._stopping = threading.Event()
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Begin to read, on a thread of its own."""
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, name=f"firehose {self._name}", daemon=True)
            self._thread.start()

    def drain(self) -> None:
        """From now on wait for no buffer to fill."""
        self._draining.set()

    def is_drained(self) -> bool:
        """Whether the stream was read to its end after `drain`, and everything read is on S3."""
        if not self._round.acquire(blocking=False):
            return False  # something is on its way
        try:
            return self._reading_to_end and self._reader.is_at_end() and self._waiting() == 0
        finally:
            self._round.release()

    def stop(self) -> None:
        """End the thread; what is held stays undelivered."""
        self._stopping.set()
        if self._thread is not None:
            self._thread.join()

    def status(self) -> HopStatus:
        """The counts so far, in user records; `waiting` is what is held, and what lies unread on the stream.

        What the transform dropped counts as delivered: it left by the regular way. Records that are unread count for as
        many events as those read so far had on average.
        """
        delivered, failed = self._delivery.delivered, self._delivery.failed
        received, records = max(self._received, delivered + failed), self._reader.records_read
        unread = self._unread(self._reader.positions())
        unread = round(unread * (self._received / records)) if records and self._received else unread
        waiting = received - delivered - failed + unread
        causes = (self._crashes.cause, self._reader.cause, self._transform.cause, self._delivery.cause)
        cause = next(filter(None, causes), "")
        return HopStatus("firehose", "events", received, delivered, waiting, failed, cause=cause)

    def step(self) -> bool:
        """Run one round without waiting; return whether there was something to do."""
        with self._round:
            draining = self._draining.is_set()
            if draining and not self._reading_to_end:
                self._reader.drain()
                self._reading_to_end = True
            # Drained is first the stream and then, stage by stage, what was read: so it ends in few objects.
            at_end = draining and self._reader.is_at_end()
            written = self._delivery.run(flush=at_end and self._transform.waiting == 0)
            if written:
                reached(CrashPoint.DELIVERED)
            self._keep_checkpoints()
            if not self._delivery.has_room:
                return written
            transformed = self._transform.run(flush=at_end)
            self._delivery.add(transformed)
            settled = bool(transformed.rows or transformed.failed or transformed.dropped)
            if not self._transform.has_room:
                return written or settled
            records = self._reader.read()
            self._transform.add(records)
            self._received += len(records)
            return written or settled or bool(records)

    def _keep_checkpoints(self) -> None:
        """Keep how far everything is on S3: nothing is kept while an object is still to be written."""
        if self._checkpoints is None or self._delivery.waiting:
            return
        if self._checkpoints.keep(self._reader.checkpoints(self._transform.earliest())):
            reached(CrashPoint.POSITION_KEPT)

    def _waiting(self) -> int:
        return self._transform.waiting + self._delivery.waiting

    def _run(self) -> None:
        while not self._stopping.is_set():
            try:
                busy = self.step()
            except Exception as error:  # noqa: BLE001 (the edge of the thread: recorded, and nothing held is lost)
                # Each stage changes its state only after its step has succeeded, so what was held is tried again.
                seconds = self._crashes.failed(f"{type(error).__name__}: {error}")
                _log.exception("delivery stream %s: unforeseen, again in %.2f s", self._name, seconds)
                self._stopping.wait(seconds)
                continue
            self._crashes.succeeded()
            if not busy:
                self._stopping.wait(IDLE_SECONDS)
