"""The HTTP server of the local pipeline: uvicorn on a thread of its own, with limits on what a client may hold."""

import asyncio
import socket
import threading
import time
from typing import Any, ClassVar, Final

import uvicorn
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from infra.local.request_body import DEFAULT_LIMITS, Limits

START_SECONDS: Final = 10.0
GRACE_SECONDS: Final = 15  # for requests under way when the server stops
LINGER_SECONDS: Final = 5.0  # for the rest of a body that was answered before its end


class BoundedHttp(HttpToolsProtocol):
    """One connection. uvicorn bounds neither the time nor the size of headers; here both are."""

    limits: ClassVar[Limits] = DEFAULT_LIMITS

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override] # as uvicorn has it
        """Expect headers from now on."""
        self._timer: asyncio.TimerHandle | None = None
        self._header_bytes = 0
        self._in_headers = True
        self._is_whole = True
        super().connection_made(transport)
        self._close_after(self.limits.header_seconds)

    def connection_lost(self, exc: Exception | None) -> None:
        """The connection is closed."""
        self._cancel()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Parse what arrived, and close the connection where headers grow without end."""
        before = self._header_bytes
        self._header_bytes += len(data)
        super().data_received(data)
        if not self._in_headers:
            self._header_bytes = 0
        elif before and self._header_bytes > self.limits.header_bytes and not self.transport.is_closing():
            self.send_400_response(f"The headers are over {self.limits.header_bytes} bytes.")

    def on_message_begin(self) -> None:
        """A request begins."""
        self._in_headers = True
        self._is_whole = False
        self._close_after(self.limits.header_seconds)
        super().on_message_begin()

    def on_headers_complete(self) -> None:
        """The headers are there; the application watches over the body."""
        self._in_headers = False
        self._cancel()
        super().on_headers_complete()

    def on_message_complete(self) -> None:
        """The request is whole."""
        self._is_whole = True
        super().on_message_complete()

    def on_response_complete(self) -> None:
        """The answer is out; a client that still sends may do so for a while."""
        super().on_response_complete()
        if not self._is_whole and not self.pipeline:
            self._close_after(LINGER_SECONDS)

    def _close_after(self, seconds: float) -> None:
        self._cancel()
        self._timer = self.loop.call_later(seconds, self.timeout_keep_alive_handler)

    def _cancel(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None


class HttpServer:
    """Serves an ASGI application on a socket that is already bound.

    Args:
        application: the ASGI application.
        listener: the socket.
        limits: on what clients may hold.
    """

    def __init__(self, application: Any, listener: socket.socket, limits: Limits = DEFAULT_LIMITS) -> None:
        config = uvicorn.Config(
            application,
            loop="uvloop",
            http=type("Http", (BoundedHttp,), {"limits": limits}),
            lifespan="off",
            proxy_headers=False,
            access_log=False,
            log_config=None,
            log_level="warning",
            server_header=False,
            date_header=False,
            timeout_graceful_shutdown=GRACE_SECONDS,
        )
        self._server = uvicorn.Server(config)
        self._listener = listener
        self._thread = threading.Thread(target=self._server.run, args=([listener],), name="http", daemon=True)

    def start(self) -> None:
        """Begin to serve; returns when requests are answered.

        Raises:
            RuntimeError: the server did not start.
        """
        self._thread.start()
        deadline = time.monotonic() + START_SECONDS
        while not self._server.started:
            if not self._thread.is_alive() or time.monotonic() > deadline:
                raise RuntimeError("the HTTP server did not start; the log above says why")
            time.sleep(0.005)

    def stop(self) -> None:
        """Take no new request, answer those under way, end."""
        self._server.should_exit = True
        self._thread.join()
        self._listener.close()
