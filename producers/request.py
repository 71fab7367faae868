"""A client's request, the same whichever door of API Gateway it came through."""

from dataclasses import dataclass
from typing import Any, Final

ANYONE: Final = "anyone"


@dataclass(frozen=True, slots=True)
class Request:
    """One HTTP request, as the proxy integration hands it to the function.

    Args:
        resource: the path without the stage, such as `/app`; empty for a path that the API does not have.
        method: such as `POST`.
        headers: the client's; names in lower case.
        body: text, or base64 where `is_base64`.
        is_base64: whether the gateway encoded the body.
        stage: of the API.
        request_id: the gateway's own.
        source_ip: the client's address.
        user_agent: the client's `User-Agent`.
        client: who posts, as far as the gateway knows, so that two clients may use the same Idempotency-Key.
    """

    resource: str
    method: str
    headers: dict[str, str]
    body: str
    is_base64: bool
    stage: str
    request_id: str
    source_ip: str | None
    user_agent: str | None
    client: str


def request_of(event: dict[str, Any]) -> Request:
    """Read a proxy event: version 1 (REST API) or payload format 2.0 (HTTP API)."""
    return _of_http_api(event) if event.get("version") == "2.0" else _of_rest_api(event)


def _of_rest_api(event: dict[str, Any]) -> Request:
    context = event["requestContext"]
    identity = context.get("identity") or {}
    authorizer = context.get("authorizer") or {}
    principal = (authorizer.get("claims") or {}).get("sub") or authorizer.get("principalId") or identity.get("apiKeyId")
    return Request(
        resource=event["resource"],
        method=event["httpMethod"],
        headers=_headers(event),
        body=event.get("body") or "",
        is_base64=bool(event.get("isBase64Encoded")),
        stage=context.get("stage", ""),
        request_id=context["requestId"],
        source_ip=identity.get("sourceIp"),
        user_agent=identity.get("userAgent"),
        client=str(principal or ANYONE),
    )


def _of_http_api(event: dict[str, Any]) -> Request:
    context = event["requestContext"]
    http = context["http"]
    headers = _headers(event)
    authorizer = context.get("authorizer") or {}
    claims = (authorizer.get("jwt") or {}).get("claims") or {}
    principal = claims.get("sub") or (authorizer.get("lambda") or {}).get("principalId") or headers.get("x-api-key")
    return Request(
        resource=event["routeKey"].partition(" ")[2],  # `ANY /app`; `$default` has no path
        method=http["method"],
        headers=headers,
        body=event.get("body") or "",
        is_base64=bool(event.get("isBase64Encoded")),
        stage=context.get("stage", ""),
        request_id=context["requestId"],
        source_ip=http.get("sourceIp"),
        user_agent=http.get("userAgent"),
        client=str(principal or ANYONE),
    )


def _headers(event: dict[str, Any]) -> dict[str, str]:
    return {name.lower(): str(value) for name, value in (event.get("headers") or {}).items()}
