"""Accepting events: giving each its key, and putting it on the stream."""

import functools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

from producers.aggregation import pack
from producers.clock import SYSTEM_CLOCK, Clock
from producers.event import Event, encode_members, members_of_origin, timestamps
from producers.exact_json import JsonValue
from producers.problem import Problem
from producers.stream import StreamWriter

MAX_KEY_CHARACTERS: Final = 256  # PutRecords: a partition key


@dataclass(frozen=True, slots=True)
class Origin:
    """Where the events of one request come from; see `producers.event.Event`."""

    source_ip: str | None
    user_agent: str | None
    trace: str | None


class Accepted(NamedTuple):  # made for every event, in half the time of a frozen data class
    """An event that the stream acknowledged, by its key."""

    timestamp: str
    request_id: str


_accepted = functools.partial(tuple.__new__, Accepted)  # what `Accepted._make` does, at half the time


@dataclass(frozen=True, slots=True)
class Attempt:
    """One attempt to put a request's events: under which keys, which of them, and what earlier attempts left unknown.

    Args:
        request_id: of the first attempt, which every later one uses again.
        accepted_at_micros: since the epoch, likewise; event n of the request has n microseconds more.
        places: of the events to put; None for all.
        doubtful: places of events that an earlier attempt may have put; None: any of them.
    """

    request_id: str
    accepted_at_micros: int
    places: frozenset[int] | None = None
    doubtful: frozenset[int] | None = frozenset()


@dataclass(frozen=True, slots=True)
class Receipt:
    """What the answer to a request follows from, together with the request.

    Args:
        request_id: that the events were accepted under.
        accepted_at_micros: when, since the epoch; event n of the request has n microseconds more.
        throttled: places in the request of the events that the stream refused.
        doubtful: places of the events that the stream did not acknowledge, and may have taken.
    """

    request_id: str
    accepted_at_micros: int
    throttled: tuple[int, ...] = ()
    doubtful: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Acceptance:
    """What became of the events of one request.

    Args:
        receipt: which were accepted, and when.
        accepted: how many the stream acknowledged in this attempt.
        put_bytes: acknowledged by the stream.
        put_retries: stream records that were put once more.
        error: why the stream did not acknowledge the others.
    """

    receipt: Receipt
    accepted: int
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

    def first_attempt(self, request_id: str) -> Attempt:
        """The first attempt to put a request's events: its time is now."""
        return Attempt(request_id, int(self._clock.time() * 1_000_000))

    def accept(
        self,
        submitted: Sequence[JsonValue | Problem],
        attempt: Attempt,
        origin: Origin,
        deadline: float,
        *,
        numbered: bool,
    ) -> Acceptance:
        """Put one request's events on the stream, each with a key of its own.

        Args:
            submitted: the client's values; what is a problem already is left out.
            attempt: what to put, and under which keys.
            origin: where the request came from.
            deadline: on `clock.monotonic`, for the last try.
            numbered: whether event n has the request id `<request id>#<n>`.
        """
        keyed: list[tuple[str, bytes]] = []
        places: list[int] = []  # in the request, of what is in `keyed`
        members = members_of_origin(origin.source_ip, origin.user_agent, origin.trace)
        pointer = self._partition_key
        for n, (payload, key) in enumerate(
            zip(submitted, _keys(attempt, len(submitted), numbered=numbered), strict=True)
        ):
            if isinstance(payload, Problem) or (attempt.places is not None and n not in attempt.places):
                continue
            timestamp, request_id = key
            own = (pointer and partition_key(payload, pointer)) or request_id
            keyed.append((own, encode_members(timestamp, request_id, members, payload)))
            places.append(n)
        outcome = self._writer.put(pack(keyed, self._aggregate_bytes, by_key=self._partition_key is not None), deadline)
        refused = {places[member] for record in outcome.unwritten for member in record.members}
        doubtful = {places[member] for record in outcome.doubtful for member in record.members}
        doubtful |= refused if attempt.doubtful is None else refused & attempt.doubtful
        receipt = Receipt(
            attempt.request_id,
            attempt.accepted_at_micros,
            throttled=tuple(sorted(refused - doubtful)),
            doubtful=tuple(sorted(doubtful)),
        )
        put_bytes = sum(record.size for record in outcome.written)
        accepted = len(places) - len(refused | doubtful)
        return Acceptance(receipt, accepted, put_bytes, outcome.retries, outcome.error)


def results_of(
    submitted: Sequence[JsonValue | Problem], receipt: Receipt, *, numbered: bool
) -> list[Accepted | Problem]:
    """What became of each event of a request, in its order."""
    results: list[Accepted | Problem] = [
        payload if isinstance(payload, Problem) else key
        for payload, key in zip(submitted, _keys(receipt, len(submitted), numbered=numbered), strict=True)
    ]
    for places, problem in ((receipt.throttled, THROTTLED), (receipt.doubtful, IN_DOUBT)):
        for n in places:
            results[n] = problem
    return results


THROTTLED: Final = Problem(503, "throttled", "the stream refused the event; send it again")
IN_DOUBT: Final = Problem(
    504,
    "in_doubt",
    "the stream did not acknowledge the event, and may have taken it; send the whole request again with the same "
    "Idempotency-Key (without a key the event may be kept twice)",
)


def _keys(of: Attempt | Receipt, count: int, *, numbered: bool) -> Iterator[Accepted]:
    """The key of each event. They are a microsecond apart, so that a batch spreads over the table's partitions."""
    request_id = of.request_id
    for n, timestamp in enumerate(timestamps(of.accepted_at_micros, count)):
        yield _accepted((timestamp, f"{request_id}#{n}" if numbered else request_id))


def partition_key_of(event: Event, pointer: str | None) -> str:
    """The partition key that an event has on the stream.

    Args:
        event: the event.
        pointer: a JSON pointer into the payload, such as `/user_id`; None takes the request id, as does a payload
            that has no text or number there.
    """
    return partition_key(event.payload, pointer) or event.request_id


def partition_key(payload: JsonValue, pointer: str | None) -> str | None:
    """The text or number that a JSON pointer leads to in a payload; None where nothing is there."""
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
