"""KPL aggregation: many user records in one stream record, and back.

The format is the Kinesis Producer Library's: the magic number, a protobuf message `AggregatedRecord`, and the MD5
of the message. The message is written by hand, since one partition key to an aggregate leaves only two shapes of
bytes to write, and read with the class of aws-kinesis-agg; that package's own helpers lose records.

An aggregate here holds records of one partition key only. So order per key holds, and every record hashes to the
shard that the aggregate went to, which consumers built on KCL 2 insist on.
"""

import functools
import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

MAGIC: Final = b"\xf3\x89\x9a\xc2"
_DIGEST_BYTES = 16
_ENVELOPE_BYTES = len(MAGIC) + _DIGEST_BYTES

# Protobuf tags, field number * 8 + wire type, of AggregatedRecord and its Record.
_KEY_TABLE_ENTRY = b"\x0a"
_RECORD = b"\x1a"
_FIRST_KEY = b"\x08\x00"  # partition_key_index = 0
_DATA = b"\x1a"


class MalformedAggregate(ValueError):
    """Bytes begin with the magic number of an aggregate, and are not a whole one; the message says why."""


class UserRecord(NamedTuple):
    """What a producer put: one event's bytes, before aggregation or after de-aggregation."""

    partition_key: str
    data: bytes
    explicit_hash_key: str | None = None


_user_record = functools.partial(tuple.__new__, UserRecord)  # what `UserRecord._make` does, at half the time


@dataclass(frozen=True, slots=True)
class StreamRecord:
    """What goes on the stream: one user record as it is, or an aggregate of several.

    Args:
        partition_key: of every user record in it, 1 to 256 characters.
        data: the bytes to put.
        members: the positions, in what was packed, of the user records in it.
    """

    partition_key: str
    data: bytes
    members: tuple[int, ...]

    @property
    def size(self) -> int:
        """Bytes that count towards the limits of the stream: data and partition key."""
        return len(self.data) + len(self.partition_key.encode())


def pack(records: Sequence[tuple[str, bytes]], max_bytes: int, *, by_key: bool) -> list[StreamRecord]:
    """Pack user records into as few stream records as `max_bytes` allows, order per key kept.

    Args:
        records: partition key and data of each.
        max_bytes: the most that an aggregate may take with its partition key. A user record that shares an
            aggregate with no other is sent as it is, even if it is larger.
        by_key: whether only records of one key may share an aggregate. Otherwise neighbours do, under the key of
            the first of them.
    """
    packed: list[StreamRecord] = []
    open_aggregates: dict[str, _Aggregate] = {}
    for position, (key, data) in enumerate(records):
        group = key if by_key else ""
        aggregate = open_aggregates.get(group)
        header = _record_header(len(data))
        size = len(header) + len(data)
        if aggregate is not None and aggregate.size + size > max_bytes:
            packed.append(aggregate.close())
            aggregate = None
        if aggregate is None:
            aggregate = open_aggregates[group] = _Aggregate(key)
        aggregate.size += size
        aggregate.parts += (header, data)
        aggregate.members.append(position)
    packed.extend(aggregate.close() for aggregate in open_aggregates.values())
    return packed


class _Aggregate:
    """User records of one partition key on their way into one stream record."""

    __slots__ = ("key", "members", "parts", "size")

    def __init__(self, key: str) -> None:
        self.key = key
        self.parts: list[bytes] = []  # what stands before each record's data, and the data
        self.members: list[int] = []
        # With the partition key twice: in the message's table, and beside the data on the stream.
        self.size = _ENVELOPE_BYTES + len(_key_table(key)) + len(key.encode())

    def close(self) -> StreamRecord:
        if len(self.members) == 1:
            return StreamRecord(self.key, self.parts[1], tuple(self.members))
        message = b"".join((_key_table(self.key), *self.parts))
        digest = hashlib.md5(message, usedforsecurity=False).digest()
        return StreamRecord(self.key, b"".join((MAGIC, message, digest)), tuple(self.members))


def _key_table(key: str) -> bytes:
    encoded = key.encode()
    return _KEY_TABLE_ENTRY + _varint(len(encoded)) + encoded


@functools.lru_cache(maxsize=4096)
def _record_header(length: int) -> bytes:
    """What stands before the data of a Record of so many bytes of data."""
    data_header = _FIRST_KEY + _DATA + _varint(length)
    return _RECORD + _varint(len(data_header) + length) + data_header


def _varint(number: int) -> bytes:
    """A non-negative integer as protobuf writes it: seven bits a byte, least first."""
    encoded = bytearray()
    while number > 0x7F:
        encoded.append(number & 0x7F | 0x80)
        number >>= 7
    encoded.append(number)
    return bytes(encoded)


def deaggregate(partition_key: str, data: bytes) -> list[UserRecord]:
    """The user records in a stream record: the ones in an aggregate, or the record itself.

    Raises:
        MalformedAggregate: it begins as an aggregate, but its length, checksum, message or an index is wrong.
    """
    if not data.startswith(MAGIC):
        return [UserRecord(partition_key, data)]
    message, digest = data[len(MAGIC) : -_DIGEST_BYTES], data[-_DIGEST_BYTES:]
    if len(data) <= _ENVELOPE_BYTES:
        raise MalformedAggregate(f"{len(data)} bytes are too few for an aggregate")
    if hashlib.md5(message, usedforsecurity=False).digest() != digest:
        raise MalformedAggregate("the checksum does not match: the bytes were damaged or cut")
    parse, damaged = _message_parser()
    try:
        aggregate = parse(message)
        if not aggregate.IsInitialized():
            raise MalformedAggregate("a record in it lacks its partition key or its data")
        keys, hash_keys = list(aggregate.partition_key_table), list(aggregate.explicit_hash_key_table)
        return [
            _user_record(
                (
                    keys[record.partition_key_index],
                    record.data,
                    hash_keys[record.explicit_hash_key_index] if record.HasField("explicit_hash_key_index") else None,
                )
            )
            for record in aggregate.records
        ]
    except damaged as error:
        raise MalformedAggregate(f"not a protobuf AggregatedRecord: {error}") from None
    except IndexError:
        raise MalformedAggregate("a record in it names a key that its tables do not hold") from None


@functools.cache
def _message_parser() -> tuple[Callable[[bytes], Any], type[Exception]]:
    """The parser of AggregatedRecord, and what it raises; imported only where an aggregate turns up."""
    import aws_kinesis_agg.deaggregator  # noqa: F401, PLC0415 (it puts the folder of messages_pb2 on sys.path)
    from google.protobuf.message import DecodeError  # noqa: PLC0415
    from messages_pb2 import AggregatedRecord  # noqa: PLC0415

    return AggregatedRecord.FromString, DecodeError
