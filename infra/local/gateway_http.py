"""An HTTP API as a door: events in payload format 2.0, and answers of its own, which nobody can word."""

import base64
import time
import uuid
from datetime import UTC, datetime
from typing import Any, Final

from infra.local.gateway_request import MAX_BODY_BYTES, TRACE_HEADER, Answer, Arrived, Own, Refused, json_answer
from producers import gzip_body

# Status and message. 413 for the function's 6 MB, and 500 for a throttled function, are not known for sure.
OWN_ANSWERS: Final[dict[Own, tuple[int, str]]] = {
    Own.NOT_FOUND: (404, "Not Found"),
    Own.FORBIDDEN: (403, "Forbidden"),
    Own.OVER_RATE: (429, "Too Many Requests"),
    Own.BODY_TOO_LARGE: (413, "Request Entity Too Large"),
    Own.EVENT_TOO_LARGE: (413, "Request Entity Too Large"),
    Own.BAD_ENCODING: (415, "Unsupported Media Type"),
    Own.THROTTLED: (500, "Internal Server Error"),
    Own.FAILED: (500, "Internal Server Error"),
    Own.TIMED_OUT: (503, "Service Unavailable"),
}
# Bodies of these types arrive as text, every other one in base64 (aws-facts-2, section 4, verified 2026-06-01).
TEXT_TYPES: Final = ("application/json", "application/xml", "application/javascript")


class HttpDoor:
    """An HTTP API.

    Args:
        inflates: whether the gateway inflates gzip, as a REST API does. Not known; without it a gzip body that is
            called JSON is read as text, and so destroyed.

    Bytes that are not UTF-8, in a body that arrives as text, become U+FFFD (not known for sure: the worst case).
    """

    guards = False
    traces = False

    def __init__(self, *, inflates: bool = False) -> None:
        self._inflates = inflates

    def event(self, arrived: Arrived, stage: str, account: str, trace: str) -> dict[str, Any]:
        """See `Door`."""
        headers: dict[str, str] = {}
        for name, value in arrived.headers:
            if name not in (TRACE_HEADER.lower(), "cookie"):
                headers[name] = f"{headers[name]},{value}" if name in headers else value
        headers[TRACE_HEADER.lower()] = trace
        query: dict[str, str] = {}
        for name, value in arrived.query:
            query[name] = f"{query[name]},{value}" if name in query else value
        body, is_base64 = self._body(arrived)
        route = f"ANY {arrived.resource}"
        now = time.time()
        event: dict[str, Any] = {
            "version": "2.0",
            "routeKey": route,
            "rawPath": arrived.path,
            "rawQueryString": "&".join(f"{name}={value}" for name, value in arrived.query),
            "headers": headers,
            "requestContext": {
                "accountId": account,
                "apiId": "local",
                "domainName": headers.get("host", ""),
                "domainPrefix": "local",
                "http": {
                    "method": arrived.method,
                    "path": arrived.path,
                    "protocol": f"HTTP/{arrived.http_version}",
                    "sourceIp": arrived.client,
                    "userAgent": headers.get("user-agent", ""),
                },
                "requestId": uuid.uuid4().hex[:15] + "=",
                "routeKey": route,
                "stage": stage,
                "time": datetime.fromtimestamp(now, UTC).strftime("%d/%b/%Y:%H:%M:%S +0000"),
                "timeEpoch": int(now * 1000),
            },
            "isBase64Encoded": is_base64,
        }
        cookies = [value for name, value in arrived.headers if name == "cookie"]
        optional = {"cookies": cookies, "queryStringParameters": query, "body": body}
        return event | {name: value for name, value in optional.items() if value}

    def own_answer(self, own: Own) -> Answer:
        """See `Door`."""
        status, message = OWN_ANSWERS[own]
        return json_answer(status, {"message": message})

    def _body(self, arrived: Arrived) -> tuple[str, bool]:
        body = arrived.body
        if self._inflates and body.startswith(gzip_body.MAGIC):
            try:
                body = gzip_body.inflate(body, MAX_BODY_BYTES)
            except (gzip_body.NotGzip, gzip_body.TooLarge):
                raise Refused(Own.BAD_ENCODING) from None
        media_type = arrived.header("content-type").partition(";")[0].strip().lower()
        if not body or media_type.startswith("text/") or media_type in TEXT_TYPES:
            return body.decode("utf-8", "replace"), False
        return base64.b64encode(body).decode("ascii"), True
