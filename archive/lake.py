"""The lake's columns: one definition for the transform's rows, the Glue table, Arrow and Athena's DDL.

A column for each part of the event, and one for each top-level property of `infra/event.schema.json` that is a scalar.
"""

import functools
import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    import pyarrow as pa

EVENT_SCHEMA_FILE: Final = Path(__file__).parent.parent / "infra" / "event.schema.json"
LANDING_PREFIX: Final = "events/dt=!{timestamp:yyyy-MM-dd}/hour=!{timestamp:HH}/"
ERROR_PREFIX: Final = "firehose-errors/!{firehose:error-output-type}/dt=!{timestamp:yyyy-MM-dd}/hour=!{timestamp:HH}/"


@dataclass(frozen=True, slots=True)
class Column:
    """A column of the lake.

    Args:
        name: lower case, as Glue has it.
        type: Glue's name of the type, such as `bigint`.
        comment: what it holds.
        property: the payload's property that it is filled from, if any.
    """

    name: str
    type: str
    comment: str
    property: str | None = None


class SchemaError(ValueError):
    """The event schema gives no usable columns; the message says which property and why."""


ENVELOPE: Final = (
    Column("timestamp", "timestamp", "when the pipeline accepted the event, UTC, to the millisecond"),
    Column("timestamp_micros", "bigint", "the same exactly: microseconds since 1970"),
    Column("request_id", "string", "unique; with the timestamp the key of the event's row in DynamoDB"),
    Column("source_ip", "string", "the client's address"),
    Column("user_agent", "string", "what the client calls itself"),
    Column("payload", "string", "the whole payload as JSON text"),
)
PARTITIONS: Final = (
    Column("dt", "string", "day of arrival in the lake, UTC, as 2026-11-23"),
    Column("hour", "string", "hour of arrival, 00 to 23"),
)

_SCALARS: Final = {"string": "string", "integer": "bigint", "number": "double", "boolean": "boolean"}


def payload_columns(schema: dict[str, Any]) -> tuple[Column, ...]:
    """The columns that a schema's top-level scalar properties give, in its order.

    Raises:
        SchemaError: two columns would have one name.
    """
    taken = {column.name for column in (*ENVELOPE, *PARTITIONS)}
    columns = []
    for name, definition in schema.get("properties", {}).items():
        kinds = definition.get("type", []) if isinstance(definition, dict) else []
        scalars = [kind for kind in ([kinds] if isinstance(kinds, str) else kinds) if kind != "null"]
        if len(scalars) != 1 or scalars[0] not in _SCALARS:
            continue
        column = Column(name.lower(), _SCALARS[scalars[0]], definition.get("description", ""), property=name)
        if column.name in taken:
            raise SchemaError(f"property {name!r}: the lake has a column {column.name!r} already; rename the property")
        taken.add(column.name)
        columns.append(column)
    return tuple(columns)


@functools.cache
def columns() -> tuple[Column, ...]:
    """Every column of the lake, those of the event schema behind the envelope's."""
    return ENVELOPE + payload_columns(json.loads(EVENT_SCHEMA_FILE.read_text(encoding="utf-8")))


def glue_columns(columns: tuple[Column, ...]) -> list[dict[str, str]]:
    """Columns as Glue's CreateTable takes them."""
    return [{"Name": column.name, "Type": column.type, "Comment": column.comment} for column in columns]


def arrow_schema(columns: tuple[Column, ...]) -> "pa.Schema":
    """Columns as Arrow has them, and so Parquet."""
    import pyarrow as pa  # noqa: PLC0415 (the transform, which needs only the names, does without pyarrow)

    types = {
        "timestamp": pa.timestamp("ms"),
        "bigint": pa.int64(),
        "string": pa.string(),
        "double": pa.float64(),
        "boolean": pa.bool_(),
    }
    return pa.schema([pa.field(column.name, types[column.type]) for column in columns])
