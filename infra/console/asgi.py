"""The console's WSGI application behind an ASGI server, on threads of its own."""

import asyncio
import io
from collections.abc import Awaitable, Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final
from urllib.parse import unquote_to_bytes

MAX_BODY_BYTES: Final = 2 * 1024 * 1024  # of a form; the largest holds a query
THREADS: Final = 6  # requests answered at once: a slow query keeps no other page waiting, and no POST of an event

Scope = dict[str, Any]
Receive = Callable[[], Awaitable[dict[str, Any]]]
Send = Callable[[dict[str, Any]], Awaitable[None]]
Wsgi = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]


class AsAsgi:
    """An ASGI application over a WSGI one.

    Args:
        application: answers requests; a request under way keeps one of the threads.
    """

    def __init__(self, application: Wsgi) -> None:
        self._application = application
        self._executor = ThreadPoolExecutor(THREADS, thread_name_prefix="console")

    def close(self) -> None:
        """Take no new request."""
        self._executor.shutdown(wait=False, cancel_futures=True)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request; see the ASGI specification."""
        if scope["type"] != "http":
            return
        body = await _body(receive)
        if body is None:
            await _refuse(send)
            return
        loop = asyncio.get_running_loop()
        status, headers, parts = await loop.run_in_executor(self._executor, self._answer, scope, body)
        await send({"type": "http.response.start", "status": status, "headers": headers})
        while (part := await loop.run_in_executor(self._executor, next, parts, None)) is not None:
            await send({"type": "http.response.body", "body": part, "more_body": True})
        await send({"type": "http.response.body", "body": b""})

    def _answer(self, scope: Scope, body: bytes) -> tuple[int, list[tuple[bytes, bytes]], Iterator[bytes]]:
        started: list[tuple[str, list[tuple[str, str]]]] = []
        answered = self._application(
            _environ(scope, body), lambda status, headers, _=None: started.append((status, headers))
        )
        parts = _closing(answered)
        status, headers = started[0]
        encoded = [(name.lower().encode("latin-1"), value.encode("latin-1")) for name, value in headers]
        return int(status.split(" ", 1)[0]), encoded, parts


def _closing(parts: Iterable[bytes]) -> Iterator[bytes]:
    """The parts of an answer, which is closed after the last."""
    try:
        yield from (part for part in parts if part)
    finally:
        close = getattr(parts, "close", None)
        if close is not None:
            close()


async def _body(receive: Receive) -> bytes | None:
    """The request's body; None where it is too large."""
    parts: list[bytes] = []
    size = 0
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            return b""
        parts.append(message.get("body", b""))
        size += len(parts[-1])
        if size > MAX_BODY_BYTES:
            return None
        if not message.get("more_body"):
            return b"".join(parts)


async def _refuse(send: Send) -> None:
    text = f"A form has at most {MAX_BODY_BYTES:,} bytes.\n".encode()
    headers = [(b"content-type", b"text/plain; charset=utf-8"), (b"connection", b"close")]
    await send({"type": "http.response.start", "status": 413, "headers": headers})
    await send({"type": "http.response.body", "body": text})


def _environ(scope: Scope, body: bytes) -> dict[str, Any]:
    """The request as PEP 3333 has it."""
    host, port = scope.get("server") or ("127.0.0.1", 0)
    raw_path = scope.get("raw_path")
    path = unquote_to_bytes(raw_path.split(b"?")[0]) if raw_path else scope["path"].encode()
    environ: dict[str, Any] = {
        "REQUEST_METHOD": scope["method"],
        "SCRIPT_NAME": "",
        "PATH_INFO": path.decode("latin-1"),
        "QUERY_STRING": scope.get("query_string", b"").decode("latin-1"),
        "SERVER_NAME": str(host),
        "SERVER_PORT": str(port),
        "SERVER_PROTOCOL": f"HTTP/{scope.get('http_version', '1.1')}",
        "CONTENT_LENGTH": str(len(body)),
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": "http",
        "wsgi.input": io.BytesIO(body),
        "wsgi.errors": io.StringIO(),
        "wsgi.multithread": True,
        "wsgi.multiprocess": False,
        "wsgi.run_once": False,
    }
    for raw_name, raw_value in scope["headers"]:
        name, value = raw_name.decode("latin-1").upper().replace("-", "_"), raw_value.decode("latin-1")
        if name == "CONTENT_LENGTH":
            continue
        key = name if name == "CONTENT_TYPE" else f"HTTP_{name}"
        joined = ";" if name == "COOKIE" else ","
        environ[key] = f"{environ[key]}{joined}{value}" if key in environ else value
    return environ
