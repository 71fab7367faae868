"""One shard: the records it holds, in order, for as long as the stream keeps them."""

from bisect import bisect_left
from dataclasses import dataclass
from operator import attrgetter
from typing import Any

from infra.local.aws.kinesis.limits import ShardLimits
from infra.local.aws.kinesis.metrics import MinuteCounts
from producers.clock import Clock

# Sequence numbers look like those of AWS, 56 digits: a constant, a count that rises over the whole stream, and the
# number of the shard in the low bits.
FIRST_SEQUENCE_NUMBER = 1 << 185
SHARD_NUMBER_BITS = 32


def sequence_number(ordinal: int, shard_number: int) -> int:
    """The sequence number of the `ordinal`-th thing that happened to a stream, in this shard."""
    return FIRST_SEQUENCE_NUMBER + (ordinal << SHARD_NUMBER_BITS) + shard_number


def ordinal_of(number: int) -> int:
    """The count over the stream that a sequence number was made from; negative for one that never was."""
    return (number - FIRST_SEQUENCE_NUMBER) >> SHARD_NUMBER_BITS


def shard_id_of(number: int) -> str:
    """The shard a sequence number was made for."""
    return shard_id(number & ((1 << SHARD_NUMBER_BITS) - 1))


def shard_id(shard_number: int) -> str:
    """The id of the shard with this number, such as `shardId-000000000003`."""
    return f"shardId-{shard_number:012d}"


@dataclass(frozen=True, slots=True)
class Record:
    """One record as it is kept: its bytes once, not as base64."""

    sequence_number: int
    partition_key: str
    data: bytes
    arrived_ms: int

    @property
    def size_bytes(self) -> int:
        """What AWS counts: the data and the partition key."""
        return len(self.data) + len(self.partition_key.encode())


@dataclass(slots=True)
class ShardCounters:
    """What went through a shard since it was made; bytes count data and partition keys."""

    records_in: int = 0
    bytes_in: int = 0
    writes_throttled: int = 0
    records_out: int = 0
    bytes_out: int = 0
    reads_throttled: int = 0


@dataclass(frozen=True, slots=True)
class HashRange:
    """The hash keys of a shard, both ends included."""

    start: int
    end: int

    def describe(self) -> dict[str, str]:
        """The range as AWS shows it."""
        return {"StartingHashKey": str(self.start), "EndingHashKey": str(self.end)}


class Shard:
    """A range of hash keys and the records put to it. The caller holds the stream's lock.

    Args:
        number: counts the shards of a stream from 0.
        hash_range: what is routed here while the shard is open.
        starting_sequence_number: below that of every record to come.
        opened_ms: when it was made, milliseconds since the Unix epoch.
        parents: ids of the shard it was split from, or of the two it was merged from.
        clock: for the throughput limits.
    """

    def __init__(
        self,
        number: int,
        hash_range: HashRange,
        *,
        starting_sequence_number: int,
        opened_ms: int,
        parents: tuple[str, ...],
        clock: Clock,
    ) -> None:
        self.number = number
        self.shard_id = shard_id(number)
        self.hash_range = hash_range
        self.starting_sequence_number = starting_sequence_number
        self.ending_sequence_number: int | None = None
        self.opened_ms = opened_ms
        self.closed_ms: int | None = None
        self.parents = parents
        self.children: list[Shard] = []
        self.counters = ShardCounters()
        self.minutes = MinuteCounts()
        self.limits = ShardLimits(clock)
        self._records: list[Record] = []
        self._first = 0  # records before this index have expired and wait to be cut off
        self._next_position = starting_sequence_number + 1

    def __len__(self) -> int:
        return len(self._records) - self._first

    @property
    def is_open(self) -> bool:
        """Whether records are still routed here."""
        return self.closed_ms is None

    @property
    def next_position(self) -> int:
        """A position behind every record so far and before every record to come."""
        return self._next_position

    def append(self, record: Record, size_bytes: int) -> None:
        """Keep one more record, whose sequence number is above all others, and whose size is known already."""
        self._records.append(record)
        self._next_position = record.sequence_number + 1
        self.counters.records_in += 1
        self.counters.bytes_in += size_bytes
        self.minutes.count(record.arrived_ms, records=1, size_bytes=size_bytes)

    def close(self, ending_sequence_number: int, closed_ms: int, children: list["Shard"]) -> None:
        """Take no more records; what is here stays, and is followed by the children's."""
        self.ending_sequence_number = ending_sequence_number
        self.closed_ms = closed_ms
        self.children = children

    def forget_before(self, horizon_ms: int) -> None:
        """Drop the records that arrived before the trim horizon; costs next to nothing where there are none."""
        records = self._records
        if self._first == len(records) or records[self._first].arrived_ms >= horizon_ms:
            return
        self._first = bisect_left(records, horizon_ms, lo=self._first, key=attrgetter("arrived_ms"))
        if self._first * 2 >= len(records):
            del records[: self._first]
            self._first = 0

    def read(self, position: int, limit: int, max_bytes: int) -> list[Record]:
        """The records from a position on, at least one where there is one.

        Args:
            position: the lowest sequence number wanted.
            limit: so many records at the most.
            max_bytes: of data and partition keys, at the most.
        """
        start = bisect_left(self._records, position, lo=self._first, key=attrgetter("sequence_number"))
        found: list[Record] = []
        room = max_bytes
        for index in range(start, min(start + limit, len(self._records))):
            record = self._records[index]
            room -= record.size_bytes
            if room < 0 and found:
                break
            found.append(record)
        self.counters.records_out += len(found)
        self.counters.bytes_out += sum(record.size_bytes for record in found)
        return found

    def first_from(self, position: int) -> Record | None:
        """The first record from a position on."""
        index = bisect_left(self._records, position, lo=self._first, key=attrgetter("sequence_number"))
        return self._records[index] if index < len(self._records) else None

    def position_at(self, timestamp_ms: float) -> int:
        """The position of the first record that arrived at or after a time, or behind all where there is none."""
        index = bisect_left(self._records, timestamp_ms, lo=self._first, key=attrgetter("arrived_ms"))
        return self._records[index].sequence_number if index < len(self._records) else self._next_position

    def was_open_at(self, timestamp_ms: float) -> bool:
        """Whether records were routed here at a time."""
        return self.opened_ms <= timestamp_ms and (self.closed_ms is None or self.closed_ms >= timestamp_ms)

    def describe(self) -> dict[str, Any]:
        """The shard as ListShards and DescribeStream show it."""
        sequence_numbers = {"StartingSequenceNumber": str(self.starting_sequence_number)}
        if self.ending_sequence_number is not None:
            sequence_numbers["EndingSequenceNumber"] = str(self.ending_sequence_number)
        description: dict[str, Any] = {
            "ShardId": self.shard_id,
            "HashKeyRange": self.hash_range.describe(),
            "SequenceNumberRange": sequence_numbers,
        }
        description |= zip(("ParentShardId", "AdjacentParentShardId"), self.parents, strict=False)
        return description

    def describe_children(self) -> list[dict[str, Any]]:
        """The shards that follow this one, as GetRecords shows them at its end."""
        return [
            {
                "ShardId": child.shard_id,
                "ParentShards": list(child.parents),
                "HashKeyRange": child.hash_range.describe(),
            }
            for child in self.children
        ]
