"""moto's DynamoDB with tables whose items are in the store; what is not here is moto's."""

import sqlite3
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, TypeVar

from moto.dynamodb import urls
from moto.dynamodb.models import DynamoDBBackend
from moto.dynamodb.models.dynamo_type import Item
from moto.dynamodb.models.table import RestoredPITTable, RestoredTable, Table

from infra.local.aws.dynamodb.api import DynamoApi
from infra.local.aws.dynamodb.checks import MAX_BATCH_ITEMS
from infra.local.aws.dynamodb.plain_puts import PlainPut
from infra.local.aws.dynamodb.table import LocalTable, StoredItems, without_copies
from infra.local.aws.moto_backends import Stored
from infra.local.store.database import Database

if TYPE_CHECKING:
    from infra.local.store.table_items import Row


T = TypeVar("T", bound=Table)


class LocalRestoredTable(LocalTable, RestoredTable):
    """A table restored from a backup."""


class LocalPointInTimeTable(LocalTable, RestoredPITTable):
    """A table restored to a point in time."""


class LocalDynamoDBBackend(Stored, DynamoDBBackend):
    """The tables of one account in one region."""

    @property
    def database(self) -> Database:
        """Where the items are."""
        return self.held.database

    @property
    def _url_module(self) -> Any:
        """Where requests go to: the service's own addresses, our answers."""
        return SimpleNamespace(url_bases=urls.url_bases, url_paths={"{0}/": DynamoApi.dispatch})

    def create_table(self, name: str, *args: Any, **kwargs: Any) -> Table:
        """As moto; a table that the store held when it was opened has its items again."""
        table = super().create_table(name, *args, **kwargs)
        stored = f"{self.account_id}/{self.region_name}/{name}"
        items = StoredItems(self.database, stored, table.hash_key_attr, table.range_key_attr)
        if stored in self.found:
            self.found.remove(stored)
        elif len(items):
            items.rows.drop()
            items = StoredItems(self.database, stored, table.hash_key_attr, table.range_key_attr)
        table.items = items  # type: ignore[assignment] # stands for moto's dictionary
        return _local(table)

    def delete_table(self, name: str) -> Table:
        """As moto; the items go at once."""
        table = super().delete_table(name)
        if isinstance(table, LocalTable):
            table.items.rows.drop()
        return table

    def restore_table_from_backup(self, target_table_name: str, backup_arn: str) -> RestoredTable:
        """As moto, from a copy of the items."""
        return _local(super().restore_table_from_backup(target_table_name, backup_arn), LocalRestoredTable)

    def restore_table_to_point_in_time(self, target_table_name: str, source_table_name: str) -> RestoredPITTable:
        """As moto, from a copy of the items."""
        made = super().restore_table_to_point_in_time(target_table_name, source_table_name)
        return _local(made, LocalPointInTimeTable)

    def update_item(self, table_name: str, *args: Any, **kwargs: Any) -> Item:
        """As moto, which changes the item that the table gave it."""
        item = super().update_item(table_name, *args, **kwargs)
        table = self.get_table(table_name)
        if isinstance(table, LocalTable):
            table.items.save(item)
        return item

    def transact_write_items(self, transact_items: list[dict[str, Any]]) -> None:
        """As moto, which would copy every table first; here the transaction that this runs in undoes what failed."""
        tables = dict(self.tables)
        try:
            with without_copies():
                super().transact_write_items(transact_items)
        finally:
            self.tables.update(tables)

    def put_plain(self, items: dict[str, Any]) -> bool:
        """Do the writes of a batch, where they are all plain puts of different keys; whether they were."""
        requests = [(self.get_table(name), request) for name, of_table in items.items() for request in of_table]
        puts = [put for table, request in requests if (put := PlainPut.read(table, request))]
        keys = {(put.table.name, put.row.hash_key, put.row.range_key) for put in puts}
        if not 0 < len(requests) == len(puts) == len(keys) <= MAX_BATCH_ITEMS:
            return False
        by_table: dict[str, tuple[LocalTable, list[Row]]] = {}
        for put in puts:
            by_table.setdefault(put.table.name, (put.table, []))[1].append(put.row)

        def put_all(_: sqlite3.Connection) -> None:
            for table, rows in by_table.values():
                table.items.rows.put(rows)

        self.database.write(put_all)
        return True


def _local(table: T, local: type[Any] = LocalTable) -> T:
    """A table that moto has made, whose items are in the store."""
    table.__class__ = local
    return table
