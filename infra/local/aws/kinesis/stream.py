"""A stream as moto knows it, with shards of our own and the states a stream goes through."""

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Literal

from moto.kinesis.models import Stream

from infra.local.aws.kinesis.errors import InUse, LimitExceeded, OnDemandStream
from infra.local.aws.kinesis.records import decode_entry
from infra.local.aws.kinesis.shard_map import ShardMap
from infra.local.store.store import Store
from producers.clock import SYSTEM_CLOCK, Clock

DEFAULT_RECORD_KIB = 1024  # MaxRecordSizeInKiB of a stream that was given none
ON_DEMAND_SHARDS = 4  # of a new on-demand stream
DEFAULT_RETENTION_HOURS = 24
MAX_SHARDS = 10_000  # UpdateShardCount
SCALINGS_PER_DAY = 10  # UpdateShardCount: ten times per rolling 24 hours per stream
DAY_SECONDS = 86_400


@dataclass(slots=True)
class Conditions:
    """What the local Kinesis is set to.

    Args:
        limits: whether the throughput limits of a shard bite.
        clock: arrival times, retention, iterators' age and limits of a stream go by the clock it was made with.
        update_seconds: how long a stream is UPDATING after a change of its shards or retention.
        held: where records are kept, while the local Kinesis is installed.
        found: names of the streams that were in the store then, and that nobody made again so far.
    """

    limits: Literal["aws", "off"] = "aws"
    clock: Clock = SYSTEM_CLOCK
    update_seconds: float = 0.0
    held: Store | None = None
    found: set[str] = field(default_factory=set)

    @property
    def store(self) -> Store:
        """Where records are kept.

        Raises:
            RuntimeError: the local Kinesis is not installed.
        """
        if self.held is None:
            raise RuntimeError("the local Kinesis has no store: use kinesis.installed")
        return self.held

    @property
    def limited(self) -> bool:
        """Whether rates are limited."""
        return self.limits == "aws"


class LocalStream(Stream):
    """A stream whose records are in `log`; moto's own `shards` stays empty."""

    def __init__(
        self,
        stream_name: str,
        shard_count: int,
        *,
        stream_mode: dict[str, str] | None,
        retention_period_hours: int | None,
        max_record_kib: int | None,
        account_id: str,
        region_name: str,
        conditions: Conditions,
    ) -> None:
        self.clock = conditions.clock
        self.conditions = conditions
        self.max_record_kib = max_record_kib or DEFAULT_RECORD_KIB
        self._active_at = self.clock.monotonic()
        self._scaled_at: deque[float] = deque()
        super().__init__(stream_name, shard_count, stream_mode, retention_period_hours, account_id, region_name)
        self.label = f"{stream_name} under account {account_id}"
        name = f"{account_id}/{region_name}/{stream_name}"
        on_demand = self.stream_mode["StreamMode"] == "ON_DEMAND"
        self.log = ShardMap(
            conditions.store.database,
            name,
            ON_DEMAND_SHARDS if on_demand else shard_count,
            label=f"stream {self.label}",
            retention_hours=self.retention_period_hours,
            clock=self.clock,
        )
        self.retention_period_hours = self.log.retention_hours

    @property
    def status(self) -> str:
        """ACTIVE, or UPDATING for a while after a change."""
        return "ACTIVE" if self.clock.monotonic() >= self._active_at else "UPDATING"

    @status.setter
    def status(self, _: str) -> None:
        """Take what moto sets once, and leave it: the clock says what the status is."""

    def is_created(self) -> bool:
        """Whether CloudFormation may go on: always."""
        return True

    def init_shards(self, shard_count: int) -> None:
        """Make none of moto's shards."""

    def begin_update(self) -> None:
        """Become UPDATING.

        Raises:
            InUse: the stream is UPDATING already.
        """
        if self.status != "ACTIVE":
            raise InUse(f"Stream {self.label} not ACTIVE, instead in state {self.status}")
        self._active_at = self.clock.monotonic() + self.conditions.update_seconds

    @property
    def incarnation(self) -> str:
        """Distinguishes the stream from others of its name, deleted before or made since."""
        return self.log.incarnation

    def split_shard(self, shard_to_split: str, new_starting_hash_key: str) -> None:
        """Split a shard, as SplitShard does."""
        self._reshard(lambda: self.log.split(shard_to_split, int(new_starting_hash_key)))

    def merge_shards(self, shard_to_merge: str, adjacent_shard_to_merge: str) -> None:
        """Merge two neighbouring shards, as MergeShards does."""
        self._reshard(lambda: self.log.merge(shard_to_merge, adjacent_shard_to_merge))

    def update_shard_count(self, target_shard_count: int) -> None:
        """Scale to so many equal shards, as UpdateShardCount does.

        Raises:
            LimitExceeded: more than double or less than half of what there is, over 10,000, or the eleventh time in
                24 hours.
        """

        def scale() -> None:
            self._check_target(len(self.log.open_shards()), target_shard_count)
            now = self.clock.monotonic()
            while self._scaled_at and self._scaled_at[0] <= now - DAY_SECONDS:
                self._scaled_at.popleft()
            if len(self._scaled_at) >= SCALINGS_PER_DAY:
                raise LimitExceeded(
                    f"Stream {self.label} was scaled {SCALINGS_PER_DAY} times in the last 24 hours, which is the limit."
                )
            self.log.scale(target_shard_count)
            self._scaled_at.append(now)

        self._reshard(scale)

    def retain(self, hours: int) -> None:
        """Keep records for so many hours, as the two retention calls do."""

        def retain() -> None:
            self.begin_update()
            self.log.retain(hours)
            self.retention_period_hours = hours

        self.log.change(retain)

    def put_record(self, partition_key: str, explicit_hash_key: str, data: str) -> tuple[str, str]:
        """Put one record, its data in base64; no function is invoked, the event source mappings poll.

        Returns:
            Its sequence number and its shard's id.

        Raises:
            ThroughputExceeded: its shard has no throughput left.
        """
        request = {"PartitionKey": partition_key, "ExplicitHashKey": explicit_hash_key or None, "Data": data}
        entry = decode_entry(request, max_record_bytes=self.max_record_bytes)
        [placement] = self.log.put([entry], limited=self.conditions.limited)
        if placement.sequence_number is None:
            raise self.log.throughput_exceeded(placement.shard_id)
        return str(placement.sequence_number), placement.shard_id

    @property
    def max_record_bytes(self) -> int:
        """The most that data and partition key of a record come to."""
        return self.max_record_kib * 1024

    def to_json(self, shard_limit: int | None = None, after_shard_id: str = "") -> dict[str, Any]:
        """The stream as DescribeStream shows it, with so many shards from after one on."""
        shards = [shard for shard in self.log.all_shards() if shard.shard_id > after_shard_id]
        page = shards[:shard_limit]
        description = self._description() | {
            "Shards": [shard.describe() for shard in page],
            "HasMoreShards": len(page) < len(shards),
        }
        return {"StreamDescription": description}

    def to_json_summary(self) -> dict[str, Any]:
        """The stream as DescribeStreamSummary shows it."""
        summary = self._description() | {
            "OpenShardCount": len(self.log.open_shards()),
            "ConsumerCount": len(self.consumers),
            "MaxRecordSizeInKiB": self.max_record_kib,
        }
        return {"StreamDescriptionSummary": summary}

    def _description(self) -> dict[str, Any]:
        return {
            "StreamARN": self.arn,
            "StreamName": self.stream_name,
            "StreamStatus": self.status,
            "StreamModeDetails": self.stream_mode,
            "RetentionPeriodHours": self.retention_period_hours,
            "StreamCreationTimestamp": self.creation_datetime,
            "EnhancedMonitoring": [{"ShardLevelMetrics": self.shard_level_metrics}],
            "EncryptionType": self.encryption_type,
            "KeyId": self.key_id,
        }

    def _reshard(self, change: Callable[[], None]) -> None:
        """Change the shards, where the stream may be resharded now."""

        def reshard() -> None:
            self._check_reshardable()
            change()
            self.begin_update()

        self.log.change(reshard)

    def _check_reshardable(self) -> None:
        if self.stream_mode["StreamMode"] == "ON_DEMAND":
            raise OnDemandStream(self.label)
        if self.status != "ACTIVE":
            raise InUse(f"Stream {self.label} not ACTIVE, instead in state {self.status}")

    @staticmethod
    def _check_target(current: int, target: int) -> None:
        shown = f"Current open shard count: {current} Target shard count: {target}"
        if target > MAX_SHARDS:
            raise LimitExceeded(f"Target shard count cannot be greater than {MAX_SHARDS}. {shown}")
        if target > current * 2:
            raise LimitExceeded(f"UpdateShardCount cannot scale up over double your current open shard count. {shown}")
        if target * 2 < current:
            raise LimitExceeded(f"UpdateShardCount cannot scale down below half your current open shard count. {shown}")
