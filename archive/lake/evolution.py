"""Checks whether a change of the event schema is safe for the Parquet files that already exist.

Athena reads Parquet by column name. In a file written before a column was added, the column reads as null. A query
fails on a file whose column has a different type from the table's. So a safe change adds columns and does nothing
else. Every value is in `payload` as well, so no data is lost when a column stays as it is.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final, Literal

from archive.lake.columns import Column, decimal_digits, payload_columns

Kind = Literal["added", "removed", "renamed", "narrowed", "retyped"]

# Each type, with the types that can hold only some of its values.
_NARROWER: Final = {
    "double": ("bigint", "boolean"),
    "string": ("bigint", "double", "boolean", "timestamp"),
    "bigint": ("boolean",),
}
_INSTEAD: Final = "leave it as it is and add a property of another name"


@dataclass(frozen=True, slots=True)
class Change:
    """One difference between the lake's columns under two schemas.

    Args:
        column: name of the column; the old name if it was renamed.
        kind: kind of change.
        detail: what changed.
        why: why the change is safe, or is not.
    """

    column: str
    kind: Kind
    detail: str
    why: str

    @property
    def is_safe(self) -> bool:
        """Whether Athena can still read the files written before the change."""
        return self.kind == "added"


def changes(before: dict[str, Any], after: dict[str, Any]) -> list[Change]:
    """List what a change of the event schema does to the columns, in the order of the schemas.

    Args:
        before: the JSON Schema before the change.
        after: the JSON Schema after the change.

    Raises:
        archive.lake.columns.SchemaError: one of the schemas gives no usable columns.
    """
    old = {column.name: column for column in payload_columns(before)}
    new = {column.name: column for column in payload_columns(after)}
    added = [column for name, column in new.items() if name not in old]
    found = []
    for name, column in old.items():
        if name in new:
            if new[name].type != column.type:
                found.append(_retyped(column, new[name]))
        else:
            found.append(_gone(column, added))
    found += [
        Change(column.name, "added", column.type, "null in files that are there already, filled in those to come")
        for column in added
    ]
    return found


def _retyped(old: Column, new: Column) -> Change:
    detail = f"{old.type} to {new.type}"
    if _is_narrower(old.type, new.type):
        why = f"files hold values that {new.type} cannot; {_INSTEAD}"
        return Change(old.name, "narrowed", detail, why)
    why = f"files hold {old.type}, and Athena fails on a file whose type is not the table's; {_INSTEAD}"
    return Change(old.name, "retyped", detail, why)


def _is_narrower(old: str, new: str) -> bool:
    if old.startswith("decimal") and new.startswith("decimal"):
        (precision, scale), (new_precision, new_scale) = decimal_digits(old), decimal_digits(new)
        return new_scale < scale or new_precision - new_scale < precision - scale
    return new in _NARROWER.get(old, ()) or (old in ("double", "string") and new.startswith("decimal"))


def _gone(old: Column, added: list[Column]) -> Change:
    alike = [column.name for column in _of_one_type(added, old.type)]
    if len(alike) == 1:
        why = (
            f"files hold {old.name}: under {alike[0]} they read as null; keep {old.name}, and add {alike[0]} beside it"
        )
        return Change(old.name, "renamed", f"to {alike[0]}", why)
    why = (
        f"queries that name it fail, and a later {old.name} of another type could not read the files there are; "
        'keep it, with "deprecated": true'
    )
    return Change(old.name, "removed", old.type, why)


def _of_one_type(columns: list[Column], type_: str) -> Iterator[Column]:
    return (column for column in columns if column.type == type_)
