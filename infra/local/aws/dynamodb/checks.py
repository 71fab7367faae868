"""What DynamoDB refuses of a BatchWriteItem, looked at before anything is written: moto writes what comes before it."""

import base64
import json
from typing import Any, Final

from moto.dynamodb.exceptions import MockValidationException
from moto.dynamodb.models.table import Table

MAX_BATCH_ITEMS: Final = 25  # BatchWriteItem
MAX_ITEM_BYTES: Final = 400 * 1024  # names and values of an item


def check_count(items: dict[str, Any]) -> None:
    """Refuse more than 25 writes, in the words of AWS, which has others where they are spread over several tables."""
    if any(len(of_table) > MAX_BATCH_ITEMS for of_table in items.values()):
        raise MockValidationException(
            f"1 validation error detected: Value '{json.dumps(items)}' at 'requestItems' failed to satisfy constraint: "
            "Map value must satisfy constraint: [Member must have length less than or equal to "
            f"{MAX_BATCH_ITEMS}, Member must have length greater than or equal to 1]"
        )
    if sum(map(len, items.values())) > MAX_BATCH_ITEMS:
        raise MockValidationException("Too many items requested for the BatchWriteItem call")


def check_put(table: Table, item: dict[str, Any] | None) -> None:
    """Refuse an item with a key that does not fit its table, or over 400 KB."""
    if item is None:
        return
    types = {each["AttributeName"]: each["AttributeType"] for each in table.attr}
    for name in filter(None, (table.hash_key_attr, table.range_key_attr)):
        value = item.get(name, {}).get(types[name])
        if value is None:
            raise MockValidationException("The provided key element does not match the schema")
        if not value:
            raise MockValidationException(
                "One or more parameter values are not valid. The AttributeValue for a key attribute cannot contain an "
                f"empty string value. Key: {name}"
            )
    if item_bytes(item) > MAX_ITEM_BYTES:
        raise MockValidationException("Item size has exceeded the maximum allowed size")


def item_bytes(attributes: dict[str, Any]) -> int:
    """Return the size of an item, names included, as DynamoDB counts it (developer guide, "item sizes and formats")."""
    return sum(len(name.encode()) + _value_bytes(value) for name, value in attributes.items())


def _value_bytes(value: dict[str, Any]) -> int:
    ((kind, content),) = value.items()
    match kind:
        case "M":
            size = 3 + sum(1 + len(name.encode()) + _value_bytes(each) for name, each in content.items())
        case "L":
            size = 3 + sum(1 + _value_bytes(each) for each in content)
        case "SS" | "NS" | "BS":
            size = sum(_value_bytes({kind[0]: each}) for each in content)
        case "S":
            size = len(content.encode("utf-8", "surrogatepass"))
        case "N":
            size = (len(content.lstrip("-").replace(".", "")) + 1) // 2 + 1
        case "B":
            size = len(content) if isinstance(content, bytes) else len(base64.b64decode(content))
        case _:
            size = 1
    return size
