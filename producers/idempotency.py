"""Accepting a request once, however often a client sends it: `Idempotency-Key`, kept in a DynamoDB table.

The record of a key is written before anything is put on the stream, and fixes the request id and the time under which
the events are kept. Every retry of the key uses them again: where the answer to a put was lost, a retry writes the same
rows. docs/decisions/idempotency-receipts.md says why the answer itself is not kept.
"""

import contextlib
import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from producers.clock import SYSTEM_CLOCK, Clock
from producers.ingestion import Acceptance, Attempt, Receipt
from producers.problem import Problem, RefusedRequest
from producers.retry import AWS_ERRORS, Backoff, error_code, is_transient

if TYPE_CHECKING:
    from types_boto3_dynamodb import DynamoDBClient

KEPT_SECONDS: Final = 24 * 60 * 60
MAX_KEY_CHARACTERS: Final = 255
PATIENCE_SECONDS: Final = 2.0  # for the table, before and after the put
CLOCKS_DIFFER_SECONDS: Final = 1.0  # at most, between two execution environments

_CONDITION_FAILED: Final = "ConditionalCheckFailedException"
_UNDER_WAY: Final = Problem(
    409, "in_progress", "a request with this Idempotency-Key is under way; send it again for its answer"
)
_REUSED: Final = Problem(
    422, "idempotency_key_reused", "this Idempotency-Key was used for another body; use a key for one request only"
)
_UNAVAILABLE: Final = Problem(
    503, "idempotency_unavailable", "keys cannot be kept now, so nothing was put; send the request again later"
)


@dataclass(frozen=True, slots=True)
class ClientKey:
    """What a client calls a request.

    Args:
        client: whose key it is: two clients may use the same.
        key: the value of `Idempotency-Key`.
        body: the request's, inflated; the same key with another body is refused.
    """

    client: str
    key: str
    body: bytes


@dataclass(frozen=True, slots=True)
class Claim:
    """The right to put a request's events, for as long as this invocation can last.

    Args:
        id: of the key's record.
        holder: the request id of the request that may put.
        attempt: what to put, and under which keys.
        is_first: whether nobody put under this key before.
    """

    id: str
    holder: str
    attempt: Attempt
    is_first: bool


class KeyTable:
    """The records of keys.

    Args:
        dynamodb: the client; it should not retry by itself.
        table: the table's name.
        clock: the time.
    """

    def __init__(self, dynamodb: "DynamoDBClient", table: str, clock: Clock = SYSTEM_CLOCK) -> None:
        self._dynamodb = dynamodb
        self._table = table
        self._clock = clock

    def claim(self, key: ClientKey, first: Attempt, lasts_seconds: float) -> Claim | Receipt:
        """Claim a key for a request, or return the receipt of the request that it was used for.

        Args:
            key: of the request.
            first: the attempt to make if the key is new; its request id is the holder's.
            lasts_seconds: after which this invocation has ended for certain. Then another may claim the key.

        Raises:
            RefusedRequest: 400 for an invalid key, 409 while another request holds it, 422 for another body, 503
                where the table does not answer.
        """
        if not 1 <= len(key.key) <= MAX_KEY_CHARACTERS:
            message = f"Idempotency-Key has {len(key.key):,} characters; send 1 to {MAX_KEY_CHARACTERS}"
            raise RefusedRequest(Problem(400, "invalid_idempotency_key", message))
        now = self._clock.time()
        record_id = hashlib.sha256(f"{key.client}\0{key.key}".encode("utf-8", "surrogatepass")).hexdigest()
        body = hashlib.sha256(key.body).hexdigest()
        held_until = str(int((now + lasts_seconds + CLOCKS_DIFFER_SECONDS) * 1000))
        new = {
            "id": {"S": record_id},
            "body": {"S": body},
            "request_id": {"S": first.request_id},
            "accepted_at_micros": {"N": str(first.accepted_at_micros)},
            "holder": {"S": first.request_id},
            "held_until_millis": {"N": held_until},
            "expiration": {"N": str(int(now) + KEPT_SECONDS)},
        }
        found = self._call(
            self._dynamodb.put_item,
            Item=new,
            ConditionExpression="attribute_not_exists(id) OR expiration < :now",
            ExpressionAttributeValues={":now": {"N": str(int(now))}},
            ReturnValuesOnConditionCheckFailure="ALL_OLD",
        )
        if found is None or found["holder"]["S"] == first.request_id:  # ours, where the answer to a first try was lost
            return Claim(record_id, first.request_id, first, is_first=True)
        if found["body"]["S"] != body:
            raise RefusedRequest(_REUSED)
        receipt = _receipt_in(found)
        if receipt is not None and not receipt.throttled and not receipt.doubtful:
            return receipt
        if int(found["held_until_millis"]["N"]) > now * 1000:
            raise RefusedRequest(_UNDER_WAY)
        return self._take_over(found, receipt, first.request_id, held_until)

    def _take_over(self, found: dict[str, Any], receipt: Receipt | None, holder: str, held_until: str) -> Claim:
        """Claim a key whose holder was ended, or could not put all of its events."""
        lost = self._call(
            self._dynamodb.update_item,
            Key={"id": found["id"]},
            UpdateExpression="SET holder = :holder, held_until_millis = :until REMOVE throttled, doubtful",
            ConditionExpression="holder = :before AND held_until_millis = :seen",
            ExpressionAttributeValues={
                ":holder": {"S": holder},
                ":until": {"N": held_until},
                ":before": found["holder"],
                ":seen": found["held_until_millis"],
            },
            ReturnValuesOnConditionCheckFailure="ALL_OLD",
        )
        if lost is not None and lost.get("holder") != {"S": holder}:
            raise RefusedRequest(_UNDER_WAY)
        attempt = Attempt(
            found["request_id"]["S"],
            int(found["accepted_at_micros"]["N"]),
            places=None if receipt is None else frozenset(receipt.throttled + receipt.doubtful),
            doubtful=None if receipt is None else frozenset(receipt.doubtful),
        )
        return Claim(found["id"]["S"], holder, attempt, is_first=False)

    def keep(self, claim: Claim, acceptance: Acceptance) -> None:
        """Keep what became of the events, and let the key go.

        Where the first attempt put nothing, and certainly so, the key is forgotten: a later request with it gets the
        time of its own acceptance. A record that another request has claimed since stays as it is.

        Raises:
            RefusedRequest: the table does not answer. The key is free once the claim has run out.
        """
        receipt = acceptance.receipt
        held = {"ConditionExpression": "holder = :holder"}
        holder = {":holder": {"S": claim.holder}}
        if claim.is_first and receipt.throttled and not acceptance.accepted and not receipt.doubtful:
            self._call(
                self._dynamodb.delete_item, Key={"id": {"S": claim.id}}, ExpressionAttributeValues=holder, **held
            )
            return
        self._call(
            self._dynamodb.update_item,
            Key={"id": {"S": claim.id}},
            UpdateExpression="SET throttled = :throttled, doubtful = :doubtful, held_until_millis = :free",
            ExpressionAttributeValues={
                **holder,
                ":throttled": {"S": json.dumps(receipt.throttled, separators=(",", ":"))},
                ":doubtful": {"S": json.dumps(receipt.doubtful, separators=(",", ":"))},
                ":free": {"N": "0"},
            },
            **held,
        )

    def _call(self, operation: Callable[..., Any], **request: Any) -> dict[str, Any] | None:
        """Make a conditional call, again where it may work later.

        Returns:
            None where the condition held; else the record as it is, if the call asks for it.
        """
        backoff = Backoff(self._clock.monotonic() + PATIENCE_SECONDS, self._clock)
        while True:
            try:
                operation(TableName=self._table, **request)
            except AWS_ERRORS as error:
                if error_code(error) == _CONDITION_FAILED:
                    return dict(getattr(error, "response", {}).get("Item") or {})
                if not is_transient(error) or not backoff.wait():
                    raise RefusedRequest(_UNAVAILABLE) from error
            else:
                return None


def _receipt_in(record: dict[str, Any]) -> Receipt | None:
    """The receipt that the last holder kept; None where it was ended before."""
    if "throttled" not in record:
        return None
    return Receipt(
        record["request_id"]["S"],
        int(record["accepted_at_micros"]["N"]),
        tuple(json.loads(record["throttled"]["S"])),
        tuple(json.loads(record["doubtful"]["S"])),
    )


def once(
    keys: KeyTable, key: ClientKey, first: Attempt, put: Callable[[Attempt], Acceptance], lasts_seconds: float
) -> Receipt:
    """Accept a request's events once, however often the request comes.

    Args:
        keys: where keys are kept.
        key: of the request.
        first: the attempt to make if the key is new.
        put: makes an attempt.
        lasts_seconds: after which this invocation has ended for certain.

    Raises:
        RefusedRequest: see `KeyTable.claim`; then this request put nothing.
    """
    claimed = keys.claim(key, first, lasts_seconds)
    if isinstance(claimed, Receipt):
        return claimed
    acceptance = put(claimed.attempt)
    with contextlib.suppress(RefusedRequest):  # the answer is true all the same, and a retry uses the same keys
        keys.keep(claimed, acceptance)
    return acceptance.receipt
