"""A REST API as a door: proxy events of version 1, and answers of its own as Terraform words them (api_errors.tf)."""

import base64
import time
import uuid
from datetime import UTC, datetime
from typing import Any, Final

from infra.local.gateway_request import MAX_BODY_BYTES, TRACE_HEADER, Answer, Arrived, Own, Refused, error_answer
from producers import gzip_body

_FAILED: Final = "the function failed, or runs too often at once; send again later"
# Status, code, message and Retry-After; the gateway response in api_errors.tf that says the same.
OWN_ANSWERS: Final[dict[Own, tuple[str, int, str, str, int | None]]] = {
    Own.NOT_FOUND: (
        "MISSING_AUTHENTICATION_TOKEN", 404, "not_found", "no such resource; events are posted to /{stage}/app", None,
    ),
    Own.FORBIDDEN: (
        "INVALID_API_KEY", 403, "forbidden",
        "no valid API key (header x-api-key), or an address that is not allowed", None,
    ),
    Own.OVER_RATE: ("THROTTLED", 429, "too_many_requests", "over the rate; send again later", 1),
    Own.EVENT_TOO_LARGE: (
        "REQUEST_TOO_LARGE", 413, "body_too_large", "the body is over 10,485,760 bytes; send smaller batches", None,
    ),
    Own.BAD_ENCODING: (
        "UNSUPPORTED_MEDIA_TYPE", 415, "unsupported_encoding",
        "the body is not encoded as Content-Encoding says; send gzip, or none", None,
    ),
    # Lambda refuses the call (429); the client gets 500 (aws-facts-2, section 4).
    Own.THROTTLED: ("DEFAULT_5XX", 500, "internal_error", _FAILED, 1),
    Own.FAILED: ("DEFAULT_5XX", 502, "internal_error", _FAILED, 1),
    Own.TIMED_OUT: (
        "INTEGRATION_TIMEOUT", 504, "timed_out", "the function did not answer in time; send again", 1,
    ),
}  # fmt: skip


class RestDoor:
    """A REST API.

    Args:
        stage: the first part of every path.
        binary: whether `*/*` is a binary media type, as Terraform sets it: then every body arrives in base64. Without
            it a body is read as text; bytes that are not UTF-8 become U+FFFD (not known for sure: the worst case).

    The gateway inflates a gzip body, leaves `Content-Encoding` in the headers, and answers 415 where it cannot. Not
    known: whether it reads several gzip members (here it does) and what follows them (here: 415).
    """

    guards = True
    traces = True

    def __init__(self, stage: str, *, binary: bool = True) -> None:
        self._stage = stage
        self._binary = binary

    def event(self, arrived: Arrived, stage: str, account: str, trace: str) -> dict[str, Any]:
        """See `Door`."""
        headers: dict[str, str] = {}
        multi_headers: dict[str, list[str]] = {}
        for lower, value in arrived.headers:
            name = lower.title()  # a REST API leaves names as the client wrote them
            if name == TRACE_HEADER:
                continue  # the gateway's own takes its place
            headers[name] = value
            multi_headers.setdefault(name, []).append(value)
        headers[TRACE_HEADER] = trace
        multi_query: dict[str, list[str]] = {}
        for name, value in arrived.query:
            multi_query.setdefault(name, []).append(value)
        body, is_base64 = self._body(arrived)
        now = time.time()
        api_key = headers.get("X-Api-Key")
        return {
            "resource": arrived.resource,
            "path": arrived.resource,
            "httpMethod": arrived.method,
            "headers": headers,
            "multiValueHeaders": multi_headers,
            "queryStringParameters": dict(arrived.query) or None,
            "multiValueQueryStringParameters": multi_query or None,
            "pathParameters": None,
            "stageVariables": None,
            "requestContext": {
                "resourceId": "local",
                "resourcePath": arrived.resource,
                "httpMethod": arrived.method,
                "extendedRequestId": uuid.uuid4().hex,
                "requestTime": datetime.fromtimestamp(now, UTC).strftime("%d/%b/%Y:%H:%M:%S +0000"),
                "path": arrived.path,
                "accountId": account,
                "protocol": f"HTTP/{arrived.http_version}",
                "stage": stage,
                "domainPrefix": "local",
                "requestTimeEpoch": int(now * 1000),
                "requestId": str(uuid.uuid4()),
                "identity": {
                    "sourceIp": arrived.client,
                    "userAgent": headers.get("User-Agent"),
                    "apiKey": api_key,
                    "apiKeyId": None if api_key is None else "local",
                },
                "domainName": headers.get("Host", ""),
                "apiId": "local",
            },
            "body": body,
            "isBase64Encoded": is_base64,
        }

    def own_answer(self, own: Own) -> Answer:
        """See `Door`."""
        if own is Own.BODY_TOO_LARGE:  # this one has no gateway response (captured 2021, aws-facts-2, section 4)
            text = f"HTTP content length exceeded {MAX_BODY_BYTES} bytes."
            return 413, [(b"content-type", b"text; charset=utf-8")], text.encode()
        _, status, code, message, retry_after = OWN_ANSWERS[own]
        return error_answer(status, code, message.format(stage=self._stage), retry_after)

    def _body(self, arrived: Arrived) -> tuple[str | None, bool]:
        body = arrived.body
        encoding = arrived.header("content-encoding").strip().lower()
        if encoding == "gzip":
            try:
                body = gzip_body.inflate(body, MAX_BODY_BYTES)
            except gzip_body.NotGzip:
                raise Refused(Own.BAD_ENCODING) from None
            except gzip_body.TooLarge:
                raise Refused(Own.EVENT_TOO_LARGE) from None
        elif encoding not in ("", "identity"):
            raise Refused(Own.BAD_ENCODING)
        if not body:
            return None, False
        if self._binary:
            return base64.b64encode(body).decode("ascii"), True
        return body.decode("utf-8", "replace"), False
