"""Requests to the HTTP API's function, as API Gateway hands them over, from clients that may leave early."""

import gzip
import json
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final

import urllib3

from infra.functions import HTTP_API
from infra.local.functions import FunctionThrottled
from tests.simulation.model import Model
from tests.simulation.threads import in_process
from tests.simulation.world import PROCESS, World

PATIENCE_SECONDS: Final = 30.0
REFUSED_SECONDS: Final = 0.005  # until a client hears that nobody listens
RETRIED: Final = (409, 429, 500, 502, 503, 504)


@dataclass(frozen=True, slots=True)
class Reply:
    """What a client hears; the status is None where it hears nothing."""

    status: int | None
    body: dict[str, Any] | None = None


class Gateway:
    """Takes requests while a process runs.

    Args:
        world: whose functions answer.
        model: hears what clients hear.
        is_down: whether nobody listens.
    """

    def __init__(self, world: World, model: Model, is_down: Callable[[], bool]) -> None:
        self._world = world
        self._model = model
        self._is_down = is_down
        self._requests = 0

    def post(self, body: bytes, key: str | None, patience: float = PATIENCE_SECONDS) -> Reply:
        """Post events; each is a line, an object with a number `n`.

        Args:
            body: of the request.
            key: the Idempotency-Key.
            patience: seconds after which the client cuts the connection.
        """
        numbers = [json.loads(line)["n"] for line in body.splitlines()]
        self._model.request(numbers, keyed=key is not None)
        reply = self._reply(self._event(body, key), patience)
        self._model.answer(numbers, reply.status, reply.body)
        return reply

    def _reply(self, event: dict[str, Any], patience: float) -> Reply:
        if self._is_down():
            time.sleep(REFUSED_SECONDS)
            return Reply(None)
        replies: list[Reply] = []
        answered = threading.Event()

        def serve() -> None:
            replies.append(self._invoke(event))
            answered.set()

        in_process(PROCESS, f"gateway {self._requests}", serve)
        answered.wait(patience)
        return replies[0] if replies else Reply(None)

    def _invoke(self, event: dict[str, Any]) -> Reply:
        try:
            result = self._world.pipeline._functions[HTTP_API].invoke(event)
        except FunctionThrottled:
            return Reply(500)
        if result.error is not None:
            return Reply(502)
        return Reply(result.payload["statusCode"], json.loads(result.payload["body"]))

    def _event(self, body: bytes, key: str | None) -> dict[str, Any]:
        self._requests += 1
        headers = {"content-type": "application/x-ndjson"} | ({"idempotency-key": key} if key else {})
        return {
            "resource": "/app",
            "path": "/app",
            "httpMethod": "POST",
            "headers": headers,
            "multiValueHeaders": {name: [value] for name, value in headers.items()},
            "queryStringParameters": None,
            "requestContext": {
                "requestId": f"request-{self._requests}",
                "stage": "dev",
                "requestTimeEpoch": int(time.time() * 1000),
                "identity": {"sourceIp": "203.0.113.9", "userAgent": "simulation"},
            },
            "body": body.decode(),
            "isBase64Encoded": False,
        }


@dataclass(frozen=True, slots=True)
class _Response:
    """As much of an HTTP response as `spillway load` reads."""

    status: int
    data: bytes


class Pool:
    """Stands for the pool through which `spillway load` posts, with its retries.

    Args:
        gateway: answers.
        tries: for a request.
    """

    def __init__(self, gateway: Gateway, tries: int = 15) -> None:
        self._gateway = gateway
        self._tries = tries

    def request(self, _method: str, _url: str, *, body: bytes, headers: dict[str, str]) -> _Response:
        """Make a request, and again where the answer says so."""
        reply = Reply(None)
        for attempt in range(self._tries):
            reply = self._gateway.post(gzip.decompress(body), headers["Idempotency-Key"])
            if reply.status is not None and reply.status not in RETRIED:
                break
            time.sleep(min(2.0, 0.2 * 2.0**attempt))
        if reply.status is None:
            raise urllib3.exceptions.HTTPError("nobody answers")
        return _Response(reply.status, json.dumps(reply.body or {}).encode())


def body_of(numbers: Sequence[int]) -> bytes:
    """The body of a post: an event for each number."""
    return "\n".join(json.dumps(event_of(number)) for number in numbers).encode()


def event_of(number: int) -> dict[str, Any]:
    """An event's payload."""
    return {"n": number, "user": f"user {number % 5}", "text": "x" * (number % 97)}
