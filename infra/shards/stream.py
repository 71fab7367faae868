"""The stream as it stands: its state, its open shards, the account's quota, and when it was last scaled."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

from infra.shards.errors import OnDemandStream, ShardsError, StreamBusy, aws_errors
from infra.shards.limits import DAY_SECONDS, SCALINGS_PER_DAY
from infra.shards.load import Shard

# AWS does not report when a stream was scaled. Tags do: the command and the scheduled function share them.
SCALINGS_TAG: Final = "spillway:scalings"  # the times of the latest ten UpdateShardCount calls
LAST_STEP_TAG: Final = "spillway:last-step"  # the time of the latest step of any kind
_TIME: Final = "%Y%m%dT%H%M%SZ"  # ten of them fit a tag's 256 characters


@dataclass(frozen=True, slots=True)
class Stream:
    """A stream as it stands.

    Args:
        name: such as `spillway-prod-events`.
        arn: of the stream.
        status: ACTIVE, UPDATING, CREATING or DELETING.
        mode: PROVISIONED or ON_DEMAND.
        retention_hours: how long records are kept.
        shards: the open ones by hash range; their loads are zero until measured.
        shard_metrics: names of the shard-level metrics that are enabled; `ALL` for every one.
        quota: how many shards the account may have open in the region.
        quota_left: how many more than now.
        scalings: times of UpdateShardCount calls in the last 24 hours, seconds since the epoch, oldest first.
        last_step_at: time of the latest known step of any kind; None before the first.
        readers: consumers that share the shards' read throughput.
        fan_out: consumers with enhanced fan-out.
    """

    name: str
    arn: str
    status: str
    mode: str
    retention_hours: int
    shards: tuple[Shard, ...]
    shard_metrics: frozenset[str] = frozenset()
    quota: int = 1_000
    quota_left: int = 1_000
    scalings: tuple[float, ...] = ()
    last_step_at: float | None = None
    readers: int = 2
    fan_out: int = 0

    def require_reshardable(self) -> None:
        """Refuse a stream whose shards cannot be changed now.

        Raises:
            OnDemandStream, StreamBusy: saying why.
        """
        if self.mode == "ON_DEMAND":
            raise OnDemandStream(
                f"{self.name} is on demand: AWS sets its shards. Switch it to provisioned first (twice in 24 hours at "
                "the most), or leave it to AWS"
            )
        if self.status != "ACTIVE":
            raise StreamBusy(f"{self.name} is {self.status}: try again when it is ACTIVE")


def read_stream(kinesis: Any, name: str, *, now: float, readers: int = 2, fan_out: int = 0) -> Stream:
    """Read a stream's state.

    Args:
        kinesis: a boto3 client.
        name: of the stream.
        now: seconds since the epoch.
        readers: see `Stream`.
        fan_out: see `Stream`.

    Raises:
        ShardsError: it does not exist, or reading it is not allowed.
    """
    with aws_errors(f"stream {name}"):
        summary = kinesis.describe_stream_summary(StreamName=name)["StreamDescriptionSummary"]
        shards = list_shards(kinesis, name)
        limits = kinesis.describe_limits()
        tags = _tags(kinesis, name)
    if not shards:
        raise ShardsError(f"stream {name} has no open shard: it is {summary['StreamStatus']}")
    enabled = [metric for e in summary["EnhancedMonitoring"] for metric in e["ShardLevelMetrics"]]
    last = _times(tags.get(LAST_STEP_TAG, ""))
    return Stream(
        name=name,
        arn=summary["StreamARN"],
        status=summary["StreamStatus"],
        mode=summary["StreamModeDetails"]["StreamMode"],
        retention_hours=summary["RetentionPeriodHours"],
        shards=shards,
        shard_metrics=frozenset(enabled),
        quota=limits["ShardLimit"],
        quota_left=max(0, limits["ShardLimit"] - limits["OpenShardCount"]),
        scalings=within_a_day(_times(tags.get(SCALINGS_TAG, "")), now),
        last_step_at=last[-1] if last else None,
        readers=readers,
        fan_out=fan_out,
    )


def list_shards(kinesis: Any, name: str) -> tuple[Shard, ...]:
    """The open shards of a stream, by hash range; a page holds 1,000."""
    answer = kinesis.list_shards(StreamName=name, ShardFilter={"Type": "AT_LATEST"})
    found: list[Mapping[str, Any]] = list(answer["Shards"])
    while token := answer.get("NextToken"):
        answer = kinesis.list_shards(NextToken=token)
        found += answer["Shards"]
    shards = [
        Shard(s["ShardId"], int(s["HashKeyRange"]["StartingHashKey"]), int(s["HashKeyRange"]["EndingHashKey"]))
        for s in found
        if "EndingSequenceNumber" not in s["SequenceNumberRange"]
    ]
    return tuple(sorted(shards, key=lambda shard: shard.start))


def note_step(kinesis: Any, stream: Stream, at: float, *, scaling: bool) -> None:
    """Write into the stream's tags that a step is about to be taken.

    Before it is, so that a process that ends in between leaves too much behind rather than too little.

    Args:
        kinesis: a boto3 client.
        stream: as it was read just now.
        at: seconds since the epoch.
        scaling: whether the step is an UpdateShardCount, of which AWS allows ten in 24 hours.
    """
    tags = {LAST_STEP_TAG: _shown([at])}
    if scaling:
        tags[SCALINGS_TAG] = _shown([*within_a_day(stream.scalings, at), at][-SCALINGS_PER_DAY:])
    with aws_errors(f"stream {stream.name}"):
        kinesis.add_tags_to_stream(StreamName=stream.name, Tags=tags)


def within_a_day(times: Sequence[float], now: float) -> tuple[float, ...]:
    """The times that lie in the 24 hours before `now`, oldest first."""
    return tuple(sorted(time for time in times if now - DAY_SECONDS < time <= now))


def _tags(kinesis: Any, name: str) -> dict[str, str]:
    answer = kinesis.list_tags_for_stream(StreamName=name)
    tags = {tag["Key"]: tag.get("Value", "") for tag in answer["Tags"]}
    while answer.get("HasMoreTags"):
        answer = kinesis.list_tags_for_stream(StreamName=name, ExclusiveStartTagKey=answer["Tags"][-1]["Key"])
        tags |= {tag["Key"]: tag.get("Value", "") for tag in answer["Tags"]}
    return tags


def _times(text: str) -> list[float]:
    """Times out of a tag; what somebody else wrote into it is passed over."""
    times = []
    for word in text.split():
        try:
            times.append(datetime.strptime(word, _TIME).replace(tzinfo=UTC).timestamp())
        except ValueError:
            continue
    return sorted(times)


def _shown(times: Sequence[float]) -> str:
    return " ".join(datetime.fromtimestamp(time, UTC).strftime(_TIME) for time in times)
