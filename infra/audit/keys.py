"""The key of an event's bytes, without the rest of the event where that is possible."""

import msgspec

from archive.lake.envelope import BEFORE_PAYLOAD, TIMESTAMP, read_envelope
from producers.event import MAX_REQUEST_ID_BYTES, decode, timestamp_micros


def key_of(data: bytes) -> tuple[int, str]:
    """An event's time of acceptance, in microseconds since the epoch, and its request id.

    Raises:
        producers.event.PoisonEvent: the bytes are not an event.
    """
    try:
        envelope = read_envelope(data)
        if (
            bytes(envelope.version) == b"1"
            and b"\\" not in data  # an escape may hide half a character
            and data.endswith(BEFORE_PAYLOAD + bytes(envelope.payload) + b"}")
            and TIMESTAMP.fullmatch(envelope.timestamp)
            and 1 <= len(envelope.request_id) <= MAX_REQUEST_ID_BYTES // 4  # characters of up to four bytes
        ):
            data.decode()
            return timestamp_micros(envelope.timestamp), envelope.request_id
    except (msgspec.DecodeError, ValueError, RecursionError):
        pass  # it is not an event, or is written in an unusual way
    event = decode(data)
    return timestamp_micros(event.timestamp), event.request_id
