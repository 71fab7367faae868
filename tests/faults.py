"""Faults of AWS, injected where a client sends a request: answers that AWS documents, instead of the service's."""

import io
import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from botocore.awsrequest import AWSPreparedRequest, AWSResponse

Answer = AWSResponse | Exception | None
Fault = Callable[[AWSPreparedRequest], Answer]


def answer(request: AWSPreparedRequest, body: Any, status: int = 200, **headers: str) -> AWSResponse:
    """An answer of a JSON service."""
    return AWSResponse(
        request.url,
        status,
        {"content-type": "application/x-amz-json-1.1", **headers},
        _Raw(json.dumps(body).encode()),
    )


def failure(request: AWSPreparedRequest, code: str, status: int = 400) -> AWSResponse:
    """An error of a JSON service, as it documents it."""
    return answer(request, {"__type": code, "message": "injected"}, status, **{"x-amzn-errortype": code})


@contextmanager
def injected(client: Any, operation: str, fault: Fault) -> Iterator[None]:
    """Let `fault` answer an operation of a client while the block lasts; None from it lets the request pass."""

    def before_send(request: AWSPreparedRequest, **_: Any) -> AWSResponse | None:
        result = fault(request)
        if isinstance(result, Exception):
            raise result
        return result

    event = f"before-send.{client.meta.service_model.service_id.hyphenize()}.{operation}"
    client.meta.events.register_first(event, before_send, f"fault-{id(before_send)}")
    try:
        yield
    finally:
        client.meta.events.unregister(event, before_send, f"fault-{id(before_send)}")


class _Raw(io.BytesIO):
    """What botocore reads an answer's body from."""

    def stream(self, **_: Any) -> Iterator[bytes]:
        yield self.read()
