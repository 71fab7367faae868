"""Reading the bodies of requests under way: whole or not at all, in bounded time and memory."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, Final

Receive = Callable[[], Awaitable[dict[str, Any]]]


@dataclass(frozen=True, slots=True)
class Limits:
    """What one client, and all clients at once, may hold.

    Args:
        header_seconds: from the first byte of a request, or the opening of a connection, to the end of its headers.
        header_bytes: of a request's headers; API Gateway takes 10,240.
        body_seconds: for a body to arrive.
        bodies_bytes: of all bodies under way, those that wait for the function included.
    """

    header_seconds: float = 10.0
    header_bytes: int = 64 * 1024
    body_seconds: float = 30.0
    bodies_bytes: int = 128 * 1024 * 1024


DEFAULT_LIMITS: Final = Limits()


class ClientGone(Exception):
    """The client closed the connection before the end of its body: the request never was whole."""


class BodyTooLarge(Exception):
    """The body is over the limit of one body."""


class BodyTooSlow(Exception):
    """The body did not arrive in time."""


class NoRoom(Exception):
    """The bodies under way take all the memory that they may."""


class Bodies:
    """The bodies of all requests under way.

    Args:
        body_bytes: of one body, at most.
        limits: of all.
    """

    def __init__(self, body_bytes: int, limits: Limits = DEFAULT_LIMITS) -> None:
        self._body_bytes = body_bytes
        self._limits = limits
        self.held_bytes = 0
        self.largest_held_bytes = 0

    @asynccontextmanager
    async def read(self, receive: Receive) -> AsyncIterator[bytes]:
        """A request's body; its memory counts until the block ends.

        Raises:
            ClientGone, BodyTooLarge, BodyTooSlow, NoRoom: the body did not arrive whole.
        """
        parts: list[bytes] = []
        size = 0
        try:
            try:
                async with asyncio.timeout(self._limits.body_seconds):
                    while True:
                        message = await receive()
                        if message["type"] == "http.disconnect":
                            raise ClientGone
                        part = message.get("body", b"")
                        if size + len(part) > self._body_bytes:
                            raise BodyTooLarge
                        if self.held_bytes + len(part) > self._limits.bodies_bytes:
                            raise NoRoom
                        size += len(part)
                        self.held_bytes += len(part)
                        self.largest_held_bytes = max(self.largest_held_bytes, self.held_bytes)
                        parts.append(part)
                        if not message.get("more_body"):
                            break
            except TimeoutError:
                raise BodyTooSlow from None
            yield b"".join(parts)
        finally:
            self.held_bytes -= size
