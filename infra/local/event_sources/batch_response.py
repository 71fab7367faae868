"""What a function's answer says about the items of its batch (ReportBatchItemFailures)."""

from collections.abc import Collection
from typing import Any

from infra.local.functions import InvocationResult


class WholeBatchFailed(Exception):
    """The answer is not one Lambda can follow, so it counts every item as failed; the message says what is wrong."""


def failed_identifiers(answer: Any, identifiers: Collection[str]) -> set[str]:
    """Return the items of a batch that failed; an empty result for every form of complete success.

    Complete success is null, "", [], {}, `{"batchItemFailures": null}` and `{"batchItemFailures": []}`.

    Args:
        answer: the function's answer, as it came through JSON.
        identifiers: of the batch's items: sequence numbers of a stream, message ids of a queue.

    Raises:
        WholeBatchFailed: an identifier is empty, null, missing or of no item, or the answer has another form.
    """
    if not answer:
        return set()
    if not isinstance(answer, dict):
        raise WholeBatchFailed(f"the answer is of type {type(answer).__name__}, not an object")
    failures = answer.get("batchItemFailures")
    if not failures:
        return set()
    if not isinstance(failures, list):
        raise WholeBatchFailed(f"batchItemFailures is of type {type(failures).__name__}, not a list")
    known = set(identifiers)
    failed: set[str] = set()
    for failure in failures:
        identifier = failure.get("itemIdentifier") if isinstance(failure, dict) else None
        if not isinstance(identifier, str) or identifier not in known:
            raise WholeBatchFailed(f"itemIdentifier {identifier!r} is not in the batch of {len(known)} items")
        failed.add(identifier)
    return failed


def why_again(result: InvocationResult) -> str:
    """Why items are delivered again, as far as the invocation says it."""
    if result.error is not None:
        return f"{result.error.type}: {result.error.message}"
    return "the function asks for items of the batch again"
