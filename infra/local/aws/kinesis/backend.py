"""moto's Kinesis backend with streams of our own; the rest is moto's."""

import threading
from types import SimpleNamespace
from typing import Any, ClassVar

from moto.cloudwatch.models import MetricDatum
from moto.core.common_models import CloudWatchMetricProvider
from moto.kinesis import urls
from moto.kinesis.models import KinesisBackend, kinesis_backends

from infra.local.aws.kinesis.api import KinesisApi
from infra.local.aws.kinesis.errors import InUse, InvalidArgument, NotFound
from infra.local.aws.kinesis.metrics import shard_data, stream_data
from infra.local.aws.kinesis.shard_rows import ShardRows
from infra.local.aws.kinesis.stream import Conditions, LocalStream


class LocalKinesisBackend(KinesisBackend, CloudWatchMetricProvider):
    """The streams of one account in one region."""

    conditions: ClassVar[Conditions] = Conditions()

    def __init__(self, region_name: str, account_id: str) -> None:
        super().__init__(region_name, account_id)
        self._creation = threading.Lock()

    @property
    def _url_module(self) -> Any:
        """The service's own addresses, and our answers to requests there."""
        return SimpleNamespace(url_bases=urls.url_bases, url_paths={"{0}/$": KinesisApi.dispatch})

    def create_stream(
        self,
        stream_name: str,
        shard_count: int,
        stream_mode: dict[str, str] | None = None,
        retention_period_hours: int | None = None,
        *,
        max_record_kib: int | None = None,
        tags: dict[str, str] | None = None,
    ) -> LocalStream:
        """Create a stream, which is ACTIVE at once.

        Args:
            stream_name: unique within the account and region.
            shard_count: of a provisioned stream.
            stream_mode: `{"StreamMode": …}`; PROVISIONED where it is left out.
            retention_period_hours: 24 where it is left out.
            max_record_kib: 1024 where it is left out.
            tags: as given to CreateStream.

        Raises:
            InUse: the name is taken.
        """
        with self._creation:
            if stream_name in self.streams:
                raise InUse(f"Stream {stream_name} under account {self.account_id} already exists.")
            self._forget_unknown(stream_name)
            stream = LocalStream(
                stream_name,
                shard_count,
                stream_mode=stream_mode,
                retention_period_hours=retention_period_hours,
                max_record_kib=max_record_kib,
                account_id=self.account_id,
                region_name=self.region_name,
                conditions=self.conditions,
            )
            stream.tags.update(tags or {})
            self.streams[stream_name] = stream
        return stream

    def _forget_unknown(self, stream_name: str) -> None:
        """Delete a stream's records from the store, unless they were there when the local Kinesis was installed."""
        name = f"{self.account_id}/{self.region_name}/{stream_name}"
        if name in self.conditions.found:
            self.conditions.found.remove(name)
            return
        rows = ShardRows(self.conditions.store.database, name, self.conditions.clock)
        if rows.stream() is not None:
            self.conditions.store.database.write(rows.delete)

    def describe_stream(self, stream_arn: str | None, stream_name: str | None) -> LocalStream:
        """The stream of this name or ARN.

        Raises:
            InvalidArgument: neither was given.
            NotFound: no stream has this name.
        """
        name = stream_name or (stream_arn or "").partition("/")[2]
        if not name:
            raise InvalidArgument("Either StreamName or StreamARN must be given.")
        stream = self.streams.get(name)
        if not isinstance(stream, LocalStream):
            raise NotFound(f"Stream {name} under account {self.account_id} not found.")
        return stream

    def delete_stream(self, stream_arn: str | None, stream_name: str | None) -> LocalStream:
        """Delete a stream, and free its records at once: moto keeps a list of every stream there ever was."""
        stream = self.describe_stream(stream_arn, stream_name)
        self.streams.pop(stream.stream_name, None)
        stream.log.clear()
        return stream

    def deregister_stream_consumer(self, stream_arn: str, consumer_name: str, consumer_arn: str) -> None:
        """Deregister a consumer by ARN, or by stream and name (where moto keeps this one and drops the others)."""
        if consumer_arn:
            super().deregister_stream_consumer("", consumer_name, consumer_arn)
        else:
            stream = self.describe_stream(stream_arn, None)
            stream.consumers = [c for c in stream.consumers if c.consumer_name != consumer_name]

    def describe_limits(self) -> dict[str, int]:
        """The account's quotas, and how much of each it uses."""
        streams = self.local_streams()
        modes = [stream.stream_mode["StreamMode"] for stream in streams]
        return super().describe_limits() | {
            "OpenShardCount": sum(len(stream.log.open_shards()) for stream in streams),
            "OnDemandStreamCount": modes.count("ON_DEMAND"),
        }

    def local_streams(self) -> list[LocalStream]:
        """Every stream."""
        return [stream for stream in list(self.streams.values()) if isinstance(stream, LocalStream)]

    @staticmethod
    def get_cloudwatch_metrics(account_id: str, region: str) -> list[MetricDatum]:
        """What moto's CloudWatch shows of the streams."""
        backend = kinesis_backends[account_id][region]
        data: list[MetricDatum] = []
        if isinstance(backend, LocalKinesisBackend):
            for stream in backend.local_streams():
                with stream.log.lock:
                    shards = stream.log.all_shards()
                    data.extend(stream_data(stream.stream_name, (shard.minutes for shard in shards)))
                    for shard in shards:
                        metrics = stream.shard_level_metrics
                        data.extend(shard_data(stream.stream_name, shard.shard_id, shard.minutes, metrics))
        return data
