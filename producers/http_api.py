"""The Lambda behind API Gateway: accept, validate, stamp, put on the stream, answer."""

import functools
import os
from collections import Counter
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final

from producers import answers
from producers.answers import Response
from producers.aws import CONNECT_TIMEOUT_SECONDS, READ_TIMEOUTS, client, stream_client
from producers.ingestion import Acceptance, Attempt, Ingestion, Origin, Receipt, results_of
from producers.invocation import Context, deadline_of
from producers.problem import Problem, RefusedRequest
from producers.request import Request, request_of
from producers.stream import StreamWriter
from producers.submission import Rules, Submission, read_body, read_submission
from producers.telemetry import count, logger
from producers.tracing import traced_call
from producers.validation import load_schema

if TYPE_CHECKING:
    from producers.access import Access
    from producers.idempotency import KeyTable

SERVICE: Final = "http_api"
# Of the invocation's time, kept for the last call, which may hang, and for the answer.
RESERVE_SECONDS: Final = CONNECT_TIMEOUT_SECONDS + READ_TIMEOUTS["kinesis"] + 0.5
MAX_USER_AGENT_CHARACTERS: Final = 1024


def handler(event: dict[str, Any], context: Context) -> Response:
    """Answer one request of API Gateway; docs/http-api.md says with what."""
    request = request_of(event)
    methods = _RESOURCES.get(request.resource)
    access = _access()
    refused = access.problem_with(request) if access else None
    if refused is not None:
        response = answers.refusal(refused)
    elif methods is None:
        response = answers.refusal(Problem(404, "not_found", "no such resource; events are posted to /app"))
    elif request.method in methods:
        response = methods[request.method](request, context)
    elif request.method == "OPTIONS":
        response = answers.options(methods)
    else:
        response = answers.method_not_allowed(methods)
    return answers.with_cors(response, request.headers.get("origin"), _cors_origins())


def _accept(request: Request, context: Context) -> Response:
    rules = _rules()
    try:
        body = read_body(request, rules.body_bytes)
        submission = read_submission(body, request.headers.get("content-type"), rules)
        receipt = _receipt_for(submission, body, request, context)
    except RefusedRequest as refused:
        _count_rejected(Counter([refused.problem.code]))
        return answers.refusal(refused.problem)
    results = results_of(submission.events, receipt, numbered=submission.is_batch)
    return answers.batch(results) if submission.is_batch else answers.single(results[0])


def _receipt_for(submission: Submission, body: bytes, request: Request, context: Context) -> Receipt:
    """Put the events on the stream, or find out what became of them the first time.

    Raises:
        RefusedRequest: see `producers.idempotency.once`.
    """
    first = _ingestion().first_attempt(request.request_id)
    put = functools.partial(_put, submission, request, deadline_of(context, RESERVE_SECONDS))
    key = request.headers.get("idempotency-key")
    if key is None:
        return put(first).receipt
    from producers.idempotency import ClientKey, once  # noqa: PLC0415 (most requests do without)

    lasts_seconds = context.get_remaining_time_in_millis() / 1000
    return once(_key_table(), ClientKey(request.client, key, body), first, put, lasts_seconds)


def _put(submission: Submission, request: Request, deadline: float, attempt: Attempt) -> Acceptance:
    origin = _origin_of(request)
    with traced_call(origin.trace, "Kinesis", "PutRecords"):
        acceptance = _ingestion().accept(submission.events, attempt, origin, deadline, numbered=submission.is_batch)
    _report(submission, acceptance)
    return acceptance


def _report(submission: Submission, acceptance: Acceptance) -> None:
    """Count what became of the events, and log what the stream did not take."""
    problems = Counter(event.code for event in submission.events if isinstance(event, Problem))
    throttled = len(acceptance.receipt.throttled) + len(acceptance.receipt.doubtful)
    count(
        SERVICE,
        {
            "AcceptedEvents": acceptance.accepted,
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


def _health(_request: Request, _context: Context) -> Response:
    return answers.answer(200, {"status": "ok"})


def _openapi(request: Request, _context: Context) -> Response:
    from producers.openapi import document  # noqa: PLC0415 (posting does without)

    return answers.answer(200, document(request.stage, _rules()))


_Answering = Callable[[Request, Context], Response]
_RESOURCES: Final[dict[str, dict[str, _Answering]]] = {
    "/app": {"POST": _accept},
    "/health": {"GET": _health, "HEAD": _health},
    "/openapi.json": {"GET": _openapi, "HEAD": _openapi},
}


def _origin_of(request: Request) -> Origin:
    return Origin(
        source_ip=request.source_ip,
        user_agent=request.user_agent and request.user_agent[:MAX_USER_AGENT_CHARACTERS],
        trace=os.environ.get("_X_AMZN_TRACE_ID") or request.headers.get("x-amzn-trace-id"),
    )


@functools.cache
def _ingestion() -> Ingestion:
    return Ingestion(
        StreamWriter(stream_client(), os.environ["STREAM_NAME"]),
        aggregate_bytes=int(os.environ["AGGREGATE_BYTES"]),
        partition_key=os.environ.get("PARTITION_KEY") or None,
    )


@functools.cache
def _key_table() -> "KeyTable":
    from producers.idempotency import KeyTable  # noqa: PLC0415 (as above)

    return KeyTable(client("dynamodb"), os.environ["IDEMPOTENCY_TABLE"])


@functools.cache
def _rules() -> Rules:
    return Rules(
        event_bytes=int(os.environ["MAX_EVENT_BYTES"]),
        batch_events=int(os.environ["MAX_BATCH_EVENTS"]),
        schema=load_schema(),
    )


@functools.cache
def _access() -> "Access | None":
    """What a request needs; None where the gateway checks it, or nothing is to be checked."""
    digests, cidrs = (os.environ.get(name, "").split() for name in ("API_KEY_SHA256", "ALLOWED_CIDRS"))
    if not digests and not cidrs:
        return None
    from producers.access import Access  # noqa: PLC0415 (a cold start pays for it only where something is checked)

    return Access(digests, cidrs)


@functools.cache
def _cors_origins() -> frozenset[str]:
    return frozenset(os.environ.get("CORS_ORIGINS", "").split())


if os.environ.get("AWS_LAMBDA_INITIALIZATION_TYPE") == "snap-start":
    _ingestion()  # its client belongs into the snapshot; it opens no connection before the first call
    _rules()
