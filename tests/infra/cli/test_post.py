"""`spillway post`: one event, accepted once."""

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from click.testing import CliRunner, Result

from infra.cli.context import CommandError
from infra.cli.main import spillway


class Api(ThreadingHTTPServer):
    """Answers each request with the next of `answers`: a status, or None to cut the connection."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.answers: list[int | None] = []
        self.requests: list[tuple[str | None, bytes]] = []


class Handler(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        server: Any = self.server
        body = self.rfile.read(int(self.headers["Content-Length"]))
        server.requests.append((self.headers["Idempotency-Key"], body))
        status = server.answers.pop(0) if server.answers else 201
        if status is None:
            self.close_connection = True
            return
        self.send_response(status)
        if status in {429, 503}:
            self.send_header("Retry-After", "0")
        self.end_headers()
        self.wfile.write(b'{"request_id":"\x1b[2J"}')

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def api(monkeypatch) -> Iterator[Api]:
    with Api() as server:
        monkeypatch.setenv("SPILLWAY_URL", f"http://127.0.0.1:{server.server_address[1]}/dev/app")
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def post(*words: str, stdin: str | None = None) -> Result:
    return CliRunner().invoke(spillway, ["post", *words], input=stdin)


def test_a_request_whose_answer_is_lost_is_sent_again_under_its_own_key(api):
    api.answers = [None, None, 201]
    result = post("{}")
    assert result.exit_code == 0
    keys = [key for key, _ in api.requests]
    assert len(keys) == 3
    assert len(set(keys)) == 1
    assert keys[0]
    assert "the connection was cut: waiting" in result.stderr
    post("{}")
    assert api.requests[-1][0] != keys[0]


def test_a_key_may_be_given(api):
    post("--idempotency-key", "order-1", "{}")
    assert api.requests == [("order-1", b"{}")]


def test_waiting_is_announced_with_its_reason(api):
    api.answers = [429, 503, 201]
    result = post("{}")
    assert result.exit_code == 0
    assert "over the rate limit: waiting" in result.stderr
    assert "the stream took nothing: waiting" in result.stderr


@pytest.mark.parametrize("words", [["-"], []])
def test_standard_input_is_read(api, words):
    assert post(*words, stdin='{"a":1}').exit_code == 0
    assert api.requests[0][1] == b'{"a":1}'


def test_an_answer_is_shown_not_obeyed(api):
    assert r"\x1b[2J" in post("{}").stdout


def test_an_event_that_is_refused_is_exit_status_1(api):
    api.answers = [422]
    result = post("{}")
    assert isinstance(result.exception, CommandError)
    assert "HTTP 422" in str(result.exception)


def test_the_local_address_is_not_used_for_another_environment(api):
    result = CliRunner().invoke(spillway, ["--env", "prod", "post", "{}"])
    assert isinstance(result.exception, CommandError)
    assert "unset SPILLWAY_URL, or give --url" in str(result.exception)
    assert api.requests == []


def test_a_url_that_is_given_is_used_whatever_the_environment(api):
    url = f"http://127.0.0.1:{api.server_address[1]}/x"
    result = CliRunner().invoke(spillway, ["--env", "prod", "post", "--url", url, json.dumps({})])
    assert result.exit_code == 0
