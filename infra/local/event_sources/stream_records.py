"""A record of a Kinesis stream, and the event Lambda makes of a batch of them."""

import base64
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

EVENT_BYTES = len('{"Records":[]}')


@dataclass(frozen=True, slots=True)
class StreamRecord:
    """One record as GetRecords gives it.

    Args:
        partition_key: 1 to 256 characters.
        sequence_number: decimal digits; of two in one shard, the higher number came later.
        data: the bytes that were put.
        arrived_at: ApproximateArrivalTimestamp, seconds since the epoch with milliseconds.
    """

    partition_key: str
    sequence_number: str
    data: bytes
    arrived_at: float

    @classmethod
    def from_api(cls, record: Mapping[str, Any]) -> "StreamRecord":
        """Read one of the `Records` of a GetRecords answer."""
        return cls(
            partition_key=record["PartitionKey"],
            sequence_number=record["SequenceNumber"],
            data=record["Data"],
            arrived_at=round(record["ApproximateArrivalTimestamp"].timestamp(), 3),
        )


class ShardEvents:
    """Makes the events of one shard.

    Args:
        shard_id: such as `shardId-000000000001`.
        stream_arn: of the stream; the event's region is taken from it.
        role_arn: the function's role, which the event names as `invokeIdentityArn`.
    """

    def __init__(self, shard_id: str, stream_arn: str, role_arn: str) -> None:
        self.shard_id = shard_id
        self.stream_arn = stream_arn
        self._role_arn = role_arn
        empty = self._record(StreamRecord("", "", b"", 0.0))
        self._envelope_bytes = len(json.dumps(empty, separators=(",", ":"))) - len("0.0") + len(",")

    def event(self, records: Iterable[StreamRecord]) -> dict[str, Any]:
        """What the function is invoked with."""
        return {"Records": [self._record(record) for record in records]}

    def record_bytes(self, record: StreamRecord) -> int:
        """Bytes of a record within the event's JSON, with its base64, its envelope and a comma, without making it."""
        return (
            self._envelope_bytes
            + len(json.dumps(record.partition_key, ensure_ascii=False).encode()) - len('""')
            + 2 * len(record.sequence_number)
            + (len(record.data) + 2) // 3 * 4
            + len(repr(record.arrived_at))
        )  # fmt: skip

    def _record(self, record: StreamRecord) -> dict[str, Any]:
        return {
            "kinesis": {
                "kinesisSchemaVersion": "1.0",
                "partitionKey": record.partition_key,
                "sequenceNumber": record.sequence_number,
                "data": base64.b64encode(record.data).decode("ascii"),
                "approximateArrivalTimestamp": record.arrived_at,
            },
            "eventSource": "aws:kinesis",
            "eventVersion": "1.0",
            "eventID": f"{self.shard_id}:{record.sequence_number}",
            "eventName": "aws:kinesis:record",
            "invokeIdentityArn": self._role_arn,
            "awsRegion": self.stream_arn.split(":")[3],
            "eventSourceARN": self.stream_arn,
        }
