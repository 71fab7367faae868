"""The key of an event's bytes, without the rest of the event where that is possible."""

import re
from typing import Final

import msgspec

from producers.event import MAX_REQUEST_ID_BYTES, decode, timestamp_micros

_BEFORE_PAYLOAD: Final = b',"payload":'
_TIMESTAMP: Final = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z", re.ASCII)


class _Envelope(msgspec.Struct, forbid_unknown_fields=True):
    """The members that `producers.event.encode` writes for an event as accepted."""

    version: msgspec.Raw
    timestamp: str
    request_id: str
    source_ip: str | None
    user_agent: str | None
    trace: str | None
    payload: msgspec.Raw


_read: Final = msgspec.json.Decoder(_Envelope).decode


def key_of(data: bytes) -> tuple[int, str]:
    """An event's time of acceptance, in microseconds since the epoch, and its request id.

    Raises:
        producers.event.PoisonEvent: the bytes are not an event.
    """
    try:
        envelope = _read(data)
        if (
            bytes(envelope.version) == b"1"
            and b"\\" not in data  # an escape may hide half a character
            and data.endswith(_BEFORE_PAYLOAD + bytes(envelope.payload) + b"}")
            and _TIMESTAMP.fullmatch(envelope.timestamp)
            and 1 <= len(envelope.request_id) <= MAX_REQUEST_ID_BYTES // 4  # characters of up to four bytes
        ):
            data.decode()
            return timestamp_micros(envelope.timestamp), envelope.request_id
    except (msgspec.DecodeError, ValueError, RecursionError):
        pass  # it is not an event, or is written in an unusual way
    event = decode(data)
    return timestamp_micros(event.timestamp), event.request_id
