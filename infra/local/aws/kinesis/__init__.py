"""The local Kinesis: moto's, with streams and answers of our own where moto is wrong.

moto loses acknowledged records under threads, becomes slower with every record it holds, routes to closed shards and
knows no limits. `install` gives it our streams (`stream`, their shards in `shard_map` and `shard`) and our answers
to the requests that moto gets wrong (`api`). The rest stays moto's.
"""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Literal

from moto.core.models import DEFAULT_ACCOUNT_ID
from moto.kinesis.models import KinesisBackend, kinesis_backends

from infra.local.aws.kinesis.backend import LocalKinesisBackend
from infra.local.aws.kinesis.errors import NotFound
from infra.local.aws.kinesis.shard_rows import stored_streams
from infra.local.aws.kinesis.shortcut import CALLS
from infra.local.aws.kinesis.stream import LocalStream
from infra.local.aws.moto_backends import use_backend
from infra.local.aws.shortcut import taken
from infra.local.store.store import Store, throwaway
from producers.clock import SYSTEM_CLOCK, Clock


def install(
    limits: Literal["aws", "off"] = "aws",
    clock: Clock = SYSTEM_CLOCK,
    *,
    update_seconds: float = 0.0,
    store: Store | None = None,
) -> None:
    """Replace moto's Kinesis by the local one, in this process and for a moto server in it.

    Call it before the first stream is created: moto's own streams are dropped. A second call keeps the streams; its
    `limits` and `update_seconds` then hold for all of them, its `clock` for streams created later.

    Args:
        limits: `aws` applies the throughput limits of a shard, `off` does not; limits of size always apply.
        clock: the source of arrival times.
        update_seconds: how long a stream is UPDATING after its shards or its retention changed; reads and writes go
            on meanwhile.
        store: where records are kept; a stream in it continues once a stream of its name is created.
    """
    conditions = LocalKinesisBackend.conditions
    conditions.limits, conditions.clock, conditions.update_seconds = limits, clock, update_seconds
    if store is not None:
        conditions.held, conditions.found = store, stored_streams(store.database)
    use_backend(kinesis_backends, LocalKinesisBackend)


def uninstall() -> None:
    """Restore moto's own Kinesis; every stream is dropped."""
    use_backend(kinesis_backends, KinesisBackend)
    LocalKinesisBackend.conditions.held = None


@contextmanager
def installed(
    limits: Literal["aws", "off"] = "aws",
    clock: Clock = SYSTEM_CLOCK,
    *,
    update_seconds: float = 0.0,
    store: Store | None = None,
) -> Iterator[None]:
    """Install the local Kinesis for the block; without a store, records are kept in one that the end deletes."""
    with ExitStack() as stack:
        install(limits, clock, update_seconds=update_seconds, store=store or stack.enter_context(throwaway()))
        stack.callback(uninstall)
        with taken("kinesis", CALLS):
            yield


def find_stream(name: str, region: str, account_id: str = DEFAULT_ACCOUNT_ID) -> LocalStream:
    """A stream itself, for the counters of its shards.

    `find_stream(…).log.all_shards()` returns the shards, with `shard_id`, `is_open` and `counters`.

    Raises:
        NotFound: no stream has this name, or `install` was not called.
    """
    backend = kinesis_backends[account_id][region]
    if not isinstance(backend, LocalKinesisBackend):
        raise NotFound("The local Kinesis is not installed.")
    return backend.describe_stream(None, name)
