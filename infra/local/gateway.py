"""API Gateway's front on this machine: an ASGI application that throttles, limits, and hands requests to a function.

The door says what differs between a REST API and an HTTP API. What differs from API Gateway: only HTTP/1.1 is spoken,
a request of a foreign web page is refused, and what is slow or too much for this machine's memory is answered 408
or 503.
"""

import asyncio
import base64
import logging
import secrets
from collections.abc import Awaitable, Callable, Collection
from concurrent.futures import Executor
from dataclasses import dataclass
from ipaddress import IPv4Network, IPv6Network, ip_address
from typing import Any, Final

from infra.local.functions import FunctionThrottled, LocalFunction, RequestTooLarge
from infra.local.gateway_request import (
    MAX_BODY_BYTES,
    TRACE_HEADER,
    Answer,
    Arrived,
    Door,
    Own,
    Refused,
    error_answer,
    json_answer,
    query_of,
)
from infra.local.gateway_tracing import GatewayTracing
from infra.local.request_body import (
    DEFAULT_LIMITS,
    Bodies,
    BodyTooLarge,
    BodyTooSlow,
    ClientGone,
    Limits,
    NoRoom,
    Receive,
)
from infra.local.same_origin import foreign
from infra.local.token_bucket import TokenBucket

KEYED_RESOURCE: Final = "/app"
# A function's answer with another member beside these is malformed (aws-facts-2, section 4).
ANSWER_MEMBERS: Final = frozenset({"statusCode", "headers", "multiValueHeaders", "body", "isBase64Encoded"})

_log = logging.getLogger("spillway.gateway")

Scope = dict[str, Any]
Send = Callable[[dict[str, Any]], Awaitable[None]]
Application = Callable[[Scope, Receive, Send], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Stage:
    """A deployed stage.

    Args:
        name: the first part of every path.
        resources: the rest of the paths that lead to the function, such as `/app`.
        bucket: what throttles it; None for no limit.
        account: the 12 digits.
        allowed: addresses that may ask; empty: all.
        api_key: that posting takes; None for no key.
        cors_origins: pages of these origins may ask; `*` for any.
    """

    name: str
    resources: frozenset[str]
    bucket: TokenBucket | None
    account: str
    allowed: tuple[IPv4Network | IPv6Network, ...] = ()
    api_key: str | None = None
    cors_origins: Collection[str] = ()


class Gateway:
    """The ASGI application.

    Args:
        stage: what is served.
        door: the kind of API.
        function: answers the requests.
        executor: runs the function; its threads are how many requests are answered at once.
        tracing: begins and ends a trace for each request.
        local_paths: pages of the local pipeline itself, path to a call that gives their JSON for a query.
        limits: on what clients may hold.
    """

    def __init__(
        self,
        stage: Stage,
        door: Door,
        function: LocalFunction,
        *,
        executor: Executor,
        tracing: GatewayTracing,
        local_paths: dict[str, Callable[[dict[str, str]], Any]] | None = None,
        limits: Limits = DEFAULT_LIMITS,
    ) -> None:
        self._stage = stage
        self._door = door
        self._function = function
        self._executor = executor
        self._tracing = tracing
        self._local_paths = local_paths or {}
        self._mounted: dict[str, Application] = {}
        self.bodies = Bodies(MAX_BODY_BYTES, limits)

    def mount(self, prefix: str, application: Application) -> None:
        """Hand every request below a path to another application, which checks for itself who asks.

        Args:
            prefix: of the paths, such as `/console/`; no stage has a name with such a path.
            application: an ASGI application.
        """
        self._mounted[prefix] = application

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection's request; see the ASGI specification."""
        if scope["type"] != "http":
            return
        for prefix, application in self._mounted.items():
            if scope["path"].startswith(prefix):
                await application(scope, receive, send)
                return
        try:
            status, headers, body = await self._answer(scope, receive)
        except ClientGone:
            return
        head_only = scope["method"] == "HEAD"
        headers.append((b"content-length", str(len(body)).encode()))
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": b"" if head_only else body})

    async def _answer(self, scope: Scope, receive: Receive) -> Answer:
        headers = [(name.decode("latin-1"), value.decode("latin-1")) for name, value in scope["headers"]]
        first = dict(reversed(headers))
        page = (first.get("host", ""), first.get("origin", ""), first.get("sec-fetch-site", ""))
        why = foreign(*page, self._stage.cors_origins)
        if why is not None:
            return error_answer(403, "foreign_page", why)
        local = self._local_paths.get(scope["path"])
        if local is not None:
            query = dict(query_of(scope.get("query_string", b"")))
            return json_answer(200, await asyncio.get_running_loop().run_in_executor(self._executor, local, query))
        try:
            resource, client = self._admit(scope, headers)
            async with self.bodies.read(receive) as body:
                arrived = Arrived(
                    method=scope["method"],
                    path=scope["path"],
                    resource=resource,
                    query=query_of(scope.get("query_string", b"")),
                    headers=headers,
                    client=client,
                    http_version=scope.get("http_version", "1.1"),
                    body=body,
                )
                return await self._pass_on(arrived)
        except Refused as refused:
            return self._door.own_answer(refused.own)
        except BodyTooLarge:
            return self._door.own_answer(Own.BODY_TOO_LARGE)
        except (BodyTooSlow, NoRoom) as error:
            return _not_read(error)

    def _admit(self, scope: Scope, headers: list[tuple[str, str]]) -> tuple[str, str]:
        """The resource that a request asks for, and the client's address.

        Raises:
            Refused: there is no such resource, the client may not ask for it, or the stage is over its rate.
        """
        stage, _, rest = scope["path"].removeprefix("/").partition("/")
        resource = f"/{rest}"
        if stage != self._stage.name or resource not in self._stage.resources:
            raise Refused(Own.NOT_FOUND)
        client = str((scope.get("client") or ("127.0.0.1", 0))[0])
        if self._door.guards and not self._may_ask(client, scope["method"], resource, headers):
            raise Refused(Own.FORBIDDEN)
        if self._stage.bucket is not None and not self._stage.bucket.take():
            raise Refused(Own.OVER_RATE)
        return resource, client

    def _may_ask(self, client: str, method: str, resource: str, headers: list[tuple[str, str]]) -> bool:
        """Whether address and API key are as the stage wants them; only posting takes a key."""
        address = ip_address(client)
        if self._stage.allowed and not any(address in network for network in self._stage.allowed):
            return False
        if self._stage.api_key is None or resource != KEYED_RESOURCE or method == "OPTIONS":
            return True
        keys = [value for name, value in headers if name == "x-api-key"]
        return any(secrets.compare_digest(key.encode(), self._stage.api_key.encode()) for key in keys)

    async def _pass_on(self, arrived: Arrived) -> Answer:
        trace = self._tracing.begin(arrived.header(TRACE_HEADER.lower()))
        try:
            event = self._door.event(arrived, self._stage.name, self._stage.account, trace.header)
            answer = await self._function_answer(event)
        except Refused as refused:
            answer = self._door.own_answer(refused.own)
        if self._door.traces:
            self._tracing.end(trace, arrived.method, arrived.path, answer[0])
        return answer

    async def _function_answer(self, event: dict[str, Any]) -> Answer:
        """The function's answer.

        Raises:
            Refused: it has none.
        """
        loop = asyncio.get_running_loop()
        try:
            result = await asyncio.wait_for(
                loop.run_in_executor(self._executor, self._function.invoke_here, event),
                self._function.timeout_seconds + 1,
            )
        except RequestTooLarge:
            raise Refused(Own.EVENT_TOO_LARGE) from None
        except FunctionThrottled:
            raise Refused(Own.THROTTLED) from None
        except TimeoutError:
            raise Refused(Own.TIMED_OUT) from None
        if result.error is not None:
            _log.error("the function failed: %s: %s", result.error.type, result.error.message)
            raise Refused(Own.FAILED)
        return http_answer(result.payload)


def _not_read(error: BodyTooSlow | NoRoom) -> Answer:
    """What this machine answers where it does not read a body to its end; API Gateway has nothing like it."""
    if isinstance(error, NoRoom):
        return error_answer(503, "busy", "too many large bodies are under way; send again later", retry_after=1)
    status, headers, text = error_answer(408, "too_slow", "the body did not arrive in time; send it again")
    return status, [*headers, (b"connection", b"close")], text


def http_answer(payload: Any) -> Answer:
    """A function's answer in the proxy form as HTTP.

    Raises:
        Refused: it does not have that form.
    """
    if not isinstance(payload, dict) or not payload.keys() <= ANSWER_MEMBERS:
        raise Refused(Own.FAILED)
    try:
        status = int(payload.get("statusCode", 200))
        body = payload.get("body") or ""
        content = base64.b64decode(body) if payload.get("isBase64Encoded") else body.encode()
        headers = _answer_headers(payload.get("headers") or {}, payload.get("multiValueHeaders") or {})
    except (AttributeError, TypeError, ValueError):
        raise Refused(Own.FAILED) from None
    return status, headers, content


def _answer_headers(single: dict[str, Any], multiple: dict[str, list[Any]]) -> list[tuple[bytes, bytes]]:
    """Both kinds of headers, merged; the media type is JSON where the function names none."""
    if not all(isinstance(values, list) for values in multiple.values()):
        raise TypeError("a member of multiValueHeaders is not a list")
    pairs = [*single.items(), *((name, value) for name, values in multiple.items() for value in values)]
    headers = {
        (name.lower(), str(value).lower() if isinstance(value, bool) else str(value)): None for name, value in pairs
    }
    if not any(name == "content-type" for name, _ in headers):
        headers["content-type", "application/json"] = None
    return [(name.encode(), value.encode()) for name, value in headers]
