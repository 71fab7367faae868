"""An event's bytes as `producers.event.encode` writes them, read without a parse of the payload."""

import re
from typing import Final

import msgspec

BEFORE_PAYLOAD: Final = b',"payload":'
TIMESTAMP: Final = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z", re.ASCII)


class Envelope(msgspec.Struct, forbid_unknown_fields=True):
    """The members that `producers.event.encode` writes for an event that is not a replay."""

    version: msgspec.Raw
    timestamp: str
    request_id: str
    source_ip: str | None
    user_agent: str | None
    trace: str | None
    payload: msgspec.Raw


read_envelope: Final = msgspec.json.Decoder(Envelope).decode
