"""The Lambda behind API Gateway: accept, validate, stamp, put on the stream, answer."""

import functools
import os
from collections import Counter
from typing import Any

from producers import answers
from producers.answers import Response
from producers.aws import client
from producers.ingestion import Acceptance, Accepted, Ingestion, Origin
from producers.invocation import Context, deadline_of
from producers.problem import Problem, RefusedRequest
from producers.stream import StreamWriter
from producers.submission import Limits, read_submission
from producers.telemetry import count

SERVICE = "http_api"
RESERVE_SECONDS = 0.5  # of the invocation's time, kept for the answer
MAX_USER_AGENT_CHARACTERS = 1024


def handler(event: dict[str, Any], context: Context) -> Response:
    """Answer one request of API Gateway (proxy event, version 1)."""
    match (event["httpMethod"], event["resource"]):
        case ("POST", "/app"):
            return _accept(event, context)
        case ("GET", "/health"):
            return answers.answer(200, {"status": "ok"})
        case (_, "/app" | "/health" as resource):
            allowed = "POST" if resource == "/app" else "GET"
            return answers.refusal(Problem(405, "method_not_allowed", f"use {allowed}"), {"Allow": allowed})
        case _:
            return answers.refusal(Problem(404, "not_found", "no such resource; events are posted to /app"))


def _accept(event: dict[str, Any], context: Context) -> Response:
    try:
        submission = read_submission(event, _limits())
    except RefusedRequest as refused:
        count(SERVICE, {"RejectedEvents": 1})
        return answers.refusal(refused.problem)
    acceptance = _ingestion().accept(
        submission.events, _origin_of(event), deadline_of(context, RESERVE_SECONDS), numbered=submission.is_batch
    )
    _count(acceptance)
    return answers.batch(acceptance.results) if submission.is_batch else answers.single(acceptance.results[0])


def _origin_of(event: dict[str, Any]) -> Origin:
    context = event["requestContext"]
    identity = context.get("identity") or {}
    user_agent = identity.get("userAgent")
    return Origin(
        request_id=context["requestId"],
        source_ip=identity.get("sourceIp"),
        user_agent=user_agent and user_agent[:MAX_USER_AGENT_CHARACTERS],
        trace=os.environ.get("_X_AMZN_TRACE_ID"),
    )


def _count(acceptance: Acceptance) -> None:
    kinds = Counter(_kind(result) for result in acceptance.results)
    count(SERVICE, {**kinds, "Bytes": acceptance.put_bytes, "PutRecordsRetries": acceptance.put_retries})


def _kind(result: Accepted | Problem) -> str:
    if isinstance(result, Accepted):
        return "AcceptedEvents"
    return "ThrottledEvents" if result.status == 503 else "RejectedEvents"


@functools.cache
def _ingestion() -> Ingestion:
    return Ingestion(
        StreamWriter(client("kinesis"), os.environ["STREAM_NAME"]),
        aggregate_bytes=int(os.environ["AGGREGATE_BYTES"]),
        partition_key=os.environ.get("PARTITION_KEY") or None,
    )


@functools.cache
def _limits() -> Limits:
    return Limits(event_bytes=int(os.environ["MAX_EVENT_BYTES"]), batch_events=int(os.environ["MAX_BATCH_EVENTS"]))
