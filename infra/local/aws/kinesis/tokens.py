"""Shard iterators and the tokens of pages: opaque to clients, good for five minutes."""

import base64
import binascii
import json
from dataclasses import astuple, dataclass
from datetime import UTC, datetime
from typing import Any

from infra.local.aws.kinesis.errors import ExpiredIterator, ExpiredNextToken, InvalidArgument

LIFETIME_MS = 300_000  # GetShardIterator and ListShards: 5 minutes


@dataclass(frozen=True, slots=True)
class ShardIterator:
    """A place in a shard.

    Args:
        stream_name: the stream.
        incarnation: differs from that of every stream of the same name, deleted before or made since.
        shard_id: the shard.
        position: the lowest sequence number to be read.
        issued_ms: when a client got it, milliseconds since the Unix epoch.
    """

    stream_name: str
    incarnation: str
    shard_id: str
    position: int
    issued_ms: int

    def encode(self) -> str:
        """The iterator as clients see it."""
        return _encode(list(astuple(self)))

    @classmethod
    def decode(cls, token: str) -> "ShardIterator":
        """The iterator a client hands back.

        Raises:
            InvalidArgument: no client got it from here.
        """
        match _decode(token):
            case [str(name), str(incarnation), str(shard_id), int(position), int(issued_ms)]:
                return cls(name, incarnation, shard_id, position, issued_ms)
            case _:
                raise InvalidArgument("Invalid ShardIterator.")

    def check_age(self, now_ms: int) -> None:
        """Refuse an iterator kept for over five minutes.

        Raises:
            ExpiredIterator: saying so.
        """
        if now_ms - self.issued_ms > LIFETIME_MS:
            raise ExpiredIterator(
                f"Iterator expired. The iterator was created at time {_show(self.issued_ms)} while right now it "
                f"is {_show(now_ms)} which is further in the future than the tolerated delay of {LIFETIME_MS} ms."
            )


@dataclass(frozen=True, slots=True)
class ShardPage:
    """Where the next page of ListShards begins.

    Args:
        stream_name: the stream.
        after_shard_id: the last shard of the page before.
        shard_filter: the filter of the first request, as it came.
        issued_ms: when a client got it, milliseconds since the Unix epoch.
    """

    stream_name: str
    after_shard_id: str
    shard_filter: dict[str, Any] | None
    issued_ms: int

    def encode(self) -> str:
        """The token as clients see it."""
        return _encode([self.stream_name, self.after_shard_id, self.shard_filter, self.issued_ms])

    @classmethod
    def decode(cls, token: str) -> "ShardPage":
        """The token a client hands back.

        Raises:
            InvalidArgument: no client got it from here.
        """
        match _decode(token):
            case [str(name), str(after), dict() | None as shard_filter, int(issued_ms)]:
                return cls(name, after, shard_filter, issued_ms)
            case _:
                raise InvalidArgument("NextToken is invalid.")

    def check_age(self, now_ms: int) -> None:
        """Refuse a token kept for over five minutes.

        Raises:
            ExpiredNextToken: saying so.
        """
        if now_ms - self.issued_ms > LIFETIME_MS:
            raise ExpiredNextToken("NextToken has expired.")


def _encode(fields: list[Any]) -> str:
    return base64.b64encode(json.dumps(fields, separators=(",", ":")).encode()).decode()


def _decode(token: str) -> Any:
    try:
        return json.loads(base64.b64decode(token, validate=True))
    except (binascii.Error, ValueError):
        return None


def _show(time_ms: int) -> str:
    return datetime.fromtimestamp(time_ms / 1000, tz=UTC).strftime("%a %b %d %H:%M:%S UTC %Y")
