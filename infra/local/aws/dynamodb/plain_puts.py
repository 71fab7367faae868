"""Writes of a batch that moto would take as they are, kept as the JSON they came as.

moto parses a request shape by shape and builds an object for every attribute, some 0.7 ms an item.
"""

import json
from dataclasses import dataclass
from typing import Any, Final

from infra.local.aws.dynamodb.keys import key_bytes
from infra.local.aws.dynamodb.numbers import with_stored_numbers
from infra.local.aws.dynamodb.table import LocalTable
from infra.local.store.table_items import Row

MAX_KEY_CHARACTERS: Final = 256  # a quarter of a sort key's 1,024 bytes, for characters of up to four bytes
SURELY_SMALL_BYTES: Final = 400_000  # of an item's JSON, which is longer than the item: under moto's limit for one


@dataclass(frozen=True, slots=True)
class PlainPut:
    """An item to put that moto would take as it is: both keys texts, no index, no stream, well under 400 KB."""

    table: LocalTable
    row: Row

    @classmethod
    def read(cls, table: Any, request: dict[str, Any]) -> "PlainPut | None":
        """The put that a request of a batch asks for; None where it is another, or moto is to look at it."""
        item = request.get("PutRequest", {}).get("Item", {})
        if not isinstance(table, LocalTable) or table.range_key_attr is None:
            return None
        hash_key = item.get(table.hash_key_attr, {}).get("S", "")
        range_key = item.get(table.range_key_attr, {}).get("S", "")
        if table.stream_shard is not None or table.global_indexes:
            return None
        if table.hash_key_type != "S" or table.range_key_type != "S":
            return None
        if not all(0 < len(key) <= MAX_KEY_CHARACTERS for key in (hash_key, range_key)):
            return None
        text = with_stored_numbers(json.dumps(item))
        if len(text) > SURELY_SMALL_BYTES:
            return None
        return cls(table, Row(key_bytes({"S": hash_key}), key_bytes({"S": range_key}), text))
