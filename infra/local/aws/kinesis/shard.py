"""One shard: its hash range, its place among the others, its limits and what went through it."""

from dataclasses import dataclass
from typing import Any

from infra.local.aws.kinesis.limits import ShardLimits
from infra.local.aws.kinesis.metrics import MinuteCounts
from infra.local.aws.kinesis.shard_records import Found, Record, ShardRecords, sequence_number, shard_id
from producers.clock import Clock


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
    """A range of hash keys and the records put to it. The caller holds the stream's lock, except for `read`.

    Args:
        number: counts the shards of a stream from 0.
        hash_range: what is routed here while the shard is open.
        starting_ordinal: below that of every record to come.
        opened_ms: when it was made, milliseconds since the Unix epoch.
        parents: ids of the shard it was split from, or of the two it was merged from.
        records: what was put here.
        clock: for the throughput limits.
    """

    def __init__(
        self,
        number: int,
        hash_range: HashRange,
        *,
        starting_ordinal: int,
        opened_ms: int,
        parents: tuple[str, ...],
        records: ShardRecords,
        clock: Clock,
    ) -> None:
        self.number = number
        self.shard_id = shard_id(number)
        self.hash_range = hash_range
        self.starting_ordinal = starting_ordinal
        self.ending_ordinal: int | None = None
        self.opened_ms = opened_ms
        self.closed_ms: int | None = None
        self.is_sealed = False  # whether it is closed, and every record of it is shown
        self.parents = parents
        self.children: list[Shard] = []
        self.records = records
        self.counters = ShardCounters()
        self.minutes = MinuteCounts()
        self.limits = ShardLimits(clock)

    @property
    def is_open(self) -> bool:
        """Whether records are still routed here."""
        return self.closed_ms is None

    @property
    def starting_sequence_number(self) -> int:
        """Below that of every record in it."""
        return sequence_number(self.starting_ordinal, self.number)

    @property
    def next_position(self) -> int:
        """A position behind every record so far and before every record to come."""
        return sequence_number(self.records.next_ordinal, self.number)

    def publish(self, records: list[Record], size_bytes: int) -> None:
        """Show records that are on disk now, whose size is known already."""
        self.records.publish(records)
        self.counters.records_in += len(records)
        self.counters.bytes_in += size_bytes
        self.minutes.count(records[0].arrived_ms, records=len(records), size_bytes=size_bytes)

    def close(self, ending_ordinal: int, closed_ms: int, children: list["Shard"]) -> None:
        """Take no more records; what is here stays, and is followed by the children's."""
        self.ending_ordinal = ending_ordinal
        self.closed_ms = closed_ms
        self.children = children

    def read(self, position: int, limit: int, max_bytes: int) -> Found:
        """The records from a position on, at least one where there is one."""
        return self.records.read(position, limit, max_bytes)

    def count_read(self, records: list[Record]) -> None:
        """Count what was read."""
        size_bytes = sum(record.size_bytes for record in records)
        self.limits.count_read(size_bytes)
        self.counters.records_out += len(records)
        self.counters.bytes_out += size_bytes

    def was_open_at(self, timestamp_ms: float) -> bool:
        """Whether records were routed here at a time."""
        return self.opened_ms <= timestamp_ms and (self.closed_ms is None or self.closed_ms >= timestamp_ms)

    def describe(self) -> dict[str, Any]:
        """The shard as ListShards and DescribeStream show it."""
        sequence_numbers = {"StartingSequenceNumber": str(self.starting_sequence_number)}
        if self.ending_ordinal is not None:
            sequence_numbers["EndingSequenceNumber"] = str(sequence_number(self.ending_ordinal, self.number))
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
