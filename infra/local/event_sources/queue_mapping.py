"""The event source mapping of an SQS queue, as Lambda runs it."""

import json
import logging
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from infra.local.event_sources.backoff import backoff_seconds
from infra.local.event_sources.batch_response import WholeBatchFailed, failed_identifiers, why_again
from infra.local.event_sources.mapping_settings import QueueMappingSettings
from infra.local.event_sources.queue_events import Message, event_bytes, queue_event, within_payload
from infra.local.functions import MAX_PAYLOAD_BYTES, InvocationResult
from infra.status import HopStatus
from producers.clock import SYSTEM_CLOCK, Clock

STARTING_CONCURRENCY = 5  # batches at once that Lambda begins with
MOST_THREADS = 16  # Lambda goes up to 1,000 batches at once, one process does not
RECEIVE_AT_ONCE = 10  # ReceiveMessage and DeleteMessageBatch (AWS quota, 2026)
POLL_SECONDS = 1.0
COUNTS = (
    "ApproximateNumberOfMessages",
    "ApproximateNumberOfMessagesNotVisible",
    "ApproximateNumberOfMessagesDelayed",
)
HOP = "queue_mapping"

_log = logging.getLogger("spillway.queue_mapping")


class QueueMapping:
    """A `Worker` that brings a queue's messages to a function, and deletes those it took.

    What failed stays in the queue: it is seen again after the queue's visibility time-out, and goes to the queue's own
    dead-letter queue by its redrive policy.

    Args:
        mapping: its settings, as `lambda.get_event_source_mapping` returns them.
        invoke: the function; what it raises means that it did not see the batch.
        sqs: a boto3 client, used from several threads.
        clock: for the batching window.
        poll_seconds: between two receives while the queue is empty.

    Raises:
        MappingError: Lambda would not take a setting, or this pipeline does not run it.
    """

    def __init__(
        self,
        mapping: Mapping[str, Any],
        invoke: Callable[[Any], InvocationResult],
        sqs: Any,
        *,
        clock: Clock = SYSTEM_CLOCK,
        poll_seconds: float = POLL_SECONDS,
    ) -> None:
        self._settings = QueueMappingSettings.from_api(mapping)
        self._invoke = invoke
        self._sqs = sqs
        self._clock = clock
        self._poll_seconds = poll_seconds
        self._name = self._settings.queue_arn.rpartition(":")[2]
        account = self._settings.queue_arn.split(":")[4]
        self._url = sqs.get_queue_url(QueueName=self._name, QueueOwnerAWSAccountId=account)["QueueUrl"]
        self._polling = threading.Lock()  # one thread receives, the others invoke or wait for their turn
        self._changed = threading.Condition()  # guards everything below
        self._stopping = False
        self._draining = False
        self._failures = 0
        self._in_flight = 0
        self._received = self._delivered = self._failed = 0
        self._cause = ""
        concurrency = min(self._settings.maximum_concurrency or STARTING_CONCURRENCY, MOST_THREADS)
        self._threads = [
            threading.Thread(target=self._run, name=f"queue mapping {n}", daemon=True) for n in range(concurrency)
        ]

    def start(self) -> None:
        """Begin to receive; returns at once."""
        for thread in self._threads:
            thread.start()

    def drain(self) -> None:
        """Stop waiting for batching windows from now on."""
        with self._changed:
            self._draining = True
            self._changed.notify_all()

    def is_drained(self) -> bool:
        """Whether the queue holds nothing, delayed or invisible messages included, and no batch is in flight."""
        try:
            # Twice, since a message that becomes visible between two of the counts is in neither.
            empty = all(self._waiting() == 0 for _ in range(2))
        except (ClientError, BotoCoreError) as error:
            _log.warning("queue=%s cannot be asked for its depth: %s", self._name, error)
            return False
        with self._changed:
            return self._draining and empty and self._in_flight == 0

    def stop(self) -> None:
        """End the threads, after the invocations they are at."""
        with self._changed:
            self._stopping = True
            self._changed.notify_all()
        for thread in self._threads:
            if thread.ident is not None:
                thread.join()

    def status(self) -> HopStatus:
        """Counts of messages; a redelivered message counts once. `failed` counts messages whose last try failed."""
        try:
            waiting = self._waiting()
        except (ClientError, BotoCoreError):
            waiting = self._in_flight
        with self._changed:
            return HopStatus(HOP, "messages", self._received, self._delivered, waiting, self._failed, cause=self._cause)

    def _waiting(self) -> int:
        attributes = self._sqs.get_queue_attributes(QueueUrl=self._url, AttributeNames=list(COUNTS))["Attributes"]
        return sum(int(attributes.get(name, 0)) for name in COUNTS)

    def _run(self) -> None:
        while not self._stopping:
            messages: list[Message] = []
            try:
                with self._polling:
                    messages = self._gather()
                for batch in within_payload(messages, self._settings.queue_arn):
                    if self._stopping:
                        break
                    self._deliver(batch)
            except Exception:  # noqa: BLE001 (the edge of the thread: what was not deleted comes again)
                _log.exception("queue=%s unexpected fault", self._name)
            finally:
                self._count(in_flight=-len(messages))

    def _gather(self) -> list[Message]:
        """Receive until a batch is full or its window over; it begins with the first message."""
        gathered: list[Message] = []
        size, window_ends = 0, 0.0
        while not self._stopping:
            received = self._receive(min(RECEIVE_AT_ONCE, self._settings.batch_size - len(gathered)))
            if received and not gathered:
                window_ends = self._clock.monotonic() + self._settings.batching_window_seconds
            gathered += received
            size += sum(event_bytes(message, self._settings.queue_arn) for message in received)
            left = 0.0 if self._draining else window_ends - self._clock.monotonic()
            if gathered and (len(gathered) == self._settings.batch_size or size >= MAX_PAYLOAD_BYTES or left <= 0):
                break
            if not received:
                self._rest(min(left, self._poll_seconds) if gathered else self._poll_seconds)
        return gathered

    def _receive(self, count: int) -> list[Message]:
        """Receive once; a failure is logged, and followed by a wait."""
        try:
            answer = self._sqs.receive_message(
                QueueUrl=self._url,
                MaxNumberOfMessages=count,
                MessageSystemAttributeNames=["All"],
                MessageAttributeNames=["All"],
            )
        except (ClientError, BotoCoreError) as error:
            self._failures += 1
            _log.warning("queue=%s cannot be received from: %s", self._name, error)
            self._cause = f"{type(error).__name__}: {error}"
            self._rest(backoff_seconds(self._failures))
            return []
        if self._failures:
            self._failures, self._cause = 0, ""
        messages: list[Message] = answer.get("Messages", [])
        self._count(received=sum(_receive_count(message) == 1 for message in messages))
        self._count(in_flight=len(messages))
        return messages

    def _rest(self, seconds: float) -> None:
        with self._changed:
            was_draining = self._draining
            self._changed.wait_for(lambda: self._stopping or self._draining != was_draining, seconds)

    def _deliver(self, batch: Sequence[Message]) -> None:
        """Invoke the function, and delete what it took."""
        started = time.monotonic()
        try:
            result = self._invoke(queue_event(batch, self._settings.queue_arn))
        except Exception as error:  # noqa: BLE001 (throttled or a service error: the messages come again)
            _log.warning("queue=%s messages=%d outcome=refused: %s", self._name, len(batch), error)
            self._cause = f"{type(error).__name__}: {error}"
            return
        milliseconds = (time.monotonic() - started) * 1000
        failed = self._failed_of(batch, result)
        self._cause = why_again(result) if failed else ""
        self._delete([message for message in batch if message["MessageId"] not in failed])
        given_up = self._last_tries([message for message in batch if message["MessageId"] in failed])
        self._count(failed=given_up)
        _log.log(
            logging.WARNING if failed else logging.INFO,
            "queue=%s messages=%d bytes=%d outcome=%s milliseconds=%.0f",
            self._name,
            len(batch),
            sum(len(message["Body"].encode("utf-8", "surrogatepass")) for message in batch),
            f"failed {len(failed)}, {given_up} of them for good" if failed else "delivered",
            milliseconds,
        )

    def _failed_of(self, batch: Sequence[Message], result: InvocationResult) -> set[str]:
        """The message ids that failed."""
        identifiers = {message["MessageId"] for message in batch}
        if result.error is not None:
            return identifiers
        if not self._settings.reports_batch_item_failures:
            return set()
        try:
            return failed_identifiers(result.payload, identifiers)
        except WholeBatchFailed as error:
            _log.warning("queue=%s the whole batch failed: %s", self._name, error)
            return identifiers

    def _delete(self, messages: Sequence[Message]) -> None:
        """Delete messages; those that cannot be deleted come again."""
        for begin in range(0, len(messages), RECEIVE_AT_ONCE):
            entries = [
                {"Id": str(n), "ReceiptHandle": message["ReceiptHandle"]}
                for n, message in enumerate(messages[begin : begin + RECEIVE_AT_ONCE])
            ]
            try:
                answer = self._sqs.delete_message_batch(QueueUrl=self._url, Entries=entries)
            except (ClientError, BotoCoreError) as error:
                _log.warning("queue=%s %d messages cannot be deleted: %s", self._name, len(entries), error)
                continue
            if refused := answer.get("Failed"):
                _log.warning("queue=%s %d messages cannot be deleted: %s", self._name, len(refused), refused[0])
            self._count(delivered=len(answer.get("Successful", [])))

    def _last_tries(self, failed: Sequence[Message]) -> int:
        """How many of those failed will not come again, by the queue's redrive policy."""
        if not failed:
            return 0
        answer = self._sqs.get_queue_attributes(QueueUrl=self._url, AttributeNames=["RedrivePolicy"])
        policy = json.loads(answer.get("Attributes", {}).get("RedrivePolicy") or "{}")
        most = float(policy.get("maxReceiveCount", "inf"))
        return sum(_receive_count(message) >= most for message in failed)

    def _count(self, *, received: int = 0, delivered: int = 0, failed: int = 0, in_flight: int = 0) -> None:
        with self._changed:
            self._received += received
            self._delivered += delivered
            self._failed += failed
            self._in_flight += in_flight


def _receive_count(message: Message) -> int:
    return int(message.get("Attributes", {}).get("ApproximateReceiveCount", 1))
