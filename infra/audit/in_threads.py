"""Several iterators read at once, each in a thread of its own, in bounded memory."""

import queue
import threading
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final, TypeVar

T = TypeVar("T")

WAITING: Final = 16  # items that wait to be taken, however many threads there are
_LOOK_SECONDS: Final = 0.1  # how long a thread waits for room before it looks whether anybody still takes
_END: Final = object()


def in_threads(reads: Iterable[Callable[[], Iterator[T]]], threads: int) -> Iterator[T]:
    """Yield the items of all iterators, the items of one in their order.

    Args:
        reads: each gives an iterator; it is called in the thread that reads it.
        threads: at once.

    Raises:
        Exception: what an iterator raised; the others end.
    """
    items: queue.Queue[Any] = queue.Queue(WAITING)
    errors: list[BaseException] = []
    stopped = threading.Event()

    def drain(read: Callable[[], Iterator[T]]) -> None:
        try:
            for item in () if stopped.is_set() else read():
                if not _put(item, items, stopped):
                    return
        except BaseException as error:  # noqa: BLE001 (raised again where the items are taken)
            errors.append(error)
        _put(_END, items, stopped)

    with ThreadPoolExecutor(threads, thread_name_prefix="audit") as executor:
        remaining = len([executor.submit(drain, read) for read in reads])
        try:
            while remaining:
                item = items.get()
                if errors:
                    raise errors[0]
                if item is _END:
                    remaining -= 1
                else:
                    yield item
        finally:
            stopped.set()


def _put(item: Any, items: "queue.Queue[Any]", stopped: threading.Event) -> bool:
    """Put an item where there is room; False where nobody takes items any more."""
    while not stopped.is_set():
        try:
            items.put(item, timeout=_LOOK_SECONDS)
        except queue.Full:
            continue
        return True
    return False
