"""The requests of Kinesis that are answered here, and not as moto would."""

import json
from functools import cached_property
from typing import Any, cast

from moto.core.common_types import TYPE_RESPONSE
from moto.core.responses import ActionResult, EmptyResult
from moto.kinesis.responses import KinesisResponse

from infra.local.aws.kinesis import calls, reading
from infra.local.aws.kinesis.errors import InvalidArgument
from infra.local.aws.kinesis.listing import list_shards
from infra.local.aws.kinesis.records import (
    encode_get_answer,
    parse_hash_key,
)
from infra.local.aws.kinesis.stream import LocalStream
from infra.local.aws.kinesis.tokens import ShardPage

MAX_DESCRIBED_SHARDS = 100  # DescribeStream: the default, and the most
MIN_RETENTION_HOURS, MAX_RETENTION_HOURS = 24, 8_760  # a day to a year


class KinesisApi(KinesisResponse):
    """One request; the methods are named after the operations, as moto looks them up."""

    use_raw_body = True  # moto would look for form fields in every body

    @cached_property
    def _request(self) -> dict[str, Any]:
        """The request's parameters; moto parses them anew for each that it looks up."""
        return cast("dict[str, Any]", json.loads(self.body or "{}"))

    def _get_param(self, param_name: str, if_none: Any = None) -> Any:
        value = self._request.get(param_name)
        return if_none if value is None else value

    @property
    def _backend(self) -> calls.Streams:
        return cast("calls.Streams", self.kinesis_backend)

    @property
    def _stream(self) -> LocalStream:
        return self._backend.describe_stream(self._get_param("StreamARN"), self._get_param("StreamName"))

    @property
    def _tagged_stream(self) -> LocalStream:
        return self._backend.describe_stream(self._get_param("ResourceARN"), None)

    def put_record(self) -> ActionResult:
        """Put one record."""
        return ActionResult(calls.put_record(self._backend, self._request))

    def put_records(self) -> TYPE_RESPONSE:  # type: ignore[override] # bytes: moto's serializer takes longer than the rest
        """Put up to 500 records, some of which may be refused."""
        return _json(json.dumps(calls.put_records(self._backend, self._request)).encode())

    def get_shard_iterator(self) -> ActionResult:
        """Give a place in a shard to read from."""
        token = reading.shard_iterator(
            self._stream,
            self._get_param("ShardId"),
            self._get_param("ShardIteratorType"),
            self._get_param("StartingSequenceNumber"),
            self._get_param("Timestamp"),
        )
        return ActionResult({"ShardIterator": token})

    def get_records(self) -> TYPE_RESPONSE:  # type: ignore[override] # bytes, as with put_records
        """Read on from a place in a shard."""
        answer = calls.get_records(self._backend, self._request)
        return _json(
            encode_get_answer(
                answer.records,
                next_iterator=answer.next_iterator,
                millis_behind_latest=answer.millis_behind_latest,
                children=answer.children,
            )
        )

    def create_stream(self) -> ActionResult:
        """Make a stream, with its tags and its maximum record size, which moto leaves out."""
        self._backend.create_stream(
            self._get_param("StreamName"),
            self._get_param("ShardCount", 1),
            stream_mode=self._get_param("StreamModeDetails"),
            max_record_kib=self._get_param("MaxRecordSizeInKiB"),
            tags=self._get_param("Tags"),
        )
        return EmptyResult()

    def describe_stream(self) -> ActionResult:
        """Describe a stream and up to 100 of its shards."""
        limit = min(self._get_param("Limit", MAX_DESCRIBED_SHARDS), MAX_DESCRIBED_SHARDS)
        return ActionResult(self._stream.to_json(limit, self._get_param("ExclusiveStartShardId", "")))

    def list_shards(self) -> ActionResult:
        """List the shards that have not expired, or those a filter lets through."""
        token = self._get_param("NextToken")
        if token is None:
            stream = self._stream
            after, shard_filter = self._get_param("ExclusiveStartShardId", ""), self._get_param("ShardFilter")
        else:
            if self._get_param("StreamName") or self._get_param("ExclusiveStartShardId"):
                raise InvalidArgument("NextToken and StreamName cannot be provided together.")
            page = ShardPage.decode(token)
            stream = self._backend.describe_stream(None, page.stream_name)
            page.check_age(stream.log.now_ms())
            after, shard_filter = page.after_shard_id, page.shard_filter
        return ActionResult(
            list_shards(
                stream, shard_filter=shard_filter, after_shard_id=after, max_results=self._get_param("MaxResults")
            )
        )

    def split_shard(self) -> ActionResult:
        """Split a shard in two."""
        key = parse_hash_key(self._get_param("NewStartingHashKey"), "newStartingHashKey")
        self._stream.split_shard(self._get_param("ShardToSplit"), str(key))
        return EmptyResult()

    def merge_shards(self) -> ActionResult:
        """Merge two neighbouring shards."""
        self._stream.merge_shards(self._get_param("ShardToMerge"), self._get_param("AdjacentShardToMerge"))
        return EmptyResult()

    def update_shard_count(self) -> ActionResult:
        """Scale to a number of equal shards."""
        stream = self._stream
        current, target = len(stream.log.open_shards()), self._get_param("TargetShardCount")
        stream.update_shard_count(target)
        return ActionResult(
            {
                "StreamName": stream.stream_name,
                "StreamARN": stream.arn,
                "CurrentShardCount": current,
                "TargetShardCount": target,
            }
        )

    def increase_stream_retention_period(self) -> ActionResult:
        """Keep records longer; what has expired stays expired."""
        stream, hours = self._stream, self._retention_hours()
        if hours < stream.retention_period_hours:
            raise InvalidArgument(_wrong_way(stream, hours, "shorter", "Decrease"))
        stream.retain(hours)
        return EmptyResult()

    def decrease_stream_retention_period(self) -> ActionResult:
        """Keep records for a shorter time, and those older than that no more."""
        stream, hours = self._stream, self._retention_hours()
        if hours > stream.retention_period_hours:
            raise InvalidArgument(_wrong_way(stream, hours, "longer", "Increase"))
        stream.retain(hours)
        return EmptyResult()

    def update_max_record_size(self) -> ActionResult:
        """Allow larger or only smaller records."""
        self._stream.max_record_kib = self._get_param("MaxRecordSizeInKiB")
        return EmptyResult()

    def list_tags_for_stream(self) -> ActionResult:
        """List a stream's tags, a page at a time; moto repeats the last tag of a page on the next."""
        after = self._get_param("ExclusiveStartTagKey", "")
        tags = [{"Key": key, "Value": value} for key, value in sorted(self._stream.tags.items()) if key > after]
        page = tags[: self._get_param("Limit")]
        return ActionResult({"Tags": page, "HasMoreTags": len(page) < len(tags)})

    def list_tags_for_resource(self) -> ActionResult:
        """List a stream's tags; the stream is given by its ARN."""
        tags = sorted(self._tagged_stream.tags.items())
        return ActionResult({"Tags": [{"Key": key, "Value": value} for key, value in tags]})

    def tag_resource(self) -> ActionResult:
        """Tag a stream given by its ARN."""
        self._tagged_stream.tags.update(self._get_param("Tags"))
        return EmptyResult()

    def untag_resource(self) -> ActionResult:
        """Take tags off a stream given by its ARN."""
        stream = self._tagged_stream
        for key in self._get_param("TagKeys"):
            stream.tags.pop(key, None)
        return EmptyResult()

    def _retention_hours(self) -> int:
        hours = int(self._get_param("RetentionPeriodHours"))
        if not MIN_RETENTION_HOURS <= hours <= MAX_RETENTION_HOURS:
            raise InvalidArgument(
                f"The retention period is {MIN_RETENTION_HOURS} to {MAX_RETENTION_HOURS} hours; asked for were {hours}."
            )
        return hours


def _json(body: bytes) -> TYPE_RESPONSE:
    return 200, {"Content-Type": "application/x-amz-json-1.1"}, body


def _wrong_way(stream: LocalStream, hours: int, compared: str, use: str) -> str:
    return (
        f"Requested retention period ({hours} hours) for stream {stream.stream_name} can not be {compared} than "
        f"existing retention period ({stream.retention_period_hours} hours). Use {use}RetentionPeriod API."
    )
