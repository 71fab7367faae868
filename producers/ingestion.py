"""Accepting events: giving each its key, and putting it on the stream."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from producers.aggregation import pack
from producers.clock import SYSTEM_CLOCK, Clock
from producers.event import Event, encode, format_timestamp
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


@dataclass(frozen=True, slots=True)
class Accepted:
    """An event that the stream acknowledged, by its key."""

    timestamp: str
    request_id: str


@dataclass(frozen=True, slots=True)
class Acceptance:
    """What became of the events of one request.

    Args:
        results: one for each event, in order.
        put_bytes: acknowledged by the stream.
        put_retries: stream records that were put once more.
    """

    results: list[Accepted | Problem]
    put_bytes: int
    put_retries: int


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
        self._partition_key = partition_key and _tokens(partition_key)
        self._clock = clock

    def accept(
        self, submitted: Sequence[JsonValue | Problem], origin: Origin, deadline: float, *, numbered: bool
    ) -> Acceptance:
        """Put one request's events on the stream, each with a key of its own.

        Args:
            submitted: the client's values; what is a problem already stays one.
            origin: where the request came from.
            deadline: on `clock.monotonic`, for the last try.
            numbered: whether event n has the request id `<request id>#<n>`.
        """
        now = int(self._clock.time() * 1_000_000)
        results: list[Accepted | Problem] = []
        keyed: list[tuple[str, bytes]] = []
        places: list[int] = []  # in `results`, of what is in `keyed`
        for n, payload in enumerate(submitted):
            if isinstance(payload, Problem):
                results.append(payload)
                continue
            request_id = f"{origin.request_id}#{n}" if numbered else origin.request_id
            # A microsecond apart, so that a batch spreads over the table's partitions.
            timestamp = format_timestamp(now + n)
            event = Event(timestamp, request_id, origin.source_ip, origin.user_agent, origin.trace, payload)
            keyed.append((self._key_of(event), encode(event)))
            places.append(n)
            results.append(Accepted(timestamp, request_id))
        outcome = self._writer.put(pack(keyed, self._aggregate_bytes, by_key=self._partition_key is not None), deadline)
        refused = Problem(503, "throttled", "the stream did not take the event; send it again")
        for record in outcome.unwritten:
            for member in record.members:
                results[places[member]] = refused
        return Acceptance(results, sum(record.size for record in outcome.written), outcome.retries)

    def _key_of(self, event: Event) -> str:
        if not self._partition_key:
            return event.request_id
        return _text_at(event.payload.value, self._partition_key) or event.request_id


def _tokens(pointer: str) -> tuple[str, ...]:
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
