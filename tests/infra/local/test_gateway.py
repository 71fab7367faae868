"""The gateway's front: what it does to a request, whole or cut, and what it answers by itself."""

import gzip
import json
import socket
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from infra.local.functions import LocalFunction
from infra.local.gateway import Gateway, Stage
from infra.local.gateway_http import HttpDoor
from infra.local.gateway_request import Arrived, Door, Refused
from infra.local.gateway_rest import RestDoor
from infra.local.gateway_tracing import GatewayTracing
from infra.local.http_server import HttpServer
from infra.local.ports import loopback_socket
from infra.local.request_body import Limits
from infra.settings import Tracing
from producers.problem import RefusedRequest
from producers.request import request_of
from producers.submission import Rules, read_body, read_submission
from producers.validation import PayloadSchema

MIB = 1024 * 1024
DOORS: dict[str, Door] = {
    "REST": RestDoor("dev"),
    "REST, body as text": RestDoor("dev", binary=False),
    "HTTP": HttpDoor(),
    "HTTP, inflating": HttpDoor(inflates=True),
}
RULES = Rules(400_000, 1000, PayloadSchema({}))


class Served:
    """A gateway on a port, and what its function was given."""

    def __init__(self, gateway: Gateway, port: int, events: list[dict]) -> None:
        self.gateway = gateway
        self.port = port
        self.events = events

    def connect(self) -> socket.socket:
        connection = socket.create_connection(("127.0.0.1", self.port), timeout=10)
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return connection


def head(*fields: str, path: str = "/dev/app") -> bytes:
    return "\r\n".join([f"POST {path} HTTP/1.1", "Host: 127.0.0.1", *fields, "", ""]).encode()


def read_to_end(connection: socket.socket) -> bytes:
    parts = []
    try:
        while part := connection.recv(65536):
            parts.append(part)
    except ConnectionResetError:
        pass
    return b"".join(parts)


@contextmanager
def serve(door=DOORS["REST"], answer=None, limits: Limits = Limits(), concurrency: int = 64):  # noqa: B008 (frozen)
    events: list[dict] = []

    def handler(event, context):
        events.append(event)
        return answer(event) if answer else {"statusCode": 201, "body": "{}"}

    function = LocalFunction("f", handler, 5, 128, "arn", reserved_concurrency=concurrency)
    tracing = GatewayTracing("t", Tracing(reservoir_per_second=0, sample_rate=0), lambda _segment: None)
    stage = Stage("dev", frozenset({"/app"}), None, "123456789012")
    listener = loopback_socket(0, "--port")
    with ThreadPoolExecutor(8) as executor:
        gateway = Gateway(stage, door, function, executor=executor, tracing=tracing, limits=limits)
        server = HttpServer(gateway, listener, limits)
        server.start()
        try:
            yield Served(gateway, listener.getsockname()[1], events)
        finally:
            server.stop()


WHOLE = head("Content-Length: 11") + b'{"n":12345}'


@pytest.mark.parametrize(
    "cut",
    [
        head("Content-Length: 30") + b'{"n":12345}',
        head("Content-Length: 30"),
        head("Transfer-Encoding: chunked") + b'b\r\n{"n":12345}\r\n',
        head("Transfer-Encoding: chunked") + b'b\r\n{"n":12345}',
        head("Transfer-Encoding: chunked") + b'b\r\n{"n":12345}\r\n0\r\n',
        head("Transfer-Encoding: chunked"),
    ],
    ids=lambda value: repr(value[-30:]),
)
@pytest.mark.parametrize("how", ["closed", "half closed"])
def test_a_request_that_the_client_cut_never_reaches_the_function(cut, how):
    with serve() as served:
        connection = served.connect()
        connection.sendall(cut)
        time.sleep(0.05)  # the server has read it and waits for more
        if how == "closed":
            connection.close()
        else:
            connection.shutdown(socket.SHUT_WR)
            assert b"201" not in read_to_end(connection)
            connection.close()
        after = served.connect()
        after.sendall(WHOLE)
        assert after.recv(1000).startswith(b"HTTP/1.1 201")
        after.close()
        assert [event["body"] for event in served.events] == ["eyJuIjoxMjM0NX0="]


@pytest.mark.parametrize("whole", [WHOLE, head("Transfer-Encoding: chunked") + b'b\r\n{"n":12345}\r\n0\r\n\r\n'])
def test_a_whole_request_reaches_it(whole):
    with serve() as served:
        connection = served.connect()
        connection.sendall(whole)
        assert connection.recv(1000).startswith(b"HTTP/1.1 201")
        connection.close()
        assert len(served.events) == 1


@pytest.mark.parametrize(
    ("sent", "answer"),
    [(b"", b""), (b"POST /dev/app HT", b""), (head()[:-2], b""), (head("Content-Length: 5") + b"1", b"HTTP/1.1 408")],
    ids=["nothing", "a line", "headers", "body"],
)
def test_a_connection_that_does_not_send_on_is_closed(sent, answer):
    limits = Limits(header_seconds=0.2, body_seconds=0.2)
    with serve(limits=limits) as served:
        connection = served.connect()
        connection.sendall(sent)
        started = time.monotonic()
        assert read_to_end(connection).startswith(answer)
        assert time.monotonic() - started < 5
        connection.close()
        assert served.events == []


def test_headers_that_trickle_do_not_hold_a_connection():
    with serve(limits=Limits(header_seconds=0.3)) as served:
        connection = served.connect()
        assert seconds_until_closed(connection, head()[:-2] + b"x: y\r\n" * 100) < 5
        connection.close()


def seconds_until_closed(connection: socket.socket, sent: bytes) -> float:
    """How long the server takes these bytes, one every 20 ms."""
    started = time.monotonic()
    for byte in sent:
        try:
            connection.sendall(bytes([byte]))
        except OSError:
            break
        time.sleep(0.02)
    return time.monotonic() - started


def test_headers_without_end_are_refused():
    with serve(limits=Limits(header_bytes=10_000)) as served:
        connection = served.connect()
        connection.sendall(head()[:-2])
        got = b""
        for n in range(200):
            try:
                connection.sendall(f"x-{n}: {'x' * 1000}\r\n".encode())
            except OSError:
                break
        got = read_to_end(connection)
        connection.close()
        assert b"400" in got or got == b""
        assert served.events == []


def test_300_held_bodies_of_3_mb_take_no_more_memory_than_they_may():
    limits = Limits(body_seconds=3, bodies_bytes=32 * MIB)
    with serve(limits=limits) as served:
        connections = [served.connect() for _ in range(300)]
        body = bytes(3 * MIB - 1)  # one byte short, and so held

        def send(connection: socket.socket) -> bytes:
            try:
                connection.sendall(head(f"Content-Length: {3 * MIB}") + body)
                return connection.recv(1000)
            except OSError:
                return b""

        with ThreadPoolExecutor(32) as executor:
            answers = list(executor.map(send, connections))
        for connection in connections:
            connection.close()
        assert served.gateway.bodies.largest_held_bytes <= 32 * MIB
        assert sum(b" 503 " in answer for answer in answers) >= 200
        assert sum(b" 201 " in answer for answer in answers) == 0
        deadline = time.monotonic() + 10
        while served.gateway.bodies.held_bytes and time.monotonic() < deadline:
            time.sleep(0.02)
        assert served.gateway.bodies.held_bytes == 0
        after = served.connect()
        after.sendall(WHOLE)
        assert after.recv(1000).startswith(b"HTTP/1.1 201")
        after.close()


@pytest.mark.parametrize(("door", "status"), [("REST", 500), ("HTTP", 500)])
def test_a_throttled_function_reaches_the_client_as_500(door, status):
    busy, go_on = threading.Event(), threading.Event()

    def wait(_event):
        busy.set()
        go_on.wait(5)
        return {"statusCode": 201}

    with serve(DOORS[door], wait, concurrency=1) as served:
        first, second = served.connect(), served.connect()
        first.sendall(WHOLE)
        assert busy.wait(5)
        second.sendall(WHOLE)
        refused = second.recv(1000)
        go_on.set()
        assert first.recv(1000).startswith(b"HTTP/1.1 201")
        first.close()
        second.close()
    assert refused.startswith(b"HTTP/1.1 %d" % status)
    if door == "REST":
        assert b'{"error":{"code":"internal_error"' in refused
        assert b"retry-after: 1" in refused
    else:
        assert refused.endswith(b'{"message":"Internal Server Error"}')


def arrived(body: bytes, content_type: str, encoding: str) -> Arrived:
    headers = [("host", "127.0.0.1"), ("content-type", content_type)]
    if encoding:
        headers.append(("content-encoding", encoding))
    return Arrived("POST", "/dev/app", "/app", [], headers, "127.0.0.1", "1.1", body)


PAYLOADS = st.one_of(
    st.binary(max_size=20),
    st.text(max_size=10).map(lambda text: json.dumps(text, ensure_ascii=False).encode("utf-8", "surrogatepass")),
    st.text(max_size=10).map(lambda text: json.dumps(text, ensure_ascii=False).encode("latin-1", "replace")),
    st.sampled_from(['"\ufffd"'.encode(), b'"\xf0\x9f\x98"', b'"Zo\xe9"', b"null", b"[1,2]", b""]),
)


@given(PAYLOADS, st.sampled_from(["application/json", "application/x-ndjson", "text/plain"]), st.booleans())
@settings(max_examples=400, deadline=None)
@pytest.mark.parametrize("door", DOORS)
def test_whatever_the_door_does_to_the_bytes_an_event_is_the_clients_or_refused(door, payload, content_type, zipped):
    body, encoding = (gzip.compress(payload, mtime=0), "gzip") if zipped else (payload, "")
    direct = outcome_of(lambda: read_submission(payload, content_type, RULES))
    event = None
    try:
        event = json.loads(json.dumps(DOORS[door].event(arrived(body, content_type, encoding), "dev", "1", "Root=1")))
    except Refused:
        assert direct is None
        return
    got = outcome_of(
        lambda: read_submission(read_body(request_of(event), 6 * MIB), request_of(event).headers["content-type"], RULES)
    )
    assert got in (direct, None)
    if door == "REST" or (door.startswith("HTTP") and content_type == "application/x-ndjson"):
        assert got == direct  # here the bytes arrive for certain


def outcome_of(read):
    """The texts of the events that are accepted; None where the request is refused."""
    try:
        return [getattr(event, "text", None) for event in read().events]
    except RefusedRequest:
        return None
