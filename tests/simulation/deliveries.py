"""Messages of a queue that come in no order, and more than once, as a standard queue of SQS may deliver them."""

import random
from collections.abc import Callable
from typing import Any

from infra.local.aws.sqs_queue import LocalQueue


def disorder(draw: Callable[[], str | None], source: random.Random) -> None:
    """Let receives be unordered, or leave their messages visible to others, for good.

    Args:
        draw: `unordered`, `twice` or None, for each receive that finds messages.
        source: of the order.
    """
    receive = LocalQueue.receive

    def received(self: LocalQueue, count: int, visibility_seconds: int, attribute_names: list[str]) -> list[Any]:
        messages = receive(self, count, visibility_seconds, attribute_names)
        fault = draw() if messages else None
        if fault == "unordered":
            source.shuffle(messages)
        if fault == "twice":
            for message in messages:
                self.change_visibility(message.receipt_handle or "", 0)
        return messages

    LocalQueue.receive = received
