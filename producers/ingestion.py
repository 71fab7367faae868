"""Accepting events: giving each its key, and putting it on the stream."""

import functools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

from producers.aggregation import pack
from producers.clock import SYSTEM_CLOCK, Clock
from producers.event import Event, encode_members, format_timestamp, members_of_origin
from producers.exact_json import JsonValue
from producers.problem import Problem
from producers.stream import StreamWriter

MAX_KEY_CHARACTERS: Final = 256  # PutRecords: a partition key


@dataclass(frozen=True, slots=True)
class Origin:
    """Where the events of one request come from; see `producers.event.Event`."""

    request_id: str
    source_ip: str | None
    user_agent: str | None
    trace: str | None


class Accepted(NamedTuple):  # made for every event, in half the time of a frozen data class
    """An event that the stream acknowledged, by its key."""

    timestamp: str
    request_id: str


@dataclass(frozen=True, slots=True)
class Receipt:
    """What the answer to a request follows from, together with the request.

    Args:
        request_id: that the events were accepted under.
        accepted_at_micros: when, since the epoch; event n of the request has n microseconds more.
        throttled: the events that the stream did not take, by their place in the request.
    """

    request_id: str
    accepted_at_micros: int
    throttled: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Acceptance:
    """What became of the events of one request.

    Args:
        receipt: which were accepted, and when.
        put_bytes: acknowledged by the stream.
        put_retries: stream records that were put once more.
        error: why the stream did not take the throttled ones.
    """

    receipt: Receipt
    put_bytes: int
    put_retries: int
    error: str


class Ingestion:
    """Puts what clients post on the stream.

    Args:
        writer: to the stream.
        aggregate_bytes: how large an aggregate may get.
        partition_key: a JSON pointer into the payload, such as `/user_id`; None takes the request id.
        clock: the time.
    """

    def __init__(
        self,
        writer: StreamWriter,
        aggregate_bytes: int,
        partition_key: str | None = None,
        clock: Clock = SYSTEM_CLOCK,
    ) -> None:
        self._writer = writer
        self._aggregate_bytes = aggregate_bytes
        self._partition_key = partition_key
        self._clock = clock

    def accept(
        self, submitted: Sequence[JsonValue | Problem], origin: Origin, deadline: float, *, numbered: bool
    ) -> Acceptance:
        """Put one request's events on the stream, each with a key of its own.

        Args:
            submitted: the client's values; what is a problem already is left out.
            origin: where the request came from.
            deadline: on `clock.monotonic`, for the last try.
            numbered: whether event n has the request id `<request id>#<n>`.
        """
        now = int(self._clock.time() * 1_000_000)
        keyed: list[tuple[str, bytes]] = []
        places: list[int] = []  # in the request, of what is in `keyed`
        members = members_of_origin(origin.source_ip, origin.user_agent, origin.trace)
        for n, payload in enumerate(submitted):
            if isinstance(payload, Problem):
                continue
            timestamp, request_id = _key(origin.request_id, now, n, numbered=numbered)
            key = partition_key(payload, self._partition_key) or request_id
            keyed.append((key, encode_members(timestamp, request_id, members, payload)))
            places.append(n)
        outcome = self._writer.put(pack(keyed, self._aggregate_bytes, by_key=self._partition_key is not None), deadline)
        throttled = sorted(
            places[member] for record in (*outcome.unwritten, *outcome.doubtful) for member in record.members
        )
        put_bytes = sum(record.size for record in outcome.written)
        return Acceptance(Receipt(origin.request_id, now, tuple(throttled)), put_bytes, outcome.retries, outcome.error)


def results_of(
    submitted: Sequence[JsonValue | Problem], receipt: Receipt, *, numbered: bool
) -> list[Accepted | Problem]:
    """What became of each event of a request, in its order."""
    throttled = set(receipt.throttled)
    results: list[Accepted | Problem] = []
    for n, payload in enumerate(submitted):
        if isinstance(payload, Problem):
            results.append(payload)
        elif n in throttled:
            results.append(_THROTTLED)
        else:
            results.append(Accepted(*_key(receipt.request_id, receipt.accepted_at_micros, n, numbered=numbered)))
    return results


_THROTTLED = Problem(503, "throttled", "the stream did not take the event; send it again")


def _key(request_id: str, accepted_at_micros: int, n: int, *, numbered: bool) -> tuple[str, str]:
    """Timestamp and request id of event n: a microsecond apart, so that a batch spreads over the table's partitions."""
    return format_timestamp(accepted_at_micros + n), f"{request_id}#{n}" if numbered else request_id


def partition_key_of(event: Event, pointer: str | None) -> str:
    """The partition key that an event has on the stream.

    Args:
        event: the event.
        pointer: a JSON pointer into the payload, such as `/user_id`; None takes the request id, as does a payload
            that has no text or number there.
    """
    return partition_key(event.payload, pointer) or event.request_id


def partition_key(payload: JsonValue, pointer: str | None) -> str | None:
    """The text or number that a JSON pointer leads to in a payload; None where there is none."""
    return _text_at(payload.value, pointer_tokens(pointer)) if pointer else None


@functools.cache
def pointer_tokens(pointer: str) -> tuple[str, ...]:
    """The reference tokens of a JSON pointer (RFC 6901)."""
    return tuple(token.replace("~1", "/").replace("~0", "~") for token in pointer.split("/")[1:])


def _text_at(value: object, tokens: tuple[str, ...]) -> str | None:
    """The text or number that a JSON pointer leads to, where it can serve as a partition key."""
    for token in tokens:
        if isinstance(value, dict):
            value = value.get(token)
        elif isinstance(value, list) and token.isdecimal() and int(token) < len(value):
            value = value[int(token)]
        else:
            return None
    return value if isinstance(value, str) and 0 < len(value) <= MAX_KEY_CHARACTERS else None
