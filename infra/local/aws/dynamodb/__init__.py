"""A local DynamoDB whose items are in the store: moto's, with the calls that carry items answered here.

moto holds every item as objects in memory, parses a batch at 0.7 ms an item, and iterates over its tables while other
threads write to them. Here an item is the JSON it came as, a row of the store; `table` shows it to moto where moto is
to evaluate an expression.
"""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

from moto.dynamodb.models import DynamoDBBackend, dynamodb_backends

from infra.local.aws.dynamodb.api import batch_write_item
from infra.local.aws.dynamodb.backend import LocalDynamoDBBackend
from infra.local.aws.moto_backends import use_backend
from infra.local.aws.shortcut import taken
from infra.local.store.store import Store, throwaway
from infra.local.store.table_items import stored_tables


@contextmanager
def installed(store: Store | None = None) -> Iterator[None]:
    """Put the local DynamoDB in the place of moto's for as long as the block lasts.

    Args:
        store: where items are kept; a table in it has its items again once a table of its name is made. Without one,
            a store that is gone at the end.
    """
    with ExitStack() as stack:
        held = store or stack.enter_context(throwaway())
        LocalDynamoDBBackend.store, LocalDynamoDBBackend.found = held, stored_tables(held.database)
        use_backend(dynamodb_backends, LocalDynamoDBBackend)
        stack.callback(use_backend, dynamodb_backends, DynamoDBBackend)
        with taken("dynamodb", {"BatchWriteItem": batch_write_item}):
            yield
