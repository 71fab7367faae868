"""The answers of the HTTP API, in the form that API Gateway's proxy integration takes."""

import json
from collections.abc import Sequence
from typing import Any

from producers.ingestion import Accepted
from producers.problem import Problem

RETRY_AFTER_SECONDS = 1

Response = dict[str, Any]


def answer(status: int, body: Any, headers: dict[str, str] | None = None) -> Response:
    """A JSON answer."""
    return {
        "statusCode": status,
        "headers": {"Content-Type": "application/json", **(headers or {})},
        "body": json.dumps(body, separators=(",", ":")),
        "isBase64Encoded": False,
    }


def refusal(problem: Problem, headers: dict[str, str] | None = None) -> Response:
    """The answer to a request of which nothing was accepted."""
    return answer(problem.status, {"error": _error(problem)}, {**_retry_after(problem.status), **(headers or {})})


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
    body = {
        "accepted": accepted,
        "rejected": len(results) - accepted,
        "results": [_entry(index, result) for index, result in enumerate(results)],
    }
    return answer(status, body, _retry_after(status))


def _entry(index: int, result: Accepted | Problem) -> dict[str, Any]:
    if isinstance(result, Accepted):
        return {
            "index": index,
            "status": "accepted",
            "timestamp": result.timestamp,
            "request_id": result.request_id,
        }
    status = "throttled" if _is_throttled(result) else "invalid"
    return {"index": index, "status": status, "error": _error(result)}


def _is_throttled(result: Accepted | Problem) -> bool:
    return isinstance(result, Problem) and result.status == 503


def _error(problem: Problem) -> dict[str, Any]:
    return {"code": problem.code, "message": problem.message, "path": problem.path}


def _retry_after(status: int) -> dict[str, str]:
    return {"Retry-After": str(RETRY_AFTER_SECONDS)} if status == 503 else {}
