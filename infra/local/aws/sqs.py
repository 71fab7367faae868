"""A local SQS whose messages are in the store: moto's, with the messages of standard queues kept here.

Under threads moto's loses messages (a delete puts a list in place of the one a send has just appended to), and a
receive of ten takes 800 ms at a depth of 1,000. Worse, moto runs event source mappings by itself: without Docker every
function "succeeds", and what is sent to a mapped queue is deleted unread. FIFO queues are moto's, in memory, one call
at a time; the pipeline has none.
"""

import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any, Final, cast

from moto.sqs import urls
from moto.sqs.models import Message, Queue, SQSBackend, sqs_backends

from infra.local.aws.full_disk import answered_as_service_error
from infra.local.aws.moto_backends import Stored, use_backend
from infra.local.aws.sqs_queue import LocalQueue
from infra.local.store.database import Database
from infra.local.store.queue_messages import QueueMessages, stored_queues
from infra.local.store.store import Store, throwaway

MIB: Final = 1024 * 1024  # the most that a batch, and so an entry of it, may come to
LONG_POLL_SECONDS: Final = 0.1  # between two looks while a receive waits


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


class LocalSqsBackend(Stored, SQSBackend):
    """The queues of one account in one region."""

    def __init__(self, region_name: str, account_id: str) -> None:
        super().__init__(region_name, account_id)
        self._fifo = threading.RLock()

    @property
    def database(self) -> Database:
        """Where the messages are."""
        return self.held.database

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


class _NoMappings(dict[str, Any]):
    """A place for event source mappings where none stays."""

    def __setitem__(self, key: str, value: Any) -> None:
        """Forget it: `queue_mapping` runs the mappings."""
