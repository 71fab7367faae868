"""A server on the loopback that answers each connection with prepared bytes, over TLS where a certificate is given."""

import socket
import ssl
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field


@dataclass
class Served:
    """Where it listens, and what it received: the requests of each connection."""

    port: int
    connections: list[list[bytes]] = field(default_factory=list)


@contextmanager
def scripted_server(
    connections: Sequence[Sequence[bytes | None]], tls: ssl.SSLContext | None = None
) -> Iterator[Served]:
    """Serve connections one after the other.

    Args:
        connections: for each, the answers to its requests in turn; after the last one it is closed. None: no answer,
            and the connection stays open until the server ends.
        tls: where it is served over TLS.
    """
    listener = socket.create_server(("127.0.0.1", 0))
    served = Served(listener.getsockname()[1])
    ended = threading.Event()

    def serve() -> None:
        for answers in connections:
            try:
                connection = listener.accept()[0]
            except OSError:
                return
            with connection as plain, suppress(OSError):
                plain.settimeout(10)
                stream = tls.wrap_socket(plain, server_side=True) if tls else plain
                with stream:
                    served.connections.append([])
                    for answer in answers:
                        served.connections[-1].append(_request(stream))
                        if answer is None:
                            ended.wait(10)
                            return
                        stream.sendall(answer)

    thread = threading.Thread(target=serve, name="scripted-server", daemon=True)
    thread.start()
    try:
        yield served
    finally:
        ended.set()
        with suppress(OSError):
            listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        thread.join(timeout=10)


def _request(stream: socket.socket) -> bytes:
    """One request, to the end of its body."""
    received = b""
    while b"\r\n\r\n" not in received:
        received += _more(stream)
    head, _, body = received.partition(b"\r\n\r\n")
    length = next(int(line[15:]) for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:"))
    while len(body) < length:
        body += _more(stream)
    return head + b"\r\n\r\n" + body


def _more(stream: socket.socket) -> bytes:
    received = stream.recv(65_536)
    if not received:
        raise ConnectionError("the client closed the connection")
    return received


def answer(body: bytes, status: str = "200 OK", *headers: str) -> bytes:
    """An answer with its length."""
    lines = "".join(f"{header}\r\n" for header in headers)
    return f"HTTP/1.1 {status}\r\n{lines}Content-Length: {len(body)}\r\n\r\n".encode() + body
