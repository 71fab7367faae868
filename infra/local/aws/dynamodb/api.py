"""The requests of DynamoDB that are answered here, and not as moto would."""

import json
from typing import Any, Final, Protocol, cast

from moto.core.common_types import TYPE_RESPONSE
from moto.core.models import DEFAULT_ACCOUNT_ID
from moto.dynamodb.models import dynamodb_backends
from moto.dynamodb.models.table import Table
from moto.dynamodb.responses import DynamoHandler

from infra.local.aws.dynamodb.checks import check_count, check_put
from infra.local.aws.dynamodb.numbers import store_numbers
from infra.local.aws.dynamodb.table import LocalTable, dump, is_plain
from infra.local.store.database import Database
from infra.local.store.table_items import Row

# What a scan may ask for to be answered here.
_PLAIN_SCAN: Final = frozenset({
    "TableName", "Limit", "ExclusiveStartKey", "Select", "ReturnConsumedCapacity", "ConsistentRead",
    "ProjectionExpression", "ExpressionAttributeNames",
})  # fmt: skip
_READS: Final = ("Get", "BatchGet", "Query", "Scan", "Describe", "List")


class Tables(Protocol):
    """The tables of one account in one region."""

    @property
    def database(self) -> Database:
        """Where the items are."""

    def get_table(self, table_name: str) -> Table:
        """The table of this name."""

    def put_plain(self, items: dict[str, Any]) -> bool:
        """Write a batch of plain puts; False where it holds anything else, and nothing was written."""


class _Refused(Exception):
    """A call was answered with an error, so that nothing of it is kept."""

    def __init__(self, answer: TYPE_RESPONSE) -> None:
        super().__init__()
        self.answer = answer


class DynamoApi(DynamoHandler):
    """One request; moto looks its methods up by the operation."""

    use_raw_body = True  # moto would look for form fields in every body

    def parse_parameters(self, request: Any) -> None:
        """Parse the request, a batch of writes in one go; binary values, base64 in JSON, are moto's to read."""
        self._is_plain = is_plain(request.data.decode())
        if self._get_action() == "BatchWriteItem" and self._is_plain:
            self.params = json.loads(request.data)
        else:
            super().parse_parameters(request)

    def call_action(self) -> TYPE_RESPONSE:
        """Answer: what only reads at once, the rest as one transaction that is on disk before the answer goes out."""
        if self._get_action().startswith(_READS):
            return cast("TYPE_RESPONSE", super().call_action())
        try:
            return self._backend.database.write(lambda _: self._call())
        except _Refused as refused:
            return refused.answer

    @property
    def _backend(self) -> Tables:
        return cast("Tables", self.dynamodb_backend)

    def _call(self) -> TYPE_RESPONSE:
        answer = cast("TYPE_RESPONSE", super().call_action())
        if answer[0] >= 400:
            raise _Refused(answer)
        return answer

    def batch_write_item(self) -> Any:
        """Put and delete up to 25 items."""
        items = self.body["RequestItems"]
        if self._is_plain and self._backend.put_plain(items):
            return 200, {}, '{"UnprocessedItems":{}}'
        check_count(items)
        store_numbers(items)
        for name, of_table in items.items():
            table = self._backend.get_table(name)
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
        table = self._backend.get_table(self.body["TableName"])
        if not set(self.body) <= _PLAIN_SCAN or not isinstance(table, LocalTable):
            return super().scan()
        rows, last = table.page(self.body.get("ExclusiveStartKey"), self.body.get("Limit"))
        members = [f'"Count":{len(rows)},"ScannedCount":{len(rows)}']
        if self.body.get("Select") != "COUNT":
            names = _projected(self.body)
            members.append(f'"Items":[{",".join(_text_of(row, names) for row in rows)}]')
        if last is not None:
            members.append(f'"LastEvaluatedKey":{dump(table.items.key_of(last))}')
        return 200, {}, "{" + ",".join(members) + "}"


def batch_write_item(region: str, body: bytes) -> dict[str, Any] | None:
    """Answer a client of this process, where its batch is plain."""
    request = json.loads(body) if is_plain(body.decode()) else {}
    if set(request) != {"RequestItems"}:
        return None
    backend = cast("Tables", dynamodb_backends[DEFAULT_ACCOUNT_ID][region])
    return {"UnprocessedItems": {}} if backend.put_plain(request["RequestItems"]) else None


def _projected(body: dict[str, Any]) -> list[str] | None:
    """The top-level attributes that a scan asks for; None for all."""
    if "ProjectionExpression" not in body:
        return None
    names = body.get("ExpressionAttributeNames", {})
    return [names.get(name, name) for name in body["ProjectionExpression"].replace(" ", "").split(",")]


def _text_of(row: Row, names: list[str] | None) -> str:
    """An item's JSON, or that of some of its attributes."""
    if names is None:
        return row.attributes
    attributes = json.loads(row.attributes)
    return json.dumps({name: attributes[name] for name in names if name in attributes})
