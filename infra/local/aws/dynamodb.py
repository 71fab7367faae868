"""A local DynamoDB that keeps up: moto's, with BatchWriteItem answered here.

moto parses a request shape by shape and builds an object for every attribute, some 0.7 ms an item. Here the
items of a batch are kept as the JSON they came as, and become moto's objects when something looks at them. Calls
no longer get in each other's way: moto iterates over its tables while other threads write to them.
"""

import base64
import json
import threading
from bisect import bisect_left
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from hashlib import md5
from operator import itemgetter
from types import SimpleNamespace
from typing import Any, Final, cast

from moto.core.common_types import TYPE_RESPONSE
from moto.core.models import DEFAULT_ACCOUNT_ID
from moto.dynamodb import urls
from moto.dynamodb.models import DynamoDBBackend, dynamodb_backends
from moto.dynamodb.models.dynamo_type import DynamoType, Item
from moto.dynamodb.models.table import Table
from moto.dynamodb.responses import DynamoHandler

from infra.local.aws.dynamodb_checks import MAX_BATCH_ITEMS, check_count, check_put
from infra.local.aws.dynamodb_numbers import store_numbers, with_stored_numbers
from infra.local.aws.moto_backends import use_backend
from infra.local.aws.shortcut import taken

MAX_PAGE_BYTES: Final = 1024 * 1024  # of a scan's answer
MAX_KEY_CHARACTERS: Final = 256  # a quarter of a sort key's 1,024 bytes, whatever the characters
SURELY_SMALL_BYTES: Final = 400_000  # of an item's JSON, which is longer than the item: under moto's limit for one

# What a scan may ask for to be answered here.
_PLAIN_SCAN: Final = frozenset({
    "TableName", "Limit", "ExclusiveStartKey", "Select", "ReturnConsumedCapacity", "ConsistentRead",
    "ProjectionExpression", "ExpressionAttributeNames",
})  # fmt: skip


@contextmanager
def installed() -> Iterator[None]:
    """Mend moto's DynamoDB for as long as the block lasts; tables are dropped at both ends."""
    use_backend(dynamodb_backends, LocalDynamoDBBackend)
    try:
        with taken("dynamodb", {"BatchWriteItem": _batch_write_item}):
            yield
    finally:
        use_backend(dynamodb_backends, DynamoDBBackend)


class LocalDynamoDBBackend(DynamoDBBackend):
    """The tables of one account in one region."""

    def __init__(self, region_name: str, account_id: str) -> None:
        super().__init__(region_name, account_id)
        self.lock = threading.RLock()

    def put_plain(self, items: dict[str, Any]) -> bool:
        """Do the writes of a batch, where they are all plain puts of different keys; whether they were."""
        requests = [(self.get_table(name), request) for name, of_table in items.items() for request in of_table]
        puts = [put for table, request in requests if (put := _Put.read(table, request))]
        keys = {(put.table.name, put.hash_key, put.range_key) for put in puts}
        if not len(requests) == len(puts) == len(keys) <= MAX_BATCH_ITEMS:
            return False
        for put in puts:
            hash_value, range_value = DynamoType({"S": put.hash_key}), DynamoType({"S": put.range_key})
            put.table.items[hash_value][range_value] = JsonItem(hash_value, range_value, put.text)
        return True

    @property
    def _url_module(self) -> Any:
        """Where requests go to: the service's own addresses, our answers."""
        return SimpleNamespace(url_bases=urls.url_bases, url_paths={"{0}/": DynamoApi.dispatch})


class DynamoApi(DynamoHandler):
    """One request; moto looks its methods up by the operation."""

    use_raw_body = True  # moto would look for form fields in every body

    def parse_parameters(self, request: Any) -> None:
        """Parse the request, a batch of writes in one go; binary values, base64 in JSON, are moto's to read."""
        self._is_plain = _is_plain(request.data)
        if self._get_action() == "BatchWriteItem" and self._is_plain:
            self.params = json.loads(request.data)
        else:
            super().parse_parameters(request)

    def call_action(self) -> TYPE_RESPONSE:
        """Answer, one call at a time."""
        with cast("LocalDynamoDBBackend", self.dynamodb_backend).lock:
            return cast("TYPE_RESPONSE", super().call_action())

    def batch_write_item(self) -> Any:
        """Put and delete up to 25 items."""
        items = self.body["RequestItems"]
        if self._is_plain and cast("LocalDynamoDBBackend", self.dynamodb_backend).put_plain(items):
            return 200, {}, '{"UnprocessedItems":{}}'
        check_count(items)
        store_numbers(items)
        for name, of_table in items.items():
            table = self.dynamodb_backend.get_table(name)
            for request in of_table:
                check_put(table, request.get("PutRequest", {}).get("Item"))
        return super().batch_write_item()  # moto looks more closely at what is not plain

    def put_item(self) -> Any:
        """Put one item."""
        store_numbers(self.body)
        return super().put_item()

    def update_item(self) -> Any:
        """Change one item."""
        store_numbers(self.body)
        return super().update_item()

    def scan(self) -> Any:
        """Read a table page by page; moto does it for what asks for more than that."""
        table = self.dynamodb_backend.get_table(self.body["TableName"])
        if not set(self.body) <= _PLAIN_SCAN or not table.has_range_key:
            return super().scan()
        names = _projected(self.body)
        page = _Page(self.body.get("Limit"))
        items = _items_behind(table, self.body.get("ExclusiveStartKey"))
        for item in items:
            page.add(_text_of(item, names))
            if page.is_full:
                last = item if next(items, None) is not None else None
                return 200, {}, page.answer(table, last, count_only=self.body.get("Select") == "COUNT")
        return 200, {}, page.answer(table, None, count_only=self.body.get("Select") == "COUNT")


def _batch_write_item(region: str, body: bytes) -> dict[str, Any] | None:
    """Answer a client of this process, where its batch is plain."""
    request = json.loads(body) if _is_plain(body) else {}
    if set(request) != {"RequestItems"}:
        return None
    backend = cast("LocalDynamoDBBackend", dynamodb_backends[DEFAULT_ACCOUNT_ID][region])
    with backend.lock:
        return {"UnprocessedItems": {}} if backend.put_plain(request["RequestItems"]) else None


def _is_plain(body: bytes) -> bool:
    return b'"B"' not in body and b'"BS"' not in body


class _Page:
    """One page of a scan: items up to 1 MB, or up to the limit that was asked for."""

    def __init__(self, limit: int | None) -> None:
        self._limit = limit
        self._texts: list[str] = []
        self._bytes = 0

    def add(self, text: str) -> None:
        self._texts.append(text)
        self._bytes += len(text)

    @property
    def is_full(self) -> bool:
        return self._bytes >= MAX_PAGE_BYTES or len(self._texts) == self._limit

    def answer(self, table: Table, last: Item | None, *, count_only: bool) -> str:
        """The answer's JSON; `last` is the page's last item, where another page follows."""
        count = len(self._texts)
        members = [f'"Count":{count},"ScannedCount":{count}']
        if not count_only:
            members.append(f'"Items":[{",".join(self._texts)}]')
        if last is not None and last.range_key is not None:
            key = {table.hash_key_attr: _typed(last.hash_key), table.range_key_attr: _typed(last.range_key)}
            members.append(f'"LastEvaluatedKey":{json.dumps(key)}')
        return "{" + ",".join(members) + "}"


def _items_behind(table: Table, start_key: dict[str, Any] | None) -> Iterator[Item]:
    """A table's items behind a key, ordered by the hash of the partition key and then by the sort key."""
    order = _scan_order(table)
    first = 0
    if start_key is not None:
        start_hash, start_range = DynamoType(start_key[table.hash_key_attr]), start_key[table.range_key_attr or ""]
        first = bisect_left(order, _place(start_hash), key=itemgetter(0))
        if first < len(order) and order[first][1] == start_hash:
            yield from (item for key, item in _by_sort_key(table, order[first][1]) if key > DynamoType(start_range))
            first += 1
    for _, hash_key in order[first:]:
        yield from (item for _, item in _by_sort_key(table, hash_key))


def _scan_order(table: Table) -> list[tuple[bytes, DynamoType]]:
    """A table's partition keys in the order of a scan; worked out anew where keys came or went."""
    known: dict[DynamoType, bytes] = table.__dict__.setdefault("scan_order", {})
    if known.keys() != table.items.keys():
        places = [(known.get(key) or _place(key), key) for key in table.items]
        places.sort(key=itemgetter(0))
        known = table.__dict__["scan_order"] = {key: place for place, key in places}
    return [(place, key) for key, place in known.items()]


def _place(hash_key: DynamoType) -> bytes:
    """Where a partition key comes in a scan: AWS uses a hash of its own, which nobody outside knows."""
    return md5(str(hash_key.value).encode(), usedforsecurity=False).digest()


def _by_sort_key(table: Table, hash_key: DynamoType) -> list[tuple[DynamoType, Item]]:
    return sorted(table.items[hash_key].items(), key=itemgetter(0))


def _projected(body: dict[str, Any]) -> list[str] | None:
    """The top-level attributes that a scan asks for; None for all."""
    if "ProjectionExpression" not in body:
        return None
    names = body.get("ExpressionAttributeNames", {})
    return [names.get(name, name) for name in body["ProjectionExpression"].replace(" ", "").split(",")]


def _text_of(item: Item, names: list[str] | None) -> str:
    """An item's JSON, or that of some of its attributes."""
    text = item.text if isinstance(item, JsonItem) else _dump(item.to_json()["Attributes"])
    if names is None:
        return text
    attributes = json.loads(text)
    return json.dumps({name: attributes[name] for name in names if name in attributes})


def _dump(attributes: dict[str, Any]) -> str:
    """Attributes as DynamoDB's JSON; binary values, bytes with moto, are base64 there."""
    return json.dumps(attributes, default=lambda value: base64.b64encode(value).decode("ascii"))


def _typed(value: DynamoType) -> dict[str, Any]:
    return {value.type: value.value}


@dataclass(frozen=True, slots=True)
class _Put:
    """An item to put that moto would take as it is: both keys texts, no index, no stream, well under 400 KB."""

    table: Table
    hash_key: str
    range_key: str
    text: str

    @classmethod
    def read(cls, table: Table, request: dict[str, Any]) -> "_Put | None":
        item = request.get("PutRequest", {}).get("Item", {})
        hash_key = item.get(table.hash_key_attr, {}).get("S", "")
        range_key = item.get(table.range_key_attr, {}).get("S", "")
        if table.stream_shard is not None or table.global_indexes:
            return None
        if not all(0 < len(key) <= MAX_KEY_CHARACTERS for key in (hash_key, range_key)):
            return None
        text = with_stored_numbers(json.dumps(item))
        return cls(table, hash_key, range_key, text) if len(text) <= SURELY_SMALL_BYTES else None


class JsonItem(Item):
    """An item of moto's that is JSON until something looks at its attributes."""

    def __init__(self, hash_key: DynamoType, range_key: DynamoType, text: str) -> None:
        self.hash_key = hash_key
        self.range_key = range_key
        self._text: str | None = text

    def __getattr__(self, name: str) -> Any:
        if name != "attrs" or self._text is None:
            raise AttributeError(name)
        text, self._text = self._text, None
        super().__init__(self.hash_key, self.range_key, json.loads(text))
        return self.attrs

    def __deepcopy__(self, _memo: dict[int, Any]) -> "JsonItem":
        """The same item for another table: moto copies items for a backup and for a restore."""
        assert self.range_key is not None  # noqa: S101 (given with the item)
        return JsonItem(self.hash_key, self.range_key, self.text)

    @property
    def text(self) -> str:
        """The item as DynamoDB's JSON."""
        return self._text if self._text is not None else _dump(self.to_json()["Attributes"])
