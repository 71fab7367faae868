"""The lake's columns, defined once for the transform's rows, the Glue tables, Arrow and Athena's DDL.

Each part of an event has a column. So has each top-level property of `infra/event.schema.json` that has one type:

| property                                              | column                                                     |
|-------------------------------------------------------|------------------------------------------------------------|
| `"type": "string"`                                    | `string`                                                   |
| `"type": "string", "format": "date-time"`             | `timestamp`, UTC, cut to the millisecond                   |
| `"type": "integer"`                                   | `bigint`; an integer beyond 64 bits does not fit           |
| `"type": "number"`                                    | `double`                                                   |
| `"format": "decimal(p,s)"` with string or number      | `decimal(p,s)`, exact; more fractional digits don't fit   |
| `"type": "boolean"`                                   | `boolean`                                                  |
| `"type": "object"` or `"array"`                       | `string`: its JSON text, as it was sent                    |

A type may also allow `null`. A property with several types, or without a type, has no column, but is in `payload`.
"""

import functools
import json
import re
from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING, Any, Final

from producers.explained import Explained
from producers.validation import EVENT_SCHEMA_FILE

if TYPE_CHECKING:
    import pyarrow as pa

MAX_DECIMAL_PRECISION: Final = 38  # the limit of Hive, and so of Athena
REPLAYS_MEMBER: Final = (
    "spillway_replays"  # in a row: how often the event was replayed. It has no column, so Firehose drops it
)


class Kind(Enum):
    """The JSON type of a column's values."""

    TEXT = "text"
    INTEGER = "integer"
    NUMBER = "number"
    BOOLEAN = "boolean"
    DATE_TIME = "date-time"
    DECIMAL = "decimal"
    OBJECT = "object"
    ARRAY = "array"


@dataclass(frozen=True, slots=True)
class Column:
    """A column of the lake.

    Args:
        name: lower case, as Glue has it: letters, digits and underscores.
        type: Glue's name for the type, such as `bigint`.
        comment: what the column holds.
        property: the payload property that fills the column, if any.
        kind: JSON type of the property's values.
    """

    name: str
    type: str
    comment: str
    property: str | None = None
    kind: Kind = Kind.TEXT


class SchemaError(Explained, ValueError):
    """The event schema gives no usable columns; the message says which property and why."""


ENVELOPE: Final = (
    Column("timestamp", "timestamp", "when the pipeline accepted the event, UTC, to the millisecond"),
    Column("timestamp_micros", "bigint", "the same exactly: microseconds since 1970"),
    Column("request_id", "string", "unique; with the timestamp the key of the event's row in DynamoDB"),
    Column("source_ip", "string", "the client's address"),
    Column("user_agent", "string", "what the client calls itself"),
    Column("payload", "string", "the whole payload as JSON text"),
    Column("_mismatches", "string", "the properties whose values did not fit their columns: a JSON array, or null"),
)
PARTITIONS: Final = (
    Column("dt", "string", "day of arrival in the lake, UTC, as 2026-11-23"),
    Column("hour", "string", "hour of arrival, 00 to 23"),
)

_PLAIN: Final = {
    "string": ("string", Kind.TEXT),
    "integer": ("bigint", Kind.INTEGER),
    "number": ("double", Kind.NUMBER),
    "boolean": ("boolean", Kind.BOOLEAN),
    "object": ("string", Kind.OBJECT),
    "array": ("string", Kind.ARRAY),
}
_DECIMAL: Final = re.compile(r"decimal\((\d+),(\d+)\)")
_NOT_IN_NAMES: Final = re.compile(r"[^a-z0-9_]")  # Athena: no special characters in names other than underscore


def payload_columns(schema: dict[str, Any]) -> tuple[Column, ...]:
    """Return a column for each top-level property of a schema that has one, in the schema's order.

    Raises:
        SchemaError: two columns would have one name, or a decimal has more digits than a column holds.
    """
    taken = {REPLAYS_MEMBER, *(column.name for column in (*ENVELOPE, *PARTITIONS))}
    columns = []
    for name, definition in schema.get("properties", {}).items():
        type_and_kind = _type_of(name, definition) if isinstance(definition, dict) else None
        if type_and_kind is None:
            continue
        column_name = _NOT_IN_NAMES.sub("_", name.lower())
        if column_name in taken or not column_name:
            raise SchemaError(f"property {name!r}: the lake has a column {column_name!r} already; rename the property")
        taken.add(column_name)
        columns.append(Column(column_name, type_and_kind[0], definition.get("description", ""), name, type_and_kind[1]))
    return tuple(columns)


def _type_of(name: str, definition: dict[str, Any]) -> tuple[str, Kind] | None:
    """Glue's type and the kind of values of a property; None where it does not have exactly one JSON type.

    The type null does not count.

    Raises:
        SchemaError: the property's format is a decimal that Athena does not have.
    """
    types = definition.get("type", [])
    found = [each for each in ([types] if isinstance(types, str) else types) if each != "null"]
    if len(found) != 1 or found[0] not in _PLAIN:
        return None
    format_ = str(definition.get("format", ""))
    if found[0] == "string" and format_ == "date-time":
        return "timestamp", Kind.DATE_TIME
    if format_.startswith("decimal") and found[0] in ("string", "number", "integer"):
        digits = _DECIMAL.fullmatch(format_)
        precision, scale = (int(digits[1]), int(digits[2])) if digits else (0, 0)
        if not 1 <= precision <= MAX_DECIMAL_PRECISION or scale > precision:
            raise SchemaError(
                f"property {name!r}: format {format_!r} is not decimal(p,s) with p from 1 to {MAX_DECIMAL_PRECISION} "
                "and s from 0 to p"
            )
        return f"decimal({precision},{scale})", Kind.DECIMAL
    return _PLAIN[found[0]]


@functools.cache
def columns() -> tuple[Column, ...]:
    """Every column of the lake: first the envelope's, then the event schema's.

    Raises:
        SchemaError: the event schema is not a JSON object, or gives no columns.
    """
    try:
        document = json.loads(EVENT_SCHEMA_FILE.read_text(encoding="utf-8"))
    except ValueError as error:
        raise SchemaError(f"{EVENT_SCHEMA_FILE} is not JSON: {error}") from error
    if not isinstance(document, dict):
        raise SchemaError(f"{EVENT_SCHEMA_FILE} is not a JSON Schema: it is not an object")
    return ENVELOPE + payload_columns(document)


def glue_columns(columns: tuple[Column, ...]) -> list[dict[str, str]]:
    """Columns as Glue's CreateTable takes them."""
    return [{"Name": column.name, "Type": column.type, "Comment": column.comment} for column in columns]


def decimal_digits(type_: str) -> tuple[int, int]:
    """Precision and scale of a type such as `decimal(10,2)`."""
    found = _DECIMAL.fullmatch(type_)
    if found is None:
        raise SchemaError(f"{type_!r} is not decimal(p,s)")
    return int(found[1]), int(found[2])


def arrow_schema(columns: tuple[Column, ...]) -> "pa.Schema":
    """The columns as an Arrow schema, from which the Parquet schema follows."""
    import pyarrow as pa  # noqa: PLC0415 (the transform, which needs only the names, does without pyarrow)

    types = {
        "timestamp": pa.timestamp("ms"),
        "bigint": pa.int64(),
        "string": pa.string(),
        "double": pa.float64(),
        "boolean": pa.bool_(),
    }
    return pa.schema(
        [
            pa.field(column.name, types.get(column.type) or pa.decimal128(*decimal_digits(column.type)))
            for column in columns
        ]
    )
