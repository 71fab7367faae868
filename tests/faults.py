"""Faults of AWS, injected where a client would send a request: answers that AWS documents, instead of the service's.

The event `before-call` is used and not `before-send`: of that one all handlers run, so moto would serve the request
that the fault is to keep from it.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any


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
def injected(client: Any, operation: str, fault: Fault) -> Iterator[None]:
    """Let `fault` answer an operation of a client while the block lasts; None from it lets the request pass."""

    def before_call(params: dict[str, Any], **_: Any) -> tuple[SimpleNamespace, dict[str, Any]] | None:
        body = params.get("body") or b""
        result = fault(Request(params["url"], body if isinstance(body, bytes) else str(body).encode()))
        if isinstance(result, BaseException):
            raise result
        return result

    event = f"before-call.{client.meta.service_model.service_id.hyphenize()}.{operation}"
    client.meta.events.register_last(event, before_call, f"fault-{id(before_call)}")
    try:
        yield
    finally:
        client.meta.events.unregister(event, before_call, f"fault-{id(before_call)}")
