"""What stands around an event's payload on the stream, read by msgspec.

It reads the bytes that `producers.event.encode` writes for an event that is not a replay. `producers.event.decode`
reads everything else, and defines what an event is; property tests compare the two readers.
"""

import functools
import re
from datetime import UTC, datetime, timedelta
from typing import Final

import msgspec

MAX_REQUEST_ID_BYTES: Final = 1024  # DynamoDB quota: a sort key

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_TIMESTAMP: Final = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z", re.ASCII)
_BEFORE_PAYLOAD: Final = b',"payload":'
_AFTER_PAYLOAD: Final = len("}")


class Envelope(msgspec.Struct, forbid_unknown_fields=True):
    """The members of an event that is not a replay; see `producers.event.Event`."""

    version: msgspec.Raw
    timestamp: str
    request_id: str
    source_ip: str | None
    user_agent: str | None
    trace: str | None
    payload: msgspec.Raw


_read: Final = msgspec.json.Decoder(Envelope).decode


def read_envelope(data: bytes) -> Envelope | None:
    """The envelope of an ordinary event; None where the bytes might be anything else."""
    try:
        envelope = _read(data)
        is_ordinary = (
            data.find(_BEFORE_PAYLOAD) + len(_BEFORE_PAYLOAD) + len(envelope.payload) + _AFTER_PAYLOAD == len(data)
            and bytes(envelope.version) == b"1"
            and _TIMESTAMP.fullmatch(envelope.timestamp)
            and 1 <= len(envelope.request_id) <= MAX_REQUEST_ID_BYTES // 4  # characters of up to four bytes
        )
        micros_of_second(envelope.timestamp[:19])
        if not data.isascii():
            data.decode()
    except (msgspec.DecodeError, ValueError, RecursionError):
        return None
    return envelope if is_ordinary else None


@functools.lru_cache(maxsize=4096)
def micros_of_second(second: str) -> int:
    """Microseconds since the epoch at a second such as `2026-11-23T02:34:56`. Cached, as many events share a second.

    Raises:
        ValueError: there is no such second.
    """
    return timestamp_micros(f"{second}Z")


def timestamp_micros(timestamp: str) -> int:
    """An event's timestamp as microseconds since the epoch, exactly."""
    return (datetime.fromisoformat(timestamp) - _EPOCH) // timedelta(microseconds=1)
