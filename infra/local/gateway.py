"""API Gateway's front on this machine: an ASGI application that throttles, limits, and hands requests to a function.

What differs from API Gateway: errors of the gateway itself have the body that Terraform sets for them on AWS
(gateway responses), and HTTP/1.1 only is spoken.
"""

import asyncio
import base64
import json
import logging
import secrets
import time
import uuid
from collections.abc import Awaitable, Callable
from concurrent.futures import Executor
from dataclasses import dataclass
from datetime import UTC, datetime
from ipaddress import IPv4Network, IPv6Network, ip_address
from typing import Any, Final
from urllib.parse import parse_qsl

from infra.local.functions import FunctionThrottled, LocalFunction, RequestTooLarge
from infra.local.gateway_tracing import GatewayTracing
from infra.local.token_bucket import TokenBucket

TRACE_HEADER: Final = "X-Amzn-Trace-Id"
KEYED_RESOURCE: Final = "/app"
MAX_BODY_BYTES: Final = 10 * 1024 * 1024  # API Gateway quota: payload

_log = logging.getLogger("spillway.gateway")

Scope = dict[str, Any]
Receive = Callable[[], Awaitable[dict[str, Any]]]
Send = Callable[[dict[str, Any]], Awaitable[None]]
Answer = tuple[int, list[tuple[bytes, bytes]], bytes]


@dataclass(frozen=True, slots=True)
class Stage:
    """A deployed stage.

    Args:
        name: the first part of every path.
        resources: the rest of the paths that lead to the function, such as `/app`.
        bucket: what throttles it; None for no limit.
        account: the 12 digits.
        allowed: addresses that may ask; none: all.
        api_key: that posting takes; None for none.
    """

    name: str
    resources: frozenset[str]
    bucket: TokenBucket | None
    account: str
    allowed: tuple[IPv4Network | IPv6Network, ...] = ()
    api_key: str | None = None


class Gateway:
    """The ASGI application.

    Args:
        stage: what is served.
        function: answers the requests.
        executor: runs the function; its threads are how many requests are answered at once.
        tracing: begins and ends a trace for each request.
        local_paths: pages of the local pipeline itself, path to a call that gives their JSON for a query.
    """

    def __init__(
        self,
        stage: Stage,
        function: LocalFunction,
        executor: Executor,
        tracing: GatewayTracing,
        local_paths: dict[str, Callable[[dict[str, str]], Any]] | None = None,
    ) -> None:
        self._stage = stage
        self._function = function
        self._executor = executor
        self._tracing = tracing
        self._local_paths = local_paths or {}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection's request; see the ASGI specification."""
        if scope["type"] != "http":
            return
        status, headers, body = await self._answer(scope, receive)
        head_only = scope["method"] == "HEAD"
        headers.append((b"content-length", str(len(body)).encode()))
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": b"" if head_only else body})

    async def _answer(self, scope: Scope, receive: Receive) -> Answer:
        local = self._local_paths.get(scope["path"])
        if local is not None:
            loop = asyncio.get_running_loop()
            return _json_answer(200, await loop.run_in_executor(self._executor, local, dict(_query_of(scope))))
        stage, _, resource = scope["path"].removeprefix("/").partition("/")
        if stage != self._stage.name or f"/{resource}" not in self._stage.resources:
            return _refusal(404, "not_found", f"no such resource; events are posted to /{self._stage.name}/app")
        if not self._may_ask(scope, f"/{resource}"):
            return _refusal(403, "forbidden", "no valid API key (header x-api-key), or an address that is not allowed")
        if self._stage.bucket is not None and not self._stage.bucket.take():
            return _refusal(429, "too_many_requests", "over the rate; send again later", retry_after=1)
        body = await _read(receive)
        if body is None:
            return _refusal(413, "body_too_large", f"the body is over {MAX_BODY_BYTES:,} bytes; send smaller batches")
        return await self._invoke(scope, f"/{resource}", body)

    def _may_ask(self, scope: Scope, resource: str) -> bool:
        """Whether address and API key are as the stage wants them; only posting takes a key."""
        address = ip_address(_client_address(scope))
        if self._stage.allowed and not any(address in network for network in self._stage.allowed):
            return False
        if self._stage.api_key is None or resource != KEYED_RESOURCE or scope["method"] == "OPTIONS":
            return True
        keys = [value.decode("latin-1") for name, value in scope["headers"] if name == b"x-api-key"]
        return any(secrets.compare_digest(key.encode(), self._stage.api_key.encode()) for key in keys)

    async def _invoke(self, scope: Scope, resource: str, body: bytes) -> Answer:
        own = [value.decode("latin-1") for name, value in scope["headers"] if name == TRACE_HEADER.lower().encode()]
        trace = self._tracing.begin(own[0] if own else "")
        event = proxy_event(scope, self._stage, resource, body, trace.header)
        answer = await self._answer_of(event)
        self._tracing.end(trace, scope["method"], scope["path"], answer[0])
        return answer

    async def _answer_of(self, event: dict[str, Any]) -> Answer:
        loop = asyncio.get_running_loop()
        try:
            result = await asyncio.wait_for(
                loop.run_in_executor(self._executor, self._function.invoke_here, event),
                self._function.timeout_seconds + 1,
            )
        except RequestTooLarge:
            return _refusal(413, "body_too_large", "the body is over what the function takes (6 MB); send less")
        except FunctionThrottled:
            return _refusal(503, "unavailable", "too many requests at once; send again later", retry_after=1)
        except TimeoutError:
            return _refusal(504, "timed_out", "the function did not answer in time; send again", retry_after=1)
        if result.error is not None:
            _log.error("the function failed: %s: %s", result.error.type, result.error.message)
            return _refusal(502, "internal_error", "the function failed; send again later")
        return _function_answer(result.payload)


def proxy_event(scope: Scope, stage: Stage, resource: str, body: bytes, trace: str) -> dict[str, Any]:
    """A request as API Gateway's Lambda proxy integration passes it on (version 1), with the header of its trace."""
    headers: dict[str, str] = {}
    multi_headers: dict[str, list[str]] = {}
    for raw_name, raw_value in scope["headers"]:
        name, value = raw_name.decode("latin-1"), raw_value.decode("latin-1")
        if name == TRACE_HEADER.lower():
            continue  # the gateway's own takes its place
        headers[name] = value
        multi_headers.setdefault(name, []).append(value)
    query = _query_of(scope)
    multi_query: dict[str, list[str]] = {}
    for name, value in query:
        multi_query.setdefault(name, []).append(value)
    text, is_base64 = _text_or_base64(body)
    now = time.time()
    headers[TRACE_HEADER] = trace
    return {
        "resource": resource,
        "path": resource,
        "httpMethod": scope["method"],
        "headers": headers,
        "multiValueHeaders": multi_headers,
        "queryStringParameters": dict(query) or None,
        "multiValueQueryStringParameters": multi_query or None,
        "pathParameters": None,
        "stageVariables": None,
        "requestContext": {
            "resourceId": "local",
            "resourcePath": resource,
            "httpMethod": scope["method"],
            "extendedRequestId": uuid.uuid4().hex,
            "requestTime": datetime.fromtimestamp(now, UTC).strftime("%d/%b/%Y:%H:%M:%S +0000"),
            "path": scope["path"],
            "accountId": stage.account,
            "protocol": f"HTTP/{scope.get('http_version', '1.1')}",
            "stage": stage.name,
            "domainPrefix": "local",
            "requestTimeEpoch": int(now * 1000),
            "requestId": str(uuid.uuid4()),
            "identity": {
                "sourceIp": _client_address(scope),
                "userAgent": headers.get("user-agent"),
                "apiKey": headers.get("x-api-key"),
                "apiKeyId": "local" if "x-api-key" in headers else None,
            },
            "domainName": headers.get("host", ""),
            "apiId": "local",
        },
        "body": text,
        "isBase64Encoded": is_base64,
    }


def _client_address(scope: Scope) -> str:
    return str((scope.get("client") or ("127.0.0.1", 0))[0])


def _query_of(scope: Scope) -> list[tuple[str, str]]:
    return parse_qsl(scope.get("query_string", b"").decode("latin-1"), keep_blank_values=True)


def _text_or_base64(body: bytes) -> tuple[str | None, bool]:
    """A body as a proxy event carries it: text where it is UTF-8, else base64; None where there is none."""
    if not body:
        return None, False
    try:
        return body.decode(), False
    except UnicodeDecodeError:
        return base64.b64encode(body).decode("ascii"), True


async def _read(receive: Receive) -> bytes | None:
    """The request's body; None where it is over the limit."""
    parts: list[bytes] = []
    size = 0
    while True:
        message = await receive()
        part = message.get("body", b"")
        size += len(part)
        if size > MAX_BODY_BYTES:
            return None
        parts.append(part)
        if not message.get("more_body"):
            return b"".join(parts)


def _function_answer(payload: Any) -> Answer:
    """A function's answer in the proxy form as HTTP; 502 where it has not that form, as on AWS."""
    if not isinstance(payload, dict) or not isinstance(payload.get("statusCode"), int):
        return _refusal(502, "internal_error", "the function's answer is malformed")
    body = payload.get("body") or ""
    content = base64.b64decode(body) if payload.get("isBase64Encoded") else body.encode()
    headers = [(name.lower().encode(), str(value).encode()) for name, value in (payload.get("headers") or {}).items()]
    return payload["statusCode"], headers, content


def _json_answer(status: int, body: Any, headers: list[tuple[bytes, bytes]] | None = None) -> Answer:
    return status, [(b"content-type", b"application/json"), *(headers or [])], json.dumps(body).encode()


def _refusal(status: int, code: str, message: str, retry_after: int | None = None) -> Answer:
    headers = [(b"retry-after", str(retry_after).encode())] if retry_after else []
    return _json_answer(status, {"error": {"code": code, "message": message, "path": None}}, headers)
