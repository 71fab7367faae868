"""The HTTP server of the local pipeline: uvicorn on a thread of its own."""

import socket
import threading
import time
from typing import Any

import uvicorn

START_SECONDS = 10.0
GRACE_SECONDS = 15  # for requests under way when the server is told to stop


class HttpServer:
    """Serves an ASGI application on a socket that is already bound.

    Args:
        application: the ASGI application.
        listener: the socket.
    """

    def __init__(self, application: Any, listener: socket.socket) -> None:
        config = uvicorn.Config(
            application,
            loop="uvloop",
            http="httptools",
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
