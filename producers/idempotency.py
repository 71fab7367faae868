"""Answering a client's retry as the first time: `Idempotency-Key`, kept by Powertools in a DynamoDB table.

What is kept is not the answer, which may be megabytes, but the receipt that it follows from together with the request,
which has to be the same.
"""

import functools
import hashlib
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any, Final

from producers.aws import client
from producers.ingestion import Receipt
from producers.invocation import Context
from producers.problem import Problem, RefusedRequest

KEPT_SECONDS: Final = 24 * 60 * 60
MAX_KEY_CHARACTERS: Final = 255


class NothingAccepted(Exception):
    """The stream took nothing: there is no answer to keep, and a retry shall try again."""


@dataclass(frozen=True, slots=True)
class ClientKey:
    """What a client calls a request.

    Args:
        client: whose key it is: two clients may use the same.
        key: the value of `Idempotency-Key`.
        body: the request's; the same key with another body is refused.
    """

    client: str
    key: str
    body: bytes


def once(table: str, key: ClientKey, accept: Callable[[], Receipt], context: Context) -> Receipt:
    """Accept a request's events once, however often it comes.

    Args:
        table: of the keys.
        key: of the request.
        accept: accepts them; `NothingAccepted` from it leaves nothing behind.
        context: of the invocation. Where Lambda ends it, the key is free again when its time is over.

    Raises:
        RefusedRequest: 400 for a key that is none, 409 while the first request is under way, 422 for another body,
            503 where the table cannot be reached: then nothing was accepted.
        NothingAccepted: from `accept`.
    """
    if not 1 <= len(key.key) <= MAX_KEY_CHARACTERS:
        raise RefusedRequest(
            Problem(400, "invalid_idempotency_key", f"Idempotency-Key has 1 to {MAX_KEY_CHARACTERS} characters")
        )
    # Imported for requests with a key only.
    from aws_lambda_powertools.utilities.idempotency import (  # noqa: PLC0415
        IdempotencyConfig,
        exceptions,
        idempotent_function,
    )

    config = IdempotencyConfig(
        event_key_jmespath="[client, key]",
        payload_validation_jmespath="body",
        expires_after_seconds=KEPT_SECONDS,
        hash_function="sha256",
    )
    config.register_lambda_context(context)  # type: ignore[arg-type] # it asks for the remaining time, no more
    receipts: list[Receipt] = []

    def accept_once(request: dict[str, str]) -> dict[str, Any]:  # noqa: ARG001 (Powertools looks at it)
        receipts.append(accept())
        return asdict(receipts[0])

    request = {"client": key.client, "key": key.key, "body": hashlib.sha256(key.body).hexdigest()}
    try:
        kept = idempotent_function(
            accept_once, data_keyword_argument="request", persistence_store=_store(table), config=config
        )(request=request)
    except exceptions.IdempotencyAlreadyInProgressError:
        message = "a request with this Idempotency-Key is under way; ask again for its answer"
        raise RefusedRequest(Problem(409, "in_progress", message)) from None
    except exceptions.IdempotencyValidationError:
        message = "this Idempotency-Key was used for another body; use a key for one request only"
        raise RefusedRequest(Problem(422, "idempotency_key_reused", message)) from None
    except exceptions.IdempotencyPersistenceLayerError as error:
        if receipts:  # the events are on the stream: that is the truth, though a retry will not hear it
            return receipts[0]
        raise RefusedRequest(
            Problem(503, "idempotency_unavailable", "keys cannot be kept now; send the request again later")
        ) from error
    return Receipt(kept["request_id"], int(kept["accepted_at_micros"]), tuple(int(n) for n in kept["throttled"]))


@functools.cache
def _store(table: str) -> Any:
    from aws_lambda_powertools.utilities.idempotency import DynamoDBPersistenceLayer  # noqa: PLC0415

    return DynamoDBPersistenceLayer(table_name=table, boto3_client=client("dynamodb"))
