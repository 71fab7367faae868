"""A table of moto's whose items are in the store."""

import base64
import copy
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final
from uuid import uuid4

from moto.dynamodb.models.dynamo_type import DynamoType, Item
from moto.dynamodb.models.table import Table

from infra.local.aws.dynamodb.keys import key_bytes
from infra.local.store.database import Database
from infra.local.store.table_items import Row, TableItems

MAX_PAGE_BYTES: Final = 1024 * 1024  # of a scan's answer
INDEX_NAME: Final = 6  # which of the arguments behind the partition key that is in moto's `query`


class JsonItem(Item):
    """An item of moto's that is JSON until something looks at its attributes."""

    def __init__(self, hash_key: DynamoType, range_key: DynamoType | None, text: str) -> None:
        self.hash_key = hash_key
        self.range_key = range_key
        self._text: str | None = text

    def __getattr__(self, name: str) -> Any:
        if name != "attrs" or self._text is None:
            raise AttributeError(name)
        text, self._text = self._text, None
        super().__init__(self.hash_key, self.range_key, load(text))
        return self.attrs

    def __deepcopy__(self, _memo: dict[int, Any]) -> "JsonItem":
        return JsonItem(self.hash_key, self.range_key, self.text)

    @property
    def text(self) -> str:
        """The item as DynamoDB's JSON."""
        return self._text if self._text is not None else dump(self.to_json()["Attributes"])


class StoredItems:
    """What moto takes for the dictionary of a table's items, by partition key and, where there is one, by sort key.

    Args:
        database: where they are.
        name: of the table: account, region and name.
        hash_attribute: names the partition key.
        range_attribute: names the sort key; None for a table without.
    """

    def __init__(self, database: Database, name: str, hash_attribute: str, range_attribute: str | None) -> None:
        self._database = database
        self._hash_attribute = hash_attribute
        self._range_attribute = range_attribute
        self.rows = TableItems(database, name)

    def __getitem__(self, hash_key: DynamoType) -> Any:
        if self._range_attribute is not None:
            return StoredPartition(self, hash_key)
        row = self.rows.get(key_of(hash_key), b"")
        if row is None:
            raise KeyError(hash_key)
        return self.item(row)

    def __setitem__(self, hash_key: DynamoType, item: Item) -> None:
        self.save(item)

    def __contains__(self, hash_key: DynamoType) -> bool:
        return bool(self.rows.of_hash(key_of(hash_key)))

    def __len__(self) -> int:
        return len(self.rows)

    def __deepcopy__(self, _memo: dict[int, Any]) -> "StoredItems":
        """The items of a table restored from this one, or of a backup."""
        if _copying.is_off:
            return self
        name = f"copy/{uuid4().hex}"
        made = StoredItems(self._database, name, self._hash_attribute, self._range_attribute)
        self.rows.copy_to(made.rows)
        return made

    def pop(self, hash_key: DynamoType) -> Item:
        """Delete the item of a partition key, in a table without sort keys."""
        item: Item = self[hash_key]
        self.rows.delete(key_of(hash_key), b"")
        return item

    def save(self, *items: Item) -> None:
        """Keep items as they are now."""
        self.rows.put(
            [
                Row(key_of(item.hash_key), key_of(item.range_key) if item.range_key else b"", text_of(item))
                for item in items
            ]
        )

    def item(self, row: Row) -> JsonItem:
        """A row as moto's item."""
        attributes = load(row.attributes)
        range_key = None if self._range_attribute is None else DynamoType(attributes[self._range_attribute])
        return JsonItem(DynamoType(attributes[self._hash_attribute]), range_key, row.attributes)

    def place_of(self, key: dict[str, Any]) -> tuple[bytes, bytes]:
        """A key, such as ExclusiveStartKey, as the store has it."""
        range_key = b"" if self._range_attribute is None else key_bytes(key[self._range_attribute])
        return key_bytes(key[self._hash_attribute]), range_key

    def key_of(self, row: Row) -> dict[str, Any]:
        """The key of a row, such as LastEvaluatedKey."""
        attributes = load(row.attributes)
        names = [name for name in (self._hash_attribute, self._range_attribute) if name is not None]
        return {name: attributes[name] for name in names}


class StoredPartition:
    """The items of one partition key, by sort key."""

    def __init__(self, items: StoredItems, hash_key: DynamoType) -> None:
        self._items = items
        self._hash_key = hash_key

    def __getitem__(self, range_key: DynamoType) -> Item:
        row = self._items.rows.get(key_of(self._hash_key), key_of(range_key))
        if row is None:
            raise KeyError(range_key)
        return self._items.item(row)

    def __setitem__(self, range_key: DynamoType, item: Item) -> None:
        self._items.save(item)

    def pop(self, range_key: DynamoType) -> Item:
        """Delete an item."""
        item = self[range_key]
        self._items.rows.delete(key_of(self._hash_key), key_of(range_key))
        return item


class LocalTable(Table):
    """moto's table; queries and scans read no more of the store than they answer with."""

    items: StoredItems  # type: ignore[assignment] # stands for moto's dictionary

    def __len__(self) -> int:
        return len(self.items)

    def all_items(self) -> list[Item]:
        """What moto is to look at: the items of the partition key that is queried, else all."""
        hash_key = getattr(_narrowed, "hash_key", None)
        rows = self.items.rows.behind() if hash_key is None else self.items.rows.of_hash(key_of(hash_key))
        return [self.items.item(row) for row in rows]

    def has_idx_items(self, index_name: str) -> list[Item]:
        """The items that an index has."""
        names = {each["AttributeName"] for each in self.get_index(index_name).schema}
        return [item for item in self.all_items() if names <= set(item.attrs)]

    def query(
        self, hash_key: DynamoType | None, *arguments: Any, **named: Any
    ) -> tuple[list[Item], int, dict[str, Any] | None]:
        """As moto, which would look at every item of the table."""
        index_name = arguments[INDEX_NAME] if len(arguments) > INDEX_NAME else named.get("index_name")
        _narrowed.hash_key = hash_key if index_name is None else None
        try:
            return super().query(hash_key, *arguments, **named)
        finally:
            _narrowed.hash_key = None

    def scan(  # noqa: PLR0917 (as moto calls it)
        self,
        filters: dict[str, Any],
        limit: int,
        exclusive_start_key: dict[str, Any],
        filter_expression: Any = None,
        index_name: str | None = None,
        consistent_read: bool = False,  # noqa: FBT001, FBT002
        projection_expression: list[list[str]] | None = None,
        segments: tuple[None, None] | tuple[int, int] = (None, None),
    ) -> tuple[list[Item], int, dict[str, Any] | None]:
        """As moto, a page at a time; through an index or with a ScanFilter, moto reads everything."""
        if index_name or filters:
            return super().scan(
                filters,
                limit,
                exclusive_start_key,
                filter_expression,
                index_name,
                consistent_read,
                projection_expression,
                segments,
            )
        page, last = self.page(exclusive_start_key, limit)
        within = [item for item in map(self.items.item, page) if item.is_within_segment(segments)]
        found: list[Item] = [item for item in within if filter_expression is None or filter_expression.expr(item)]
        if projection_expression:
            found = [item.project(projection_expression) for item in found]
        return found, len(within), None if last is None else self.items.key_of(last)

    def page(self, start_key: dict[str, Any] | None, limit: int | None) -> tuple[list[Row], Row | None]:
        """The rows of a page of a scan, and the last of them where more follow."""
        rows: list[Row] = []
        held_bytes = 0
        after = None if start_key is None else self.items.place_of(start_key)
        for row in self.items.rows.behind(after):
            if len(rows) == limit or held_bytes >= MAX_PAGE_BYTES:
                return rows, rows[-1]
            rows.append(row)
            held_bytes += len(row.attributes)
        return rows, None


class _Copying(threading.local):
    """Whether a copy of a table shares its items, on this thread."""

    is_off = False


class _Narrowed(threading.local):
    """The partition key that a query of this thread asks for."""

    hash_key: DynamoType | None = None


_copying = _Copying()
_narrowed = _Narrowed()


@contextmanager
def without_copies() -> Iterator[None]:
    """Let moto copy tables without their items: a transaction undoes their writes."""
    _copying.is_off = True
    try:
        yield
    finally:
        _copying.is_off = False


def key_of(value: DynamoType) -> bytes:
    """A key value of moto's as the store has it."""
    return key_bytes({value.type: value.value})


def text_of(item: Item) -> str:
    """An item as DynamoDB's JSON."""
    return item.text if isinstance(item, JsonItem) else dump(copy.copy(item.to_json()["Attributes"]))


def dump(attributes: dict[str, Any]) -> str:
    """Attributes as DynamoDB's JSON; binary values, bytes with moto, are base64 there."""
    return json.dumps(attributes, default=lambda value: base64.b64encode(value).decode("ascii"))


def load(text: str) -> dict[str, Any]:
    """Attributes as moto holds them: binary values as bytes."""
    attributes: dict[str, Any] = json.loads(text, object_hook=None if is_plain(text) else _with_bytes)
    return attributes


def is_plain(text: str) -> bool:
    """Whether JSON holds no binary values, which are base64 in it."""
    return '"B"' not in text and '"BS"' not in text


def _with_bytes(value: dict[str, Any]) -> dict[str, Any]:
    match value:
        case {"B": str(content)} if len(value) == 1:
            return {"B": base64.b64decode(content)}
        case {"BS": [*members]} if len(value) == 1:
            return {"BS": [base64.b64decode(member) for member in members]}
        case _:
            return value
