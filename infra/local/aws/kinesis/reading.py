"""Reading a stream: from where, how much at a time, and what the end of a closed shard looks like."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from infra.local.aws.kinesis.errors import Invalid, InvalidArgument
from infra.local.aws.kinesis.shard import Shard
from infra.local.aws.kinesis.shard_records import Found, Record, ordinal_of, shard_id_of
from infra.local.aws.kinesis.stream import LocalStream
from infra.local.aws.kinesis.tokens import ShardIterator

MAX_READ_RECORDS = 10_000  # GetRecords
MAX_READ_BYTES = 10 * 1024 * 1024  # GetRecords: 10 MiB

ITERATOR_TYPES = "AT_SEQUENCE_NUMBER, AFTER_SEQUENCE_NUMBER, TRIM_HORIZON, LATEST, AT_TIMESTAMP"


@dataclass(frozen=True, slots=True)
class Reading:
    """What one GetRecords call found.

    Args:
        records: in order.
        next_iterator: where to go on; none where a closed shard was read to its end.
        millis_behind_latest: age of the newest record returned, or of the oldest unread; 0 where all was read.
        children: the shards that follow, where a closed shard was read to its end.
    """

    records: list[Record]
    next_iterator: str | None
    millis_behind_latest: int
    children: list[dict[str, Any]] | None


def shard_iterator(
    stream: LocalStream,
    shard_id: str,
    iterator_type: str,
    starting_sequence_number: str | None,
    timestamp: float | None,
) -> str:
    """A place in a shard, as GetShardIterator gives it.

    Args:
        stream: the stream.
        shard_id: the shard, open or closed.
        iterator_type: one of the five that AWS knows.
        starting_sequence_number: for the two types that need one.
        timestamp: for AT_TIMESTAMP, seconds since the Unix epoch.

    Raises:
        NotFound: no such shard.
        Invalid, InvalidArgument: the type and the rest do not go together, or make no sense for this shard.
        ThroughputExceeded: over 5 calls a second for this shard.
    """
    with stream.log.lock:
        shard = stream.log.shard(shard_id)
        now_ms = stream.log.now_ms()
        if iterator_type.endswith("_SEQUENCE_NUMBER") != (starting_sequence_number is not None):
            given = "no" if starting_sequence_number is None else "also a"
            raise InvalidArgument(
                "Must either specify (1) AT_SEQUENCE_NUMBER or AFTER_SEQUENCE_NUMBER and StartingSequenceNumber or "
                "(2) TRIM_HORIZON or LATEST and no StartingSequenceNumber. "
                f"Request specified {iterator_type} and {given} StartingSequenceNumber."
            )
        match iterator_type:
            case "TRIM_HORIZON":
                position = shard.starting_sequence_number
            case "LATEST":
                position = shard.next_position
            case "AT_SEQUENCE_NUMBER" | "AFTER_SEQUENCE_NUMBER":
                number = _parse_sequence_number(stream, shard, starting_sequence_number or "")
                position = number + (iterator_type == "AFTER_SEQUENCE_NUMBER")
            case "AT_TIMESTAMP":
                position = _position_at(shard, timestamp, now_ms)
            case _:
                raise Invalid("shardIteratorType", f"satisfy enum value set: [{ITERATOR_TYPES}]")
        if stream.conditions.limited and not shard.limits.admits_iterator():
            raise stream.log.throughput_exceeded(shard_id)
        return ShardIterator(stream.stream_name, stream.incarnation, shard_id, position, now_ms).encode()


def read(token: str, limit: int | None, find_stream: Callable[[str], LocalStream]) -> Reading:
    """Read on from an iterator, as GetRecords does.

    Args:
        token: a shard iterator.
        limit: so many records at the most; 10,000 where none is given.
        find_stream: the stream of a name.

    Raises:
        NotFound: the stream or the shard is gone.
        Invalid: the limit is out of range.
        InvalidArgument: the iterator is not one of this stream's.
        ExpiredIterator: the iterator is over five minutes old.
        ThroughputExceeded: over 5 calls or 2 MiB a second from this shard.
    """
    iterator = ShardIterator.decode(token)
    if limit is not None and limit > MAX_READ_RECORDS:
        raise Invalid("limit", f"have value less than or equal to {MAX_READ_RECORDS}", limit)
    if limit is not None and limit < 1:
        raise Invalid("limit", "have value greater than or equal to 1", limit)
    stream = find_stream(iterator.stream_name)
    if stream.incarnation != iterator.incarnation:
        raise InvalidArgument("Invalid ShardIterator.")
    with stream.log.lock:
        now_ms = stream.log.now_ms()
        iterator.check_age(now_ms)
        shard = stream.log.shard(iterator.shard_id)
        if stream.conditions.limited and not shard.limits.admits_read():
            shard.counters.reads_throttled += 1
            raise stream.log.throughput_exceeded(shard.shard_id)
        is_sealed = shard.is_sealed  # asked before the read: what is shown in between is then read next time
    found = shard.read(iterator.position, limit or MAX_READ_RECORDS, MAX_READ_BYTES)
    with stream.log.lock:
        shard.count_read(found.records)
    position = found.records[-1].sequence_number + 1 if found.records else iterator.position
    if found.unread_ms is None and is_sealed:
        return Reading(found.records, None, 0, shard.describe_children())
    following = ShardIterator(stream.stream_name, stream.incarnation, shard.shard_id, position, now_ms).encode()
    return Reading(found.records, following, _millis_behind(found, now_ms), None)


def _millis_behind(found: Found, now_ms: int) -> int:
    """How far behind; never 0 while something is unread, for consumers take 0 to mean that nothing is."""
    if found.unread_ms is None:
        return 0
    return max(1, now_ms - (found.records[-1].arrived_ms if found.records else found.unread_ms))


def _parse_sequence_number(stream: LocalStream, shard: Shard, text: str) -> int:
    if not (text.isascii() and text.isdecimal()):
        raise Invalid("startingSequenceNumber", r"satisfy regular expression pattern: 0|([1-9]\d{0,128})")
    number = int(text)
    if not 0 < ordinal_of(number) <= stream.log.last_ordinal:
        raise InvalidArgument(
            f"StartingSequenceNumber {text} used in GetShardIterator on shard {shard.shard_id} in stream "
            f"{stream.label} is invalid because it did not come from this stream."
        )
    if shard_id_of(number) != shard.shard_id:
        raise InvalidArgument(
            f"Invalid StartingSequenceNumber. It encodes {shard_id_of(number)}, while it was used in a call to a shard "
            f"with {shard.shard_id}"
        )
    return number


def _position_at(shard: Shard, timestamp: float | None, now_ms: int) -> int:
    if timestamp is None:
        raise InvalidArgument("Must specify Timestamp for iterator type AT_TIMESTAMP.")
    timestamp_ms = int(round(timestamp * 1000, 3))  # arrival times are whole milliseconds, rounded down as well
    if timestamp_ms > now_ms:
        raise InvalidArgument(
            "The timestampInMillis parameter cannot be greater than the currentTimestampInMillis. "
            f"timestampInMillis: {timestamp_ms}, currentTimestampInMillis: {now_ms}"
        )
    return shard.records.position_at(timestamp_ms)
