"""The mark of an event that was put back: where it is bound, how often it was put back, and by which replay.

An event that failed on one of its two ways has a copy at the end of the other. Put back on the stream, it reaches both
readers again, and the one that has its copy skips it because of the mark. Bytes that are not an event have their mark
in the partition key.
"""

import re
from dataclasses import dataclass
from json.encoder import encode_basestring_ascii as quote
from typing import Any, Final, Literal, cast, get_args

from producers.exact_json import Number

Bound = Literal["table", "lake"]
TABLE: Final = "table"
LAKE: Final = "lake"
MAX_REPLAYS: Final = 1_000_000  # more than any event sees; a replay never writes a larger number

_KEY = re.compile(r"spillway-replay/(\d{1,7})/(.{1,200})")


@dataclass(frozen=True, slots=True)
class ReplayMark:
    """What a replay writes on an event.

    Args:
        bound: the only place where the event goes; None for both table and lake.
        count: how often it was put back, this time included; at least 1.
        token: `<replay id>/<number>`, by which the record is found on the stream.
    """

    bound: Bound | None
    count: int
    token: str

    def to_json(self) -> str:
        """The mark as it stands in an event."""
        bound = "null" if self.bound is None else f'"{self.bound}"'
        return f'{{"to":{bound},"count":{self.count},"token":{quote(self.token)}}}'

    def to_partition_key(self) -> str:
        """The mark as the partition key of bytes that are not an event."""
        return f"spillway-replay/{self.count}/{self.token}"


def read_mark(value: Any) -> ReplayMark:
    """Read what `to_json` wrote.

    Args:
        value: parsed by `producers.exact_json`, so numbers are text.

    Raises:
        ValueError: it is not a mark; the message says why.
    """
    if not isinstance(value, dict) or set(value) != {"to", "count", "token"}:
        raise ValueError('replay is not an object of "to", "count" and "token"')
    bound, count, token = value["to"], value["count"], value["token"]
    if bound is not None and bound not in get_args(Bound):
        raise ValueError("replay.to is neither table nor lake nor null")
    if type(count) is not Number or not count.isdecimal() or not 1 <= int(count[:8]) <= MAX_REPLAYS:
        raise ValueError(f"replay.count is not a whole number from 1 to {MAX_REPLAYS}")
    if type(token) is not str or not token:
        raise ValueError("replay.token is not a text")
    return ReplayMark(cast("Bound | None", bound), int(count), token)


def mark_of_partition_key(partition_key: str) -> ReplayMark | None:
    """The mark in a partition key that `to_partition_key` gave; None for every other."""
    found = _KEY.fullmatch(partition_key)
    return ReplayMark(None, int(found[1]), found[2]) if found else None
