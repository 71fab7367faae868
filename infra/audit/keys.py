"""The key of an event's bytes, without the rest of the event where that is possible."""

from producers.envelope import micros_of_second, read_envelope
from producers.event import decode, timestamp_micros


def key_of(data: bytes) -> tuple[int, str]:
    """An event's time of acceptance, in microseconds since the epoch, and its request id.

    Raises:
        producers.event.PoisonEvent: the bytes are not an event.
    """
    envelope = read_envelope(data)
    if envelope is not None:
        at = envelope.timestamp
        return micros_of_second(at[:19]) + int(at[20:26]), envelope.request_id
    event = decode(data)
    return timestamp_micros(event.timestamp), event.request_id
