"""The answers of the HTTP API, in the form that API Gateway's proxy integration takes."""

import json
from collections.abc import Collection, Iterable, Sequence
from json.encoder import encode_basestring_ascii as quote
from typing import Any, Final

from producers.ingestion import Accepted
from producers.problem import Problem

RETRY_AFTER_SECONDS: Final = 1
CORS_HEADERS: Final = "Content-Type, Content-Encoding, Idempotency-Key, X-Api-Key, Authorization"

Response = dict[str, Any]


def answer(status: int, body: Any, headers: dict[str, str] | None = None) -> Response:
    """A JSON answer."""
    return _answer(status, json.dumps(body, separators=(",", ":")), headers)


def refusal(problem: Problem) -> Response:
    """The answer to a request of which nothing was accepted."""
    return answer(problem.status, {"error": _error(problem)}, _retry_after(problem.status))


def method_not_allowed(methods: Iterable[str]) -> Response:
    """The answer to a method that a resource has not."""
    problem = Problem(405, "method_not_allowed", f"use {_allow(methods)}")
    return answer(problem.status, {"error": _error(problem)}, {"Allow": _allow(methods)})


def options(methods: Iterable[str]) -> Response:
    """The answer to OPTIONS: what may be done here."""
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

    Where none was: 503 if the stream failed any of them, so that the client sends them again, else 422.
    """
    accepted = sum(isinstance(result, Accepted) for result in results)
    if accepted == len(results):
        status = 201
    elif accepted:
        status = 207
    else:
        status = 503 if any(_is_throttled(result) for result in results) else 422
    entries = ",".join(_entry(index, result) for index, result in enumerate(results))
    body = f'{{"accepted":{accepted},"rejected":{len(results) - accepted},"results":[{entries}]}}'
    return _answer(status, body, _retry_after(status))


def _entry(index: int, result: Accepted | Problem) -> str:
    """One result as JSON, written by hand: there may be 25,000 of them."""
    if isinstance(result, Accepted):
        return (
            f'{{"index":{index},"status":"accepted","timestamp":"{result.timestamp}",'
            f'"request_id":{quote(result.request_id)}}}'
        )
    status = "throttled" if _is_throttled(result) else "invalid"
    return f'{{"index":{index},"status":"{status}","error":{json.dumps(_error(result), separators=(",", ":"))}}}'


def _answer(status: int, body: str, headers: dict[str, str] | None) -> Response:
    return {
        "statusCode": status,
        "headers": {"Content-Type": "application/json", **(headers or {})},
        "body": body,
        "isBase64Encoded": False,
    }


def _is_throttled(result: Accepted | Problem) -> bool:
    return isinstance(result, Problem) and result.status == 503


def _error(problem: Problem) -> dict[str, Any]:
    return {"code": problem.code, "message": problem.message, "path": problem.path}


def _retry_after(status: int) -> dict[str, str]:
    return {"Retry-After": str(RETRY_AFTER_SECONDS)} if status in (409, 503) else {}


def _allow(methods: Iterable[str]) -> str:
    return ", ".join((*methods, "OPTIONS"))
