"""The local account, whose store is closed and opened again between the calls of a test."""

import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, Final

from moto.core.models import DEFAULT_ACCOUNT_ID
from moto.dynamodb.models import dynamodb_backends
from moto.kinesis.models import kinesis_backends
from moto.s3.models import s3_backends
from moto.sqs.models import sqs_backends

from infra.local.aws.dynamodb.backend import LocalDynamoDBBackend
from infra.local.aws.dynamodb.table import LocalTable, StoredItems
from infra.local.aws.endpoint import local_aws
from infra.local.aws.kinesis.backend import LocalKinesisBackend
from infra.local.aws.kinesis.shard_map import ShardMap
from infra.local.aws.s3.backend import LocalS3Backend
from infra.local.aws.s3.object_state import StoredKey
from infra.local.aws.s3.stored_keys import StoredKeys
from infra.local.aws.sqs import LocalSqsBackend
from infra.local.aws.sqs_queue import LocalQueue
from infra.local.store.queue_messages import QueueMessages
from infra.local.store.store import Store, opened
from tests.conformance.local_account import LocalAccount

REGION: Final = "eu-west-2"
KEPT: Final = ("kinesis", "dynamodb", "sqs", "s3")


class RestartingAccount(LocalAccount):
    """Before each call of a service that the store serves, the store is closed and opened again.

    What moto keeps of a stream, table, queue or bucket besides its data stays, as `spillway run` makes the resources
    anew with the same settings. All data, shards and sequence numbers come from the disk again.

    Args:
        path: of the data folder.
    """

    def __init__(self, path: Path) -> None:
        super().__init__()
        self._path = path
        self._calls = threading.Lock()
        self._under_way = 0
        self.restarts = 0

    @contextmanager
    def running(self, limits: Any) -> Iterator[None]:
        """Run the local AWS on the folder."""
        with ExitStack() as self._opened:
            store = self._opened.enter_context(opened(self._path))
            with local_aws(REGION, limits, store):
                yield

    def client(self, service: str) -> Any:
        is_new = service not in self._clients
        client = super().client(service)
        if is_new and service in KEPT:
            make_call = client._make_api_call

            def call(*arguments: Any) -> Any:
                with self._calls:
                    if self._under_way == 0:
                        self.restart()
                    self._under_way += 1
                try:
                    return make_call(*arguments)
                finally:
                    with self._calls:
                        self._under_way -= 1

            client._make_api_call = call
        return client

    def restart(self) -> None:
        """Close the store, open it, and give every resource its data from it."""
        self._opened.close()
        store = self._opened.enter_context(opened(self._path))
        self.restarts += 1
        LocalKinesisBackend.conditions.held = store
        LocalDynamoDBBackend.store = LocalSqsBackend.store = LocalS3Backend.store = store
        _streams_from(store)
        _tables_from(store)
        _queues_from(store)
        _buckets_from(store)


def _streams_from(store: Store) -> None:
    for stream in kinesis_backends[DEFAULT_ACCOUNT_ID][REGION].local_streams():  # type: ignore[attr-defined] # ours
        stream.log = ShardMap(
            store.database,
            f"{DEFAULT_ACCOUNT_ID}/{REGION}/{stream.stream_name}",
            1,
            label=f"stream {stream.label}",
            retention_hours=24,
            clock=stream.clock,
        )
        stream.retention_period_hours = stream.log.retention_hours


def _tables_from(store: Store) -> None:
    for name, table in dynamodb_backends[DEFAULT_ACCOUNT_ID][REGION].tables.items():
        assert isinstance(table, LocalTable)
        stored = f"{DEFAULT_ACCOUNT_ID}/{REGION}/{name}"
        table.items = StoredItems(store.database, stored, table.hash_key_attr, table.range_key_attr)


def _queues_from(store: Store) -> None:
    for name, queue in sqs_backends[DEFAULT_ACCOUNT_ID][REGION].queues.items():
        if isinstance(queue, LocalQueue):
            queue.stored = QueueMessages(store.database, f"{DEFAULT_ACCOUNT_ID}/{REGION}/{name}")


def _buckets_from(store: Store) -> None:
    backend = s3_backends[DEFAULT_ACCOUNT_ID]["aws"]
    for name, bucket in backend.buckets.items():
        if isinstance(bucket.keys, StoredKeys):
            region = bucket.region_name

            def made(stored: Any, name: str = name, region: str = region) -> StoredKey:
                return StoredKey(stored, name, DEFAULT_ACCOUNT_ID, region)

            bucket.keys = StoredKeys(store.objects, name, made)
