"""Events as they come, for pages: one tail for everyone who asks for the same, ended when nobody asks any more."""

import threading
import time
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Final, Protocol

from infra.console.text import plain
from infra.tail.tailed import Tailed
from producers.explained import Explained

KEPT_ROWS: Final = 100
MOST_TAILS: Final = 4  # each takes reads of every shard
IDLE_SECONDS: Final = 15.0
PAYLOAD_CHARACTERS: Final = 300


class TooManyTails(Explained):
    """So many tails are followed already that another is refused."""


class Follows(Protocol):
    """What follows a stream; see `infra.tail.reader.Tail`."""

    def records(self, stop: threading.Event) -> Iterable[Tailed]:
        """Yield records until `stop` is set."""


@dataclass(frozen=True, slots=True)
class Row:
    """A record as a page shows it; of a payload of a megabyte only what is shown is held.

    Args:
        at: when it was accepted; of bytes that are not an event when they arrived.
        name: the request id, or the place on the stream.
        text: the payload, or the bytes; control characters written out.
        error: why the bytes are not an event; empty for an event.
    """

    at: str
    name: str
    text: str
    error: str


@dataclass
class Followed:
    """One tail.

    Args:
        rows: the newest first.
        seen: how many rows there were so far.
        notices: what the reader said, the newest last.
        error: what ended it; None while it goes on.
        asked_at: when a page asked last, monotonic.
    """

    rows: deque[Row] = field(default_factory=lambda: deque(maxlen=KEPT_ROWS))
    seen: int = 0
    notices: deque[str] = field(default_factory=lambda: deque(maxlen=3))
    error: BaseException | None = None
    asked_at: float = 0.0
    stop: threading.Event = field(default_factory=threading.Event)


class Tails:
    """The tails of one console.

    Args:
        clock: monotonic.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._followed: dict[str, Followed] = {}

    def followed(self, key: str, begin: Callable[[Callable[[str], None]], Follows]) -> Followed:
        """The tail of a key, begun where nobody has asked for it yet.

        Args:
            key: the same for everyone who asks for the same.
            begin: makes what follows the stream, given what takes its notices.

        Raises:
            TooManyTails: others are followed already.
        """
        with self._lock:
            now = self._clock()
            self._end_idle(now)
            followed = self._followed.get(key)
            if followed is None:
                if len(self._followed) >= MOST_TAILS:
                    raise TooManyTails(
                        f"{MOST_TAILS} tails with other filters are open; close their pages, and open this one again"
                    )
                followed = self._followed[key] = Followed()
                follows = begin(followed.notices.append)
                threading.Thread(target=_follow, args=(followed, follows), name="console-tail", daemon=True).start()
            followed.asked_at = now
            return followed

    def end(self) -> None:
        """End every tail."""
        with self._lock:
            for followed in self._followed.values():
                followed.stop.set()
            self._followed.clear()

    def _end_idle(self, now: float) -> None:
        for key, followed in list(self._followed.items()):
            if now - followed.asked_at > IDLE_SECONDS or followed.error is not None:
                followed.stop.set()
                del self._followed[key]


def _follow(followed: Followed, follows: Follows) -> None:
    try:
        for tailed in follows.records(followed.stop):
            followed.rows.appendleft(row_of(tailed))
            followed.seen += 1
            if time.monotonic() - followed.asked_at > IDLE_SECONDS:
                break
    except Exception as error:  # noqa: BLE001 (the edge of a thread: the page shows it)
        followed.error = error


def row_of(tailed: Tailed) -> Row:
    """A record as a page shows it."""
    if tailed.event is None:
        text = plain(tailed.data[: 4 * PAYLOAD_CHARACTERS].decode("utf-8", "replace"), PAYLOAD_CHARACTERS)
        return Row(tailed.source.arrived_at, tailed.name, text, tailed.error or "not an event")
    return Row(
        tailed.event.timestamp, tailed.event.request_id, plain(tailed.event.payload.text, PAYLOAD_CHARACTERS), ""
    )
