"""The answers of the HTTP API, in the form that API Gateway's proxy integration takes."""

import json
from collections.abc import Collection, Iterable, Sequence
from json.encoder import encode_basestring_ascii as quote
from typing import Any, Final

from producers.ingestion import IN_DOUBT, THROTTLED, Accepted
from producers.problem import Problem

RETRY_AFTER_SECONDS: Final = 1
MAX_BODY_BYTES: Final = 6_200_000  # Lambda quota for a response: 6,291,556 bytes with status and headers
_NO_ROOM: Final = "left out, since an answer has at most 6 MB"
CORS_HEADERS: Final = "Content-Type, Content-Encoding, Idempotency-Key, X-Api-Key, Authorization"

Response = dict[str, Any]


def answer(status: int, body: Any, headers: dict[str, str] | None = None) -> Response:
    """A JSON answer."""
    return _answer(status, json.dumps(body, separators=(",", ":")), headers)


def refusal(problem: Problem) -> Response:
    """The answer to a request that was refused as a whole."""
    return answer(problem.status, {"error": _error(problem)}, _retry_after(problem.status))


def method_not_allowed(methods: Iterable[str]) -> Response:
    """The answer to a method that the resource does not have."""
    problem = Problem(405, "method_not_allowed", f"use {_allow(methods)}")
    return answer(problem.status, {"error": _error(problem)}, {"Allow": _allow(methods)})


def options(methods: Iterable[str]) -> Response:
    """The answer to OPTIONS: the methods of the resource."""
    return {"statusCode": 204, "headers": {"Allow": _allow(methods)}, "body": "", "isBase64Encoded": False}


def with_cors(response: Response, origin: str | None, allowed: Collection[str]) -> Response:
    """The answer with what a browser needs to hand it to a page of another origin, where that is allowed.

    Args:
        response: the answer.
        origin: of the page that asks, if one does.
        allowed: origins, such as `https://example.com`; `*` for any.
    """
    if origin is None or not (origin in allowed or "*" in allowed):
        return response
    response["headers"] |= {
        "Access-Control-Allow-Origin": origin,
        "Access-Control-Allow-Methods": response["headers"].get("Allow", "POST"),
        "Access-Control-Allow-Headers": CORS_HEADERS,
        "Access-Control-Expose-Headers": "Retry-After",
        "Access-Control-Max-Age": "86400",
        "Vary": "Origin",
    }
    return response


def single(result: Accepted | Problem) -> Response:
    """The answer to a request of one event."""
    if isinstance(result, Problem):
        return refusal(result)
    return answer(201, {"timestamp": result.timestamp, "request_id": result.request_id})


def batch(results: Sequence[Accepted | Problem]) -> Response:
    """The answer to a list of events: 201 where all were accepted, 207 where some were.

    Where none was: 504 if the stream may have taken one, 503 if it refused one, so that the client sends them again,
    else 422.
    """
    accepted = sum(isinstance(result, Accepted) for result in results)
    if accepted == len(results):
        status = 201
    elif accepted:
        status = 207
    elif IN_DOUBT in results:
        status = 504
    else:
        status = 503 if THROTTLED in results else 422
    opening = f'{{"accepted":{accepted},"rejected":{len(results) - accepted},"results":['
    entries = [_entry(index, result) for index, result in enumerate(results)]
    body = f"{opening}{','.join(entries)}]}}"
    if _size_in_response(body) > MAX_BODY_BYTES:
        body = f"{opening}{','.join(_shortened(results, entries, MAX_BODY_BYTES - _size_in_response(opening) - 2))}]}}"
    return _answer(status, body, _retry_after(status))


def _shortened(results: Sequence[Accepted | Problem], entries: list[str], budget_bytes: int) -> list[str]:
    """Entries that fit into a budget: each keeps its code, and the first of them their details.

    25,000 entries without details take 4.1 MB, so they always fit.
    """
    brief = [
        _entry(index, Problem(result.status, result.code, _NO_ROOM)) if isinstance(result, Problem) else entry
        for index, (result, entry) in enumerate(zip(results, entries, strict=True))
    ]
    room = budget_bytes - sum(_size_in_response(entry) + 1 for entry in brief)
    for index, entry in enumerate(entries):
        more = max(0, _size_in_response(entry) - _size_in_response(brief[index]))
        if more <= room:
            brief[index] = entry
            room -= more
    return brief


def _size_in_response(text: str) -> int:
    """Bytes that JSON text takes in the function's response, a JSON string: quotes and backslashes take two."""
    return len(text) + text.count('"') + text.count("\\")


def _entry(index: int, result: Accepted | Problem) -> str:
    """One result as JSON, written by hand: there may be 25,000 of them."""
    if isinstance(result, Accepted):
        return (
            f'{{"index":{index},"status":"accepted","timestamp":"{result.timestamp}",'
            f'"request_id":{quote(result.request_id)}}}'
        )
    status = {503: "throttled", 504: "in_doubt"}.get(result.status, "invalid")
    return f'{{"index":{index},"status":"{status}","error":{json.dumps(_error(result), separators=(",", ":"))}}}'


def _answer(status: int, body: str, headers: dict[str, str] | None) -> Response:
    return {
        "statusCode": status,
        "headers": {"Content-Type": "application/json", **(headers or {})},
        "body": body + "\n",  # so that a terminal's prompt begins on a line of its own
        "isBase64Encoded": False,
    }


def _error(problem: Problem) -> dict[str, Any]:
    return {"code": problem.code, "message": problem.message, "path": problem.path}


def _retry_after(status: int) -> dict[str, str]:
    return {"Retry-After": str(RETRY_AFTER_SECONDS)} if status in (409, 503, 504) else {}


def _allow(methods: Iterable[str]) -> str:
    return ", ".join((*methods, "OPTIONS"))
