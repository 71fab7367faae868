"""A local SQS whose messages are in the store: moto's, with the messages of standard queues kept here.

Under threads moto's loses messages (a delete puts a list in place of the one a send has just appended to), and a
receive of ten takes 800 ms at a depth of 1,000. Worse, moto runs event source mappings by itself: without Docker every
function "succeeds", and what is sent to a mapped queue is deleted unread. FIFO queues are moto's, in memory, one call
at a time; the pipeline has none.
"""

import base64
import binascii
import json
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any, ClassVar, Final, cast
from uuid import uuid4

from moto.core.utils import unix_time_millis
from moto.sqs import urls
from moto.sqs.exceptions import InvalidParameterValue, ReceiptHandleIsInvalid
from moto.sqs.models import Message, Queue, SQSBackend, _filter_message_attributes, sqs_backends

from infra.local.aws.full_disk import answered_as_service_error
from infra.local.aws.moto_backends import use_backend
from infra.local.store.database import Database
from infra.local.store.queue_messages import Counts, QueueMessages, StoredMessage, stored_queues
from infra.local.store.store import Store, throwaway

MIB: Final = 1024 * 1024  # the most that a batch, and so an entry of it, may come to
LONG_POLL_SECONDS: Final = 0.1  # between two looks while a receive waits
MAX_VISIBILITY_MS: Final = 43_200 * 1000  # a message is hidden for 12 hours at the most, counted from when it was sent


@contextmanager
def installed(store: Store | None = None) -> Iterator[None]:
    """Put the local SQS in the place of moto's for as long as the block lasts.

    Args:
        store: where messages are kept; a queue in it has its messages again once a queue of its name is made. Without
            one, a store that is gone at the end.
    """
    with ExitStack() as stack:
        held = store or stack.enter_context(throwaway())
        LocalSqsBackend.store, LocalSqsBackend.found = held, stored_queues(held.database)
        use_backend(sqs_backends, LocalSqsBackend)
        stack.callback(use_backend, sqs_backends, SQSBackend)
        yield


class LocalSqsBackend(SQSBackend):
    """The queues of one account in one region."""

    store: ClassVar[Store | None] = None
    found: ClassVar[set[str]] = set()  # queues that were in the store at first, and that nobody made again so far

    def __init__(self, region_name: str, account_id: str) -> None:
        super().__init__(region_name, account_id)
        self._fifo = threading.RLock()

    @property
    def database(self) -> Database:
        """Where the messages are.

        Raises:
            RuntimeError: the local SQS is not installed.
        """
        if self.store is None:
            raise RuntimeError("the local SQS has no store: use sqs.installed")
        return self.store.database

    @property
    def _url_module(self) -> Any:
        """Where requests go to: moto looks beside the class, and would not find them there."""
        return urls

    def create_queue(self, name: str, tags: dict[str, str] | None = None, **kwargs: Any) -> Queue:
        """As moto; a queue that the store held when it was opened has its messages again."""
        with self._fifo:
            queue = super().create_queue(name, tags, **kwargs)
            queue.lambda_event_source_mappings = _NoMappings()
            if not queue.fifo_queue and not isinstance(queue, LocalQueue):
                # moto makes its queues itself, of a class that it declares abstract.
                queue.__class__ = LocalQueue  # type: ignore[type-abstract]
                queue.__dict__["stored"] = self._messages_of(name)
            return queue

    def delete_queue(self, queue_name: str) -> None:
        """As moto; the messages go at once."""
        queue = self.get_queue(queue_name)
        super().delete_queue(queue_name)
        if isinstance(queue, LocalQueue):
            queue.stored.drop()

    @answered_as_service_error
    def send_message(self, *args: Any, **kwargs: Any) -> Message:
        """As moto; on disk when this returns."""
        with self._fifo_turn(args, kwargs):
            return super().send_message(*args, **kwargs)

    @answered_as_service_error
    def send_message_batch(
        self, queue_name: str, entries: dict[str, dict[str, Any]]
    ) -> tuple[list[Message], list[dict[str, Any]]]:
        """In one transaction; an entry over the queue's own limit fails alone: moto then refuses the whole batch."""
        queue = self.get_queue(queue_name)
        call = super().send_message_batch
        limit: int = queue.maximum_message_size  # type: ignore[attr-defined] # moto sets it by its name
        large = {key: entry for key, entry in entries.items() if limit < len(entry["MessageBody"].encode()) <= MIB}
        if not large:
            return self.database.write(lambda _: call(queue_name, entries))
        kept = {key: entry for key, entry in entries.items() if key not in large}
        sent, failed = self.database.write(lambda _: call(queue_name, kept)) if kept else ([], [])
        message = f"One or more parameters are invalid. Reason: Message must be shorter than {limit} bytes."
        code = "InvalidParameterValue"
        refused = [
            {"Id": entry["Id"], "SenderFault": True, "Code": code, "Message": message} for entry in large.values()
        ]
        return sent, failed + refused

    @answered_as_service_error
    def receive_message(
        self,
        queue_name: str,
        count: int,
        wait_seconds_timeout: int,
        visibility_timeout: int,
        message_attribute_names: list[str] | None = None,
    ) -> list[Message]:
        """As moto, without holding up anybody while it waits; what is past its retention is gone."""
        deadline = time.monotonic() + wait_seconds_timeout
        while True:
            queue = self.get_queue(queue_name)
            if isinstance(queue, LocalQueue):
                messages = queue.receive(count, visibility_timeout, message_attribute_names or [])
            else:
                with self._fifo:
                    messages = super().receive_message(
                        queue_name, count, 0, visibility_timeout, message_attribute_names
                    )
            if messages or time.monotonic() >= deadline:
                return messages
            time.sleep(LONG_POLL_SECONDS)

    @answered_as_service_error
    def delete_message(self, queue_name: str, receipt_handle: str) -> None:
        """As moto."""
        with self._fifo_turn((queue_name,), {}):
            super().delete_message(queue_name, receipt_handle)

    @answered_as_service_error
    def delete_message_batch(self, *args: Any, **kwargs: Any) -> Any:
        """As moto, in one transaction."""
        call = super().delete_message_batch
        return self.database.write(lambda _: call(*args, **kwargs))

    @answered_as_service_error
    def change_message_visibility(self, queue_name: str, receipt_handle: str, visibility_timeout: int) -> None:
        """As moto."""
        queue = self.get_queue(queue_name)
        if isinstance(queue, LocalQueue):
            queue.change_visibility(receipt_handle, visibility_timeout)
            return
        with self._fifo:
            super().change_message_visibility(queue_name, receipt_handle, visibility_timeout)

    @answered_as_service_error
    def purge_queue(self, queue_name: str) -> None:
        """As moto."""
        with self._fifo_turn((queue_name,), {}):
            super().purge_queue(queue_name)
        queue = self.get_queue(queue_name)
        if isinstance(queue, LocalQueue):
            queue.stored.clear()

    def is_message_valid_based_on_retention_period(self, queue_name: str, message: Message) -> bool:
        """Whether a message of a FIFO queue is within its retention, without counting the queue."""
        retention_seconds = self.get_queue(queue_name).message_retention_period  # type: ignore[attr-defined]
        return bool(cast("int", message.sent_timestamp) / 1000 + retention_seconds > time.time())

    def _fifo_turn(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """The lock of FIFO queues, which are in memory; none for others, whose calls wait for the disk."""
        queue = self.get_queue(args[0] if args else kwargs["queue_name"])
        return ExitStack() if isinstance(queue, LocalQueue) else self._fifo

    def _messages_of(self, name: str) -> QueueMessages:
        stored = f"{self.account_id}/{self.region_name}/{name}"
        messages = QueueMessages(self.database, stored)
        if stored in self.found:
            self.found.remove(stored)
        else:
            messages.clear()
        return messages


class LocalQueue(Queue):
    """moto's queue, whose messages are in the store."""

    stored: QueueMessages

    def add_message(self, message: Message) -> None:
        """Keep a message."""
        attributes = {
            "attributes": message.message_attributes,
            "system": message.system_attributes,
            "group": message.group_id,
        }
        text = json.dumps(attributes, default=_binary)
        sent_ms = int(cast("int", message.sent_timestamp))
        visible_ms = max(sent_ms, int(message.delayed_until))
        self.stored.send(message.id, message.body, text, sent_ms=sent_ms, visible_ms=visible_ms)

    def receive(self, count: int, visibility_seconds: int, attribute_names: list[str]) -> list[Message]:
        """Messages that can be received now, hidden from now on."""
        now_ms = int(unix_time_millis())
        self.stored.delete_sent_before(now_ms - int(self.message_retention_period) * 1000)  # type: ignore[attr-defined]
        if not self.stored.is_any_visible(now_ms):
            return []
        redrive = None
        if self.redrive_policy and isinstance(self.dead_letter_queue, LocalQueue):
            redrive = int(self.redrive_policy["maxReceiveCount"]), self.dead_letter_queue.stored
        visible_ms = now_ms + int(visibility_seconds or 0) * 1000
        found = self.stored.receive(count, now_ms=now_ms, visible_ms=visible_ms, redrive=redrive)
        messages = [self._message(stored, now_ms) for stored in found]
        for message in messages:
            _filter_message_attributes(message, attribute_names)
        return messages

    def delete_message(self, receipt_handle: str) -> None:
        """Delete a message, by the handle of any receive of it; a second time changes nothing."""
        self.stored.delete(self._number_of(receipt_handle))

    def change_visibility(self, receipt_handle: str, visibility_seconds: int) -> None:
        """Hide a message for so long from now on."""
        number = self._number_of(receipt_handle)
        sent_ms = self.stored.sent_ms(number)
        if sent_ms is None:
            raise ReceiptHandleIsInvalid
        visible_ms = int(unix_time_millis()) + int(visibility_seconds) * 1000
        if visible_ms - sent_ms > MAX_VISIBILITY_MS:
            raise InvalidParameterValue(
                f"Value {visibility_seconds} for parameter VisibilityTimeout is invalid. Reason: Total "
                "VisibilityTimeout for the message is beyond the limit [43200 seconds]"
            )
        self.stored.show_from(number, visible_ms)

    @property
    def approximate_number_of_messages(self) -> int:
        """How many can be received now."""
        return self._counts.visible

    @property
    def approximate_number_of_messages_not_visible(self) -> int:
        """How many were received and not deleted, until their visibility time-out."""
        return self._counts.hidden

    @property
    def approximate_number_of_messages_delayed(self) -> int:
        """How many are not to be received yet."""
        return self._counts.delayed

    @property
    def _counts(self) -> Counts:
        return self.stored.counts(int(unix_time_millis()))

    def _message(self, stored: StoredMessage, now_ms: int) -> Message:
        """A stored message as moto's, as of this receive."""
        known = json.loads(stored.attributes, object_hook=_with_bytes)
        message = Message(stored.message_id, stored.body, known["system"])
        message.message_attributes = known["attributes"]
        message.group_id = known["group"]
        message.sent_timestamp = stored.sent_ms  # type: ignore[assignment] # moto sets it to a number, too
        message.approximate_receive_count = stored.receive_count + 1
        message.approximate_first_receive_timestamp = stored.first_received_ms or now_ms
        handle = f"{self.stored.id}:{stored.number}:{uuid4().hex}"
        message.receipt_handle = base64.urlsafe_b64encode(handle.encode()).decode()
        return message

    def _number_of(self, receipt_handle: str) -> int:
        """The message that a handle was given out for.

        Raises:
            ReceiptHandleIsInvalid: it is not one of this queue's.
        """
        try:
            queue, number, _ = base64.urlsafe_b64decode(receipt_handle.encode()).decode().split(":")
            if int(queue) != self.stored.id:
                raise ReceiptHandleIsInvalid
            return int(number)
        except (ValueError, binascii.Error) as error:
            raise ReceiptHandleIsInvalid from error


class _NoMappings(dict[str, Any]):
    """A place for event source mappings where none stays."""

    def __setitem__(self, key: str, value: Any) -> None:
        """Forget it: `queue_mapping` runs the mappings."""


def _binary(value: Any) -> dict[str, str]:
    """A binary value of a message attribute as JSON takes it."""
    return {"__binary__": base64.b64encode(value).decode()}


def _with_bytes(value: dict[str, Any]) -> Any:
    return base64.b64decode(value["__binary__"]) if value.keys() == {"__binary__"} else value
