"""A local SQS that behaves: moto's, mended in one place.

Under threads moto's loses messages (a delete puts a list in place of the one a send has just appended to), and a
receive of ten takes 800 ms at a depth of 1,000, since it counts the queue for each message many times over. Worse,
moto runs event source mappings by itself: without Docker every function "succeeds", and what is sent to a mapped queue
is deleted unread. Redrive to the dead-letter queue after maxReceiveCount is moto's own, and works.
"""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from moto.core.utils import unix_time_millis
from moto.sqs import urls
from moto.sqs.models import Message, Queue, SQSBackend, sqs_backends

MIB = 1024 * 1024  # the most that a batch, and so an entry of it, may come to
LONG_POLL_SECONDS = 0.1  # between two looks while a receive waits


class LocalSqsBackend(SQSBackend):
    """moto's SQS with one lock around what changes a queue, and without event source mappings of its own."""

    def __init__(self, region_name: str, account_id: str) -> None:
        super().__init__(region_name, account_id)
        self._lock = threading.RLock()

    @property
    def _url_module(self) -> Any:
        """Where requests go to: moto looks beside the class, and would not find them there."""
        return urls

    def create_queue(self, name: str, tags: dict[str, str] | None = None, **kwargs: Any) -> Queue:
        """As moto, without a place where mappings could be entered."""
        with self._lock:
            queue = super().create_queue(name, tags, **kwargs)
            # moto makes its queues itself, of a class that it declares abstract.
            queue.__class__ = LocalQueue  # type: ignore[type-abstract]
            queue.lambda_event_source_mappings = _NoMappings()
            return queue

    def send_message(self, *args: Any, **kwargs: Any) -> Message:
        """As moto, one at a time."""
        with self._lock:
            return super().send_message(*args, **kwargs)

    def send_message_batch(
        self, queue_name: str, entries: dict[str, dict[str, Any]]
    ) -> tuple[list[Message], list[dict[str, Any]]]:
        """As moto, but an entry over the queue's own limit fails alone: moto then refuses the whole batch."""
        queue = self.get_queue(queue_name)
        limit: int = queue.maximum_message_size  # type: ignore[attr-defined] # moto sets it by its name
        large = {key: entry for key, entry in entries.items() if limit < len(entry["MessageBody"].encode()) <= MIB}
        if not large:
            return super().send_message_batch(queue_name, entries)
        kept = {key: entry for key, entry in entries.items() if key not in large}
        sent, failed = super().send_message_batch(queue_name, kept) if kept else ([], [])
        message = f"One or more parameters are invalid. Reason: Message must be shorter than {limit} bytes."
        code = "InvalidParameterValue"
        refused = [
            {"Id": entry["Id"], "SenderFault": True, "Code": code, "Message": message} for entry in large.values()
        ]
        return sent, failed + refused

    def receive_message(
        self,
        queue_name: str,
        count: int,
        wait_seconds_timeout: int,
        visibility_timeout: int,
        message_attribute_names: list[str] | None = None,
    ) -> list[Message]:
        """As moto, one at a time, though not while it waits; what is past its retention is gone."""
        deadline = time.monotonic() + wait_seconds_timeout
        while True:
            with self._lock:
                self._drop_expired(self.get_queue(queue_name))
                messages: list[Message] = super().receive_message(
                    queue_name, count, 0, visibility_timeout, message_attribute_names
                )
            if messages or time.monotonic() >= deadline:
                return messages
            time.sleep(LONG_POLL_SECONDS)

    def delete_message(self, queue_name: str, receipt_handle: str) -> None:
        """As moto, one at a time."""
        with self._lock:
            super().delete_message(queue_name, receipt_handle)

    def change_message_visibility(self, queue_name: str, receipt_handle: str, visibility_timeout: int) -> None:
        """As moto, one at a time."""
        with self._lock:
            super().change_message_visibility(queue_name, receipt_handle, visibility_timeout)

    def purge_queue(self, queue_name: str) -> None:
        """As moto, one at a time."""
        with self._lock:
            super().purge_queue(queue_name)

    def get_queue_attributes(self, queue_name: str, attribute_names: list[str]) -> dict[str, Any]:
        """As moto, of one moment."""
        with self._lock:
            attributes: dict[str, Any] = super().get_queue_attributes(queue_name, attribute_names)
            return attributes

    def is_message_valid_based_on_retention_period(self, queue_name: str, message: Message) -> bool:
        """Whether a message is within its retention, told without counting the queue."""
        return not _is_expired(message, self.get_queue(queue_name))

    def _drop_expired(self, queue: Queue) -> None:
        if queue._messages and _is_expired(queue._messages[0], queue):  # noqa: SLF001 (moto has no other way)
            queue._messages = [each for each in queue._messages if not _is_expired(each, queue)]  # noqa: SLF001


class LocalQueue(Queue):
    """moto's queue, which looks at the clock once for all its messages: it counts them for every send, three times."""

    @property
    def messages(self) -> list[Message]:
        """Those that can be received now."""
        now = unix_time_millis()
        return [each for each in self._messages if each.visible_at < now and each.delayed_until <= now]

    @property
    def approximate_number_of_messages_not_visible(self) -> int:
        """Those received and not deleted, until their visibility time-out."""
        now = unix_time_millis()
        return sum(each.visible_at >= now for each in self._messages)

    @property
    def approximate_number_of_messages_delayed(self) -> int:
        """Those not to be received yet."""
        now = unix_time_millis()
        return sum(each.delayed_until > now for each in self._messages)


class _NoMappings(dict[str, Any]):
    """A place for event source mappings where none stays."""

    def __setitem__(self, key: str, value: Any) -> None:
        """Forget it: `queue_mapping` runs the mappings."""


def _is_expired(message: Any, queue: Any) -> bool:
    return bool(message.sent_timestamp / 1000 + queue.message_retention_period <= time.time())


def install() -> None:
    """Make moto's SQS behave, in this process and for a moto server in it. Call it before the first queue is made."""
    _use(LocalSqsBackend)


def uninstall() -> None:
    """Give moto's own SQS back; every queue is dropped."""
    _use(SQSBackend)


@contextmanager
def installed() -> Iterator[None]:
    """`install` for as long as the block lasts."""
    install()
    try:
        yield
    finally:
        uninstall()


def _use(backend: type[SQSBackend]) -> None:
    """Let moto make backends of this class, and forget those of another."""
    sqs_backends.backend = backend
    for of_account in list(sqs_backends.values()):
        of_account.backend = backend
        for region, existing in list(of_account.items()):
            if type(existing) is not backend:
                del of_account[region]
