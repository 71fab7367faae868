"""A standard queue of moto's whose messages are in the store."""

import base64
import binascii
import json
from typing import Any, Final, cast
from uuid import uuid4

from moto.core.utils import unix_time_millis
from moto.sqs.exceptions import InvalidParameterValue, ReceiptHandleIsInvalid
from moto.sqs.models import Message, Queue, _filter_message_attributes

from infra.local.store.queue_messages import Counts, QueueMessages, StoredMessage

MAX_VISIBILITY_MS: Final = 43_200 * 1000  # a message is hidden for 12 hours at the most, counted from when it was sent


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


def _binary(value: Any) -> dict[str, str]:
    """A binary value of a message attribute as JSON takes it."""
    return {"__binary__": base64.b64encode(value).decode()}


def _with_bytes(value: dict[str, Any]) -> Any:
    return base64.b64decode(value["__binary__"]) if value.keys() == {"__binary__"} else value
