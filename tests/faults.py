"""Faults of AWS, injected where a client would send a request: answers that AWS documents, instead of the service's.

The event `before-call` is used and not `before-send`: of that one all handlers run, so moto would serve the request
that the fault is to keep from it.
"""

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any
from unittest.mock import patch

import producers.aws
from producers.http_answer import Answer as WireAnswer
from producers.wire import TARGETS, WireClient


@dataclass(frozen=True)
class Request:
    """A request as it would be sent."""

    url: str
    body: bytes


Answer = tuple[SimpleNamespace, dict[str, Any]] | Exception | None
Fault = Callable[[Request], Answer]


def answer(_request: Request, body: dict[str, Any], status: int = 200) -> Answer:
    """An answer of the service, parsed."""
    metadata = {"HTTPStatusCode": status, "HTTPHeaders": {}, "RequestId": "injected", "RetryAttempts": 0}
    return SimpleNamespace(status_code=status), {**body, "ResponseMetadata": metadata}


def failure(request: Request, code: str, status: int = 400) -> Answer:
    """An error of the service, as it documents it."""
    return answer(request, {"Error": {"Code": code, "Message": "injected"}}, status)


@contextmanager
def _injected_on_the_wire(service: str, operation: str, fault: Fault) -> Iterator[None]:
    exchange = WireClient.exchange

    def faulty(self: WireClient, asked: str, headers: Mapping[str, str], body: bytes) -> WireAnswer:
        result = fault(Request(self.url, body)) if (self.service, asked) == (service, operation) else None
        if result is None:
            return exchange(self, asked, headers, body)
        if isinstance(result, BaseException):
            raise result
        error = result[1].get("Error")
        content = {"__type": error["Code"], "message": error["Message"]} if error else result[1]
        return WireAnswer(result[0].status_code, "injected", {}, json.dumps(content).encode(), is_last=False)

    with patch.object(WireClient, "exchange", faulty):
        yield


@contextmanager
def injected(client: Any, operation: str, fault: Fault) -> Iterator[None]:
    """Let `fault` answer an operation of a client while the block lasts; None from it lets the request pass.

    Where it is a client of the functions, the fault answers the wire client in its place too.
    """

    def before_call(params: dict[str, Any], **_: Any) -> tuple[SimpleNamespace, dict[str, Any]] | None:
        body = params.get("body") or b""
        result = fault(Request(params["url"], body if isinstance(body, bytes) else str(body).encode()))
        if isinstance(result, BaseException):
            raise result
        return result

    event = f"before-call.{client.meta.service_model.service_id.hyphenize()}.{operation}"
    client.meta.events.register_last(event, before_call, f"fault-{id(before_call)}")
    try:
        service = client.meta.service_model.service_name
        if service in TARGETS and client is producers.aws.client(service):
            with _injected_on_the_wire(service, operation, fault):
                yield
        else:
            yield
    finally:
        client.meta.events.unregister(event, before_call, f"fault-{id(before_call)}")
