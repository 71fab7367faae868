"""The event, and its bytes on the stream.

On the stream an event is one compact UTF-8 JSON object whose last member is the payload, as the client sent it
(white space between tokens apart). The payload is sliced out of those bytes, never printed anew.
"""

import functools
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from json.encoder import encode_basestring_ascii as quote
from typing import Any, Final

from producers import exact_json
from producers.envelope import MAX_REQUEST_ID_BYTES, read_envelope, timestamp_micros
from producers.exact_json import InvalidJson, JsonValue
from producers.replay_mark import Bound, ReplayMark, read_mark

__all__ = ["MAX_REQUEST_ID_BYTES", "timestamp_micros"]  # this module's too, as far as its callers know

FORMAT_VERSION: Final = "1"
NULL: Final = JsonValue("null")

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_TIMESTAMP = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z")
_BEFORE_PAYLOAD = ',"payload":'


class PoisonEvent(ValueError):
    """Bytes on the stream that are not an event, and never will be; the message says why."""


@dataclass(frozen=True, slots=True)
class Event:
    """One accepted event.

    Args:
        timestamp: when the pipeline accepted it: UTC, ISO 8601 with microseconds and `Z`. With `request_id` the
            event's key, fixed at acceptance.
        request_id: API Gateway's request id; for event n of a batch, `<request id>#<n>`.
        source_ip: the client's address, where known.
        user_agent: what the client calls itself, where it does.
        trace: the request's X-Ray trace header, where there was one.
        payload: the client's JSON value.
        replay: where the event was put back, by which replay and for which of its ways; None as accepted.
    """

    timestamp: str
    request_id: str
    source_ip: str | None
    user_agent: str | None
    trace: str | None
    payload: JsonValue
    replay: ReplayMark | None = None

    def is_bound_for(self, destination: Bound) -> bool:
        """Whether the event goes there: always, but for one put back for the other place alone."""
        return self.replay is None or self.replay.bound in (None, destination)


def encode(event: Event) -> bytes:
    """The event's bytes on the stream: one compact JSON object, UTF-8, the payload last."""
    members = members_of_origin(event.source_ip, event.user_agent, event.trace)
    if event.replay is not None:
        members += f',"replay":{event.replay.to_json()}'
    return encode_members(event.timestamp, event.request_id, members, event.payload)


def encode_members(timestamp: str, request_id: str, members: str, payload: JsonValue) -> bytes:
    """`encode` for the many events of one request, which have the members between key and payload in common."""
    return (
        f'{{"version":{FORMAT_VERSION},"timestamp":"{timestamp}","request_id":{quote(request_id)},'
        f'{members},"payload":{payload.text}}}'
    ).encode()


def members_of_origin(source_ip: str | None, user_agent: str | None, trace: str | None) -> str:
    """The members that say where an event came from, for `encode_members`."""
    return (
        f'"source_ip":{_quote_optional(source_ip)},"user_agent":{_quote_optional(user_agent)},'
        f'"trace":{_quote_optional(trace)}'
    )


def decode(data: bytes) -> Event:
    """Read an event from its bytes on the stream.

    Raises:
        PoisonEvent: the bytes are not what `encode` writes.
    """
    return _ordinary(data) or decode_exactly(data)


def decode_exactly(data: bytes) -> Event:
    """What `decode` returns and raises, without msgspec."""
    try:
        text = data.decode()
    except UnicodeDecodeError as error:
        raise PoisonEvent(f"not an event: not UTF-8 at byte {error.start}") from None
    # Inside a JSON string a quote is always escaped, so the first match is the member itself.
    head, separator, tail = text.partition(_BEFORE_PAYLOAD)
    if not separator or not tail.endswith("}"):
        raise PoisonEvent('not an event: no member "payload" at the end of a JSON object')
    try:
        fields = exact_json.parse_exactly(head + "}").value
        payload = exact_json.parse_exactly(tail[:-1])
    except InvalidJson as error:
        raise PoisonEvent(f"not an event: {error}") from None
    if not isinstance(fields, dict) or fields.get("version") != FORMAT_VERSION:
        raise PoisonEvent(f"not an event of version {FORMAT_VERSION}")
    return Event(
        timestamp=_timestamp(fields),
        request_id=_request_id(fields),
        source_ip=_optional_text(fields, "source_ip"),
        user_agent=_optional_text(fields, "user_agent"),
        trace=_optional_text(fields, "trace"),
        payload=payload,
        replay=_replay(fields),
    )


def _ordinary(data: bytes) -> Event | None:
    """The event in bytes that an ordinary one has; None for any other bytes."""
    envelope = read_envelope(data)
    if envelope is None:
        return None
    try:
        payload = exact_json.parse(str(envelope.payload, "utf-8"))
    except ValueError:
        return None
    return Event(
        envelope.timestamp,
        envelope.request_id,
        envelope.source_ip,
        envelope.user_agent,
        envelope.trace,
        payload,
    )


def format_timestamp(microseconds: int) -> str:
    """Microseconds since the epoch as an event's timestamp, such as `2026-11-23T02:34:56.123456Z`."""
    seconds, rest = divmod(microseconds, 1_000_000)
    return f"{_to_the_second(seconds)}.{rest:06d}Z"


def timestamps(first_micros: int, count: int) -> Iterator[str]:
    """So many timestamps, a microsecond apart."""
    for micros in range(first_micros, first_micros + count):
        seconds, rest = divmod(micros, 1_000_000)
        if rest == 0 or micros == first_micros:
            second = _to_the_second(seconds)
        yield f"{second}.{rest:06d}Z"


@functools.lru_cache(maxsize=16)  # the events of a batch are microseconds apart
def _to_the_second(seconds: int) -> str:
    return (_EPOCH + timedelta(seconds=seconds)).strftime("%Y-%m-%dT%H:%M:%S")


def _quote_optional(text: str | None) -> str:
    return "null" if text is None else quote(text)


def _timestamp(fields: dict[str, Any]) -> str:
    timestamp = _optional_text(fields, "timestamp") or ""
    if not _TIMESTAMP.fullmatch(timestamp):
        raise PoisonEvent("not an event: timestamp is not like 2026-11-23T02:34:56.123456Z")
    try:
        datetime.fromisoformat(timestamp)
    except ValueError as error:
        raise PoisonEvent(f"not an event: timestamp {timestamp}: {error}") from None
    return timestamp


def _request_id(fields: dict[str, Any]) -> str:
    request_id = _optional_text(fields, "request_id") or ""
    if not 1 <= len(request_id.encode()) <= MAX_REQUEST_ID_BYTES:
        raise PoisonEvent(f"not an event: request_id is not a text of 1 to {MAX_REQUEST_ID_BYTES} bytes")
    return request_id


def _replay(fields: dict[str, Any]) -> ReplayMark | None:
    if "replay" not in fields:
        return None
    try:
        return read_mark(fields["replay"])
    except ValueError as error:
        raise PoisonEvent(f"not an event: {error}") from None


def _optional_text(fields: dict[str, Any], name: str) -> str | None:
    value = fields.get(name)
    if value is not None and type(value) is not str:  # a Number is a str too
        raise PoisonEvent(f"not an event: {name} is neither a text nor null")
    return value
