"""A local Kinesis that behaves: moto's, mended in one place.

moto loses acknowledged records under threads, slows down with every record it holds, routes to closed shards and
knows no limits. `install` puts streams of our own into it (`stream`, their shards in `shard_map` and
`shard`) and answers for those requests moto gets wrong (`api`); the rest of its Kinesis stays as it is.
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
    """Put the local Kinesis in the place of moto's, within this process and for a moto server in it.

    Call it before the first stream is made: streams of moto's own are dropped. Calling it again keeps the streams;
    `limits` and `update_seconds` then hold for all of them, `clock` for those made from then on.

    Args:
        limits: `aws` for the throughput limits of a shard, `off` for none; limits of size are always on.
        clock: what time it is.
        update_seconds: how long a stream is UPDATING after its shards or its retention were changed; it is read and
            written all the while.
        store: where records are kept; a stream in it goes on once a stream of its name is made.
    """
    conditions = LocalKinesisBackend.conditions
    conditions.limits, conditions.clock, conditions.update_seconds = limits, clock, update_seconds
    if store is not None:
        conditions.held, conditions.found = store, stored_streams(store.database)
    use_backend(kinesis_backends, LocalKinesisBackend)


def uninstall() -> None:
    """Give moto's own Kinesis back; every stream is dropped."""
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
    """`install` for as long as the block lasts; without a store, with one that is gone at the end."""
    with ExitStack() as stack:
        install(limits, clock, update_seconds=update_seconds, store=store or stack.enter_context(throwaway()))
        stack.callback(uninstall)
        with taken("kinesis", CALLS):
            yield


def find_stream(name: str, region: str, account_id: str = DEFAULT_ACCOUNT_ID) -> LocalStream:
    """A stream from the inside, for its shards' counters.

    `find_stream(…).log.all_shards()` gives the shards with `shard_id`, `is_open` and `counters`.

    Raises:
        NotFound: there is no such stream, or `install` was not called.
    """
    backend = kinesis_backends[account_id][region]
    if not isinstance(backend, LocalKinesisBackend):
        raise NotFound("The local Kinesis is not installed.")
    return backend.describe_stream(None, name)
