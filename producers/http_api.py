"""The Lambda behind API Gateway: accept, validate, stamp, put on the stream, answer."""

import functools
import os
from collections import Counter
from collections.abc import Callable
from typing import Any, Final

from producers import answers
from producers.answers import Response
from producers.aws import client
from producers.ingestion import Acceptance, Ingestion, Origin, Receipt, results_of
from producers.invocation import Context, deadline_of
from producers.problem import Problem, RefusedRequest
from producers.stream import StreamWriter
from producers.submission import Rules, Submission, body_of, header, read_submission
from producers.telemetry import count, logger
from producers.tracing import traced_call
from producers.validation import load_schema

SERVICE: Final = "http_api"
RESERVE_SECONDS: Final = 0.5  # of the invocation's time, kept for the answer
MAX_USER_AGENT_CHARACTERS: Final = 1024


def handler(event: dict[str, Any], context: Context) -> Response:
    """Answer one request of API Gateway (proxy event, version 1); docs/http-api.md says with what."""
    methods = _RESOURCES.get(event["resource"])
    if methods is None:
        response = answers.refusal(Problem(404, "not_found", "no such resource; events are posted to /app"))
    elif event["httpMethod"] in methods:
        response = methods[event["httpMethod"]](event, context)
    elif event["httpMethod"] == "OPTIONS":
        response = answers.options(methods)
    else:
        response = answers.method_not_allowed(methods)
    return answers.with_cors(response, header(event, "origin"), _cors_origins())


def _accept(event: dict[str, Any], context: Context) -> Response:
    try:
        submission = read_submission(event, _rules())
        receipt = _receipt_for(submission, event, context)
    except RefusedRequest as refused:
        _count_rejected(Counter([refused.problem.code]))
        return answers.refusal(refused.problem)
    results = results_of(submission.events, receipt, numbered=submission.is_batch)
    return answers.batch(results) if submission.is_batch else answers.single(results[0])


def _receipt_for(submission: Submission, event: dict[str, Any], context: Context) -> Receipt:
    """Put the events on the stream, or find out how that went the first time.

    Raises:
        RefusedRequest: see `producers.idempotency.once`.
    """
    key = header(event, "idempotency-key")
    if key is None:
        return _put(submission, event, context)
    from producers.idempotency import ClientKey, NothingAccepted, once  # noqa: PLC0415 (most requests do without)

    refused: list[Receipt] = []

    def accept() -> Receipt:
        receipt = _put(submission, event, context)
        if len(receipt.throttled) == len(submission.events):
            refused.append(receipt)
            raise NothingAccepted
        return receipt

    try:
        client_key = ClientKey(_client_of(event), key, body_of(event))
        return once(os.environ["IDEMPOTENCY_TABLE"], client_key, accept, context)
    except NothingAccepted:
        return refused[0]


def _put(submission: Submission, event: dict[str, Any], context: Context) -> Receipt:
    deadline = deadline_of(context, RESERVE_SECONDS)
    origin = _origin_of(event)
    with traced_call(origin.trace, "Kinesis", "PutRecords"):
        acceptance = _ingestion().accept(submission.events, origin, deadline, numbered=submission.is_batch)
    _report(submission, acceptance)
    return acceptance.receipt


def _report(submission: Submission, acceptance: Acceptance) -> None:
    """Count what became of the events, and log what the stream did not take."""
    problems = Counter(event.code for event in submission.events if isinstance(event, Problem))
    throttled = len(acceptance.receipt.throttled)
    count(
        SERVICE,
        {
            "AcceptedEvents": len(submission.events) - problems.total() - throttled,
            "ThrottledEvents": throttled,
            "PutRecordsRetries": acceptance.put_retries,
            "Bytes": acceptance.put_bytes,
        },
    )
    if problems:
        _count_rejected(problems)
    if throttled:
        logger(SERVICE).warning(
            "the stream did not take events",
            extra={"request_id": acceptance.receipt.request_id, "events": throttled, "error": acceptance.error},
        )


def _count_rejected(codes: Counter[str]) -> None:
    """Count what was rejected, in all and by reason; a request that cannot be read counts as one event."""
    count(SERVICE, {"RejectedEvents": codes.total()})
    for code, number in codes.items():
        count(SERVICE, {"RejectedEventsByReason": number}, reason=code)


def _health(_event: dict[str, Any], _context: Context) -> Response:
    return answers.answer(200, {"status": "ok"})


def _openapi(event: dict[str, Any], _context: Context) -> Response:
    from producers.openapi import document  # noqa: PLC0415 (posting does without)

    return answers.answer(200, document(event["requestContext"].get("stage", ""), _rules()))


_Answering = Callable[[dict[str, Any], Context], Response]
_RESOURCES: Final[dict[str, dict[str, _Answering]]] = {
    "/app": {"POST": _accept},
    "/health": {"GET": _health, "HEAD": _health},
    "/openapi.json": {"GET": _openapi, "HEAD": _openapi},
}


def _origin_of(event: dict[str, Any]) -> Origin:
    context = event["requestContext"]
    identity = context.get("identity") or {}
    user_agent = identity.get("userAgent")
    return Origin(
        request_id=context["requestId"],
        source_ip=identity.get("sourceIp"),
        user_agent=user_agent and user_agent[:MAX_USER_AGENT_CHARACTERS],
        trace=os.environ.get("_X_AMZN_TRACE_ID") or header(event, "x-amzn-trace-id"),
    )


def _client_of(event: dict[str, Any]) -> str:
    """Who posts, as far as the gateway knows, so that the keys of one client are not another's."""
    context = event["requestContext"]
    claims = (context.get("authorizer") or {}).get("claims") or {}
    principal = claims.get("sub") or (context.get("authorizer") or {}).get("principalId")
    return str(principal or (context.get("identity") or {}).get("apiKeyId") or "anyone")


@functools.cache
def _ingestion() -> Ingestion:
    return Ingestion(
        StreamWriter(client("kinesis"), os.environ["STREAM_NAME"]),
        aggregate_bytes=int(os.environ["AGGREGATE_BYTES"]),
        partition_key=os.environ.get("PARTITION_KEY") or None,
    )


@functools.cache
def _rules() -> Rules:
    return Rules(
        event_bytes=int(os.environ["MAX_EVENT_BYTES"]),
        batch_events=int(os.environ["MAX_BATCH_EVENTS"]),
        schema=load_schema(),
    )


@functools.cache
def _cors_origins() -> frozenset[str]:
    return frozenset(os.environ.get("CORS_ORIGINS", "").split())
