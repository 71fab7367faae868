"""The command's connection pool, against a server that asks it to come again."""

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from infra.cli.http import pool


class Reluctant(BaseHTTPRequestHandler):
    """Answers with what the server says, one after the other."""

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        status = self.server.statuses.pop(0)  # type: ignore[attr-defined]
        self.send_response(status)
        if status != 201:
            self.send_header("Retry-After", "0")
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"{}")

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture
def server() -> Iterator[HTTPServer]:
    with HTTPServer(("127.0.0.1", 0), Reluctant) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server
        server.shutdown()
        thread.join()


@pytest.mark.parametrize("status", [409, 429, 503])
def test_a_request_that_is_to_come_again_does(server, status):
    server.statuses = [status, status, 201]
    answer = pool().request("POST", f"http://127.0.0.1:{server.server_port}/", body=b"{}")
    assert (answer.status, json.loads(answer.data), server.statuses) == (201, {}, [])


def test_another_refusal_is_final(server):
    server.statuses = [422]
    assert pool().request("POST", f"http://127.0.0.1:{server.server_port}/", body=b"{}").status == 422
